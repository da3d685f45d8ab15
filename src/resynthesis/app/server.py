"""Serving the page: on the loopback address unless told otherwise, on the next free port."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

import torch

from ..runs import stopping
from .guard import Guard
from .opened import Opened
from .page import build, head, import_gradio

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TRIES = 20  # ports after the one that was asked for


@contextlib.contextmanager
def serving(
    opened: Mapping[str, Opened],
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[str]:
    """The page is served inside; gives its address.

    Where the port is taken the next free one is, and `note` gets a sentence; another where other
    machines can reach the page. Raises ValueError where gradio is not installed, or no port free.
    """
    found = free_port(host, port)
    if found != port:
        note(f"port {port} is in use: the explorer is on {found}")
    if host not in LOOPBACK:
        note(
            f"the explorer listens on {host}: everybody who can reach this machine can use it, and "
            "look at the runs and at their images; there is no password"
        )
    hosts = frozenset({*LOOPBACK, "[::1]"}) if host in LOOPBACK else frozenset()
    # Threads of one pass would wait for each other on the cores that serve the page.
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    with tempfile.TemporaryDirectory(prefix="resynth-explore-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # before gradio looks for one
        gradio = import_gradio()
        from starlette.middleware import Middleware

        fonts = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]
        page = build(opened)
        try:
            page.launch(
                server_name=host,
                server_port=found,
                prevent_thread_lock=True,
                quiet=True,
                share=False,
                show_error=False,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                max_file_size=1,
                allowed_paths=[],
                blocked_paths=[os.path.abspath(os.sep)],
                ssr_mode=False,
                pwa=False,
                mcp_server=False,
                theme=gradio.themes.Default(font=fonts[0], font_mono=fonts[1]),
                head=head(),
                app_kwargs={
                    "middleware": [Middleware(Guard, hosts=hosts)],
                    "docs_url": None,
                    "redoc_url": None,
                    "openapi_url": None,
                },
            )
            shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            yield f"http://{f'[{shown}]' if ':' in shown else shown}:{found}/"
        finally:
            page.close(verbose=False)


def serve_forever() -> None:
    """Waits until the process is told to stop, by Ctrl-C or SIGTERM."""
    with stopping() as stopped:
        while not stopped:
            time.sleep(0.3)


def free_port(host: str, port: int) -> int:
    """The port, or the next one that is free. Raises ValueError where none of twenty is."""
    if not 0 < port < 65536:
        raise ValueError(f"--port must be from 1 to 65535, not {port}")
    for candidate in range(port, min(port + TRIES, 65536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except PermissionError:
                continue
            except socket.gaierror as error:
                raise ValueError(f"--host {host} is no address of this machine") from error
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise ValueError(f"--host {host} is no address of this machine") from error
                continue
            return candidate
    raise ValueError(f"no port from {port} to {port + TRIES - 1} is free: choose one by --port")

"""The explorer as a process of its own, started as a user starts it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def explorer(
    runs: Sequence[Path], port: int, folder: Path, *more: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Its address, and the process; it is told to stop at the end. Files of its own in `folder`."""
    command = [sys.executable, "-m", "resynthesis", "explore", *map(str, runs)]
    log = folder / f"explorer-{port}-{time.monotonic_ns()}.log"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*command, "--no-browser", "--port", str(port), *more],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
        )
    try:
        for _ in range(600):
            if found := re.search(r"explorer: (\S+)", log.read_text()):
                break
            if process.poll() is not None:
                raise AssertionError(log.read_text())
            time.sleep(0.1)
        else:
            raise AssertionError("the explorer did not start within a minute")
        yield found[1], process
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(20)


def send(
    address: str, path: str, body: bytes | None = None, host: str | None = None
) -> tuple[int, bytes]:
    """Status and content of what the server answers; 0 where it hangs up."""
    request = urllib.request.Request(address + path, data=body)
    if body is not None:
        request.add_header("content-type", "application/json")
    if host:
        request.add_header("host", host)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (ConnectionError, urllib.error.URLError):
        return 0, b""


def ask(address: str, tab: str, function: str, asked: object) -> tuple[int, Any]:
    """Status and answer of a function of a tab, asked as the page asks."""
    config = json.loads(send(address, "config")[1])
    component = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == tab)
    body = {"data": asked, "component_id": component, "fn_name": function, "session_hash": "x"}
    status, content = send(address, "gradio_api/component_server/", json.dumps(body).encode())
    return status, json.loads(content) if status == 200 else None

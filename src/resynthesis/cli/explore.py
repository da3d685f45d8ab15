"""resynth explore RUN ...: the explorer, in the browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..app import Opened, Samples, serve_forever, serving
from ..report import is_training, names
from ..runs import Run
from .shared import other_data, parse


@dataclass
class Explore:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders, one or several, which stand side by side."""
    host: str = "127.0.0.1"
    """The address to listen on; any other lets other machines in."""
    port: int = 7860
    """The port; where it is taken, the next free one."""
    browser: bool = True
    """Whether a browser opens the page, where there is one."""
    data: str | None = None
    """Choose images from other data than the run's own (a set's name or a path)."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Explore, arguments, "explore", "Look into runs in the browser.")
    if not told.runs:
        raise ValueError("explore needs at least one run folder")
    opened = {name: _open(run, told) for name, run in names([Run(p) for p in told.runs]).items()}
    for name, one in opened.items():
        if is_training(one.run):
            print(f"note: {name} is still training: the explorer follows its weights")
        if one.samples.why:
            print(f"note: {name}: {one.samples.why}")
    with serving(
        opened, host=told.host, port=told.port, note=lambda text: print(f"note: {text}")
    ) as address:
        print(f"explorer: {address}   (Ctrl-C stops it)", flush=True)
        if told.browser and not _show(address):
            print(f"no browser was found here: open {address} in one", flush=True)
        serve_forever()


def _show(address: str) -> bool:
    """Whether a browser with a window could be opened; one in this terminal would be in the way."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(screen or sys.platform in ("darwin", "win32")) and webbrowser.open(address)


def _open(run: Run, told: Explore) -> Opened:
    other = other_data(run, told.data, told.data_dir)
    samples = Samples.of(run.load_data(other)) if other else None
    return Opened(run, samples=samples, device=told.device)

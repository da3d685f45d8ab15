"""resynth export RUN --to space|onnx --out FOLDER."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..onnx import export_onnx
from ..runs import Run
from ..space import export_space
from .shared import check_new, parse


@dataclass
class Export:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders, one or several."""
    to: Literal["space", "onnx"]
    """space: a folder with the explorer that a host of Gradio apps runs unchanged. onnx: the nets,
    for whatever runs without PyTorch."""
    out: Path
    """A new folder."""
    licence: str = ""
    """The licence of the weights on the card of a space: mit where not told otherwise."""


def main(arguments: list[str]) -> None:
    told = parse(Export, arguments, "export", "A run for use elsewhere.")
    if not told.runs:
        raise ValueError("export needs at least one run folder")
    check_new(told.out)
    runs = [Run(path) for path in told.runs]
    if told.to == "onnx":
        if told.licence:
            raise ValueError("--licence is for the card of a space, and ONNX files have none")
        for line in export_onnx(runs, told.out):
            print(line)
        print(f"{told.out}: each answers as the run does; about.json says what goes in and out")
        return
    notes = export_space(runs, told.out, licence=told.licence or "mit")
    for note in notes:
        print(f"note: {note}")
    size = sum(path.stat().st_size for path in told.out.rglob("*") if path.is_file())
    print(f"{told.out}: {size / 1e6:.1f} MB; try it with python {told.out}/app.py")

"""resynth report RUN ... --out report.html."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..report import report
from ..runs import Run, write
from .shared import parse


@dataclass
class Report:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders, one or several."""
    out: Path = Path("report.html")
    """The file to write, .html; it has everything in it and can be mailed."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Report, arguments, "report", "One page about runs: what, how well, how it looks.")
    if not told.runs:
        raise ValueError("report needs at least one run folder")
    if told.out.suffix not in (".html", ".htm"):
        raise ValueError(f"{told.out} must end in .html")
    page = report(
        [Run(path) for path in told.runs],
        device=told.device,
        note=lambda text: print(f"note: {text}"),
    ).encode()
    write(told.out, page)
    print(
        f"{told.out}: {len(told.runs)} run{'s' * (len(told.runs) != 1)}, {len(page) / 1e6:.1f} MB"
    )

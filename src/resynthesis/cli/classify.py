"""resynth classify RUN IN --out predictions.csv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..runs import Run
from ..translations import classify_folder
from .shared import RunFolder, note_skipped, parse


@dataclass
class Classify:
    run: RunFolder
    """The run folder, of translate or adapt."""
    folder: Annotated[Path, tyro.conf.Positional]
    """A folder of target images, flat or with subfolders."""
    out: Path
    """predictions.csv: file, predicted class, and the probability of every class."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Classify, arguments, "classify", "Classify a folder of target images.")
    if told.out.suffix != ".csv":
        raise ValueError(f"{told.out} must end in .csv")
    count, skipped, known, right = classify_folder(
        Run(told.run), told.folder, told.out, device=told.device
    )
    note_skipped(skipped)
    print(f"{told.out}: {count:,} images")
    if known:
        print(f"accuracy by the names of the subfolders: {right / known:.4f} of {known:,} images")

"""resynth classify RUN IN --out predictions.csv."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..data import Part
from ..runs import Run
from ..translations import classify_images
from .shared import RunFolder, note_skipped, parse


@dataclass
class Classify:
    run: RunFolder
    """The run folder, of translate or adapt."""
    images: Annotated[str, tyro.conf.Positional]
    """Target images: a folder, flat or with subfolders, or a set by name."""
    out: Path
    """predictions.csv: file, predicted class, and the probability of every class."""
    part: Part = "all"
    """Which part of a set."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Classify, arguments, "classify", "Classify target images.")
    if told.out.suffix != ".csv":
        raise ValueError(f"{told.out} must end in .csv")
    count, skipped, known, right = classify_images(
        Run(told.run),
        told.images,
        told.out,
        part=told.part,
        data_dir=told.data_dir,
        device=told.device,
    )
    note_skipped(skipped)
    print(f"{told.out}: {count:,} images")
    if known:
        print(
            f"accuracy by class (the names of subfolders): {right / known:.4f} of {known:,} images"
        )

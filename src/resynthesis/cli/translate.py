"""resynth translate RUN IN --out OUT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..data import Part
from ..runs import Run
from ..translations import translate_images
from .shared import RunFolder, check_new, note_skipped, parse


@dataclass
class Translate:
    run: RunFolder
    """The run folder, of translate or adapt."""
    images: Annotated[str, tyro.conf.Positional]
    """Source images: a folder, flat or one subfolder per class, or a set by name."""
    out: Path
    """A new folder; names and class subfolders are kept, and classes that a table has become
    subfolders. Those of a set: CLASS/PART-NUMBER.png."""
    variants: int = 1
    """Draw every image so often, each time in another style."""
    styles: str | None = None
    """Target images whose styles are borrowed, a folder or a set; those kept in the run unless
    told."""
    seed: int = 0
    """Seed of the styles."""
    part: Part = "all"
    """Which part of a set."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    about = "Redraw source images in the style of the target."
    told = parse(Translate, arguments, "translate", about)
    check_new(told.out)
    run = Run(told.run)
    count, skipped = translate_images(
        run,
        told.images,
        told.out,
        part=told.part,
        variants=told.variants,
        styles=told.styles,
        seed=told.seed,
        data_dir=told.data_dir,
        device=told.device,
    )
    note_skipped(skipped)
    _, h, w = run.facts.shape
    print(f"{count:,} pictures of {h}x{w} in {told.out}")

"""resynth translate RUN IN --out OUT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..runs import Run
from ..translations import translate_folder
from .shared import RunFolder, check_new, note_skipped, parse


@dataclass
class Translate:
    run: RunFolder
    """The run folder, of translate or adapt."""
    folder: Annotated[Path, tyro.conf.Positional]
    """A folder of source images, flat or one subfolder per class."""
    out: Path
    """A new folder; names and class subfolders are kept."""
    variants: int = 1
    """Draw every image so often, each time in another style."""
    seed: int = 0
    """Seed of the styles."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    about = "Redraw a folder of source images in the style of the target."
    told = parse(Translate, arguments, "translate", about)
    check_new(told.out)
    run = Run(told.run)
    count, skipped = translate_folder(
        run,
        told.folder,
        told.out,
        variants=told.variants,
        seed=told.seed,
        device=told.device,
    )
    note_skipped(skipped)
    _, h, w = run.facts.shape
    print(f"{count:,} pictures of {h}x{w} in {told.out}")

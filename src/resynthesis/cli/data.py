"""resynth data, and resynth data NAME."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro

from .. import figures
from ..data import SETS, DataConfig, load
from .shared import Flat, describe, free, parse, short, table


@dataclass
class Describe:
    name: Annotated[str, tyro.conf.Positional] = ""
    """A set's name or a path to images; without it, all sets are listed."""
    out: Path | None = None
    """Where the contact sheet goes; a new NAME.png in this folder where not told otherwise."""
    settings: Annotated[DataConfig, Flat] = field(default_factory=DataConfig)


def main(arguments: list[str]) -> None:
    told = parse(Describe, arguments, "data", "List the sets, or fetch, check and show one.")
    name = told.name or (told.settings.data if "--data" in arguments else "")
    if not name:
        rows = [[n, s.images, s.download, s.licence, s.summary] for n, s in SETS.items()]
        table(["name", "images", "download", "licence", "what"], rows)
        print("resynth data NAME fetches, checks and shows one, or a path to your own images")
        return
    data = load(replace(told.settings, data=name))
    describe(data)
    if name in SETS:
        known = SETS[name]
        print(f"{known.summary}\nlicence: {known.licence}\nsource: {known.citation}")
    if data.classes and data.train.labels is not None:
        known_labels = data.train.labels[data.train.labels >= 0]
        counts = torch.bincount(known_labels, minlength=len(data.classes)).tolist()
        shown = [f"{c} {n:,}" for c, n in zip(data.classes, counts, strict=True)]
        print("training images: " + ", ".join(shown[:30]) + (", ..." if len(shown) > 30 else ""))
    print(f"checksum: sha256 {data.checksum}")
    sheet = told.out or free(Path(f"{short(name)}.png"))
    figures.save(figures.contact_sheet(data), sheet)
    some = " (the first 20 classes)" if len(data.classes) > 20 else ""
    print(f"contact sheet: {sheet}{some}")

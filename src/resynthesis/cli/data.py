"""resynth data, and resynth data NAME."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import torch
import tyro
from torch import Tensor

from .. import figures
from ..data import SETS, Data, DataConfig, data_dir, load
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
        folder = data_dir(told.settings.data_dir)
        rows = [
            [n, s.images, s.download, _yes(s.here(folder)), s.licence, s.summary, s.citation]
            for n, s in SETS.items()
        ]
        table(["name", "images", "download", "here", "licence", "what", "citation"], rows)
        print(f"here: whether files of these names are in {folder}")
        print("resynth data NAME fetches, checks and shows one, or a path to your own images")
        return
    data = load(replace(told.settings, data=name))
    describe(data)
    if name in SETS:
        known = SETS.get(data.name, SETS[name])  # another, where the official one cannot be had
        print(f"{known.summary}\nlicence: {known.licence}\nsource: {known.citation}")
    if data.train.labels is not None:
        shown = _counts(data, data.train.labels)
        print("training images: " + ", ".join(shown[:40]) + (", ..." if len(shown) > 40 else ""))
    print(f"checksum: sha256 {data.checksum}")
    sheet = told.out or free(Path(f"{short(name)}.png"))
    figures.save(figures.contact_sheet(data), sheet)
    some = " (not all labels)" if len(data.classes) > 20 or len(data.attributes) > 10 else ""
    print(f"contact sheet: {sheet}{some}")


def _counts(data: Data, labels: Tensor) -> list[str]:
    """How many images each class has, or each attribute; of other tables, each value."""
    if labels.ndim == 1:
        counts = torch.bincount(labels[labels >= 0], minlength=len(data.classes)).tolist()
        return [f"{name} {n:,}" for name, n in zip(data.classes, counts, strict=True)]
    shown = []
    for name, column in zip(data.attributes, labels.T, strict=True):
        counts = torch.bincount(column[column >= 0], minlength=2).tolist()
        values = " ".join(f"{n:,}" for n in counts)
        count = f"{counts[1]:,} of {sum(counts):,}" if data.has_attributes else values
        shown.append(f"{name} {count}")
    return shown


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"

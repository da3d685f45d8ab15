"""resynth encode RUN --data D --out codes.npz|codes.tsv."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..data import Data, Domains, Part, seeded
from ..evaluate import content, encode_set
from ..runs import Run, write
from .shared import RunFolder, other_data, parse


@dataclass
class Encode:
    run: RunFolder
    """The run folder."""
    out: Path
    """codes.npz, or codes.tsv (with codes.labels.tsv beside it, for embedding projectors)."""
    data: str | None = None
    """Other data than the run's own (a set's name or a path)."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    part: Part = "all"
    """Which part of the data."""
    count: int | None = None
    """At most so many images of each part (of each domain), chosen by seed: a projector draws some
    thousands."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Encode, arguments, "encode", "Write the codes of a set of images.")
    if told.out.suffix not in (".npz", ".tsv"):
        raise ValueError(f"{told.out} must end in .npz or .tsv")
    if told.count is not None and told.count < 1:
        raise ValueError(f"--count must be at least 1, not {told.count}")
    run = Run(told.run)
    autoencoder = run.load_nets(told.device)["autoencoder"]
    data = run.load_data(other_data(run, told.data, told.data_dir))
    sets = [data.source, data.target] if isinstance(data, Domains) else [data]
    codes: list[np.ndarray] = []
    about: dict[str, list[str]] = {"part": [], "domain": []}
    labels: list[np.ndarray] = []
    for one in sets:
        for name, images in one.chosen(told.part).items():
            if told.count is not None:
                order = torch.randperm(len(images), generator=seeded("encode", one.name, name))
                images = images.subset(order[: told.count].sort().values)
            z, known = encode_set(autoencoder, images, content)
            codes.append(z.flatten(1).numpy())
            labels.append(np.full(len(z), -1) if known is None else known.numpy())
            about["part"] += [name] * len(z)
            about["domain"] += [one.name] * len(z)
    matrix, label = np.concatenate(codes), np.concatenate(labels)
    if len(sets) == 1:
        del about["domain"]
    if told.out.suffix == ".npz":
        arrays = {"codes": matrix, "labels": label, "classes": np.array(data.classes, dtype=str)}
        if data.attributes:
            arrays["attributes"] = np.array(data.attributes, dtype=str)
        arrays |= {name: np.array(column) for name, column in about.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write(told.out, buffer.getvalue())
        print(f"{told.out}: codes {matrix.shape}, {', '.join(list(arrays)[1:])}")
        return
    beside = told.out.with_suffix(".labels.tsv")
    names, columns = _columns(data, label)
    table = zip(*columns, *about.values(), strict=True)
    lines = ["\t".join(map(_cell, row)) for row in ((*names, *about), *table)]
    rows = "\n".join("\t".join(f"{v:.6g}" for v in row) for row in matrix)
    write(beside, ("\n".join(lines) + "\n").encode())
    write(told.out, f"{rows}\n".encode())
    print(f"{told.out}: {len(matrix):,} codes of {matrix.shape[1]} numbers; labels in {beside}")


def _cell(text: str) -> str:
    """A name without what would end a cell or a line."""
    return " ".join(text.split())


def _columns(data: Data, labels: np.ndarray) -> tuple[Sequence[str], list[list[str]]]:
    """Names and cells of what a table says about codes: the class, or each attribute."""
    if labels.ndim > 1:
        return data.attributes, np.where(labels >= 0, labels.astype(str), "").T.tolist()
    return ["label"], [[data.classes[c] if c >= 0 and data.classes else "" for c in labels]]

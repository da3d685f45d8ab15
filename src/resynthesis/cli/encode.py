"""resynth encode RUN --data D --out codes.npz|codes.tsv."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..evaluate import encode_set
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
    part: Literal["all", "train", "valid", "test"] = "all"
    """Which part of the data."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Encode, arguments, "encode", "Write the codes of a set of images.")
    if told.out.suffix not in (".npz", ".tsv"):
        raise ValueError(f"{told.out} must end in .npz or .tsv")
    run = Run(told.run)
    autoencoder = run.load_nets(told.device)["autoencoder"]
    data = run.load_data(other_data(run, told.data, told.data_dir))
    codes: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    parts: list[str] = []
    for name, images in data.parts.items():
        if told.part in ("all", name):
            z, known = encode_set(autoencoder, images)
            codes.append(z.flatten(1).numpy())
            labels.append(np.full(len(z), -1) if known is None else known.numpy())
            parts += [name] * len(z)
    matrix, label = np.concatenate(codes), np.concatenate(labels)
    if told.out.suffix == ".npz":
        classes = np.array(data.classes, dtype=str)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, codes=matrix, labels=label, part=parts, classes=classes)
        write(told.out, buffer.getvalue())
        print(f"{told.out}: codes {matrix.shape}, labels, part, classes")
        return
    about = told.out.with_suffix(".labels.tsv")
    names = [data.classes[c] if c >= 0 and data.classes else "" for c in label]
    described = "".join(f"{n}\t{p}\n" for n, p in zip(names, parts, strict=True))
    rows = "\n".join("\t".join(f"{v:.6g}" for v in row) for row in matrix)
    write(about, f"label\tpart\n{described}".encode())
    write(told.out, f"{rows}\n".encode())
    print(f"{told.out}: {len(matrix):,} codes of {matrix.shape[1]} numbers; labels in {about}")

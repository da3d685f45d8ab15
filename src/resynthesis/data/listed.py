"""The official MNIST-M: two folders of images, each with a list of its labels beside it.

mnist_m_train/00000000.png, ..., and mnist_m_train_labels.txt with lines "00000000.png 5"; the
same for mnist_m_test.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from .folder import example, gather_parts, note, notes
from .images import Reading
from .names import Names
from .sets import DIGITS, Data, from_train_test
from .unpack import is_image

PARTS = ("mnist_m_train", "mnist_m_test")


def is_listed(folder: Path) -> bool:
    """Whether it is the folder that holds the official MNIST-M."""
    return any((folder / part).is_dir() for part in PARTS)


def load_listed(folder: Path, how: Reading) -> Data:
    """The official test part as it is; a sixth of the training images, by seed, for validation.

    What is broken, missing or without a label is skipped and noted, or refused with `how.strict`.
    Raises ValueError where a part is missing, or a list leads out of its folder.
    """
    parts, errors = [], []
    for part in PARTS:
        names, labels, skipped = read_list(folder, part, strict=how.strict)
        parts.append((names, torch.tensor(labels)))
        errors += skipped
    (train, test), broken = gather_parts(folder, parts, how)
    data = from_train_test(folder.resolve().name, train, test, DIGITS)
    said = (*example(folder, parts[0][0], how.size), *notes(errors + broken))
    return replace(data, notes=said)


def read_list(folder: Path, part: str, *, strict: bool) -> tuple[Names, list[int], list[str]]:
    """Names of a part's images, their digits, and a message for each line or file left out."""
    images, labels = folder / part, folder / f"{part}_labels.txt"
    for path in (images, labels):
        if not path.exists():
            raise ValueError(f"{folder} has no {path.name}, so it is not the whole MNIST-M")
    there = {p.name for p in images.iterdir() if is_image(p.name)}
    listed: dict[str, int] = {}
    errors = []
    for number, line in enumerate(labels.read_text(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        *names, digit = line.split()
        name, where = " ".join(names), f"line {number} of {labels}"
        if "/" in name or "\\" in name:
            raise ValueError(f"{where} leads out of its folder: '{name}'")
        if digit not in DIGITS or not name:
            errors.append(f"{where} is no file name and digit: {line[:60]!r}")
        elif name not in there:
            errors.append(f"{where} names {name}, which is not there")
        elif name in listed:
            errors.append(f"{where} names {name} again")
        else:
            listed[name] = int(digit)
    errors += [f"{images / name} has no label" for name in sorted(there - listed.keys())]
    errors = [note(ValueError(error), strict) for error in errors]
    if not listed:
        raise ValueError(f"{labels} names no image that is in {images}")
    return Names(f"{part}/{name}" for name in listed), list(listed.values()), errors

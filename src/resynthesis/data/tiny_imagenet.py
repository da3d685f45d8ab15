"""Tiny ImageNet: 200 classes of ImageNet at 64x64."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from .folder import gather_parts, notes
from .images import Reading
from .names import Names
from .pictures import Pictures
from .sets import Data, from_train_test
from .unpack import is_image

TEXTS = ("wnids.txt", "words.txt", "val/val_annotations.txt")
PER_CLASS = 500  # training images


def is_wanted(name: str) -> bool:
    """Training and validation images and their lists; the test images have no labels."""
    return name in TEXTS or (is_image(name) and name.startswith(("train/", "val/")))


TINY = Pictures(
    archive="tiny-imagenet-200.zip",
    inside="tiny-imagenet-200",
    homes=("tiny-imagenet", "."),
    mirrors=("http://cs231n.stanford.edu",),
    # Not published by its makers; the one that Avalanche and others have in their loaders.
    check="md5:90528d7ca1a48142e341f4ef8d21d0de",
    files=range(110_003, 110_004),
    total=1 << 30,
    wanted=is_wanted,
)


def load_tiny_imagenet(folder: Path, how: Reading) -> Data:
    """Tiny ImageNet (Le and Yang, 2015), resized.

    The labels of its test part are secret: by convention the official validation part serves as
    test part, and here a tenth of the training images as validation part. Raises ValueError
    where what was found is broken or another set, and DownloadError.
    """
    place = TINY.bring(folder)
    ids = _lines(place / "wnids.txt")
    number = {name[0]: i for i, name in enumerate(ids)}
    if strange := [wnid for wnid in number if not re.fullmatch(r"n\d+", wnid)]:
        raise ValueError(f"{place}/wnids.txt is broken at {strange[0][:60]!r}")
    known = {line[0]: line[1].split(",")[0] for line in _lines(place / "words.txt", 2)}
    names = [known.get(wnid, wnid) for wnid in number]
    # Two kinds of crane are told apart by their numbers.
    classes = tuple(
        f"{name} ({wnid})" if names.count(name) > 1 else name
        for name, wnid in zip(names, number, strict=True)
    )
    train = Names(
        f"train/{wnid}/images/{path.name}"
        for wnid in number
        for path in sorted((place / "train" / wnid / "images").glob("*.JPEG"))
    )
    labels = torch.tensor([number[name.split("/")[1]] for name in train])
    listed = _lines(place / "val" / "val_annotations.txt", 2)
    for name, wnid, *_ in listed:
        if "/" in name or "\\" in name or wnid not in number:
            raise ValueError(f"{place}/val/val_annotations.txt is broken at {name[:60]!r}")
    test = Names(f"val/images/{line[0]}" for line in listed)
    truth = torch.tensor([number[line[1]] for line in listed])
    if len(train) != PER_CLASS * len(number) or not len(test):
        raise ValueError(
            f"{place} has {len(train):,} training images of {len(number)} classes, and Tiny "
            f"ImageNet has {PER_CLASS} of each: remove it to unpack it again"
        )
    (images, other), errors = gather_parts(place, [(train, labels), (test, truth)], how)
    data = from_train_test("tiny-imagenet", images, other, classes, one_in=10)
    return Data(data.name, data.train, data.valid, data.test, classes, notes(errors))


def _lines(path: Path, cells: int = 1) -> list[list[str]]:
    """The lines of a text, divided at tabs, which must give so many cells or more."""
    try:
        lines = [line.split("\t") for line in path.read_text().splitlines() if line.strip()]
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is missing or broken: remove its folder to unpack it") from error
    if not lines or any(len(line) < cells for line in lines):
        raise ValueError(f"{path} is broken: remove its folder to unpack it again")
    return lines

"""Digits from elsewhere, with official test parts: USPS (envelopes) and SVHN (house numbers)."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .archives import read_mat
from .download import fetch, find
from .images import Reading, brought, resize, to_uint8
from .sets import DIGITS, Data, ImageSet, from_train_test

USPS_MIRRORS = ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass",)
# file: (its SHA-256, the file of the same images in the format of The Elements of Statistical
# Learning)
USPS_FILES = {
    "usps.bz2": (
        "3771e9dd6ba685185f89867b6e249233dd74652389f263963b3b741e994b034f",
        "zip.train.gz",
    ),
    "usps.t.bz2": (
        "a9c0164e797d60142a50604917f0baa604f326e9a689698763793fa5d12ffc4e",
        "zip.test.gz",
    ),
}
SVHN_MIRRORS = ("http://ufldl.stanford.edu/housenumbers",)
SVHN_FILES = {
    "train_32x32.mat": "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
    "test_32x32.mat": "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
}
SVHN_EXTRA_FILES = {  # checksum as TensorFlow Datasets lists it
    "extra_32x32.mat": "a133a4beb38a00fcdda90c9489e0c04f900b660ce8a316a5e854838379a71eb3",
}


def load_usps(folder: Path, how: Reading) -> Data:
    """USPS (Hull, 1994), 16x16, resized; a sixth of the 7,291 training images for validation."""
    parts = []
    for name, (archived, other) in USPS_FILES.items():
        places = (folder / "usps", folder)
        path = find(name, *places) or find(other, *places)
        path = path or fetch(name, USPS_MIRRORS, archived, places[0], others=tuple(USPS_FILES))
        x, y = read_libsvm(path) if path.name == name else read_zip(path)
        parts.append(ImageSet(resize(to_uint8(x), how.size), y))
    train, test = parts
    whole = from_train_test("usps", train, test, DIGITS)
    return replace(whole, notes=brought("usps", (16, 16), how.size))


def has_usps(folder: Path) -> bool:
    """Whether the set is in a data folder, in either format."""
    places = (folder / "usps", folder)
    return all(find(a, *places) or find(b, *places) for a, (_, b) in USPS_FILES.items())


def load_svhn(folder: Path, how: Reading) -> Data:
    """SVHN (Netzer et al., 2011), cropped digits, resized; a tenth of train for validation."""
    train, test = _read_svhn(folder, SVHN_FILES, how.size)
    whole = from_train_test("svhn", train, test, DIGITS, one_in=10)
    return replace(whole, notes=brought("svhn", (32, 32), how.size))


def load_svhn_extra(folder: Path, how: Reading) -> Data:
    """SVHN with its 531,131 easier images in the training part; a tenth of all for validation."""
    train, test, extra = _read_svhn(folder, {**SVHN_FILES, **SVHN_EXTRA_FILES}, how.size)
    assert train.labels is not None
    assert extra.labels is not None
    images = torch.cat([train.images, extra.images])
    both = ImageSet(images, torch.cat([train.labels, extra.labels]))
    whole = from_train_test("svhn-extra", both, test, DIGITS, one_in=10)
    return replace(whole, notes=brought("svhn-extra", (32, 32), how.size))


def has_svhn(folder: Path, *, extra: bool = False) -> bool:
    """Whether the files are in a data folder."""
    wanted = [*SVHN_FILES, *(SVHN_EXTRA_FILES if extra else ())]
    return all(find(name, folder / "svhn", folder) for name in wanted)


def _read_svhn(folder: Path, files: Mapping[str, str], size: int) -> list[ImageSet]:
    places = (folder / "svhn", folder)
    parts = []
    for name, archived in files.items():
        path = find(name, *places)
        path = path or fetch(name, SVHN_MIRRORS, archived, places[0], others=tuple(files))
        x, y = read_svhn(path)
        parts.append(ImageSet(resize(x, size), y))
    return parts


def read_libsvm(path: Path) -> tuple[Tensor, Tensor]:
    """USPS as LIBSVM's text in .bz2: (N, 1, 16, 16), float32 in [-1, 1], and digits (N,), int64.

    A line is the digit plus 1, then index:value for the pixels 1 to 256, those that are 0 left
    out. Raises ValueError, naming the file, where it is not that.
    """
    from sklearn.datasets import load_svmlight_file

    raw = path.read_bytes()
    try:
        text = io.BytesIO(bz2.decompress(raw))
        pixels, labels = load_svmlight_file(
            text, n_features=256, dtype=np.float32, zero_based=False
        )
    except (OSError, ValueError, OverflowError) as error:
        raise ValueError(f"{path} is broken, or no USPS in the format of LIBSVM") from error
    return _usps(path, pixels.toarray(), labels - 1)


def read_zip(path: Path) -> tuple[Tensor, Tensor]:
    """USPS as the text in .gz of The Elements of Statistical Learning; what it gives: read_libsvm.

    A line is the digit, then its 256 pixels. Raises ValueError, naming the file, where it is not
    that.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        values = np.array([line.split() for line in lines], dtype=np.float32).reshape(-1, 257)
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise ValueError(f"{path} is broken, or no USPS of 257 numbers a line") from error
    return _usps(path, values[:, 1:], values[:, 0])


def _usps(path: Path, pixels: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    if not np.isin(labels, range(10)).all():
        raise ValueError(f"{path} has labels that are no digits")
    if not (np.abs(pixels) <= 1).all():  # NaN is not, either
        raise ValueError(f"{path} has pixels that are not in [-1, 1]")
    return torch.from_numpy(pixels).reshape(-1, 1, 16, 16), torch.from_numpy(labels).long()


def read_svhn(path: Path) -> tuple[Tensor, Tensor]:
    """The arrays X (32, 32, 3, N), uint8, and y (N, 1), where 10 is the digit 0, of a .mat file.

    They come as (N, 3, 32, 32), uint8, and (N,), int64. Raises ValueError, naming the file, where
    it is not that.
    """
    arrays = read_mat(path)
    x, y = (arrays.get(name, np.empty(0)) for name in "Xy")
    if x.dtype != np.uint8 or x.ndim != 4 or (*x.shape[:3], *y.shape) != (32, 32, 3, x.shape[3], 1):
        raise ValueError(f"{path} has no X (32, 32, 3, N) of uint8 and y (N, 1), as SVHN has")
    if not np.isin(y, range(1, 11)).all():
        raise ValueError(f"{path} has labels that are not from 1 to 10")
    pixels = torch.from_numpy(x.transpose(3, 2, 0, 1).copy())
    return pixels, torch.from_numpy(y[:, 0].astype(np.int64) % 10)

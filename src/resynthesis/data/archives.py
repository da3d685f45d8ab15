"""Readers for IDX files (the format of MNIST) and .npz archives."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .images import as_images


def read_idx(path: Path) -> Tensor:
    """An IDX file of unsigned bytes, plain or .gz, as a uint8 tensor of its own shape.

    Raises ValueError, naming the file, where it is no such file, broken, or cut short.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is broken or cut short: fetch it again") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08" or not 1 <= raw[3] <= 4:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    head = 4 + 4 * raw[3]
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, head, 4))
    if len(raw) != head + math.prod(shape):
        raise ValueError(
            f"{path} is cut short or too long: its header promises {math.prod(shape):,} bytes "
            f"of data, and it has {max(0, len(raw) - head):,}"
        )
    return torch.frombuffer(bytearray(raw[head:]), dtype=torch.uint8).reshape(shape)


def read_idx_pair(images: Path, labels: Path) -> tuple[Tensor, Tensor]:
    """An image file (N, h, w) and its label file (N,) as uint8 (N, 1, h, w) and int64 (N,)."""
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
        raise ValueError(
            f"{images} and {labels} do not fit: shapes {tuple(x.shape)} and {tuple(y.shape)}"
        )
    return x[:, None], y.long()


def read_npz(path: Path) -> tuple[Tensor, Tensor | None]:
    """`images`, and `labels` where there are any, of an .npz; nothing in it is unpickled."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a readable .npz archive")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if "images" not in archive:
                found = ", ".join(archive.files) or "nothing"
                raise ValueError(f"{path} has no array 'images' (it has: {found})")
            images = as_images(archive["images"], name=f"images in {path}")
            if "labels" not in archive:
                return images, None
            labels = archive["labels"]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise ValueError(f"{path} is not a readable .npz archive") from error
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise ValueError(f"{path} has pickled objects, which are never loaded") from error
        raise
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels in {path} must be {len(images)} integers, not {labels.dtype} {labels.shape}"
        )
    return images, torch.as_tensor(labels.astype(np.int64))

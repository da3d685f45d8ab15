"""Readers for IDX files (the format of MNIST), .npz archives and MATLAB 5 files."""

from __future__ import annotations

import gzip
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .attributes import as_attributes
from .images import as_images
from .unpack import BROKEN_ZIP

# What NumPy raises for an .npz that is none, beside ValueError.
BROKEN_NPZ = (*BROKEN_ZIP, OSError, tokenize.TokenError, SyntaxError)
# Of a MATLAB 5 file: element types that hold numbers, and array classes that are made of them,
# as NumPy calls them.
MAT_TYPES = dict(enumerate("bBhHiIf.d..qQ", 1))
MAT_CLASSES = dict(enumerate("dfbBhHiIqQ", 6))
MAT_MATRIX, MAT_COMPRESSED = 14, 15
MAT_COMPLEX = 8  # a flag


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
    """An image file (N, h, w) and its label file (N,) as uint8 (N, 1, s, s) and int64 (N,).

    s is the smaller of h and w: what stands out of the central square is cut off.
    """
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
        raise ValueError(
            f"{images} and {labels} do not fit: shapes {tuple(x.shape)} and {tuple(y.shape)}"
        )
    side = min(x.shape[1:])
    if not x.numel():
        raise ValueError(f"{images} has no images in it")
    top, left = ((extent - side) // 2 for extent in x.shape[1:])
    return x[:, None, top : top + side, left : left + side], y.long()


def read_npz(path: Path) -> tuple[Tensor, Tensor | None, tuple[str, ...]]:
    """`images`, their labels or None, and the names of attributes, of an .npz.

    Labels are its `labels` (N,), or a table `attributes` (N, a) of -1, 0 and 1, which mean what
    they mean in `attributes`; `attribute_names` (a,) may name the columns. Nothing in it is
    unpickled. Raises ValueError, naming the file, where it is not that.
    """
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a readable .npz archive")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if "images" not in archive:
                found = ", ".join(archive.files) or "nothing"
                raise ValueError(f"{path} has no array 'images' (it has: {found})")
            names = ("images", "labels", "attributes", "attribute_names")
            arrays = [archive.get(name) for name in names]
            if any(isinstance(array, bytes) for array in arrays):  # without the head of an array
                raise ValueError(f"{path} is not a readable .npz archive")
            images = as_images(arrays[0], name=f"images in {path}")
            labels, table, columns = arrays[1:]
    except BROKEN_NPZ as error:
        raise ValueError(f"{path} is not a readable .npz archive") from error
    except MemoryError as error:  # a broken head may promise anything
        raise ValueError(
            f"{path} is not a readable .npz archive, or too large for the memory"
        ) from error
    except ValueError as error:
        if "allow_pickle" in str(error):
            raise ValueError(f"{path} has pickled objects, which are never loaded") from error
        raise
    if table is not None:
        if labels is not None:
            raise ValueError(f"{path} has both labels and attributes: leave one of them out")
        return images, *_attributes(path, table, columns, len(images))
    if labels is None:
        return images, None, ()
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels in {path} must be {len(images)} integers, not {labels.dtype} {labels.shape}"
        )
    return images, torch.as_tensor(labels.astype(np.int64)), ()


def _attributes(
    path: Path, table: np.ndarray, columns: np.ndarray | None, n: int
) -> tuple[Tensor, tuple[str, ...]]:
    if table.ndim != 2 or len(table) != n or not table.shape[1] or table.dtype.kind not in "biu":
        raise ValueError(
            f"attributes in {path} must be integers of shape ({n}, a), not {table.dtype} "
            f"{table.shape}"
        )
    if not np.isin(table, (-1, 0, 1)).all():
        raise ValueError(f"attributes in {path} must be -1, 0 or 1")
    names = tuple(f"attribute_{i}" for i in range(table.shape[1]))
    if columns is not None:
        names = tuple(str(name) for name in columns.flatten())
        if len(names) != table.shape[1] or len(set(names)) < len(names) or "" in names:
            raise ValueError(f"attribute_names in {path} must be {table.shape[1]} different names")
    return as_attributes(torch.as_tensor(table.astype(np.int64))), names


def read_mat(path: Path) -> dict[str, np.ndarray]:
    """The real arrays in a MATLAB 5 file (little-endian), by name; what else it holds is ignored.

    SciPy's reader makes any object that is in a file, and crashes Python for some broken ones.
    Raises ValueError, naming the file, where it is no such file, broken, or cut short.
    """
    raw = memoryview(path.read_bytes())
    if bytes(raw[124:128]) != b"\x00\x01IM":
        raise ValueError(f"{path} is not a MATLAB 5 file")
    arrays: dict[str, np.ndarray] = {}
    try:
        for kind, content in _elements(raw[128:]):
            if kind == MAT_COMPRESSED:
                kind, content = next(_elements(memoryview(zlib.decompress(content))))
            if kind == MAT_MATRIX:
                arrays |= _matrix(content)
    except (ValueError, TypeError, LookupError, StopIteration, struct.error, zlib.error) as error:
        raise ValueError(f"{path} is broken or cut short: fetch it again") from error
    return arrays


def _elements(raw: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each element. Their head is 8 bytes, and they are padded to 8."""
    at = 0
    while at < len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        start, end = at + 8, at + 8 + size
        at = end if kind == MAT_COMPRESSED else end + -size % 8
        if kind >> 16:  # four bytes or fewer stand in the head itself
            start, at = start - 4, start
            kind, end = kind & 0xFFFF, start + (kind >> 16)
        if end > len(raw):
            raise ValueError("an element is longer than the file")
        yield kind, raw[start:end]


def _matrix(raw: memoryview) -> dict[str, np.ndarray]:
    """The one array of real numbers that an element holds, by its name, or nothing."""
    elements = _elements(raw)
    (_, flags), (_, shape), (_, name) = islice(elements, 3)
    if flags[0] not in MAT_CLASSES or flags[1] & MAT_COMPLEX:
        return {}
    kind, content = next(elements)  # integers may be kept in a smaller type than the array's own
    values = np.frombuffer(content, "<" + MAT_TYPES[kind])
    values = values.astype("<" + MAT_CLASSES[flags[0]], casting="safe", copy=False)
    return {bytes(name).decode("ascii"): values.reshape(np.frombuffer(shape, "<i4"), order="F")}

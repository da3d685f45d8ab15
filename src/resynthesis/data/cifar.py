"""CIFAR-10 in its binary version, read from the archive: nothing is extracted, nothing unpickled.

A record is a byte with the class, then 3,072 bytes of an image (3, 32, 32).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .download import find, obtain
from .images import Reading, resize
from .sets import Data, ImageSet, from_train_test
from .unpack import read_members

CIFAR_ARCHIVE = "cifar-10-binary.tar.gz"
CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
# As TensorFlow Datasets lists it; the MD5 on the page of the set, c32a1d4a..., is of this file.
CIFAR_CHECKSUM = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR_INSIDE = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILES = ("test_batch.bin",)
RECORDS = 10_000  # in a file
RECORD = 1 + 3 * 32 * 32  # bytes
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def load_cifar10(folder: Path, how: Reading) -> Data:
    """CIFAR-10 (Krizhevsky, 2009), resized; official test part, a tenth of train for validation.

    Raises ValueError where the files that were found are broken, and DownloadError.
    """
    unpacked = _unpacked(folder)
    if unpacked:
        files = {name: (unpacked / name).read_bytes() for name in (*TRAIN_FILES, *TEST_FILES)}
        source = unpacked
    else:
        source = obtain(CIFAR_ARCHIVE, CIFAR_MIRRORS, CIFAR_CHECKSUM, folder / "cifar10", folder)
        wanted = {f"{CIFAR_INSIDE}/{name}" for name in (*TRAIN_FILES, *TEST_FILES)}
        found = read_members(source, wanted.__contains__)
        files = {name.rpartition("/")[2]: raw for name, raw in found.items()}
    parts = []
    for names in (TRAIN_FILES, TEST_FILES):
        pairs = [read_records(source, name, files.get(name, b"")) for name in names]
        x, y = (torch.cat(list(tensors)) for tensors in zip(*pairs, strict=True))
        parts.append(ImageSet(resize(x, how.size), y))
    train, test = parts
    return from_train_test("cifar10", train, test, CLASSES, one_in=10)


def has_cifar10(folder: Path) -> bool:
    """Whether the set is in a data folder, packed or unpacked."""
    return bool(_unpacked(folder) or find(CIFAR_ARCHIVE, folder / "cifar10", folder))


def read_records(source: Path, name: str, raw: bytes) -> tuple[Tensor, Tensor]:
    """The records of a file: images (N, 3, 32, 32), uint8, and labels (N,), int64.

    Raises ValueError, naming `source` and the file in it, where they are not that.
    """
    if len(raw) != RECORDS * RECORD:
        raise ValueError(
            f"{name} in {source} is missing or broken: it has {len(raw):,} bytes, and "
            f"{RECORDS * RECORD:,} are wanted"
        )
    records = torch.frombuffer(bytearray(raw), dtype=torch.uint8).reshape(-1, RECORD)
    labels = records[:, 0].long()
    if int(labels.max()) >= len(CLASSES):
        raise ValueError(f"{name} in {source} has labels that are not from 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32), labels


def _unpacked(folder: Path) -> Path | None:
    """The folder with all the binary files, if there is one."""
    places = (folder / "cifar10" / CIFAR_INSIDE, folder / CIFAR_INSIDE)
    wanted = (*TRAIN_FILES, *TEST_FILES)
    return next((p for p in places if all((p / name).is_file() for name in wanted)), None)

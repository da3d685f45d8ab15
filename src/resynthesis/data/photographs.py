"""Photographs to put digits on: the 200 for training of BSDS500, and two that need no download.

From the archive of BSDS500 only the wanted members are read, into memory, and nothing is ever
extracted: whatever an archive holds, it cannot write to the disk.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .download import fetch, find
from .unpack import read_members

BSDS_ARCHIVE = "BSR_bsds500.tgz"
BSDS_MIRRORS = (
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR",
    "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR",
)
BSDS_INSIDE = "BSR/BSDS500/data/images/train/"
# Of names and contents, by `checksum`: the packing of the archive is not fixed.
BSDS_CHECKSUM = "788dbaf9c8e767f1d6f00b369a1626c2bbaa75f2f915629e55839137da0ed829"
BSDS_COUNT = 200
LARGEST = 1 << 20  # bytes; the largest official photograph has an eighth of that


def read_bsds(folder: Path) -> list[Tensor]:
    """The 200 training photographs of BSDS500, sorted by name, each (3, H, W), uint8.

    They are looked for as files and in the official archive, which is downloaded where there is
    neither. Raises ValueError where they are not the official ones, and DownloadError.
    """
    source = _find(folder) or fetch(BSDS_ARCHIVE, BSDS_MIRRORS, _is_official, folder / "bsds500")
    files = read_archive(source) if source.is_file() else _read_folder(source)
    if checksum(files) != BSDS_CHECKSUM:
        raise ValueError(
            f"{source} does not hold the 200 official training photographs of BSDS500: remove it "
            "to fetch them again"
        )
    return [
        torch.from_numpy(np.array(Image.open(io.BytesIO(files[name])).convert("RGB")))
        .permute(2, 0, 1)
        .contiguous()
        for name in sorted(files)
    ]


def read_samples() -> list[Tensor]:
    """The two photographs that come with scikit-learn, (3, 427, 640), uint8."""
    from sklearn.datasets import load_sample_images

    return [torch.tensor(image).permute(2, 0, 1) for image in load_sample_images().images]


def read_archive(path: Path) -> dict[str, bytes]:
    """Names and contents of the training photographs in the official archive.

    Links, devices and whatever lies elsewhere in it are passed over. Raises ValueError where the
    archive is broken.
    """

    def wanted(name: str) -> bool:
        return name.startswith(BSDS_INSIDE) and _is_photograph(name.removeprefix(BSDS_INSIDE))

    files = read_members(path, wanted, largest=LARGEST, most=BSDS_COUNT)
    return {name.removeprefix(BSDS_INSIDE): content for name, content in files.items()}


def checksum(files: dict[str, bytes]) -> str:
    """SHA-256 of the photographs, sorted by name, each after a line of its name and its size."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def has_bsds(folder: Path) -> bool:
    """Whether the photographs are in a data folder, in any form."""
    return _find(folder) is not None


def _find(folder: Path) -> Path | None:
    """The folder, or the archive, that has the photographs."""
    for place in (folder / "bsds500" / "train", folder / BSDS_INSIDE):
        if place.is_dir() and any(_is_photograph(path.name) for path in place.iterdir()):
            return place
    return find(BSDS_ARCHIVE, folder / "bsds500", folder)


def _read_folder(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if _is_photograph(p.name)}


def _is_photograph(name: str) -> bool:
    """Whether it is the plain name of a .jpg; other systems leave hidden files beside them."""
    return name.endswith(".jpg") and not name.startswith(".") and "/" not in name


def _is_official(path: Path) -> bool:
    try:
        return checksum(read_archive(path)) == BSDS_CHECKSUM
    except ValueError:
        return False

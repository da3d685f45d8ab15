"""MNIST: the four official IDX files, found where people keep them or downloaded, and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

from torch import Tensor

from .archives import read_idx_pair
from .download import fetch
from .images import resize
from .sets import DIGITS, Data, ImageSet, from_train_test

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
# file: (SHA-256 of the .gz on the mirrors, SHA-256 of its content)
MNIST_FILES = {
    "train-images-idx3-ubyte": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    ),
    "train-labels-idx1-ubyte": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    ),
    "t10k-images-idx3-ubyte": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    ),
    "t10k-labels-idx1-ubyte": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
}


def read_mnist(folder: Path) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The 60,000 training and 10,000 test images as they are: (N, 1, 28, 28) uint8, (N,) int64.

    Raises ValueError where a file that was found is not the official one, and DownloadError.
    """
    paths = []
    for name, (archived, _) in MNIST_FILES.items():
        found = find_idx(folder, name)
        paths.append(found or fetch(f"{name}.gz", MNIST_MIRRORS, archived, folder / "mnist"))
    train = read_idx_pair(paths[0], paths[1])
    test = read_idx_pair(paths[2], paths[3])
    for (name, (_, content)), path, array in zip(
        MNIST_FILES.items(), paths, train + test, strict=True
    ):
        if hashlib.sha256(array.byte().numpy().tobytes()).hexdigest() != content:
            raise ValueError(f"{path} is not the official {name}: remove it to fetch it again")
    return train, test


def load_mnist(folder: Path, size: int) -> Data:
    """MNIST (LeCun et al., 1998), resized; 50,000 / 10,000 train and validation images by seed."""
    train, test = (ImageSet(resize(x, size), y) for x, y in read_mnist(folder))
    return from_train_test("mnist", train, test, DIGITS)


def find_idx(folder: Path, name: str) -> Path | None:
    """An IDX file by its official name, plain or .gz, in the places where people keep it."""
    for place in (folder / "mnist", folder / "MNIST" / "raw", folder):
        for variant in (name, name.replace("-idx", ".idx")):
            for path in (place / variant, place / f"{variant}.gz"):
                if path.is_file():
                    return path
    return None

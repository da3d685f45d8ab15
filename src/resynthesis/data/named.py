"""Data sets by name. Each entry says what it is; `load` brings it, downloading where it must."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from . import lines
from .archives import read_idx_pair
from .download import fetch
from .images import resize
from .sets import Data, ImageSet, seeded, split


@dataclass(frozen=True)
class Named:
    """A registered data set. `load(folder, size)`: folder is where its files are or shall be."""

    summary: str
    images: str
    licence: str
    citation: str
    load: Callable[[Path, int], Data]
    download: str = "none"


def load_digits(folder: Path, size: int) -> Data:
    """scikit-learn's handwritten digits, 8x8 in 17 shades, resized; split by seed."""
    from sklearn.datasets import load_digits as bundled

    bunch = bundled()
    shades = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    pixels = (resize(shades, size) * 255).round().clamp(0, 255).byte()
    classes = tuple("0123456789")
    train, valid, test = split(ImageSet(pixels, torch.tensor(bunch.target)), classes=classes)
    return Data("digits", train, valid, test, classes)


def load_lines(folder: Path, size: int) -> Data:
    """The lines benchmark; it is defined at 32x32 only."""
    if size != 32:
        raise ValueError(f"the lines benchmark is defined at size 32, not {size}")
    return lines.load()


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


def load_mnist(folder: Path, size: int) -> Data:
    """MNIST (LeCun et al., 1998), resized; 50,000 / 10,000 train and validation images by seed."""
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
    return from_train_test("mnist", train, test, size, tuple("0123456789"))


def find_idx(folder: Path, name: str) -> Path | None:
    """An IDX file by its official name, plain or .gz, in the places where people keep it."""
    for place in (folder / "mnist", folder / "MNIST" / "raw", folder):
        for variant in (name, name.replace("-idx", ".idx")):
            for path in (place / variant, place / f"{variant}.gz"):
                if path.is_file():
                    return path
    return None


def from_train_test(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    size: int,
    classes: tuple[str, ...],
) -> Data:
    """A set with an official test part; a sixth of the rest, by seed, is for validation."""
    if len(train[0]) < 6 or len(test[0]) < 1:
        raise ValueError(
            f"{name} has {len(train[0])} training and {len(test[0])} test images: a sixth of the "
            "former is for validation, so at least 6 and 1 are needed"
        )
    images, labels = resize(train[0], size), train[1]
    order = torch.randperm(len(images), generator=seeded("split", 0))
    valid, rest = order[: len(order) // 6].sort().values, order[len(order) // 6 :].sort().values
    full = ImageSet(images, labels)
    tested = ImageSet(resize(test[0], size), test[1])
    return Data(name, full.subset(rest), full.subset(valid), tested, classes)


SETS: dict[str, Named] = {
    "digits": Named(
        summary="handwritten digits, 8x8, brought to the wanted size; bundled, no download",
        images="1,797 grey",
        licence="BSD-3-Clause (as bundled with scikit-learn); original: CC BY 4.0",
        citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
        load=load_digits,
    ),
    "lines": Named(
        summary="lines at any angle, drawn afresh at every step; for judging interpolations",
        images="endless grey",
        licence="made here",
        citation="Berthelot et al., Understanding and Improving Interpolation, ICLR 2019",
        load=load_lines,
    ),
    "mnist": Named(
        summary="handwritten digits, 28x28, brought to the wanted size; official test set",
        images="60,000 + 10,000 grey",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning, Proc. IEEE, 1998",
        load=load_mnist,
        download="11 MiB",
    ),
}

"""MNIST and the two sets in its format: four IDX files each, found or downloaded, and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .archives import read_idx_pair
from .download import fetch
from .images import Reading, resize
from .sets import DIGITS, Data, ImageSet, from_train_test


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A set of four IDX files.

    mirrors: addresses of folders with the files as .gz. homes: folders of a data folder that may
    have them. archived: file -> SHA-256 of its .gz. contents: file -> SHA-256 of what is in it;
    where it is not known, as many of each class have to be there as are in the official one.
    """

    name: str
    mirrors: tuple[str, ...]
    homes: tuple[str, ...]
    archived: Mapping[str, str]
    contents: Mapping[str, str]
    classes: tuple[str, ...] = DIGITS

    def find(self, folder: Path, name: str) -> Path | None:
        return find_idx(name, *(folder / home for home in self.homes))

    def is_here(self, folder: Path) -> bool:
        """Whether files of these names are in a data folder."""
        return all(self.find(folder, name) for name in self.archived)


MNIST = IdxSet(
    name="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    homes=("mnist", "MNIST/raw", "."),
    archived={
        "train-images-idx3-ubyte": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    contents={
        "train-images-idx3-ubyte": (
            "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
        ),
        "train-labels-idx1-ubyte": (
            "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"
        ),
        "t10k-images-idx3-ubyte": (
            "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"
        ),
        "t10k-labels-idx1-ubyte": (
            "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"
        ),
    },
)
# Checksums of the next two: as TensorFlow Datasets lists them. Their homes are their own only,
# because all these sets call their files alike.
KMNIST = IdxSet(
    name="kmnist",
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist",),
    homes=("kmnist", "KMNIST/raw"),
    archived={
        "train-images-idx3-ubyte": (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
        ),
        "train-labels-idx1-ubyte": (
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
        ),
        "t10k-images-idx3-ubyte": (
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
        ),
        "t10k-labels-idx1-ubyte": (
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
        ),
    },
    contents={},
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
)
FASHION_MNIST = IdxSet(
    name="fashion-mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    ),
    homes=("fashion-mnist", "FashionMNIST/raw"),
    archived={
        "train-images-idx3-ubyte": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
    contents={},
    classes=(
        "T-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
)
BALANCED = 6_000, 1_000  # images of each class in the two parts of the last two


def load_mnist(folder: Path, how: Reading) -> Data:
    """MNIST (LeCun et al., 1998), resized; 50,000 / 10,000 train and validation images by seed."""
    return _load(MNIST, read_mnist(folder), how)


def load_kmnist(folder: Path, how: Reading) -> Data:
    """Kuzushiji-MNIST (Clanuwat et al., 2018): cursive hiragana, divided as MNIST is."""
    return _load(KMNIST, read_idx_set(KMNIST, folder), how)


def load_fashion_mnist(folder: Path, how: Reading) -> Data:
    """Fashion-MNIST (Xiao et al., 2017), divided as MNIST is."""
    return _load(FASHION_MNIST, read_idx_set(FASHION_MNIST, folder), how)


Pairs = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


def read_mnist(folder: Path) -> Pairs:
    """MNIST as it is, as `read_idx_set` gives it."""
    return read_idx_set(MNIST, folder)


def read_idx_set(one: IdxSet, folder: Path) -> Pairs:
    """The 60,000 training and 10,000 test images as they are: (N, 1, 28, 28) uint8, (N,) int64.

    Raises ValueError where a file that was found is not the official one, and DownloadError.
    """
    paths = []
    packed = [f"{name}.gz" for name in one.archived]
    for name, checksum in one.archived.items():
        home = folder / one.homes[0]
        found = one.find(folder, name)
        paths.append(found or fetch(f"{name}.gz", one.mirrors, checksum, home, others=packed))
    train = read_idx_pair(paths[0], paths[1])
    test = read_idx_pair(paths[2], paths[3])
    for name, path, array in zip(one.archived, paths, train + test, strict=True):
        if name in one.contents and _sha256(array) != one.contents[name]:
            raise ValueError(f"{path} is not the official {name}: remove it to fetch it again")
    if not one.contents:
        for path, (_, labels), each in zip(paths[1::2], (train, test), BALANCED, strict=True):
            if labels.bincount().tolist() != [each] * len(one.classes):
                raise ValueError(
                    f"{path} is not the official one of {one.name}, which has {each:,} images of "
                    f"each of {len(one.classes)} classes: remove it to fetch it again"
                )
    return train, test


def find_idx(name: str, *folders: Path) -> Path | None:
    """An IDX file by its official name, plain or .gz, in the first of the folders that has it."""
    for place in folders:
        for variant in (name, name.replace("-idx", ".idx")):
            for path in (place / variant, place / f"{variant}.gz"):
                if path.is_file():
                    return path
    return None


def _load(one: IdxSet, pairs: Pairs, how: Reading) -> Data:
    train, test = (ImageSet(resize(x, how.size), y) for x, y in pairs)
    return from_train_test(one.name, train, test, one.classes)


def _sha256(array: Tensor) -> str:
    return hashlib.sha256(array.byte().numpy().tobytes()).hexdigest()

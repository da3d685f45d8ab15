"""One data set from its name or its path: which images, how many of them, in three parts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from .archives import read_idx_pair, read_npz
from .folder import read as read_folder
from .images import Reading, brought, check_size, resize
from .listed import is_listed, load_listed
from .mnist import find_idx
from .named import SETS
from .sets import Data, ImageSet, choose, from_train_test, hide_labels, split

DEFAULT_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which images, and how many of them."""

    data: str = "digits"
    """A set's name, a folder of images (flat, one subfolder per class, or with a table of
    attributes), an .npz, a folder with IDX files, or the folder of the official MNIST-M."""
    data_dir: Path | None = None
    """Where named sets are kept; RESYNTH_DATA, else a cache folder in the home directory."""
    size: int = DEFAULT_SIZE
    """Height and width that images are brought to: 16, 28, 32, 64 or 128."""
    classes: tuple[str, ...] = ()
    """Only these classes, by name; all of them where none is given."""
    train_size: int | None = None
    """Train on so many of the training images, chosen by seed."""
    labels: int | None = None
    """Keep so many training labels, chosen by seed, as many of each class; hide the others."""
    strict: bool = False
    """Refuse a folder with a broken file instead of leaving the file out."""
    memory: float = 2.0
    """Folders whose pixels take more than so many GiB are streamed from disk."""

    @property
    def how(self) -> Reading:
        """How its images are read."""
        return Reading(size=self.size, strict=self.strict, memory=self.memory)


def data_dir(told: Path | None) -> Path:
    """Where named sets are kept: where one is told, or RESYNTH_DATA says, or in a cache."""
    return full(told or os.environ.get("RESYNTH_DATA") or "~/.cache/resynthesis")


def full(path: str | Path) -> Path:
    """A path with a leading ~ as somebody's home; a ~ that is nobody's stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def load_one(config: DataConfig, *, seed: int = 0, by_class: bool = True) -> Data:
    """The set that `config` names, in three parts. `seed` chooses subsets, not the parts.

    by_class: whether labels may have a say in which images of a folder are in which part.

    Raises ValueError or OSError with one sentence where there is no such set or it is broken.
    """
    data = _load_whole(config, by_class)
    train = data.train
    if config.train_size is not None:
        train = choose(train, config.train_size, seed=seed, name=data.name)
    if config.labels is not None:
        train = hide_labels(train, config.labels, classes=len(data.classes), seed=seed)
    return data.with_train(train)


def _load_whole(config: DataConfig, by_class: bool) -> Data:
    check_size(config.size)
    if config.data in SETS:
        folder = data_dir(config.data_dir)
        return _choose(SETS[config.data].load(folder, config.how), config.classes)
    path = full(config.data)
    if not path.exists():
        raise ValueError(
            f"there is no data set and no path '{config.data}' (sets: {', '.join(SETS)})"
        )
    name = path.resolve().name
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    if path.is_file():
        if path.suffix != ".npz":
            raise ValueError(f"{path} is no .npz archive: give a folder, an .npz, or a set's name")
        images, classes, attributes, notes = read_archive(path, config.size)
    elif found := _idx_pairs(path):
        pairs = [read_idx_pair(*pair) for pair in found]
        notes = brought(name, tuple(pairs[0][0].shape[2:]), config.size)
        resized = [ImageSet(resize(x, config.size), y) for x, y in pairs]
        if len(pairs) == 2:
            classes = _number_classes(torch.cat([y for _, y in pairs]))
            whole = from_train_test(name, resized[0], resized[1], classes)
            return _choose(replace(whole, notes=notes), config.classes)
        images = resized[0]
    elif is_listed(path):
        return _choose(load_listed(path, config.how), config.classes)
    else:
        images, classes, attributes, notes = read_folder(path, config.how)
    if images.labels is not None and not classes and not attributes:
        images, classes = _dense(images)
    if config.classes:  # before splitting: a class too small to split can be left out
        images = keep_classes(images, classes, config.classes, name)
        classes = config.classes
    train_part, valid, test_part = split(images, classes=classes, by_class=by_class, name=name)
    return Data(name, train_part, valid, test_part, classes, notes, attributes)


def read_archive(
    path: Path, size: int
) -> tuple[ImageSet, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The images of an .npz in its order, names of classes and attributes, and notes."""
    pixels, labels, attributes = read_npz(path)
    images = ImageSet(resize(pixels, size), labels)
    classes: tuple[str, ...] = ()
    if labels is not None and not attributes:
        images, classes = _dense(images)
    return images, classes, attributes, brought(path.resolve().name, tuple(pixels.shape[2:]), size)


def _choose(data: Data, wanted: tuple[str, ...]) -> Data:
    """The set with some of its classes only, or as it is where none are named."""
    if not wanted:
        return data
    kept = data.each(lambda part: keep_classes(part, data.classes, wanted, data.name))
    return replace(kept, classes=wanted)


def keep_classes(
    images: ImageSet, classes: tuple[str, ...], wanted: tuple[str, ...], name: str
) -> ImageSet:
    """Only the images of some classes, relabelled 0, 1, ... in the order wanted.

    Raises ValueError where a class is unknown or given twice, or where there are none.
    """
    if images.labels is None or not classes:
        instead = ", but attributes" if images.labels is not None and images.labels.ndim > 1 else ""
        raise ValueError(f"the data set '{name}' has no classes to choose from{instead}")
    if unknown := [c for c in wanted if c not in classes]:
        raise ValueError(f"unknown class '{unknown[0]}': {name} has {', '.join(classes)}")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"a class is given twice: {', '.join(wanted)}")
    place = torch.full((len(classes) + 1,), -1)  # its last one is that of unknown labels, -1
    place[[classes.index(c) for c in wanted]] = torch.arange(len(wanted))
    labels = place[images.labels]
    kept = (labels >= 0).nonzero().flatten()
    return images.subset(kept).with_labels(labels[kept])


def _dense(images: ImageSet) -> tuple[ImageSet, tuple[str, ...]]:
    """Any integer labels as 0, 1, ..., their old values as class names; under 0 is unknown."""
    if images.labels is None or bool((images.labels < 0).all()):
        return images.with_labels(None), ()
    known = images.labels >= 0
    values, dense = images.labels[known].unique(return_inverse=True)
    labels = torch.full_like(images.labels, -1)
    labels[known] = dense
    return images.with_labels(labels), tuple(str(int(v)) for v in values)


def _number_classes(labels: torch.Tensor) -> tuple[str, ...]:
    return tuple(str(i) for i in range(int(labels.max()) + 1))


def _idx_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """(images, labels) files of the training and, where there is one, the test part."""
    pairs = []
    for part in ("train", "t10k", "test"):
        images, labels = (
            find_idx(f"{part}-{kind}-ubyte", folder / "mnist", folder / "MNIST" / "raw", folder)
            for kind in ("images-idx3", "labels-idx1")
        )
        if images and not labels:
            raise ValueError(f"{images} has no label file beside it")
        if images and labels:
            pairs.append((images, labels))
    return pairs

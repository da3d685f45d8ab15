"""Two domains: labelled source images and unlabelled target images, drawn apart and never paired.

The target's labels do not get past this file into training: a pair of domains draws its batches
from a target that has none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from .folder import Folder
from .images import to_uint8
from .lines import Lines
from .named import SETS
from .one import DataConfig, full, load_one
from .sets import WHOLE, Data, ImageSet, choose
from .sprites import Sprites

SAME = "source and target are the same images: give two domains"


@dataclass(frozen=True, kw_only=True)
class DomainsConfig:
    """Which two domains, and how many of their images."""

    source: str = "digits"
    """The domain with labels: a set's name or a path, as for --data elsewhere."""
    target: str = "digits-m"
    """The domain to reach; where it has labels, training never sees them."""
    data_dir: Path | None = None
    """Where named sets are kept; RESYNTH_DATA, else a cache folder in the home directory."""
    size: int = 28
    """Height and width that images are brought to: 16, 28, 32, 64 or 128."""
    classes: tuple[str, ...] = ()
    """Only these classes of the source, by name; all of them where none is given."""
    train_size: int | None = None
    """Train on so many of the training images of each domain, chosen by seed."""
    strict: bool = False
    """Refuse a folder with a broken file instead of leaving the file out."""
    memory: float = 2.0
    """Folders whose pixels take more than so many GiB are streamed from disk."""

    def one(self, data: str) -> DataConfig:
        """One of the domains as a set of its own, with all of its training images."""
        return DataConfig(
            data=data,
            data_dir=self.data_dir,
            size=self.size,
            strict=self.strict,
            memory=self.memory,
        )


class Pair(ImageSet):
    """A part of both domains. It is as long as the source, and has the source's labels."""

    def __init__(self, source: ImageSet, target: ImageSet):
        super().__init__(torch.empty(len(source), *source.shape, device="meta"), source.labels)
        self.source, self.target = source, target.with_labels(None)

    def batch(
        self, step: int, size: int, seed: int, part: slice = WHOLE
    ) -> tuple[Tensor, Tensor | None]:
        """x (2, size, C, H, W), source and target, and labels (size,) of the source.

        Each domain has an order of its own: sets that were made from the same digits would
        otherwise show a digit and its translation side by side.
        """
        x_s, y = self.source.batch(step, size, seed, part)
        x_t, _ = self.target.batch(step, size, -1 - seed, part)
        return torch.stack([x_s, x_t]), y

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        raise TypeError("a pair of domains gives batches only: take images from one of them")

    def with_labels(self, labels: Tensor | None) -> Pair:
        """The same images, the source with other labels, or with none."""
        return Pair(self.source.with_labels(labels), self.target)

    @property
    def bad(self) -> dict[tuple[str, int], str]:
        """Messages about files of streamed folders that turned out to be broken."""
        parts = (("source", self.source), ("target", self.target))
        return {(name, i): b for name, p in parts for i, b in getattr(p, "bad", {}).items()}

    def to(self, device: torch.device) -> Pair:
        self.source.to(device)
        self.target.to(device)
        return self

    def update(self, digest: hashlib._Hash) -> None:
        self.source.update(digest)
        self.target.update(digest)


@dataclass(frozen=True, kw_only=True)
class Domains(Data):
    """Two domains in three parts, each a Pair; and each of them as a set of its own.

    `target` keeps labels, in terms of the source's classes, for measuring the result.
    """

    source: Data
    target: Data


def load_domains(config: DomainsConfig, *, seed: int = 0) -> Domains:
    """Both domains, brought to one size and one number of channels.

    Raises ValueError where the source has no labels, or where both are the same data.
    """
    if _place(config.source) == _place(config.target):
        raise ValueError(SAME)
    source = load_one(replace(config.one(config.source), classes=config.classes))
    target = load_one(config.one(config.target), by_class=False)
    return join(source, target, config.train_size, seed=seed)


def _place(data: str) -> Path | str:
    return data if data in SETS else full(data).resolve()


def join(source: Data, target: Data, train_size: int | None = None, *, seed: int = 0) -> Domains:
    """Two sets as a pair of domains, with so many training images each, chosen by seed.

    Raises ValueError as `load_domains` does.
    """
    _check_labels(source, target)
    if source.name == target.name:
        source = replace(source, name=f"{source.name} (source)")
        target = replace(target, name=f"{target.name} (target)")
    channels = max(source.shape[0], target.shape[0])
    source, target = _as_colour(source, channels), _as_colour(target, channels)
    if _are_the_same(source, target):
        raise ValueError(SAME)
    source = _labelled(source)
    if train_size is not None:  # chosen apart, for the reason that batches are
        source = _chosen(source, train_size, seed)
        target = _chosen(target, train_size, -1 - seed)
    target = _judged(target, source.classes)
    pairs = [Pair(s, t) for s, t in zip(source.parts.values(), target.parts.values(), strict=True)]
    return Domains(
        name=f"{source.name} to {target.name}",
        train=pairs[0],
        valid=pairs[1],
        test=pairs[2],
        classes=source.classes,
        notes=(*source.notes, *target.notes),
        source=source,
        target=target,
    )


def _check_labels(source: Data, target: Data) -> None:
    """Raises ValueError where there is nothing to learn from the source."""
    if source.train.labels is not None and len(source.classes) > 1:
        return
    instead = "attributes instead" if source.attributes else "none"
    if source.train.labels is not None and len(source.classes) == 1:
        instead = f"the class {source.classes[0]} alone"
    turned = not source.classes and len(target.classes) > 1
    raise ValueError(
        f"the source needs labels of two or more classes, and {source.name} has {instead}"
        + (f"; {target.name} has them: turn the two round" * turned)
    )


def _as_colour(data: Data, channels: int) -> Data:
    """A domain with the channels of the other one, and a note where it had fewer."""
    if data.shape[0] == channels:
        return data
    note = f"the grey images of {data.name} are read as colour, like the others"
    return in_channels(data, channels).noting(note)


def _labelled(source: Data) -> Data:
    """The source with those of its training images that have a label."""
    known = source.train.known()
    if hidden := len(source.train) - len(known):
        note = f"{hidden:,} training images of {source.name} have no label: left out"
        source = source.noting(note)
    return source.with_train(known)


def _chosen(data: Data, count: int, seed: int) -> Data:
    return data.with_train(choose(data.train, count, seed=seed, name=data.name))


def _judged(target: Data, classes: tuple[str, ...]) -> Data:
    """The target with labels that judge the result, as places in the source's classes.

    Notes say what they are used for, and which of them are not.
    """
    if target.attributes:
        note = f"the attributes of the target {target.name} say nothing about classes: ignored"
        bare = target.each(lambda part: part.with_labels(None))
        return replace(bare, attributes=()).noting(note)
    if target.train.labels is None:
        return target
    target, strange = _in_classes(target, classes)
    target = target.noting(
        f"the labels of the target {target.name} train nothing and choose nothing; the final "
        "figures, their upper bound and a curve of accuracy, which is only drawn, are all that "
        "looks at them"
    )
    if strange:
        target = target.noting(
            f"the source has no class {_few(strange)}: such target images have no part in "
            "accuracies; they train, and count in distances, like the others"
        )
    if missing := _without_image(target):
        target = target.noting(
            f"{target.name} has no training image of class {_few(missing)}: translations of such "
            "images have no part in translation_accuracy"
        )
    return target


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + ("..." if len(names) > 5 else "")


def _without_image(data: Data) -> list[str]:
    """The classes that no training image is known to have."""
    labels = data.train.labels
    there = set() if labels is None else set(labels.unique().tolist())
    return [name for c, name in enumerate(data.classes) if there and c not in there]


def _are_the_same(source: Data, target: Data) -> bool:
    """Whether the other domain has most images of the smaller one. Streamed ones are not read."""
    few, many = sorted((_images(source), _images(target)), key=len)
    return len(few & many) > len(few) / 2


def _images(data: Data) -> set[int]:
    """A number for every different image that is in memory."""
    parts = [p.images for p in data.parts.values() if p.images.device.type != "meta"]
    pixels = (p if p.dtype == torch.uint8 else to_uint8(p) for p in parts)
    return {hash(image.tobytes()) for part in pixels for image in part.numpy()}


def in_channels(data: Data, channels: int) -> Data:
    """The same images with so many channels; grey becomes colour of three equal channels.

    Raises ValueError where that cannot be.
    """
    if data.shape[0] == channels:
        return data
    if isinstance(data.train, Lines):
        raise ValueError(f"{data.name} is drawn afresh at every step, in grey only")
    return data.each(lambda part: widened(part, channels, data.name))


def widened(images: ImageSet, channels: int, name: str) -> ImageSet:
    """As `in_channels`, one part. Raises ValueError where pixels in colour are to be grey."""
    if isinstance(images, Folder | Sprites):
        return images.in_channels(channels)
    if images.shape[0] > channels:
        raise ValueError(f"{name} is in colour, and the nets of this run see grey images only")
    return ImageSet(images.images.expand(-1, channels, -1, -1), images.labels)  # no copy


def _in_classes(data: Data, classes: tuple[str, ...]) -> tuple[Data, list[str]]:
    """The target's labels as places in the source's classes, -1 for others; and those others."""
    place = torch.tensor([classes.index(c) if c in classes else -1 for c in data.classes] + [-1])
    named = bool(data.classes)  # which labels that are a table have not
    known = data.each(
        lambda p: p.with_labels(place[p.labels] if named and p.labels is not None else None)
    )
    strange = [c for c in data.classes if c not in classes]
    return replace(known, classes=classes), strange

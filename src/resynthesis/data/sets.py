"""What a data set is: images with or without labels, in three parts, drawn by seed and step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

import torch
from torch import Tensor

WHOLE = slice(None)
Part = Literal["all", "train", "valid", "test"]
DIGITS = tuple("0123456789")  # class names
Kind = Literal["classes", "attributes", "lines", "sprites", "none"]  # of a set, by its labels


def seeded(*key: object) -> torch.Generator:
    """A generator that depends on the key alone: the same on every machine, in every session."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@lru_cache(maxsize=4)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    """(n,), in 32 bits: the same numbers in half the memory."""
    return torch.randperm(n, generator=seeded("epoch", n, seed, epoch), dtype=torch.int32)


def shuffled(n: int, start: int, count: int, seed: int) -> Tensor:
    """Places start, ..., start + count - 1 of an endless row of permutations of 0, ..., n - 1."""
    places = torch.arange(start, start + count)
    if not count:
        return places
    epochs = places // n
    return torch.cat(
        [_permutation(n, seed, int(e))[places[epochs == e] % n] for e in epochs.unique()]
    ).long()


def to_float(images: Tensor) -> Tensor:
    """uint8 images to float32 in [-1, 1]; float images pass."""
    return images.float().div_(127.5).sub_(1) if images.dtype == torch.uint8 else images.float()


class ImageSet:
    """Images that live in memory, on one device, as uint8 (or as float32 in [-1, 1]).

    images: (N, C, H, W). labels: None, or int64, -1 where one is hidden: (N,) classes, or a
    table (N, a) of attributes (0 or 1) or of the factors that made the images.
    """

    def __init__(self, images: Tensor, labels: Tensor | None = None):
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"{len(images)} images but {len(labels)} labels")
        self.images, self.labels = images, labels
        self.device = torch.device("cpu")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        c, h, w = self.images.shape[1:]
        return c, h, w

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        """Images (n, C, H, W), float32 in [-1, 1], and their labels or None, by index (n,)."""
        index = index.to(self.images.device)
        labels = None if self.labels is None else self.labels[index]
        return to_float(self.images[index]), labels

    def broken(self, index: Tensor) -> Tensor:
        """Which of these images (n,) turned out to be broken, so that others stand in for them."""
        return torch.zeros(len(index), dtype=torch.bool)

    def batch(
        self, step: int, size: int, seed: int, part: slice = WHOLE
    ) -> tuple[Tensor, Tensor | None]:
        """Training batch number `step`: every image once in each pass, in an order by seed.

        Where labels are hidden, a quarter of the batch comes from the labelled images. `part`
        takes some of the batch only.
        """
        return self.take(self.indices(step, size, seed)[part])

    def indices(self, step: int, size: int, seed: int) -> Tensor:
        """Which images (size,) are in training batch number `step`."""
        known = self.labelled
        if known is None:
            return shuffled(len(self), step * size, size, seed)
        few = self.labelled_in(size)
        many = size - few
        chosen = known[shuffled(len(known), step * few, few, seed + 1)]
        return torch.cat([chosen, shuffled(len(self), step * many, many, seed)])

    def labelled_in(self, size: int) -> int:
        """How many of a batch come from the labelled images, where some labels are hidden."""
        return min(max(1, size // 4), size - 1)

    @cached_property
    def labelled(self) -> Tensor | None:
        """Indices of the labelled images where some labels are hidden, else None."""
        known = self._is_known()
        if bool(known.all() | ~known.any()):
            return None
        return known.nonzero().flatten().cpu()

    @property
    def has_labels(self) -> bool:
        """Whether the class of any image is known."""
        return bool(self._is_known().any())

    @property
    def labels_differ(self) -> bool:
        """Whether any two images differ in what is known of them."""
        labels = self.known().labels if self.has_labels else None
        return labels is not None and len(labels.unique(dim=0)) > 1

    def known(self) -> ImageSet:
        """The images whose labels are known."""
        known = self._is_known()
        return self if bool(known.all()) else self.subset(known.nonzero().flatten().cpu())

    def _is_known(self) -> Tensor:
        """(N,): whether nothing about an image is hidden."""
        if self.labels is None:
            return torch.zeros(len(self), dtype=torch.bool)
        return (self.labels >= 0).flatten(1).all(1) if self.labels.ndim > 1 else self.labels >= 0

    def subset(self, index: Tensor) -> ImageSet:
        """The images at `index` (n,), in this order."""
        labels = None if self.labels is None else self.labels[index]
        return ImageSet(self.images[index], labels)

    def with_labels(self, labels: Tensor | None) -> ImageSet:
        """The same images with other labels, or with none."""
        return ImageSet(self.images, labels)

    def to(self, device: torch.device) -> ImageSet:
        """Moves the pixels to a device; batches are then made there."""
        self.device = device
        if self.images.device.type != "meta":
            self.images = self.images.to(device)
        if self.labels is not None:
            self.labels = self.labels.to(device)
        return self

    def update(self, digest: hashlib._Hash) -> None:
        """Feeds everything that tells this set from another into a hash."""
        digest.update(repr(tuple(self.images.shape)).encode())
        if self.images.device.type != "meta":
            digest.update(self.images.cpu().contiguous().numpy().tobytes())
        if self.labels is not None:
            digest.update(self.labels.cpu().numpy().tobytes())


@dataclass(frozen=True)
class Data:
    """A data set in three parts, whose labels are classes, or a table, or not there.

    classes: names of the labels 0, 1, ... attributes: names of the columns of a table.
    """

    name: str
    train: ImageSet
    valid: ImageSet
    test: ImageSet
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, ImageSet]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def each(self, change: Callable[[ImageSet], ImageSet]) -> Data:
        """The same set with its parts changed."""
        train, valid, test = map(change, self.parts.values())
        return replace(self, train=train, valid=valid, test=test)

    def chosen(self, part: Part) -> dict[str, ImageSet]:
        """One of the parts by its name, or all of them."""
        return self.parts if part == "all" else {part: self.parts[part]}

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.train.shape

    @property
    def has_attributes(self) -> bool:
        """Whether labels are a table of what images have or have not: of 0, 1 and -1 alone."""
        labels = self.train.labels
        return labels is not None and labels.ndim > 1 and int(labels.max()) <= 1

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of pixels and labels of all parts (of names and sizes for streamed folders)."""
        digest = hashlib.sha256()
        for part in self.parts.values():
            part.update(digest)
        return digest.hexdigest()

    def with_train(self, train: ImageSet) -> Data:
        return replace(self, train=train)

    def noting(self, note: str) -> Data:
        """The same set with one more note for its user."""
        return replace(self, notes=(*self.notes, note))


def split(
    images: ImageSet,
    *,
    seed: int = 0,
    classes: tuple[str, ...] = (),
    by_class: bool = True,
    name: str = "the set",
) -> tuple[ImageSet, ...]:
    """Train, validation and test parts of 80, 10 and 10 %, by seed, class by class if `by_class`.

    Raises ValueError where a class (or the whole set, by its `name`) has fewer than 3 images.
    """
    n, generator = len(images), seeded("split", seed)
    labels = images.labels if classes and by_class else None
    part = torch.zeros(n, dtype=torch.uint8)  # of training too what is of unknown class
    for c in range(1 if labels is None else len(classes)):
        group = torch.arange(n) if labels is None else (labels == c).nonzero().flatten()
        if len(group) < 3:
            several = labels is not None and len(classes) > 1
            where = f"class '{classes[c]}' of {name} has" if several else f"{name} has"
            raise ValueError(
                f"{where} {len(group)} image{'s' * (len(group) != 1)}, and training, validation "
                "and test need one each: add images" + (" or leave the class out" * several)
            )
        group = group[torch.randperm(len(group), generator=generator)]
        few = max(1, round(len(group) / 10))
        part[group[-2 * few : -few]], part[group[-few:]] = 1, 2
    return tuple(images.subset((part == p).nonzero().flatten()) for p in range(3))


def from_train_test(
    name: str,
    train: ImageSet,
    test: ImageSet,
    classes: tuple[str, ...],
    *,
    one_in: int = 6,
    attributes: tuple[str, ...] = (),
) -> Data:
    """A set with an official test part; one in so many of the rest, by seed, is for validation.

    Raises ValueError where there are too few images for that.
    """
    if len(train) < one_in or len(test) < 1:
        raise ValueError(
            f"{name} has {len(train)} training and {len(test)} test images: one in {one_in} of "
            f"the former is for validation, so at least {one_in} and 1 are needed"
        )
    order = torch.randperm(len(train), generator=seeded("split", 0))
    held_out = torch.zeros(len(train), dtype=torch.bool)
    held_out[order[: len(train) // one_in]] = True
    rest, valid = (train.subset(part.nonzero().flatten()) for part in (~held_out, held_out))
    return Data(name, rest, valid, test, classes, attributes=attributes)


def choose(images: ImageSet, count: int, *, seed: int, name: str = "the set") -> ImageSet:
    """`count` of the images, chosen by seed."""
    if not 1 <= count <= len(images):
        raise ValueError(f"{name} has {len(images)} training images: cannot choose {count}")
    picked = torch.randperm(len(images), generator=seeded("subset", seed))[:count]
    return images.subset(picked.sort().values)


def hide_labels(images: ImageSet, keep: int, *, classes: int, seed: int) -> ImageSet:
    """All images, but only `keep` labels, the same number from every class; the rest become -1."""
    if images.labels is None or images.labels.ndim > 1:
        raise ValueError("this data set has no classes, of which some labels could be kept")
    labels = images.labels.cpu()
    known = int((labels >= 0).sum())
    if not classes <= keep <= known:
        raise ValueError(f"the number of labels must be from {classes} (one a class) to {known}")
    order = torch.randperm(len(images), generator=seeded("labels", seed))
    order = order[labels[order] >= 0]
    rank = torch.empty(len(images), dtype=torch.long)  # place of an image within its own class
    for c in range(classes):
        members = order[labels[order] == c]
        rank[members] = torch.arange(len(members))
    chosen = order[torch.argsort(rank[order], stable=True)][:keep]
    hidden = torch.full_like(labels, -1)
    hidden[chosen] = labels[chosen]
    return images.with_labels(hidden)

"""A folder of images, flat or one subfolder per class: in memory where it fits, else streamed."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from .attributes import find_table, read_table
from .images import SUFFIXES, BadImage, Reading, brought, decode, is_colour, shape_of
from .names import Names
from .sets import WHOLE, ImageSet, to_float
from .unpack import is_image

WORKERS = 4
AHEAD = 8  # batches that are decoded before they are asked for
CHUNK = 64  # files that a worker opens in a row, where they are all opened once

Found = TypeVar("Found")


class Folder(ImageSet):
    """Images that are decoded when they are asked for, a few batches ahead, by threads.

    names: of files below `root`. index: which of them these images are, (N,), all where not told;
    parts of a folder share the names. Labels stay in the computer's own memory.

    A file that turns out to be broken is replaced by the next good one and its label; `bad`
    collects their messages. With `strict` it raises BadImage instead.
    """

    def __init__(
        self,
        root: Path,
        names: Names,
        labels: Tensor | None,
        size: int,
        channels: int,
        *,
        index: Tensor | None = None,
        strict: bool = False,
        bad: dict[int, str] | None = None,
    ):
        index = torch.arange(len(names)) if index is None else index
        super().__init__(torch.empty(len(index), channels, size, size, device="meta"), labels)
        self.root, self.names, self.index = root, names, index.int()
        self.size, self.channels, self.strict = size, channels, strict
        self.bad: dict[int, str] = {} if bad is None else bad
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[tuple[object, ...], Future[tuple[Tensor, Tensor | None]]] = {}

    def path(self, i: int) -> str:
        """The file of an image."""
        return os.path.join(self.root, self.names[int(self.index[i])])

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        return self._ready(*self._read(index))

    def broken(self, index: Tensor) -> Tensor:
        return torch.tensor([i in self.bad for i in index.tolist()], dtype=torch.bool)

    def batch(
        self, step: int, size: int, seed: int, part: slice = WHOLE
    ) -> tuple[Tensor, Tensor | None]:
        self._pool = self._pool or ThreadPoolExecutor(WORKERS, "decode")
        wanted = {(s, size, seed, str(part)): s for s in range(step, step + AHEAD)}
        self._ahead = {k: f for k, f in self._ahead.items() if k in wanted}
        for key, s in wanted.items():
            if key not in self._ahead:
                index = self.indices(s, size, seed)[part]
                self._ahead[key] = self._pool.submit(self._read, index)
        return self._ready(*self._ahead.pop(next(iter(wanted))).result())

    def _ready(self, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return to_float(x.to(self.device)), y if y is None else y.to(self.device)

    def _read(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        read = [self._read_one(i) for i in index.tolist()]
        kept = torch.tensor([i for i, _ in read])
        pixels = torch.from_numpy(np.stack([image for _, image in read]))
        return pixels, None if self.labels is None else self.labels[kept]

    def _read_one(self, i: int) -> tuple[int, np.ndarray]:
        for j in chain(range(i, len(self)), range(i)):
            if j in self.bad:
                continue
            try:
                return j, decode(self.path(j), self.size, self.channels)
            except BadImage as error:
                if self.strict:
                    raise
                self.bad[j] = str(error)
        raise BadImage("none of the images can be read")

    def subset(self, index: Tensor) -> Folder:
        labels = None if self.labels is None else self.labels[index]
        return self._like(labels, self.channels, self.index[index], {})

    def with_labels(self, labels: Tensor | None) -> Folder:
        return self._like(labels, self.channels, self.index, self.bad)

    def in_channels(self, channels: int) -> Folder:
        """The same images, read with 1 or 3 channels."""
        return self._like(self.labels, channels, self.index, self.bad)

    def _like(
        self, labels: Tensor | None, channels: int, index: Tensor, bad: dict[int, str]
    ) -> Folder:
        return Folder(
            self.root,
            self.names,
            labels,
            self.size,
            channels,
            index=index,
            strict=self.strict,
            bad=bad,
        )

    def to(self, device: torch.device) -> Folder:
        """Batches are brought to the device; labels stay where the workers read them."""
        self.device = device
        return self

    def update(self, digest: hashlib._Hash) -> None:
        for i in range(len(self)):
            path = self.path(i)
            line = f"{os.path.basename(path)} {os.stat(path).st_size}\n"
            digest.update(line.encode(errors="surrogateescape"))
        if self.labels is not None:
            digest.update(self.labels.numpy().tobytes())

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the workers, so that a copy has its own."""
        return {**self.__dict__, "_pool": None, "_ahead": {}}


def find(folder: Path) -> tuple[Names, Tensor | None, tuple[str, ...]]:
    """Names of images, sorted; their labels (N,), or None where the folder is flat; the classes.

    Hidden files are no images: other systems leave such beside the real ones. Raises ValueError
    where images are beside subfolders of images.
    """
    names = images_in(folder)
    return names, *by_subfolder(folder, names)


def images_in(folder: Path) -> Names:
    """Names of all images in a folder and its subfolders, sorted."""
    return Names(_walk(folder))


def by_subfolder(folder: Path, names: Names) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels and classes as `find` gives them, and its error."""
    counts = Counter(name.partition("/")[0] if "/" in name else "" for name in names)
    if "" in counts and len(counts) > 1:
        raise ValueError(
            f"{folder} has images beside subfolders with images: put every image into the "
            "subfolder of its class, or none"
        )
    # A single subfolder says nothing about classes.
    if len(counts) < 2:
        return None, ()
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor([*counts.values()]))
    return labels, tuple(counts)


def _walk(folder: Path, below: str = "") -> Iterator[str]:
    """The images in a folder and in its subfolders, all of them in order.

    A class may be a link to a folder; further down, links to folders are not followed, and
    folders that may not be read are passed over.
    """
    try:
        entries = os.scandir(folder / below)
    except PermissionError:
        if below:
            return
        raise
    found, folders = [], set()
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=not below):
                folders.add(entry.name)
            elif not is_image(entry.name) or not (below or entry.is_file()):
                continue
            if not entry.name.startswith("."):
                found.append(entry.name)
    found.sort()
    for name in found:
        if name in folders:
            yield from _walk(folder, f"{below}{name}/")
        else:
            yield below + name


def read(
    folder: Path, how: Reading
) -> tuple[ImageSet, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """A folder's images, the names of classes or attributes, and notes about skipped files.

    A table in the folder or beside it has the say over subfolders. Sets whose pixels take more
    than `how.memory` GiB are streamed. Raises ValueError where there is no image, where a table
    does not fit, and with `how.strict` for the first broken file.
    """
    names = images_in(folder)
    if not len(names):
        raise ValueError(f"{folder} has no images (looked for {', '.join(sorted(SUFFIXES))})")
    labels: Tensor | None
    attributes: tuple[str, ...] = ()
    if place := find_table(folder, names):
        table = read_table(place)
        labels = table.labels_of(folder, names)
        classes, attributes = table.classes, table.attributes
    else:
        labels, classes = by_subfolder(folder, names)
    images, errors = gather(folder, names, labels, how)
    said = (*example(folder, names, how.size), *notes(errors))
    return images, classes, attributes, said


def example(folder: Path, names: Names, size: int) -> tuple[str, ...]:
    """What to tell of the size of the first image that can be read, where it is another one."""
    for name in names:
        with suppress(BadImage):
            return brought(folder.resolve().name, shape_of(folder / name), size, name)
    return ()


def gather_parts(
    folder: Path, parts: Sequence[tuple[Names, Tensor]], how: Reading
) -> tuple[list[ImageSet], list[str]]:
    """The parts of a set in colour, each of names and labels, and messages, as `gather` gives.

    `how.memory` holds for all parts together.
    """
    total = max(1, sum(len(names) for names, _ in parts))
    sets, errors = [], []
    for names, labels in parts:
        share = replace(how, memory=how.memory * len(names) / total)
        images, broken = gather(folder, names, labels, share, channels=3)
        sets.append(images)
        errors += broken
    return sets, errors


def gather(
    folder: Path,
    names: Names,
    labels: Tensor | None,
    how: Reading,
    *,
    channels: int | None = None,
) -> tuple[ImageSet, list[str]]:
    """The images of these names in `folder`, and a message for each file that was skipped.

    labels: (N,), or a table (N, a). channels: 3 or 1, or None for what the files' headers say.
    Images whose pixels take more than `how.memory` GiB are streamed. Raises ValueError as `read`
    does.
    """
    errors: list[str] = []
    good = np.ones(len(names), bool)
    if channels is None:
        colour = False
        paths = (os.path.join(folder, name) for name in names)
        for i, found in enumerate(_in_threads(is_colour, paths)):
            if isinstance(found, BadImage):
                errors.append(note(found, how.strict))
                good[i] = False
            else:
                colour = colour or found
        channels = 3 if colour else 1
    index = good.nonzero()[0]
    if len(index) * channels * how.size**2 > how.memory * 2**30:
        places = torch.from_numpy(index)
        kept = None if labels is None else labels[places]
        streamed = Folder(folder, names, kept, how.size, channels, index=places, strict=how.strict)
        return streamed, errors

    pixels = np.empty((len(names), channels, how.size, how.size), np.uint8)
    paths = (os.path.join(folder, names[int(i)]) for i in index)
    read_one = partial(decode, size=how.size, channels=channels)
    for place, image in zip(index, _in_threads(read_one, paths), strict=True):
        if isinstance(image, BadImage):
            errors.append(note(image, how.strict))
            good[place] = False
        else:
            pixels[place] = image
    if not good.any():
        raise ValueError(f"none of the {len(names)} images in {folder} can be read")
    if not good.all():
        pixels = pixels[good]
    return ImageSet(torch.from_numpy(pixels), None if labels is None else labels[good]), errors


def _in_threads(work: Callable[[str], Found], paths: Iterable[str]) -> Iterator[Found | BadImage]:
    """What `work` makes of each file, in order, a few chunks ahead of what is asked for."""

    def through(chunk: list[str]) -> list[Found | BadImage]:
        return [_try(work, path) for path in chunk]

    paths = iter(paths)
    ahead: deque[Future[list[Found | BadImage]]] = deque()
    with ThreadPoolExecutor(WORKERS, "read") as pool:
        while chunk := list(islice(paths, CHUNK)):
            ahead.append(pool.submit(through, chunk))
            if len(ahead) == AHEAD:
                yield from ahead.popleft().result()
        for chunks in ahead:
            yield from chunks.result()


def _try(work: Callable[[str], Found], path: str) -> Found | BadImage:
    try:
        return work(path)
    except BadImage as error:
        return error


def note(error: ValueError, strict: bool) -> str:
    """What is wrong with a file; with `strict` it is raised, with advice."""
    if strict:
        raise ValueError(f"{error}: mend or remove it, or leave out --strict to skip it") from error
    return str(error)


def notes(errors: Sequence[str]) -> tuple[str, ...]:
    """What to tell the user about the files that were skipped: nothing, or one sentence."""
    if not errors:
        return ()
    more = f", and {len(errors) - 3} more" if len(errors) > 3 else ""
    return (f"skipped {len(errors)} of the files: {'; '.join(errors[:3])}{more}",)

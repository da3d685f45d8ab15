"""A folder of images, flat or one subfolder per class: in memory where it fits, else streamed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .attributes import find_table, read_table
from .images import SUFFIXES, BadImage, Reading, decode, is_colour
from .sets import WHOLE, ImageSet, to_float
from .unpack import is_image

WORKERS = 4
AHEAD = 8  # batches that are decoded before they are asked for


class Folder(ImageSet):
    """Images that are decoded when they are asked for, a few batches ahead, by threads.

    A file that turns out to be broken is replaced by the next good one and its label; `bad`
    collects their messages. With `strict` it raises BadImage instead.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: Tensor | None,
        size: int,
        channels: int,
        *,
        strict: bool = False,
        bad: dict[int, str] | None = None,
    ):
        super().__init__(torch.empty(len(paths), channels, size, size, device="meta"), labels)
        self.paths = list(paths)
        self.size, self.channels, self.strict = size, channels, strict
        self.bad: dict[int, str] = {} if bad is None else bad
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[tuple[object, ...], Future[tuple[Tensor, Tensor | None]]] = {}

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        return self._ready(*self._read(index))

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
        read = [self._read_one(int(i)) for i in index]
        kept = torch.tensor([i for i, _ in read])
        pixels = torch.from_numpy(np.stack([image for _, image in read]))
        return pixels, None if self.labels is None else self.labels.cpu()[kept]

    def _read_one(self, i: int) -> tuple[int, np.ndarray]:
        for j in [*range(i, len(self)), *range(i)]:
            if j in self.bad:
                continue
            try:
                return j, decode(Path(self.paths[j]), self.size, self.channels)
            except BadImage as error:
                if self.strict:
                    raise
                self.bad[j] = str(error)
        raise BadImage("none of the images can be read")

    def subset(self, index: Tensor) -> Folder:
        labels = None if self.labels is None else self.labels[index]
        paths = [self.paths[int(i)] for i in index]
        return Folder(paths, labels, self.size, self.channels, strict=self.strict)

    def with_labels(self, labels: Tensor | None) -> Folder:
        return Folder(
            self.paths, labels, self.size, self.channels, strict=self.strict, bad=self.bad
        )

    def in_channels(self, channels: int) -> Folder:
        """The same images, read with 1 or 3 channels."""
        return Folder(
            self.paths, self.labels, self.size, channels, strict=self.strict, bad=self.bad
        )

    def update(self, digest: hashlib._Hash) -> None:
        for path in self.paths:
            digest.update(f"{Path(path).name} {Path(path).stat().st_size}\n".encode())
        if self.labels is not None:
            digest.update(self.labels.cpu().numpy().tobytes())


def find(folder: Path) -> tuple[list[Path], Tensor | None, tuple[str, ...]]:
    """Image paths, sorted; their labels (N,), or None where the folder is flat; the class names.

    Hidden files are no images: other systems leave such beside the real ones.
    """
    flat = [p for p in sorted(folder.iterdir()) if p.is_file() and is_image(p.name)]
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    nested = {
        name: [
            p for p in sorted((folder / name).rglob("*")) if is_image(str(p.relative_to(folder)))
        ]
        for name in names
    }
    nested = {name: paths for name, paths in nested.items() if paths}
    if flat and nested:
        raise ValueError(
            f"{folder} has images beside subfolders with images: put every image into the "
            "subfolder of its class, or none"
        )
    if flat:
        return flat, None, ()
    labels = [c for c, paths in enumerate(nested.values()) for _ in paths]
    paths = [p for group in nested.values() for p in group]
    # A single subfolder says nothing about classes.
    if len(nested) < 2:
        return paths, None, ()
    return paths, torch.tensor(labels), tuple(nested)


def read(
    folder: Path, how: Reading
) -> tuple[ImageSet, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """A folder's images, the names of classes or attributes, and notes about skipped files.

    A table in the folder or beside it has the say over subfolders. Sets whose pixels take more
    than `how.memory` GiB are streamed. Raises ValueError where there is no image, where a table
    does not fit, and with `how.strict` for the first broken file.
    """
    paths, labels, classes = find(folder)
    if not paths:
        raise ValueError(f"{folder} has no images (looked for {', '.join(sorted(SUFFIXES))})")
    attributes: tuple[str, ...] = ()
    if place := find_table(folder, paths):
        table = read_table(place)
        labels = table.labels_of(folder, paths)
        classes, attributes = table.classes, table.attributes
    images, errors = gather(folder, paths, labels, how)
    return images, classes, attributes, notes(errors)


def gather_parts(
    folder: Path, parts: Sequence[tuple[Sequence[Path], Tensor]], how: Reading
) -> tuple[list[ImageSet], list[str]]:
    """The parts of a set in colour, each of paths and labels, and messages, as `gather` gives.

    `how.memory` holds for all parts together.
    """
    total = max(1, sum(len(paths) for paths, _ in parts))
    sets, errors = [], []
    for paths, labels in parts:
        share = replace(how, memory=how.memory * len(paths) / total)
        images, broken = gather(folder, paths, labels, share, channels=3)
        sets.append(images)
        errors += broken
    return sets, errors


def gather(
    folder: Path,
    paths: Sequence[Path],
    labels: Tensor | None,
    how: Reading,
    *,
    channels: int | None = None,
) -> tuple[ImageSet, list[str]]:
    """The images at `paths`, in `folder`, and a message for each file that was skipped.

    labels: (N,), or a table (N, a). channels: 3 or 1, or None for what the files' headers say.
    Images whose pixels take more than `how.memory` GiB are streamed. Raises ValueError as `read`
    does.
    """
    errors: list[str] = []
    good = list(range(len(paths)))
    if channels is None:
        colour, good = False, []
        for i, path in enumerate(paths):
            try:
                colour = is_colour(path) or colour
                good.append(i)
            except BadImage as error:
                errors.append(note(error, how.strict))
        channels = 3 if colour else 1
    if len(good) * channels * how.size**2 > how.memory * 2**30:
        kept = None if labels is None else labels[good]
        streamed = [str(paths[i]) for i in good]
        return Folder(streamed, kept, how.size, channels, strict=how.strict), errors

    pixels = []
    readable = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for i, result in zip(
            good, pool.map(lambda i: _try(paths[i], how.size, channels), good), strict=True
        ):
            if isinstance(result, BadImage):
                errors.append(note(result, how.strict))
            else:
                pixels.append(result)
                readable.append(i)
    if not pixels:
        raise ValueError(f"none of the {len(paths)} images in {folder} can be read")
    kept = None if labels is None else labels[readable]
    return ImageSet(torch.from_numpy(np.stack(pixels)), kept), errors


def _try(path: Path, size: int, channels: int) -> np.ndarray | BadImage:
    try:
        return decode(path, size, channels)
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

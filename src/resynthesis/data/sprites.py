"""dSprites: a white shape on black, 64x64, by five factors; the official file, or drawn here.

Matthey, Higgins, Hassabis and Lerchner, dSprites: Disentanglement testing Sprites dataset, 2017.
Every combination of 3 shapes, 6 scales, 40 orientations and 32 x 32 positions is there once. An
image is known by its place in this grid, in which y moves fastest and shape slowest.

What is drawn here keeps the official values: scales linspace(0.5, 1), orientations
linspace(0, 2π) with both ends (so that the first and the last look the same), positions
linspace(0, 1), rows counted downwards. The outlines are our own. The three shapes have the same
area, of which the mean pixel of the official set, 0.0425, follows; a step of position is a pixel.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from .archives import BROKEN_NPZ
from .download import fetch, find
from .images import Reading, resize
from .sets import Data, ImageSet, seeded, to_float

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
MIRRORS = ("https://raw.githubusercontent.com/google-deepmind/dsprites-dataset/master",)
FACTORS = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
GRID = tuple(FACTORS.values())
SIDE = 64
HELD_OUT = 10_000  # images for validation, and as many for the test
CHUNK = 4096  # images that are unpacked at a time

AREA = 294.0  # pixels, at scale 1
ASPECT = 2.0  # of the ellipse
HEART_AREA, HEART_CENTRE = 3.661972, 0.293476  # of (p² + q² - 1)³ <= p² q³; its centroid's q
RADIUS = 16  # no shape reaches further from its centre

BROKEN = (*BROKEN_NPZ, LookupError, ValueError)  # what reading an archive of arrays may raise


def factors_of(places: Tensor, grid: tuple[int, ...] = GRID) -> Tensor:
    """Places (n,) in a grid -> indices of factors (n, factors), int64."""
    return torch.stack(torch.unravel_index(places, grid), 1)


def places_of(factors: Tensor, grid: tuple[int, ...] = GRID) -> Tensor:
    """Indices of factors (n, factors) -> places (n,) in a grid. Raises ValueError outside it."""
    if factors.ndim != 2 or factors.shape[1] != len(grid) or factors.is_floating_point():
        raise ValueError(
            f"factors must be integers of shape (n, {len(grid)}), not {factors.dtype} "
            f"{tuple(factors.shape)}"
        )
    if bool((factors < 0).any() | (factors >= torch.tensor(grid)).any()):
        raise ValueError(f"factors must be from 0 to {', '.join(str(n - 1) for n in grid)}")
    strides = [math.prod(grid[i + 1 :]) for i in range(len(grid))]
    return (factors * torch.tensor(strides)).sum(1)


def stamp(shape: int, scale: float, angle: float) -> NDArray[np.bool_]:
    """One shape around the middle of (33, 33) pixels; angle in radians, clockwise.

    shape: 0 square, 1 ellipse, 2 heart; each turns about its centroid. A pixel belongs to a shape
    where its centre does.
    """
    at = np.arange(-RADIUS, RADIUS + 1) / scale
    column, row = at[None, :], at[:, None]
    u = np.cos(angle) * column + np.sin(angle) * row
    v = np.cos(angle) * row - np.sin(angle) * column
    if shape == 0:
        return np.maximum(abs(u), abs(v)) <= math.sqrt(AREA) / 2
    if shape == 1:
        return u**2 / ASPECT + v**2 * ASPECT <= AREA / math.pi
    unit = math.sqrt(AREA / HEART_AREA)
    p, q = u / unit, HEART_CENTRE - v / unit
    return (p**2 + q**2 - 1) ** 3 <= p**2 * q**3


@lru_cache(maxsize=1)
def stamps() -> NDArray[np.uint8]:
    """Every shape, scale and orientation, 0 or 255: (720, 33, 33)."""
    every = [
        stamp(shape, scale, angle)
        for shape in range(FACTORS["shape"])
        for scale in np.linspace(0.5, 1, FACTORS["scale"])
        for angle in np.linspace(0, 2 * np.pi, FACTORS["orientation"])
    ]
    return np.stack(every).astype(np.uint8) * 255


def render(factors: Tensor) -> Tensor:
    """Indices of shape, scale, orientation, x and y (n, 5) -> images (n, 1, 64, 64), 0 or 255.

    Raises ValueError where an index is not in the grid.
    """
    return _render(places_of(factors))


def _render(places: Tensor) -> Tensor:
    turned, x, y = np.unravel_index(places.numpy(), (math.prod(GRID[:3]), *GRID[3:]))
    images = np.zeros((len(places), SIDE, SIDE), dtype=np.uint8)
    windows = sliding_window_view(images, (2 * RADIUS + 1,) * 2, axis=(1, 2), writeable=True)
    windows[np.arange(len(places)), y, x] = stamps()[turned]
    return torch.from_numpy(images)[:, None]


@dataclass(frozen=True)
class Source:
    """Where images come from. `make`: places (n,) -> uint8 (n, 1, 64, 64), 0 or 255."""

    make: Callable[[Tensor], Tensor]
    checksum: str


def rendered() -> Source:
    """Images that are drawn here."""
    return Source(_render, hashlib.sha256(stamps().tobytes()).hexdigest())


def official(path: Path) -> Source:
    """The official file, a bit for each pixel in memory (360 MiB). Raises ValueError: `unpack`."""
    packed = unpack(path)

    def make(places: Tensor) -> Tensor:
        pixels = np.unpackbits(packed[places.numpy()], axis=1) * np.uint8(255)
        return torch.from_numpy(pixels).reshape(-1, 1, SIDE, SIDE)

    return Source(make, hashlib.sha256(packed.data).hexdigest())


def unpack(path: Path, grid: tuple[int, ...] = GRID) -> NDArray[np.uint8]:
    """The pixels of a file in the official format, eight in a byte: (images, 512).

    The archive has `imgs` (N, 64, 64), uint8, 0 or 1, and `latents_classes` (N, 6), int64, whose
    first column, colour, is 0; what else it has, like the pickled `metadata`, is never read.
    Raises ValueError, naming the file, where it is not that, or broken.
    """
    count = math.prod(grid)
    packed = np.empty((count, SIDE**2 // 8), dtype=np.uint8)
    try:
        with zipfile.ZipFile(path) as archive:
            with archive.open("latents_classes.npy") as file:
                _check_header(file, (count, 6), "<i8")
                places = torch.arange(count)
                for part in places.split(CHUNK):
                    found = np.frombuffer(file.read(len(part) * 48), "<i8").reshape(-1, 6)
                    wanted = np.insert(factors_of(part, grid).numpy(), 0, 0, axis=1)
                    if not np.array_equal(found, wanted):
                        raise ValueError("its factors are not the grid in order")
            with archive.open("imgs.npy") as file:
                _check_header(file, (count, SIDE, SIDE), "|u1")
                for part in places.split(CHUNK):
                    raw = np.frombuffer(file.read(len(part) * SIDE**2), np.uint8)
                    if raw.max(initial=0) > 1:
                        raise ValueError("its pixels are not 0 or 1")
                    packed[part.numpy()] = np.packbits(raw.reshape(len(part), SIDE**2), axis=1)
                if file.read(1):
                    raise ValueError("it is too long")
    except BROKEN as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is broken, or not dSprites as published ({reason})") from error
    return packed


def _check_header(file: IO[bytes], shape: tuple[int, ...], dtype: str) -> None:
    """Reads the header of an array; raises ValueError where it has another shape or type."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    found, by_column, kind = readers[version](file)
    if found != shape or by_column or kind.str != dtype:
        raise ValueError(f"an array is {kind} {found}, and should be {dtype} {shape}")


class Sprites(ImageSet):
    """Images by their places in the grid, made when they are asked for; labels are the factors."""

    grid = GRID

    def __init__(
        self,
        source: Source,
        places: Tensor,
        labels: Tensor | None,
        *,
        size: int = SIDE,
        channels: int = 1,
    ):
        super().__init__(torch.empty(len(places), channels, size, size, device="meta"), labels)
        self.source, self.places = source, places

    def draw(self, factors: Tensor) -> Tensor:
        """Images (n, C, H, W) in [-1, 1] of any factors (n, 5) of the grid."""
        return self._make(places_of(factors))

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        labels = None if self.labels is None else self.labels[index.to(self.labels.device)]
        return self._make(self.places[index.cpu()]), labels

    def _make(self, places: Tensor) -> Tensor:
        channels, size, _ = self.shape
        x = resize(self.source.make(places), size).expand(-1, channels, -1, -1)
        return to_float(x.to(self.device))

    def subset(self, index: Tensor) -> Sprites:
        labels = None if self.labels is None else self.labels[index]
        return self._like(self.places[index], labels)

    def with_labels(self, labels: Tensor | None) -> Sprites:
        return self._like(self.places, labels)

    def in_channels(self, channels: int) -> Sprites:
        """The same images with 1 or 3 channels."""
        return self._like(self.places, self.labels, channels)

    def _like(self, places: Tensor, labels: Tensor | None, channels: int | None = None) -> Sprites:
        own, size, _ = self.shape
        return Sprites(self.source, places, labels, size=size, channels=channels or own)

    def update(self, digest: hashlib._Hash) -> None:
        digest.update(f"{self.source.checksum} {self.shape}".encode())
        digest.update(self.places.numpy().tobytes())
        if self.labels is not None:
            digest.update(self.labels.cpu().numpy().tobytes())


def load_dsprites(folder: Path, how: Reading) -> Data:
    """dSprites from the official file, else, where it cannot be had, drawn here, with a note."""
    try:
        path = _found(folder) or fetch(
            FILE, MIRRORS, _is_official, folder / "dsprites", tries=1, timeout=10.0
        )
    except OSError as error:
        note = f"these images are drawn by resynthesis and are not the official ones: {error}"
        return _parts("dsprites-rendered", rendered(), how.size, note)
    note = f"images from {path}, checked by their factors and form: no checksum is published"
    return _parts("dsprites", official(path), how.size, note)


def load_rendered(folder: Path, how: Reading) -> Data:
    """The grid of dSprites, drawn here."""
    note = "these images are drawn by resynthesis and are not the official ones"
    return _parts("dsprites-rendered", rendered(), how.size, note)


def has_dsprites(folder: Path) -> bool:
    """Whether the official file is in a data folder."""
    return _found(folder) is not None


def _found(folder: Path) -> Path | None:
    return find(FILE, folder / "dsprites", folder)


def _is_official(path: Path) -> bool:
    try:
        unpack(path)
    except ValueError:
        return False
    return True


def _parts(name: str, source: Source, size: int, note: str) -> Data:
    """10,000 test and 10,000 validation images, the others for training; in an order by seed."""
    order = torch.randperm(math.prod(GRID), generator=seeded("split", 0))
    test, valid, train = (
        Sprites(source, part, factors_of(part), size=size)
        for part in order.split([HELD_OUT, HELD_OUT, len(order) - 2 * HELD_OUT])
    )
    return Data(name, train, valid, test, notes=(note,), attributes=tuple(FACTORS))

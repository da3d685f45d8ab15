"""Digits with four attributes that one can see, for trying out what attributes are good for.

Each of scikit-learn's digits comes four times, and in two of the four it has an attribute:
inverted (dark on light), coloured (a background of some hue), thick (a fat pen), turned (by 45
degrees). Which two is drawn by seed; all sixteen combinations are equally common. The digits are
thinned to a line first and drawn anew, so that thick and thin do not depend on the writer, and
each copy is shifted a little, so that no two images are the same.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .digits import read_digits
from .images import Reading
from .sets import DIGITS, Data, ImageSet, seeded, split

ATTRIBUTES = ("inverted", "coloured", "thick", "turned")
COPIES = 4
# What changes from a digit's first copy to the others, bit by bit: each attribute in two of four.
SWITCHED = (0b0000, 0b0101, 0b1010, 0b1111)
CANVAS, MARGIN = 24, 4  # pixels of the digit that is thinned, and around it
INK = 0.45  # shades above are ink
THIN, THICK = 0.03849, 0.09371  # half a stroke's width, in frames; odd, so that no rounding ties
HUES = 12
SHIFT = 1 / 32  # of the frame, at most, down or across
# The neighbours of a pixel, clockwise from the top: (row, column).
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def load_digits_attributes(folder: Path, how: Reading) -> Data:
    """The set at any size; its parts are those of digits, so that no digit is in two of them."""
    shades, labels = read_digits(CANVAS)
    distances = distances_to_stroke(shades[:, 0] > INK)
    table = attributes(len(shades))
    hues = torch.randint(HUES, table.shape[:2], generator=seeded("digits-attributes", "hues"))
    draw = seeded("digits-attributes", "shifts")
    shifts = torch.rand(*table.shape[:2], 2, generator=draw, dtype=torch.float64) * 2 - 1
    places = ImageSet(torch.arange(len(shades)), labels)
    parts = []
    for part in split(places, classes=DIGITS):
        which = part.images
        y = table[which].flatten(0, 1)
        drawn = distances[which].repeat_interleave(COPIES, 0)
        hue, shift = (values[which].flatten(0, 1) for values in (hues, shifts * SHIFT))
        parts.append(ImageSet(paint(drawn, y, hue, shift, how.size), y))
    train, valid, test = parts
    return Data("digits-attributes", train, valid, test, attributes=ATTRIBUTES)


def attributes(n: int) -> Tensor:
    """The attributes of the copies of n digits, by seed: (n, COPIES, 4), int64, 0 or 1."""
    deck = torch.arange(n) % 2 ** len(ATTRIBUTES)
    first = deck[torch.randperm(n, generator=seeded("digits-attributes"))]
    combinations = first[:, None] ^ torch.tensor(SWITCHED)
    return combinations[..., None] >> torch.arange(len(ATTRIBUTES)) & 1


def distances_to_stroke(ink: Tensor) -> Tensor:
    """Digits (n, h, w), bool, to how far the middle of their stroke is from each pixel.

    Returns (n, 1, h + 2 MARGIN, w + 2 MARGIN), float64, in frames of that many pixels.
    """
    from scipy.ndimage import distance_transform_edt

    lines = thinned(F.pad(ink, (MARGIN,) * 4).numpy())
    far = np.stack([distance_transform_edt(~line) for line in lines])
    return torch.from_numpy(far)[:, None] / far.shape[-1]


def thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Shapes (n, h, w) to lines one pixel wide, which stay connected (Zhang and Suen, 1984)."""
    height, width = ink.shape[1:]
    tables = _removed()
    while True:
        before = ink
        for removed in tables:
            padded = np.pad(ink, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
            code = np.zeros(ink.shape, dtype=np.uint8)
            for bit, (row, column) in enumerate(AROUND):
                code |= padded[:, 1 + row :, 1 + column :][:, :height, :width] << bit
            ink = ink & ~removed[code]
        if np.array_equal(ink, before):
            return ink


def _removed() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For every pattern of neighbours, bit by bit as in AROUND, whether a pixel goes: (256,) each.

    The two passes take from opposite sides.
    """
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    count = bits.sum(1)
    runs = ((bits == 0) & (np.roll(bits, -1, 1) == 1)).sum(1)
    edge = (count >= 2) & (count <= 6) & (runs == 1)
    up, right, down, left = bits[:, ::2].T.astype(bool)
    first = edge & ~(up & right & down) & ~(right & down & left)
    second = edge & ~(up & right & left) & ~(up & down & left)
    return first, second


def paint(distances: Tensor, table: Tensor, hues: Tensor, shifts: Tensor, size: int) -> Tensor:
    """Digits with attributes (n, 4): (n, 3, size, size), uint8.

    distances: (n, 1, h, w), as from `distances_to_stroke`. hues: (n,), of coloured backgrounds.
    shifts: (n, 2), in frames.
    """
    inverted, coloured, thick, turned = (column.double()[:, None] for column in table.T)
    cos, sin = (turned * math.pi / 4).cos(), (turned * math.pi / 4).sin()
    across, down = (2 * shifts).split(1, 1)  # a frame is 2 wide
    rows = torch.cat([cos, -sin, across, sin, cos, down], 1).reshape(-1, 2, 3)
    grid = F.affine_grid(rows, [len(rows), 1, size, size], align_corners=False)
    far = F.grid_sample(distances, grid, padding_mode="border", align_corners=False)
    reach = (THIN + thick * (THICK - THIN))[..., None, None]
    ink = ((reach - far) * size + 0.5).clamp(0, 1)  # (n, 1, size, size)
    hue = palette()[hues]  # (n, 3)
    dark, light = 160 * hue * coloured, 255 - 110 * (1 - hue) * coloured
    paper = (dark + inverted * (light - dark))[..., None, None]
    pen = (255 * (1 - inverted))[..., None, None]
    return (paper + ink * (pen - paper)).round().byte()


def palette() -> Tensor:
    """HUES fully saturated colours around the wheel, (HUES, 3), float64 in [0, 1]."""
    turn = (torch.arange(HUES)[:, None] - torch.tensor([0, 4, 8])) % HUES
    return ((turn - 6).abs() - 2).clamp(0, 2).double() / 2

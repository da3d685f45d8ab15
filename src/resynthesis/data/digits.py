"""scikit-learn's handwritten digits, which come with it: 1,797 of 8x8 pixels in 17 shades."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from .images import Reading, resize
from .sets import DIGITS, Data, ImageSet, split


def read_digits(size: int) -> tuple[Tensor, Tensor]:
    """Shades (1797, 1, size, size), float32 in [0, 1], ink is 1, and labels (1797,), int64."""
    from sklearn.datasets import load_digits as bundled

    bunch = bundled()
    shades = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 16
    return resize(shades, size), torch.tensor(bunch.target)


def load_digits(folder: Path, how: Reading) -> Data:
    """scikit-learn's handwritten digits, 8x8 in 17 shades, resized; split by seed."""
    shades, labels = read_digits(how.size)
    pixels = (shades * 255).round().clamp(0, 255).byte()
    train, valid, test = split(ImageSet(pixels, labels), classes=DIGITS)
    return Data("digits", train, valid, test, DIGITS)

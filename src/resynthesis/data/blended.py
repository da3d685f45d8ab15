"""Digits on photographs: the recipe of MNIST-M, with every crop drawn from a seed.

A digit is binarised and its pixels invert a random crop of a photograph: |background - digit|
(Ganin and Lempitsky, ICML 2015, section 4.1). The original never seeded its crops, so that every
build was another data set; here the same digits and photographs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from .digits import read_digits
from .download import DownloadError
from .images import Reading, resize
from .mnist import MNIST, read_mnist
from .photographs import has_bsds, read_bsds, read_samples
from .sets import DIGITS, Data, ImageSet, from_train_test, seeded, split

# Of ink. Just under a half, because flat stretches of exactly a half (shade 8 of 16) are common
# and rounding, which differs between machines, would decide over them.
HALF = 0.499


def blend(digits: Tensor, photographs: Sequence[Tensor], *key: object) -> Tensor:
    """Digits (n, 1, h, w), bool, over crops of photographs (3, H, W), uint8: (n, 3, h, w), uint8.

    `key` seeds which crop of which photograph stands behind which digit. Raises ValueError where
    a photograph is smaller than a digit.
    """
    n, _, height, width = digits.shape
    if any(p.shape[1] < height or p.shape[2] < width for p in photographs):
        raise ValueError(f"every photograph must be at least {width}x{height} pixels")
    generator = seeded("blend", *key)
    chosen = torch.randint(len(photographs), (n,), generator=generator)
    down, across = torch.rand(n, 2, generator=generator, dtype=torch.float64).unbind(1)
    blended = torch.empty(n, 3, height, width, dtype=torch.uint8)
    for which, photograph in enumerate(photographs):
        mine = (chosen == which).nonzero().flatten()
        crops = photograph.unfold(1, height, 1).unfold(2, width, 1)  # (3, tops, lefts, h, w)
        top = (down[mine] * crops.shape[1]).long()
        left = (across[mine] * crops.shape[2]).long()
        background = crops[:, top, left].transpose(0, 1)
        blended[mine] = torch.where(digits[mine], 255 - background, background)
    return blended


def has_mnist_m(folder: Path) -> bool:
    """Whether what it is made from is in a data folder."""
    return MNIST.is_here(folder) and has_bsds(folder)


def load_mnist_m(folder: Path, how: Reading) -> Data:
    """MNIST over the 200 training photographs of BSDS500; the parts are those of mnist."""
    photographs = _photographs(folder)
    return _over_mnist("mnist-m", folder, how.size, photographs, photographs)


def load_mnist_m_unseen(folder: Path, how: Reading) -> Data:
    """MNIST-M whose test digits stand on photographs that no other part shows, 100 and 100."""
    return _over_mnist("mnist-m-unseen", folder, how.size, *halves(_photographs(folder)))


def _photographs(folder: Path) -> list[Tensor]:
    """Those of BSDS500. Where they are missing, what is missing of MNIST is named as well."""
    try:
        return read_bsds(folder)
    except DownloadError as error:
        if MNIST.is_here(folder):
            raise
        names = ", ".join(f"{n}.gz" for n in MNIST.archived if not MNIST.find(folder, n))
        raise DownloadError(f"{error}; and {names} into {folder / MNIST.homes[0]}") from error


def halves(photographs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Two halves of the photographs, by seed: one for training and validation, one for test."""
    order = torch.randperm(len(photographs), generator=seeded("mnist-m-unseen")).tolist()
    mixed = [photographs[i] for i in order]
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def _over_mnist(
    name: str, folder: Path, size: int, training: Sequence[Tensor], testing: Sequence[Tensor]
) -> Data:
    """Blends at MNIST's own 28x28, with ink where a pixel is not 0, and resizes then."""
    train, test = read_mnist(folder)
    return from_train_test(
        name,
        ImageSet(resize(blend(train[0] > 0, training, name, "train"), size), train[1]),
        ImageSet(resize(blend(test[0] > 0, testing, name, "test"), size), test[1]),
        DIGITS,
    )


def load_digits_m(folder: Path, how: Reading) -> Data:
    """scikit-learn's digits over its two photographs; the parts are those of digits.

    The digits are resized first, and ink is where they are half dark. At their own 8x8 half of
    all pixels are not 0, the grey beside the strokes with them: taken for ink, they would make
    every stroke fat and close its holes.
    """
    shades, labels = read_digits(how.size)
    pixels = blend(shades > HALF, read_samples(), "digits-m")
    train, valid, test = split(ImageSet(pixels, labels), classes=DIGITS)
    return Data("digits-m", train, valid, test, DIGITS)

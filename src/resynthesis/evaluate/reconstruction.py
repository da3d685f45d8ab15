"""How close reconstructions are to their images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data import ImageSet
from .codes import CHUNK, decode, encode


def score(x: Tensor, x_hat: Tensor) -> tuple[float, float]:
    """Images and reconstructions (n, C, H, W) to (L1, PSNR in dB), each a mean over images.

    Both in [-1, 1]; reconstructions are clipped to it. L1 is the mean absolute difference; the
    PSNR's peak is 2, the width of the range, and an exact reconstruction counts as 100 dB.
    """
    gap = x_hat.float().clamp(-1, 1) - x.float()
    l1 = gap.abs().flatten(1).mean(1).double()
    mse = gap.square().flatten(1).mean(1).double()
    psnr = 10 * torch.log10(4 / mse.clamp(min=4e-10))
    return float(l1.mean()), float(psnr.mean())


def measure(autoencoder: nn.Module, images: ImageSet) -> dict[str, float]:
    """reconstruction_l1 and reconstruction_psnr over all of a set."""
    scores, sizes = [], []
    for index in torch.arange(len(images)).split(CHUNK):
        x, _ = images.take(index)
        x_hat = decode(autoencoder, encode(autoencoder, x))
        scores.append(score(x.to(x_hat.device), x_hat))
        sizes.append(len(index))
    total = sum(sizes)
    l1, psnr = (sum(s[i] * n for s, n in zip(scores, sizes, strict=True)) / total for i in (0, 1))
    return {"reconstruction_l1": l1, "reconstruction_psnr": psnr}

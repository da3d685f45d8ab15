"""Running an autoencoder over many images, without gradients and with bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..data import ImageSet

CHUNK = 500


@torch.inference_mode()
def _chunked(function: Callable[[Tensor], Tensor], x: Tensor, device: torch.device) -> Tensor:
    return torch.cat([function(chunk.to(device)) for chunk in x.split(CHUNK)])


def encode(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """Images (n, C, H, W) in [-1, 1] to codes (n, c, h, w), float32, on the net's device."""
    return _chunked(autoencoder.encode, x, _device(autoencoder))  # type: ignore[arg-type]


def decode(autoencoder: nn.Module, z: Tensor) -> Tensor:
    """Codes (n, c, h, w) to images (n, C, H, W), not clipped, on the net's device."""
    return _chunked(autoencoder.decode, z, _device(autoencoder))  # type: ignore[arg-type]


def encode_set(autoencoder: nn.Module, images: ImageSet) -> tuple[Tensor, Tensor | None]:
    """All of a set: codes (N, c, h, w) and labels (N,) or None, on the CPU."""
    codes, labels = [], []
    for index in torch.arange(len(images)).split(CHUNK):
        x, y = images.take(index)
        codes.append(encode(autoencoder, x).cpu())
        if y is not None:
            labels.append(y.cpu())
    return torch.cat(codes), torch.cat(labels) if labels else None


def _device(net: nn.Module) -> torch.device:
    return next(net.parameters()).device

"""Running an autoencoder over many images, without gradients and with bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..data import ImageSet
from ..train import use_bf16

CHUNK = 500


@torch.inference_mode()
def _chunked(function: Callable[[Tensor], Tensor], x: Tensor, device: torch.device) -> Tensor:
    return torch.cat([function(chunk.to(device)) for chunk in x.split(CHUNK)])


def encode(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """Images (n, C, H, W) in [-1, 1] to codes (n, c, h, w), float32, on the net's device."""
    return _chunked(autoencoder.encode, x, _device(autoencoder))  # type: ignore[arg-type]


def is_variational(autoencoder: nn.Module) -> bool:
    """Whether its codes are distributions, of which `encode` gives the means (vae)."""
    return bool(getattr(autoencoder, "is_variational", False))


def draw(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """Codes drawn from their distributions where they have some, else as `encode` gives them.

    Images (n, C, H, W) in [-1, 1] to codes (n, c, h, w), float32, on the net's device. They hang
    on torch's generator.
    """
    if not is_variational(autoencoder):
        return encode(autoencoder, x)

    def drawn(chunk: Tensor) -> Tensor:
        mean, scale = autoencoder.posterior(chunk)  # type: ignore[operator]
        return mean + scale * torch.randn_like(scale)

    return _chunked(drawn, x, _device(autoencoder))


def decode(autoencoder: nn.Module, z: Tensor) -> Tensor:
    """Codes (n, c, h, w) to images (n, C, H, W), not clipped, on the net's device."""
    return _chunked(autoencoder.decode, z, _device(autoencoder))  # type: ignore[arg-type]


def interpolate(autoencoder: nn.Module, a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Images a, b (n, C, H, W) to decoded straight lines between their codes, ends included.

    Returns (n, steps, C, H, W), not clipped.
    """
    start, end = encode(autoencoder, a), encode(autoencoder, b)
    shares = torch.linspace(0, 1, steps).tolist()
    path = torch.stack([torch.lerp(start, end, share) for share in shares], 1)
    x = decode(autoencoder, path.flatten(0, 1))
    return x.unflatten(0, path.shape[:2])


def encode_set(
    autoencoder: nn.Module,
    images: ImageSet,
    encoder: Callable[[nn.Module, Tensor], Tensor] = encode,
    *,
    precision: str = "fp32",
) -> tuple[Tensor, Tensor | None]:
    """All of a set: codes (N, c, h, w), float32, and labels (N,) or (N, a) or None, on the CPU.

    precision: fp32, bf16, or auto for bf16 where the hardware is fast at it, as in training.
    """
    device = _device(autoencoder)
    bf16 = use_bf16(precision, device)
    codes, labels = [], []
    for index in torch.arange(len(images)).split(CHUNK):
        x, y = images.take(index)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            codes.append(encoder(autoencoder, x).cpu())
        if y is not None:
            labels.append(y.cpu())
    return torch.cat(codes), torch.cat(labels) if labels else None


def _device(net: nn.Module) -> torch.device:
    return next(net.parameters()).device

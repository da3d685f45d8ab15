"""The nets of Burgess et al., 2018 (arXiv 1804.03599), in which disentanglement is measured.

Four 4x4 convolutions of stride 2 with 32 channels, two dense layers of 256, and the code; the
decoder is the transpose. The critic, which is ours, has the encoder's shape.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from .config import Nets
from .layers import Tanh, initialise, normalise_spectrally

LAYERS, DENSE = 4, 256
SIZE = 64


def check_size(size: int) -> None:
    """Raises ValueError where images are of another size than the nets are defined for."""
    if size != SIZE:
        raise ValueError(f"the nets of burgess are defined for images of size {SIZE}, not {size}")


def _side(size: int) -> int:
    check_size(size)
    return size >> LAYERS


def _encoder(channels: int, size: int, width: int, outputs: int) -> nn.Sequential:
    body: list[nn.Module] = []
    for inputs in (channels, *[width] * (LAYERS - 1)):
        body += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
    body.append(nn.Flatten())
    for inputs in (width * _side(size) ** 2, DENSE):
        body += [nn.Linear(inputs, DENSE), nn.ReLU(inplace=True)]
    return nn.Sequential(*body, nn.Linear(DENSE, outputs))


class BurgessAutoencoder(nn.Module):
    """f and g: images (B, C, 64, 64) in [-1, 1] to codes (B, c, 1, 1), and back."""

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        code, width, side = math.prod(config.code), config.width, _side(size)
        self.encoder = _encoder(channels, size, width, code * (1 + config.posterior))
        body: list[nn.Module] = []
        for inputs, outputs in ((code, DENSE), (DENSE, DENSE), (DENSE, width * side**2)):
            body += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
        body.append(nn.Unflatten(1, (width, side, side)))
        for _ in range(LAYERS - 1):
            body += [
                nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
                nn.ReLU(inplace=True),
            ]
        body.append(nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1))
        if config.output == "tanh":
            body.append(Tanh())
        self.decoder = nn.Sequential(*body)
        self.code, self.is_variational = code, config.posterior
        initialise(self)

    def encode(self, x: Tensor) -> Tensor:
        """Images (B, C, 64, 64) in [-1, 1] -> codes (B, c, 1, 1), float32."""
        return self.encoder(x).float()[:, : self.code, None, None]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale of the code's normal distribution given x, (B, c, 1, 1) each."""
        mean, scale = self.encoder(x).float()[..., None, None].chunk(2, 1)
        return mean, F.softplus(scale) + 1e-6

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, c, 1, 1) -> images (B, C, 64, 64), float32, not clipped."""
        return self.decoder(z.flatten(1)).float()


class BurgessCritic(nn.Module):
    """D: images (B, C, 64, 64) -> one logit each (B,), spectrally normalised."""

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        self.body = _encoder(channels, size, config.width, 1)
        initialise(self)
        normalise_spectrally(self.body)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).float().flatten()

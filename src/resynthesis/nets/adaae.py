"""The nets of the adversarial domain-adaptive autoencoder, at their original size.

5x5 convolutions of stride 2 with 64, 128, 256 and 512 channels, and a dense layer to a code of 64
numbers; the decoder is its mirror image, and the critic has the encoder's shape.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Nets
from .layers import SLOPE, initialise

LAYERS = 4


def _sides(size: int) -> list[int]:
    """Heights of the maps, from the image inwards: 28, 14, 7, 4, 2."""
    sides = [size]
    for _ in range(LAYERS):
        sides.append(-(-sides[-1] // 2))
    return sides


def _encoder(channels: int, size: int, width: int, outputs: int) -> nn.Sequential:
    widths = [channels, *(width << i for i in range(LAYERS))]
    body: list[nn.Module] = []
    for inputs, out in pairwise(widths):
        body += [nn.Conv2d(inputs, out, 5, stride=2, padding=2), nn.LeakyReLU(SLOPE, inplace=True)]
    return nn.Sequential(
        *body, nn.Flatten(), nn.Linear(widths[-1] * _sides(size)[-1] ** 2, outputs)
    )


class PublishedAutoencoder(nn.Module):
    """f and g: images (B, C, H, W) in [-1, 1] to codes (B, c, 1, 1), and back."""

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        width, code = config.width, math.prod(config.code)
        self.encoder = _encoder(channels, size, width, code)
        self.sides = _sides(size)[::-1]
        self.deep = width << (LAYERS - 1)
        self.dense = nn.Linear(code, self.deep * self.sides[0] ** 2)
        widths = [*(width << i for i in reversed(range(LAYERS))), channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, out, 5, padding=2) for inputs, out in pairwise(widths)
        )
        initialise(self)

    def encode(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> codes (B, c, 1, 1), float32."""
        return self.encoder(x).float()[:, :, None, None]

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, c, 1, 1) -> images (B, C, H, W), float32, in [-1, 1]."""
        h = self.dense(z.flatten(1)).unflatten(1, (self.deep, self.sides[0], self.sides[0]))
        for side, convolution in zip(self.sides[1:], self.convolutions, strict=True):
            h = convolution(F.interpolate(F.leaky_relu(h, SLOPE), (side, side)))
        return torch.tanh(h.float())


class PublishedCritic(nn.Module):
    """D: images (B, C, H, W) -> one logit each (B,), high for real target images."""

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        self.body = _encoder(channels, size, config.width, 1)
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).float().flatten()

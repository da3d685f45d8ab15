"""Probes: what reads labels from codes."""

from __future__ import annotations

import math

from torch import Tensor, nn

from .layers import SLOPE

CHANNELS = 64


class Probe(nn.Module):
    """Codes (B, c, h, w) -> class logits (B, K): one linear layer, or one after two convolutions.

    The convolutions are 3x3 with 64 channels, on the code as a map.
    """

    def __init__(self, code: tuple[int, int, int], classes: int, *, convolutional: bool = False):
        super().__init__()
        channels, height, width = code
        body: list[nn.Module] = []
        if convolutional:
            for inputs in (channels, CHANNELS):
                body += [nn.Conv2d(inputs, CHANNELS, 3, padding=1), nn.LeakyReLU(SLOPE)]
            channels = CHANNELS
        self.body = nn.Sequential(*body)
        self.linear = nn.Linear(math.prod((channels, height, width)), classes)

    def forward(self, z: Tensor) -> Tensor:
        return self.linear(self.body(z).flatten(1)).float()

"""The classifier of every comparison between domains: source-only, adapted, target-supervised."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Nets
from .layers import SLOPE, initialise


class Classifier(nn.Module):
    """C: images (B, C, H, W) -> class logits (B, K).

    Each channel of an image is first brought to mean 0 and variance 1 (instance normalisation),
    so that brightness and contrast say nothing. The first convolution reads the channels one by
    one with the same filters and keeps the strongest answer without its sign, so that it does not
    matter either whether a stroke is light or dark, nor in which channel it shows (`blind`), or is
    an ordinary one of all channels (`plain`).
    """

    def __init__(self, channels: int, size: int, classes: int, config: Nets):
        super().__init__()
        width = config.classifier_width
        self.blind = config.classifier == "blind"
        self.filters = (
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False)
            if self.blind
            else nn.Conv2d(channels, width, 5, stride=2, padding=2)
        )
        body: list[nn.Module] = []
        wide = (width, 2 * width, 2 * width, 4 * width, 4 * width)
        for inputs, outputs in pairwise(wide):
            body += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        body.insert(4, nn.MaxPool2d(2))
        side = -(-size // 2) // 2
        while side > 8:
            body.append(nn.MaxPool2d(2))
            side //= 2
        # Not averaged over places: where a stroke is says more than that it is there.
        self.body = nn.Sequential(*body)
        self.linear = nn.Linear(4 * width * side**2, classes)
        initialise(self)

    def maps(self, x: Tensor) -> Tensor:
        """What the last layer sees: (B, d, h, w), float32."""
        x = F.instance_norm(x)
        if self.blind:
            flat = x.reshape(-1, 1, *x.shape[2:])
            strokes = self.filters(flat).abs().unflatten(0, x.shape[:2]).amax(1)
        else:
            strokes = F.leaky_relu(self.filters(x), SLOPE)
        return self.body(strokes.contiguous(memory_format=torch.channels_last)).float()

    def features(self, x: Tensor) -> Tensor:
        """The same, averaged over places: (B, d)."""
        return self.maps(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.maps(x).flatten(1)).float()

"""The classifier of every comparison between domains: source-only, adapted, target-supervised."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Nets
from .layers import SLOPE, LayerNorm, initialise


class View(nn.Module):
    """Images (B, C, H, W) -> class logits (B, K), from one way of looking at them.

    `blind`: each channel is first brought to mean 0 and variance 1 (instance normalisation), and
    the first convolution reads the channels one by one with the same filters and keeps the
    strongest answer without its sign. Brightness and contrast then say nothing, nor does it matter
    whether a stroke is light or dark, or in which channel it shows. Otherwise it sees the pixels
    as they are. `norm`: each convolution is followed by layer normalisation.
    """

    def __init__(
        self,
        channels: int,
        size: int,
        classes: int,
        width: int,
        *,
        blind: bool,
        norm: bool = False,
    ):
        super().__init__()
        self.blind = blind
        self.filters = nn.Conv2d(
            1 if blind else channels, width, 5, stride=2, padding=2, bias=not blind
        )
        self.norm = LayerNorm(width) if norm else nn.Identity()
        body: list[nn.Module] = []
        wide = (width, 2 * width, 2 * width, 4 * width, 4 * width)
        for layer, (inputs, outputs) in enumerate(pairwise(wide)):
            if layer == 2:
                body.append(nn.MaxPool2d(2))
            body.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            if norm:
                body.append(LayerNorm(outputs))
            # A norm returns a view, and gradients of changes in place of a view lose their layout.
            body.append(nn.LeakyReLU(SLOPE, inplace=not norm))
        side = -(-size // 2) // 2
        while side > 8:
            body.append(nn.MaxPool2d(2))
            side //= 2
        # Not averaged over places: where a stroke is says more than that it is there.
        self.body = nn.Sequential(*body)
        self.linear = nn.Linear(4 * width * side**2, classes)
        # What is normalised has unit scale at each place; so has the sum over places, divided by
        # the root of their number. Else the first steps are sure of labels that mean nothing yet.
        self.scale = 1 / side if norm else 1.0
        initialise(self)

    def maps(self, x: Tensor) -> Tensor:
        """What the last layer sees: (B, d, h, w), float32."""
        return self._maps(x).float()

    def forward(self, x: Tensor) -> Tensor:
        # Channels stay last all the way, forward and backward: the weights' order is changed.
        maps = self._maps(x)
        weight = self.scale * self.linear.weight
        weight = weight.unflatten(1, maps.shape[1:]).movedim(1, 3).flatten(1)
        return F.linear(maps.movedim(1, 3).flatten(1), weight, self.linear.bias).float()

    def _maps(self, x: Tensor) -> Tensor:
        if self.blind:
            flat = F.instance_norm(x).reshape(-1, 1, *x.shape[2:])
            answers = self.filters(flat).abs().movedim(1, 3)  # (B C, h, w, filters)
            strongest = answers.reshape(*x.shape[:2], -1).amax(1)
            strokes = self.norm(strongest.unflatten(1, answers.shape[1:]).movedim(3, 1))
        else:
            strokes = F.leaky_relu(self.norm(self.filters(x)), SLOPE)
        return self.body(strokes.contiguous(memory_format=torch.channels_last))


class Classifier(nn.Module):
    """C: images (B, C, H, W) -> class logits (B, K), the sum of those of its views.

    The blind view carries over from one domain to another, and the raw one sees what is
    particular to a domain. Each learns by itself (`views`), so that they err differently.
    """

    def __init__(self, channels: int, size: int, classes: int, config: Nets):
        super().__init__()
        kinds = {"both": (True, False), "blind": (True,), "raw": (False,)}[config.classifier]
        width, norm = config.classifier_width, config.classifier_norm == "layer"
        if norm and width == 1:
            raise ValueError("classifier_width must be at least 2 with --classifier-norm layer")
        self.each = nn.ModuleList(
            View(channels, size, classes, width, blind=blind, norm=norm) for blind in kinds
        )

    def views(self, x: Tensor) -> Tensor:
        """Logits of each view: (V, B, K)."""
        return torch.stack([view(x) for view in self.each])

    def features(self, x: Tensor) -> Tensor:
        """What the last layers see, averaged over places: (B, d)."""
        return torch.cat([view.maps(x).mean((2, 3)) for view in self.each], 1)  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        return self.views(x).sum(0)

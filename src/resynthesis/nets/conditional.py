"""For mixing under labels: a net from wishes to masks, and a critic that reads attributes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .amr import Critic
from .config import Nets
from .layers import SLOPE, initialise

HIDDEN = 128
GAIN = 3.0  # of the critic: spectral normalisation alone keeps its logits near zero


class ClassMixer(nn.Module):
    """M: wanted attributes (B, a) -> the probability (B, c) that a channel is the first parent's.

    The mixer of Beckham et al. (2019) knows the wish alone; it cannot know which parent would
    grant it. This one (`informed`) sees the labels of both parents beside the wish.
    """

    def __init__(self, attributes: int, config: Nets):
        super().__init__()
        self.attributes, self.informed = attributes, config.informed
        self.embed = nn.Sequential(nn.Linear(attributes, HIDDEN), nn.LeakyReLU(SLOPE))
        self.mask = nn.Sequential(
            nn.Linear(HIDDEN * (3 if config.informed else 1), HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, config.code[0]),
        )
        initialise(self)

    def forward(self, wanted: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Attributes (B, a), float, of the wish and of both parents -> (B, c) in (0, 1)."""
        seen = [wanted, first, second] if self.informed else [wanted]
        return self.mask(torch.cat([self.embed(y) for y in seen], 1)).float().sigmoid()


class AttributeCritic(Critic):
    """A and D: images (B, C, H, W) -> (B, a + P), logits of attributes and of patches being real.

    All of it is spectrally normalised: a head that small changes of pixels can sway is swayed by
    the autoencoder with textures that nobody else reads.
    """

    def __init__(self, channels: int, size: int, attributes: int, config: Nets):
        # One channel, not as many as the code has: their average would hardly move.
        super().__init__(channels, size, config, last=1)
        *body, self.real = self.body
        self.body = nn.Sequential(*body)
        _, height, width = config.code
        self.read = nn.Linear(self.real.in_channels * height * width, attributes)  # type: ignore
        initialise(self.read)
        spectral_norm(self.read)

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        logits = torch.cat([self.read(h.flatten(1)).float(), self.real(h).float().flatten(1)], 1)
        return GAIN * logits

    def attributes(self, x: Tensor) -> Tensor:
        """A alone: (B, a)."""
        return GAIN * self.read(self.body(x).flatten(1)).float()

"""A critic of patches: it looks at textures and strokes, and leaves the whole to other losses."""

from __future__ import annotations

from torch import Tensor, nn

from .config import Nets
from .layers import SLOPE, initialise, normalise_spectrally

GAIN = 3.0  # spectral normalisation alone keeps scores near zero


class PatchCritic(nn.Module):
    """D: images (B, C, H, W) -> a score for each of their patches (B, P), high for real ones.

    Every convolution is spectrally normalised (Miyato et al., ICLR 2018), and so is the head for
    attributes, where there are some.
    """

    def __init__(self, channels: int, size: int, config: Nets, attributes: int = 0):
        super().__init__()
        width = 2 * config.width
        layers = [
            nn.Conv2d(channels, width, 5, stride=2, padding=2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
        ]
        body: list[nn.Module] = []
        for layer in layers:
            body += [layer, nn.LeakyReLU(SLOPE, inplace=True)]
        self.body = nn.Sequential(*body, nn.Conv2d(4 * width, 1, 3, padding=1))
        self.head = nn.Linear(4 * width, attributes) if attributes else None
        initialise(self)
        normalise_spectrally(self)

    def forward(self, x: Tensor) -> Tensor:
        return GAIN * self.body(x).float().flatten(1)

    def read(self, x: Tensor) -> Tensor:
        """Logits of attributes (B, a), from what all patches of images (B, C, H, W) have."""
        assert self.head is not None
        return GAIN * self.head(self.body[:-1](x).float().mean((2, 3)))

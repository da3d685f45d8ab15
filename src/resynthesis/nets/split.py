"""An autoencoder whose codes divide into content and style.

The code has three scales. Content is instance-normalised (Ulyanov et al., 2016), so that how
strong a pattern is belongs to the style; nothing else is normalised, so that colours survive.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Nets
from .layers import SLOPE, initialise

SCALES = 3


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class SplitAutoencoder(nn.Module):
    """f and g: images (B, C, H, W) in [-1, 1] to codes (B, c, H/4, W/4), and back.

    At full, half and quarter resolution the encoder gives `content` + `style` channels each;
    finer ones are folded into more channels at a quarter.
    """

    weights: Tensor

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        width, content = config.width, config.content
        self.content, self.both = content, content + config.style
        widths = [width << scale for scale in range(SCALES)]
        first = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(SLOPE, inplace=True)
        )
        self.down = nn.ModuleList([first, *(_block(w, 2 * w) for w in widths[:-1])])
        self.to_code = nn.ModuleList(nn.Conv2d(w, self.both, 1) for w in widths)
        self.up = nn.ModuleList(
            [
                _block(self.both, widths[2]),
                _block(widths[2] + self.both, widths[1]),
                nn.Sequential(
                    nn.Conv2d(widths[1] + self.both, width, 3, padding=1),
                    nn.LeakyReLU(SLOPE, inplace=True),
                    nn.Conv2d(width, channels, 3, padding=1),
                ),
            ]
        )
        is_content = torch.arange(self.both) < content
        folded = [is_content.repeat_interleave(4 ** (SCALES - 1 - i)) for i in range(SCALES)]
        mask = torch.cat(folded).float()[:, None, None]
        initialise(self)
        self.register_buffer("weights", torch.stack([mask, 1 - mask]), persistent=False)

    @property
    def mask(self) -> Tensor:
        """Weights (2, 1, c, 1, 1) of a mix: the first code's content, the second one's style."""
        return self.weights[:, None]

    def shared(self, z: Tensor) -> Tensor:
        """The content in codes z, each scale averaged to a quarter: (B, 3 content, H/4, W/4)."""
        contents = [f.unflatten(1, (self.both, -1))[:, : self.content] for f in self._folded(z)]
        return torch.cat([content.mean(2) for content in contents], 1)

    def _folded(self, z: Tensor) -> tuple[Tensor, ...]:
        """Codes z by scale, finest first: (B, 4^(2 - i) both, H/4, W/4) each."""
        return z.split([self.both * 4 ** (SCALES - 1 - i) for i in range(SCALES)], 1)

    @staticmethod
    def channels(config: Nets) -> int:
        """Of a code."""
        return (config.content + config.style) * sum(4**scale for scale in range(SCALES))

    def encode(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> codes (B, c, H/4, W/4), float32."""
        codes, h = [], x
        for scale, (down, to_code) in enumerate(zip(self.down, self.to_code, strict=True)):
            h = down(F.avg_pool2d(h, 2) if scale else h)
            content, style = to_code(h).split([self.content, self.both - self.content], 1)
            code = torch.cat([F.instance_norm(content).to(style.dtype), style], 1)
            codes.append(F.pixel_unshuffle(code, 2 ** (SCALES - 1 - scale)))
        return torch.cat(codes, 1).float()

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, c, H/4, W/4) -> images (B, C, H, W), float32, not clipped."""
        folded = enumerate(self._folded(z))
        codes = [F.pixel_shuffle(code, 2 ** (SCALES - 1 - i)) for i, code in folded]
        h = self.up[0](codes[2])
        for up, code in zip(self.up[1:], codes[1::-1], strict=True):
            # In one layout and precision: else the whole of h would be copied to the code's.
            code = code.to(h.dtype).contiguous(memory_format=torch.channels_last)
            h = up(torch.cat([F.interpolate(h, scale_factor=2), code], 1))
        return h.float()

"""Networks: images to codes, codes to images, images to logits. No losses, no data.

The autoencoder and the critic are the ones behind the published tables of adversarial mixup
resynthesis (Beckham et al., NeurIPS 2019), which took them from ACAI (Berthelot et al., ICLR
2019, appendix A): a 1x1 convolution with padding 1, then per scale two 3x3 convolutions and
2x2 average pooling, the number of channels doubling from scale to scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import check_size
from .config import Nets
from .layers import SLOPE, GroupNorm, Halve, InstanceNorm, Tanh, initialise, normalise_spectrally


class Autoencoder(nn.Module):
    """f and g: images (B, C, H, W) in [-1, 1] to codes (B, c, h, w), and back."""

    def __init__(self, channels: int, size: int, config: Nets):
        super().__init__()
        scales = count_scales(size, config.code)
        self.code, self.is_variational = config.code[0], config.posterior
        outputs = self.code * (1 + config.posterior)
        self.encoder = _encoder(channels, config, scales, outputs, norm=config.norm)
        self.decoder = _decoder(channels, config, scales)
        initialise(self)

    def encode(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] -> codes (B, c, h, w), float32."""
        return self.encoder(x).float()[:, : self.code]

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and scale of the code's normal distribution given x, (B, c, h, w) each."""
        mean, scale = self.encoder(x).float().chunk(2, 1)
        return mean, F.softplus(scale) + 1e-6

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, c, h, w) -> images (B, C, H, W), float32, not clipped."""
        return self.decoder(z).float()


class Critic(nn.Module):
    """D: images (B, C, H, W) -> one logit each (B,), high for real ones.

    It has the encoder's shape, without norms but with spectral normalisation (Miyato et al.,
    ICLR 2018) of every convolution, and averages its last map, of as many channels as the code's
    unless told otherwise.
    """

    def __init__(self, channels: int, size: int, config: Nets, last: int = 0):
        super().__init__()
        scales, last = count_scales(size, config.code), last or config.code[0]
        self.body = _encoder(channels, config, scales, last, norm="none")
        initialise(self)
        normalise_spectrally(self.body)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).float().mean((1, 2, 3))


class Stem(nn.Module):
    """The 1x1 convolution with padding 1 and the 3x3 convolution after it, applied as one.

    Nothing stands between the two, so they are a single 3x3 convolution over the padded image
    and a map of ones, which carries the first one's bias. Equal within rounding, and the step
    is a sixth faster: the widest map is never written.
    """

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.first = nn.Conv2d(channels, width, 1, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        assert self.first.bias is not None
        first = torch.cat([self.first.weight.flatten(1), self.first.bias[:, None]], 1)
        weight = torch.einsum("ochw,ci->oihw", self.second.weight, first)
        x = F.pad(x, (1, 1, 1, 1))
        x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
        form = torch.channels_last
        return F.conv2d(
            x.contiguous(memory_format=form),
            weight.contiguous(memory_format=form),
            self.second.bias,
            padding=1,
        )


def count_scales(size: int, code: tuple[int, int, int]) -> int:
    """How often the encoder halves an image of `size` to reach the code's height and width."""
    check_size(size)
    channels, height, width = code
    scales = (size // max(height, 1)).bit_length() - 1
    if channels < 1 or height != width or height * 2**scales != size or scales < 2:
        raise ValueError(
            f"the code {channels}x{height}x{width} does not fit images of size {size}: its height "
            f"and width must be equal, and one of {', '.join(map(str, _sides(size)))}"
        )
    return scales


def _sides(size: int) -> list[int]:
    """What `size` becomes when it is halved twice or more."""
    return [size >> s for s in range(2, size.bit_length()) if size % (1 << s) == 0]


def _after(channels: int, *, norm: str) -> list[nn.Module]:
    """What follows a convolution."""
    norms: dict[str, list[nn.Module]] = {
        "instance": [InstanceNorm(channels, affine=True)],
        "group": [GroupNorm(max(1, channels // 8), channels)],
        "none": [],
    }
    return [*norms[norm], nn.LeakyReLU(SLOPE, inplace=True)]


def _block(inputs: int, outputs: int, *, norm: str) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), *_after(outputs, norm=norm)]


def _encoder(channels: int, config: Nets, scales: int, code: int, *, norm: str) -> nn.Sequential:
    width = config.width
    body: list[nn.Module] = [Stem(channels, width), *_after(width, norm=norm)]
    for scale in range(scales):
        outputs = config.width << scale
        if scale:
            body += _block(width, outputs, norm=norm)
        body += _block(outputs, outputs, norm=norm)
        body.append(Halve())
        width = outputs
    # A norm over a single pixel would leave only its bias.
    body += _block(width, 2 * width, norm=norm if config.code[1] > 1 else "none")
    body.append(nn.Conv2d(2 * width, code, 3, padding=1))
    return nn.Sequential(*body)


def _decoder(channels: int, config: Nets, scales: int) -> nn.Sequential:
    inputs = config.code[0]
    body: list[nn.Module] = []
    for scale in reversed(range(scales)):
        outputs = config.width << scale
        norm = config.norm if config.code[1] > 1 or scale < scales - 1 else "none"
        body += _block(inputs, outputs, norm=norm) + _block(outputs, outputs, norm=norm)
        body.append(nn.Upsample(scale_factor=2))
        inputs = outputs
    body += _block(inputs, config.width, norm=config.norm)
    body.append(nn.Conv2d(config.width, channels, 3, padding=1))
    if config.output == "tanh":
        body.append(Tanh())
    return nn.Sequential(*body)

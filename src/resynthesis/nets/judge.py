"""A judge of pictures that no method trains against: an ordinary convolutional classifier."""

from __future__ import annotations

from torch import Tensor, nn

from .layers import SLOPE, initialise

WIDTH = 32


class Judge(nn.Module):
    """Images (B, C, H, W) in [-1, 1], as they are -> logits (B, K) of classes or attributes.

    A 5x5 convolution of stride 2, then pairs of 3x3 convolutions with batch normalisation, each
    pair at half the resolution of the last and twice as wide, down to 4x4 or less.
    """

    def __init__(self, channels: int, size: int, outputs: int):
        super().__init__()
        body: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 5, stride=2, padding=2)]
        body.append(nn.BatchNorm2d(WIDTH))
        width, side = WIDTH, -(-size // 2)
        while side > 4:
            inputs, width, side = width, min(2 * width, 4 * WIDTH), side // 2
            for into in (inputs, width):
                body += [
                    nn.Conv2d(into, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.LeakyReLU(SLOPE, inplace=True),
                ]
            body.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*body)
        self.linear = nn.Linear(width * side**2, outputs)
        initialise(self)

    def maps(self, x: Tensor) -> Tensor:
        """What the last layer sees: (B, d, h, w), float32."""
        return self.body(x).float()

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.maps(x).flatten(1)).float()

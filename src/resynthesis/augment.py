"""Changed copies of images that keep their class, for classifiers that must not care for style.

Nothing here knows how a target domain was made: no two images are ever blended.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TURN, GROW, SHEAR, SHIFT = 0.15, 0.1, 0.1, 0.075  # half-widths: radians, log scale, 1, half-images
PATCH = 1 / 7  # half-width of a blanked square, as a share of the image


def augment(x: Tensor) -> Tensor:
    """Images (B, C, H, W) to changed copies of the same shape, on the same device.

    Each is turned, scaled, sheared and shifted a little, and in half of them a square is blanked.
    Differentiable with respect to x.
    """
    return _blank(_pose(x))


def turned(x: Tensor) -> Tensor:
    """Square images (B, C, H, W), each in one of the eight ways of turning and flipping it."""
    which = torch.randint(8, (len(x),), device=x.device)
    x = torch.where(_each(which & 1), x.flip(3), x)
    x = torch.where(_each(which & 2), x.flip(2), x)
    return torch.where(_each(which & 4), x.transpose(2, 3), x)


def _each(bits: Tensor) -> Tensor:
    return (bits > 0)[:, None, None, None]


def _uniform(shape: tuple[int, ...], x: Tensor) -> Tensor:
    """Uniform on [-1, 1]."""
    return torch.rand(shape, device=x.device) * 2 - 1


def _pose(x: Tensor) -> Tensor:
    """A random affine map of each image, mirrored at the borders."""
    n = (len(x),)
    turn, scale = TURN * _uniform(n, x), torch.exp(GROW * _uniform(n, x))
    cos, sin = scale * turn.cos(), scale * turn.sin()
    shift = SHIFT * _uniform((2, len(x)), x)
    rows = [cos, SHEAR * _uniform(n, x) - sin, shift[0], sin, cos, shift[1]]
    theta = torch.stack(rows, 1).unflatten(1, (2, 3))
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _blank(x: Tensor) -> Tensor:
    """Sets a square somewhere in half of the images to 0, mid-grey."""
    size = x.shape[-1]
    place = torch.arange(size, device=x.device)
    centre = torch.randint(size, (len(x), 2), device=x.device)
    near = (place - centre[..., None]).abs() < max(1, round(PATCH * size))  # (B, 2, size)
    chosen = torch.rand(len(x), device=x.device) < 0.5
    square = near[:, 0, :, None] & near[:, 1, None, :] & chosen[:, None, None]
    return x.masked_fill(square[:, None], 0.0)

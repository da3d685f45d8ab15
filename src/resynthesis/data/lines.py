"""The lines benchmark of Berthelot et al., ICLR 2019, section 4.1: one segment at any angle.

Images are 32x32, background -1, ink +1. The segment runs from (row, column) = (16, 16) to
(16 - 15 sin θ, 16 + 15 cos θ), two pixels wide, with exact coverage along its minor axis.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .sets import WHOLE, Data, ImageSet, seeded

EPOCH = 50_000  # lines are endless; an epoch is this many


def render(theta: Tensor) -> Tensor:
    """Angles (n,), in radians -> images (n, 1, 32, 32) in [-1, 1], float32."""
    theta = torch.as_tensor(theta, dtype=torch.float64)
    if theta.ndim != 1:
        raise ValueError(f"theta must be of shape (n,), not {tuple(theta.shape)}")
    return (
        torch.cat([_render(chunk) for chunk in theta.split(1024)]) if len(theta) else _render(theta)
    )


def _render(theta: Tensor) -> Tensor:
    row, column = 16 - 15 * theta.sin(), 16 + 15 * theta.cos()
    # The rows are the major axis; equal extents, also within float32 rounding, go by columns.
    steep = theta.sin().abs() > theta.cos().abs() + 1e-6
    y_end, x_end = torch.where(steep, row, column), torch.where(steep, column, row)
    y0, y1 = y_end.clamp(max=16), y_end.clamp(min=16)
    x0, x1 = torch.where(y_end < 16, x_end, 16.0), torch.where(y_end < 16, 16.0, x_end)
    slope = (x1 - x0) / (y1 - y0)

    at = torch.arange(32, dtype=torch.float64, device=theta.device)
    y = at[None, :]  # (1, 32), major axis
    y0, y1, x0, slope = (v[:, None] for v in (y0, y1, x0, slope))
    a = (x0 - 1 + (y - y0 - 0.5) * slope)[..., None]  # (n, 32, 1): left edge at this y
    b = a + 2
    weight = torch.where(y < y0.ceil(), y0.ceil() - y0, 1.0)
    weight = weight * ((y >= y0.floor()) & (y <= y1.ceil() - 1))
    coverage = (
        ((at >= a.ceil()) & (at <= b.floor() - 1)).double()
        + (at == a.floor()) * (a.ceil() - a)
        + (at == b.floor()) * (b - b.floor())
    ) * weight[..., None]  # (n, major, minor)
    coverage = torch.where(steep[:, None, None], coverage, coverage.mT)
    return (2 * coverage - 1).clamp(-1, 1)[:, None].float()


def angles(n: int, generator: torch.Generator) -> Tensor:
    """n angles, uniform in [0, 2π), float64."""
    return torch.rand(n, generator=generator, dtype=torch.float64) * 2 * math.pi


class Lines(ImageSet):
    """Fresh lines at every draw; no labels."""

    def __init__(self) -> None:
        super().__init__(torch.empty(EPOCH, 1, 32, 32, device="meta"))

    def batch(
        self, step: int, size: int, seed: int, part: slice = WHOLE
    ) -> tuple[Tensor, Tensor | None]:
        x = render(angles(size, seeded("lines", seed, step))[part])
        return x.to(self.device), None

    def with_labels(self, labels: Tensor | None) -> Lines:
        if labels is not None:
            raise ValueError("lines have no labels")
        return self

    def subset(self, index: Tensor) -> ImageSet:
        raise ValueError("lines are endless: there is no part of them to choose (--train-size)")

    def take(self, index: Tensor) -> tuple[Tensor, Tensor | None]:
        x = [render(angles(1, seeded("lines-index", int(i)))) for i in index]
        return torch.cat(x).to(self.device), None


def load() -> Data:
    """Endless training lines; 1,000 validation and 1,000 test lines at seeded angles."""
    valid, test = (ImageSet(render(angles(1000, seeded(part)))) for part in ("valid", "test"))
    return Data("lines", Lines(), valid, test)

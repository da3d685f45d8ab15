"""Distance and smoothness of interpolations of lines (Berthelot et al., ICLR 2019, section 4.1).

Distance says how far the images of a path are from real lines, smoothness how evenly the angle
moves along it. Neither means much alone: a pixel cross-fade and an abrupt jump each fail one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.lines import angles, render
from ..data.sets import seeded
from .codes import interpolate

REFERENCES = 10_000
PAIRS = 256
STEPS = 16


def score(paths: object) -> tuple[float, float]:
    """Interpolations (n, 16, 1, 32, 32), in [-1, 1], to (distance, smoothness), each a mean.

    Distance: the smallest cosine distance from an image to 10,000 reference lines, over all
    images. Smoothness: the largest step of the angle along a path, as a share of the whole
    turn, minus 1/15; a path that does not turn (under 1e-4) counts as 0. Lower is better.
    Raises ValueError for other shapes and for NaN.
    """
    x = torch.as_tensor(np.asarray(paths) if not isinstance(paths, Tensor) else paths).float()
    if x.ndim != 5 or x.shape[1:] != (STEPS, 1, 32, 32) or len(x) == 0:
        raise ValueError(f"paths must be of shape (n, 16, 1, 32, 32), not {tuple(x.shape)}")
    if not bool(x.isfinite().all()):
        raise ValueError("paths have NaN or infinite values")
    theta = torch.arange(REFERENCES, dtype=torch.float64) * (2 * math.pi / REFERENCES)
    references = F.normalize(render(theta).flatten(1)).to(x.device)  # (10000, 1024)
    best = [
        (F.normalize(chunk) @ references.T).max(1) for chunk in x.reshape(-1, 32 * 32).split(512)
    ]
    closest = torch.cat([b.values for b in best]).cpu().double()
    distance = float((1 - closest).mean())
    angle = theta[torch.cat([b.indices for b in best]).cpu()].reshape(len(x), STEPS)
    return distance, float(np.mean([_unevenness(path) for path in angle.numpy()]))


def _unevenness(angle: np.ndarray) -> float:
    unwrapped = np.unwrap(angle)
    turn = abs(unwrapped[0] - unwrapped[-1])
    if turn < 1e-4:
        return 0.0
    return float(np.abs(np.diff(unwrapped)).max() / turn - 1 / (STEPS - 1))


def interpolations(autoencoder: nn.Module) -> Tensor:
    """Decoded straight lines between the codes of 256 fixed pairs: (256, 16, 1, 32, 32)."""
    x = render(angles(2 * PAIRS, seeded("interpolations")))
    return interpolate(autoencoder, x[:PAIRS], x[PAIRS:], STEPS)

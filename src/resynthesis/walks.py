"""Walks through codes, from image to image by any mixer, at a chosen speed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from .mixing import check_parents, mix
from .runs import fixed_seed

Speed = Literal["steps", "code", "pixels"]
FINER = 8  # points on the way for each frame, where the speed is measured
PACE = 4.0  # channel-mixup: how much faster or slower than even a channel may start


def walk(
    z: Tensor,
    stops: Sequence[int],
    to_images: Callable[[Tensor], Tensor],
    *,
    mixer: str = "mixup",
    steps: int = 11,
    speed: Speed = "steps",
    seed: int = 0,
) -> Tensor:
    """Pictures (n, C, H, W) on the way from stop to stop; n is (stops - 1) (steps - 1) + 1.

    z: codes (k, c, h, w) of the images; stops: places in it, two or more. mixup goes straight;
    channel-mixup goes with every channel at its own pace; the Bernoulli mixers change one channel
    after the other, in a random order. speed: `steps` gives every leg as many frames, `code` and
    `pixels` have as much way between any two frames, in code or in the picture (as far as single
    channels allow). Raises ValueError where the mixer or the numbers do not fit.
    """
    check_parents(mixer, len(z))
    if steps < 2 or len(stops) < 2:
        raise ValueError(f"a walk takes 2 steps and 2 stops or more, not {steps}, {len(stops)}")
    frames = (len(stops) - 1) * (steps - 1) + 1
    finer = steps if speed == "steps" else FINER * (steps - 1) + 1
    with fixed_seed(seed):
        legs = [_leg(mixer, z[a], z[b], finer) for a, b in pairwise(stops)]
    path = torch.cat([legs[0], *[leg[1:] for leg in legs[1:]]])
    if speed == "steps":
        return to_images(path)
    if speed == "code":
        return to_images(path[_evenly(path, frames)])
    images = to_images(path)
    return images[_evenly(images, frames)]


def _leg(mixer: str, a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Codes (steps, c, h, w) from a to b, ends included."""
    share = torch.linspace(0, 1, steps, device=a.device)[:, None]  # (steps, 1), of b
    c = len(a)
    if mixer == "channel-mixup":
        slant = (2 * torch.rand(c, device=a.device) - 1) * math.log(PACE)
        share = share ** slant.exp()
    elif mixer != "mixup":
        share = (share > (torch.randperm(c, device=a.device) + 0.5) / c).float()
    share = share.expand(steps, c)[..., None, None]
    return mix(torch.stack([a, b])[:, None], torch.stack([1 - share, share]))


def _evenly(points: Tensor, n: int) -> Tensor:
    """Places of n points along a path (m, ...), ends included, with as much way between them."""
    way = (points[1:] - points[:-1]).flatten(1).norm(dim=1).cumsum(0).cpu()
    way = torch.cat([torch.zeros(1), way])
    wanted = torch.linspace(0, float(way[-1]), n)
    after = torch.searchsorted(way, wanted).clamp(1, len(way) - 1)
    nearer = wanted - way[after - 1] < way[after] - wanted
    found = torch.where(nearer, after - 1, after)
    found[0], found[-1] = 0, len(way) - 1
    return found.to(points.device)

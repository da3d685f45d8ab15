"""Mixing codes: z_mix = sum_i w_i z_i over k parents, with sum_i w_i = 1.

A mixer draws weights: `mixer(k, z)` takes the number of parents k and codes z (B, C, ...) and
returns w (k, B, C or 1, 1, ...), float32, non-negative, summing to one over the parents.
Beckham et al., NeurIPS 2019, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Mixer = Callable[[int, Tensor], Tensor]
MixerName = Literal["mixup", "channel-mixup", "bernoulli", "shared-bernoulli"]


def mixup(k: int, z: Tensor) -> Tensor:
    """One convex combination per sample, w ~ Dirichlet(1, ..., 1): alpha ~ U(0, 1) for k = 2."""
    return _spread(_dirichlet(k, (len(z), 1), z), z)


def channel_mixup(k: int, z: Tensor) -> Tensor:
    """One convex combination per sample and channel, w ~ Dirichlet(1, ..., 1)."""
    return _spread(_dirichlet(k, (len(z), z.shape[1]), z), z)


def bernoulli(k: int, z: Tensor) -> Tensor:
    """Every channel comes whole from one parent, each parent as likely as the others."""
    parent = torch.randint(k, z.shape[:2], device=z.device)  # (B, C)
    return _spread(F.one_hot(parent, k).movedim(-1, 0).float(), z)


def shared_bernoulli(k: int, z: Tensor) -> Tensor:
    """Channels come whole from one of two parents, the first with p ~ U(0, 1) drawn per batch."""
    check_parents("shared-bernoulli", k)
    first = (torch.rand(z.shape[:2], device=z.device) < torch.rand((), device=z.device)).float()
    return _spread(torch.stack([first, 1 - first]), z)


MIXERS: dict[str, Mixer] = dict(
    zip(get_args(MixerName), (mixup, channel_mixup, bernoulli, shared_bernoulli), strict=True)
)


def draw_apart(mixer: str, k: int, z: Tensor) -> Tensor:
    """Weights as `mixer` draws them for each sample of z by itself; shared-bernoulli a p each."""
    if mixer == "shared-bernoulli":
        return torch.cat([MIXERS[mixer](k, one[None]) for one in z], 1)
    return MIXERS[mixer](k, z)


def check_parents(mixer: str, k: int) -> None:
    """Raise ValueError where `mixer` is unknown or is not defined for k parents."""
    if mixer not in MIXERS:
        raise ValueError(f"unknown mixer '{mixer}': choose from {', '.join(MIXERS)}")
    if k < 2:
        raise ValueError(f"mixing needs at least 2 parents, not {k}")
    if mixer == "shared-bernoulli" and k != 2:
        raise ValueError(f"shared-bernoulli mixes exactly 2 parents, not {k}: use bernoulli")


def partners(k: int, z: Tensor) -> Tensor:
    """Indices (k, B): each sample itself, then its partners, from permutations of the batch."""
    own = torch.arange(len(z), device=z.device)
    return torch.stack([own, *(torch.randperm(len(z), device=z.device) for _ in range(k - 1))])


def for_each(weights: Tensor, z: Tensor) -> Tensor:
    """Weights (n, k) of n mixes of the same k parents z (k, C, ...), as `mix` wants them.

    Returns (k, n, 1, ...); mix(z[:, None], for_each(weights, z)) is (n, C, ...).
    """
    return weights.T.to(z.device).reshape(*weights.T.shape, *[1] * (z.ndim - 1))


def mix(parents: Tensor, weights: Tensor) -> Tensor:
    """Codes of the parents (k, B, C, ...) and weights (k, B, C or 1, ...) -> mixes (B, C, ...)."""
    return (weights * parents).sum(0)


def as_attributes(y: Tensor, attributes: int) -> tuple[Tensor, Tensor]:
    """Labels, classes (B,) or a table (B, a), as the places of the n known and their (n, a), float.

    A class is the attribute of its number. Labels under 0 are unknown.
    """
    if y.ndim == 1:
        known = (y >= 0).nonzero().flatten()
        return known, F.one_hot(y[known], attributes).float()
    known = (y >= 0).all(1).nonzero().flatten()
    return known, y[known].float()


def wish(
    first: Tensor, second: Tensor, *, whole: bool, generator: torch.Generator | None = None
) -> Tensor:
    """What a mix of parents with attributes (n, a) shall have, drawn at random: (n, a).

    Each attribute is that of either parent. Where the attributes are classes (`whole`), all are
    those of one: an image is never of both classes, nor of neither.
    """
    drawn = torch.rand(
        len(first), 1 if whole else first.shape[1], generator=generator, device=first.device
    )
    return torch.where(drawn < 0.5, first, second)


def granted(wanted: Tensor, first: Tensor, second: Tensor, *, whole: bool) -> Tensor:
    """Which wishes (n, a) parents with attributes (n, a) grant, (n,): each attribute of the wish
    is that of either parent, or where it is `whole`, as for classes, all are those of one."""
    one, other = wanted == first, wanted == second
    return one.all(1) | other.all(1) if whole else (one | other).all(1)


def mask_weights(p: Tensor, z: Tensor) -> Tensor:
    """Weights (2, B, C, 1, ...) of masks: a channel is the first's with probability p (B, C).

    The gradient passes the draw as if it were p itself (straight-through; Bengio et al., 2013).
    """
    first = p + ((torch.rand_like(p) < p).float() - p).detach()
    return _spread(torch.stack([first, 1 - first]), z)


def _dirichlet(k: int, shape: tuple[int, int], z: Tensor) -> Tensor:
    """(k, *shape), uniform on the simplex: exponentials over their sum."""
    e = torch.empty(k, *shape, device=z.device).exponential_()
    return e / e.sum(0)


def _spread(weights: Tensor, z: Tensor) -> Tensor:
    return weights.reshape(*weights.shape, *[1] * (z.ndim - 2))

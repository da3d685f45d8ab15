"""Scalar losses that several methods share. Images are in [-1, 1]; logits are a critic's (B,)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Reconstruction = Literal["l1", "l2", "l2-sum", "bce", "bce-sum"]
Adversary = Literal["bce", "ls"]


def l1(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (x - y).abs().mean()


def l2(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared difference."""
    return (x - y).square().mean()


def l2_sum(x: Tensor, y: Tensor) -> Tensor:
    """Squared difference, summed over the pixels of an image and averaged over the batch."""
    return l2(x, y) * x[0].numel()


def bce(x: Tensor, x_hat: Tensor) -> Tensor:
    """Cross-entropy of pixels read as probabilities (x + 1) / 2, mean over pixels, in nats."""
    p, t = ((x_hat + 1) / 2).clamp(1e-7, 1 - 1e-7), (x + 1) / 2
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


def bce_sum(x: Tensor, x_hat: Tensor) -> Tensor:
    """The same, summed over the pixels of an image and averaged over the batch."""
    return bce(x, x_hat) * x[0].numel()


RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "l2": l2,
    "l2-sum": l2_sum,
    "bce": bce,
    "bce-sum": bce_sum,
}
FORMULAS = {  # of the reconstruction losses, as mathtext
    "l1": r"|x - \hat{x}|",
    "l2": r"|x - \hat{x}|^2",
    "l2-sum": r"\Sigma |x - \hat{x}|^2",
    "bce": r"H(\hat{x}, x)",
    "bce-sum": r"\Sigma H(\hat{x}, x)",
}


def H(logits: Tensor, target: float | Tensor, kind: Adversary = "bce") -> Tensor:
    """How far a critic's answer is from `target` (1 real, 0 made up; a number or (B,)).

    `bce`: cross-entropy in nats; `ls`: squared difference of the raw output (Mao et al., 2017).
    """
    t = target.to(logits) if isinstance(target, Tensor) else torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, t) if kind == "bce" else l2(logits, t)


def misread(views: Tensor, y: Tensor) -> Tensor:
    """H(C(x), y) of each image, (B,), in nats: logits of each view (V, B, K), classes (B,)."""
    each = y[:, None].expand(-1, len(views))
    return F.cross_entropy(views.movedim(0, 2), each, reduction="none").mean(1)


def agreed(views: Tensor) -> Tensor:
    """Class probabilities (B, K) by the logits of all views (V, B, K), the first one trusted most.

    q ~ p_1 prod_v [(1 - e_v) p_v + e_v / K], v > 1, with e_v the share of the batch in which view v
    says another class than the first. So a view that is sure and wrong, as views of few images
    are, cannot overrule the first, and one that has earned it can.
    """
    first, *others = views.softmax(2)
    q = first
    for p in others:
        e = (p.argmax(1) != first.argmax(1)).float().mean()
        q = q * ((1 - e) * p + e / p.shape[1])
    return q / q.sum(1, keepdim=True)


def together(net: nn.Module, *batches: Tensor) -> tuple[Tensor, ...]:
    """The net's answers to several batches, computed in one pass."""
    return net(torch.cat(batches)).split([len(b) for b in batches])

"""Mixes under labels: whether an independent judge reads in them what was asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Data, seeded
from ..mixing import as_attributes, draw_apart, mask_weights, mix, wish
from ..nets import Judge
from ..runs import fixed_seed
from .codes import CHUNK, decode, encode
from .judge import opinion

PAIRS = 5000


@torch.inference_mode()
def measure(nets: nn.ModuleDict, data: Data, judge: Judge) -> dict[str, float]:
    """Of mixes of pairs of test images under wishes that only one of the parents grants (5,000
    pairs, or as many as there are images):

    wish_accuracy, the share that the judge reads as asked for: attribute by attribute, each
    wanted as either parent has it, or a class whole; wish_accuracy_first and
    wish_accuracy_second, the same of those that the first parent grants, for which a copy of it
    would do, and of those that the second does; wish_accuracy_random_mask, wish_accuracy with every
    channel from either parent by chance; wish_accuracy_real, the judge's own accuracy on the real
    parents; mask_low, the mixer's least probability of a channel, averaged over the mixes to which
    the second parent has to grant something, and mask_high, its greatest, over those to which the
    first has; mix_distance, the mean absolute distance of a mix to the nearer parent's
    reconstruction, as a share of the distance between both, over all parents that differ: 0
    where mixes are copies, 0.5 for a cross-fade. What no pair tells anything about is left out.
    """
    generator = seeded("wishes")
    known = data.test.known()
    x, y = known.take(torch.randperm(len(known), generator=generator)[:PAIRS])
    assert y is not None
    mixer = nets["mixer"]
    _, y_1 = as_attributes(y.cpu(), mixer.attributes)  # type: ignore[arg-type]
    other = torch.arange(len(x)).roll(1)  # none is its own partner, and where any differ, two meet
    y_2 = y_1[other]
    whole = y.ndim == 1
    wanted = wish(y_1, y_2, whole=whole, generator=generator)
    of_first, of_second = wanted != y_2, wanted != y_1  # what only one of them grants
    real, _ = opinion(judge, x)
    z = encode(nets["autoencoder"], x)
    p = mixer(*(t.to(z.device) for t in (wanted, y_1, y_2)))

    def mixes(share: Tensor) -> Tensor:
        mixed = mix(torch.stack([z, z[other]]), mask_weights(share, z))
        return decode(nets["autoencoder"], mixed)

    def granted(mixed: Tensor) -> list[float]:
        judged, _ = opinion(judge, mixed)
        where = (of_first | of_second, of_first, of_second)
        return [_agreement(judged, wanted, part, whole) for part in where]

    with fixed_seed(0):
        made = mixes(p)
        either, first, second = granted(made)
        found = {
            "wish_accuracy": either,
            "wish_accuracy_first": first,
            "wish_accuracy_second": second,
            "wish_accuracy_random_mask": granted(mixes(torch.full_like(p, 0.5)))[0],
            "wish_accuracy_real": _agreement(real, y_1, torch.ones_like(y_1).bool(), whole),
            "mask_low": float(p[of_second.any(1)].amin(1).mean()),
            "mask_high": float(p[of_first.any(1)].amax(1).mean()),
            "mix_distance": _distance(made, decode(nets["autoencoder"], z), other, y_1 != y_2),
        }
    return {name: value for name, value in found.items() if not math.isnan(value)}


@torch.inference_mode()
def weigh(nets: nn.ModuleDict, z: Tensor, labels: Sequence[Tensor], wanted: Tensor) -> Tensor:
    """Weights of mixes that shall have the attributes `wanted` (n, a): (2, n, c, 1, 1), 0 or 1,
    drawn from the mixer's probabilities.

    z: the parents' codes (2, n, c, h, w), or (2, 1, c, h, w), the same for all mixes; labels: what
    the parents have, (n, a) each.
    """
    p = nets["mixer"](*(t.to(z.device) for t in (wanted, *labels)))
    return mask_weights(p, z[0])


def draw_weights(
    nets: nn.ModuleDict, z: Tensor, mixer: str, y: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Weights (k, n, ...) of random mixes of parents z (k, n, c, h, w), by `mixer`; or, given the
    labels y of two parents, under a random wish each, and these wishes (n, a).

    y: classes (2, n) or attributes (2, n, a), all of them known.
    """
    if y is None:
        return draw_apart(mixer, len(z), z[0]), None
    net = nets["mixer"]
    labels = [as_attributes(one.cpu(), net.attributes)[1] for one in y]  # type: ignore[arg-type]
    wanted = wish(*labels, whole=bool(net.whole))
    return weigh(nets, z, labels, wanted), wanted


def grant(nets: nn.ModuleDict, z: Tensor, labels: Sequence[Tensor], wanted: Tensor) -> Tensor:
    """The mixes that `weigh` weighs, decoded: (n, C, H, W), not clipped, on the nets' device."""
    return decode(nets["autoencoder"], mix(z, weigh(nets, z, labels, wanted)))


@torch.inference_mode()
def read_attributes(nets: nn.ModuleDict, x: Tensor, *, whole: bool) -> Tensor:
    """What the reader of a class-amr run reads in images: (n, a), 0 or 1; one 1 where `whole`."""
    reader: Any = nets["reader"] if "reader" in nets else nets["critic"].read
    device = next(nets.parameters()).device
    logits = torch.cat([reader(chunk.to(device)).cpu() for chunk in x.split(CHUNK)])
    if whole:
        return F.one_hot(logits.argmax(1), logits.shape[1]).float()
    return (logits > 0).float()


def _distance(mixed: Tensor, x_hat: Tensor, other: Tensor, differ: Tensor) -> float:
    """How far mixes are from the nearer parent, beside how far the parents are from each other."""
    shown = (images.cpu().clamp(-1, 1) for images in (mixed, x_hat, x_hat[other]))
    m, a, b = (images[differ.any(1)] for images in shown)
    one, two, apart = ((p - q).abs().flatten(1).mean(1) for p, q in ((m, a), (m, b), (a, b)))
    return float(torch.minimum(one, two).sum() / apart.sum())


def _agreement(logits: Tensor, wanted: Tensor, where: Tensor, whole: bool) -> float:
    """How often the logits say what is wanted, for classes as a whole or for each attribute."""
    if whole:
        right = logits.argmax(1) == wanted.argmax(1)
        return float(right[where.any(1)].float().mean())
    return float(((logits > 0) == wanted.bool())[where].float().mean())

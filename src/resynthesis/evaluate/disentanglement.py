"""Whether each factor of variation has a dimension of the code to itself: four published scores.

All take the same arrays: factors (N, K), integers from 0, and codes (N, d) of the images that they
make, drawn evenly from the grid of all factors. Groups of images that share a factor are drawn
among these, so that an image is encoded once for all scores and not anew for each group. Where a
classifier learns, one half of the images teaches it and the other half judges. Every score is
from 0 to 1 and depends on its seed alone; ValueError is raised for arrays that do not fit.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..data import Sprites, seeded
from ..data.sprites import factors_of
from ..runs import fixed_seed
from .codes import CHUNK, draw, encode
from .labels import Codes, probe_accuracy

Factors = NDArray[np.integer]

SAMPLE = 50_000  # images of the grid that are encoded
PAIRS = 64  # that a difference is the mean of
DIFFERENCES = (10_000, 5_000)  # to learn from, and to judge by
GROUP = 200  # images that vote together
VOTES = 800  # to learn from, and as many to judge by
COLLAPSED = 0.05  # standard deviation of a dimension that carries nothing
BINS = 20  # at least
TREES, LEAF, MOST = 20, 20, 10_000  # of a forest: trees, images in a leaf, images to learn from


def sample(
    autoencoder: nn.Module,
    images: Sprites,
    count: int = SAMPLE,
    *,
    seed: int = 0,
    drawn: bool = False,
) -> tuple[Factors, Codes]:
    """Factors (count, K) drawn evenly from the grid, without repetition, and codes (count, d).

    Where codes are distributions (vae) they are the means, or else `drawn`, one from each.
    """
    order = torch.randperm(math.prod(images.grid), generator=seeded("disentanglement", seed))
    factors = factors_of(order[:count], images.grid)
    encoder = draw if drawn else encode
    with fixed_seed(seed):
        each = [encoder(autoencoder, images.draw(f)) for f in factors.split(CHUNK)]
    codes = [z.flatten(1).cpu() for z in each]
    return factors.numpy(), torch.cat(codes).numpy()


def betavae_score(factors: Factors, codes: Codes, *, seed: int = 0) -> float:
    """Accuracy with which a linear classifier tells which factor pairs of images share.

    Higgins et al., ICLR 2017, section 3: a point is the mean of |z - z'| over 64 pairs, each of
    which shares a random value of the same factor; 10,000 points teach logistic regression (on
    standardised points), 5,000 judge it. Chance: 1 / K.
    """
    factors, codes = _checked(factors, codes)
    random = np.random.default_rng(seed)
    learnt, judged = (
        _differences(factors[half], codes[half], n, random)
        for half, n in zip(_halves(factors), DIFFERENCES, strict=True)
    )
    return probe_accuracy(*learnt, *judged)


def _differences(
    factors: Factors, codes: Codes, count: int, random: np.random.Generator
) -> tuple[Codes, Factors]:
    """Mean absolute differences (count, d) of pairs, and the factor that they share (count,)."""
    shared = random.integers(factors.shape[1], size=count)
    found = np.empty((count, codes.shape[1]))
    for k in range(factors.shape[1]):
        points = np.flatnonzero(shared == k)
        order, starts, sizes = _by_value(factors[:, k])
        value = random.integers(len(sizes), size=len(points) * PAIRS)
        a, b = (
            codes[order[starts[value] + (random.random(len(value)) * sizes[value]).astype(int)]]
            for _ in range(2)
        )
        found[points] = abs(a - b).reshape(len(points), PAIRS, -1).mean(1)
    return found, shared


def factorvae_score(factors: Factors, codes: Codes, *, seed: int = 0) -> float:
    """Accuracy of the majority vote of the dimension that varies least on the factor held fixed.

    Kim and Mnih, ICML 2018, section 4: of 200 images that share a random value of a random
    factor, the vote is the dimension with the smallest variance, relative to that over all
    images. 800 votes say which factor a dimension stands for, 800 others are judged. Dimensions
    are left out as collapsed whose standard deviation is under 0.05 (that of a prior is 1), or
    under 0.05 of the largest where none reaches 1. Chance: 1 / K.
    """
    factors, codes = _checked(factors, codes)
    random = np.random.default_rng(seed)
    deviation = codes.std(0) * (np.ptp(codes, 0) > 0)  # without rounding
    active = deviation > COLLAPSED * min(1.0, float(deviation.max()))
    scaled = codes[:, active] / deviation[active] if active.any() else np.zeros((len(codes), 1))
    learnt, judged = (_votes(factors[half], scaled[half], random) for half in _halves(factors))
    return float(judged[learnt.argmax(0), np.arange(judged.shape[1])].sum() / judged.sum())


def _votes(factors: Factors, codes: Codes, random: np.random.Generator) -> NDArray[np.integer]:
    """How often (K, d) each dimension varied least where a factor was held fixed."""
    votes = np.zeros((factors.shape[1], codes.shape[1]), dtype=int)
    groups = [_by_value(factors[:, k]) for k in range(factors.shape[1])]
    for k in random.integers(len(groups), size=VOTES):
        order, starts, sizes = groups[k]
        value = random.integers(len(sizes))
        members = order[starts[value] : starts[value] + sizes[value]]
        chosen = random.choice(members, min(GROUP, len(members)), replace=False)
        votes[k, codes[chosen].var(0).argmin()] += 1
    return votes


def mig(factors: Factors, codes: Codes) -> float:
    """The mutual information gap of Chen et al., NeurIPS 2018, section 4.1, mean over factors.

    How much more the dimension that knows most about a factor knows of it than the next one, as
    a share of the factor's entropy. Dimensions are cut into bins of equal width between their
    extremes: 20, or as many as a factor has values. Where codes are distributions, the paper's
    information is that of codes drawn from them (`sample` with `drawn`): the means of a collapsed
    dimension may follow a factor, though nothing of that is left in what is drawn.
    """
    factors, codes = _checked(factors, codes)
    bins = max(BINS, int(factors.max()) + 1)
    binned = np.stack([np.digitize(z, np.histogram_bin_edges(z, bins)[1:-1]) for z in codes.T], 1)
    gaps = []
    for v in factors.T:
        known = sorted((_information(v, z) for z in binned.T), reverse=True)
        gaps.append((known[0] - (known[1] if len(known) > 1 else 0)) / _information(v, v))
    return float(np.mean(gaps))


def _information(a: Factors, b: Factors) -> float:
    """Mutual information of two columns of integers from 0, in nats."""
    joint = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    there = joint > 0
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def dci(factors: Factors, codes: Codes, *, seed: int = 0) -> tuple[float, float, float]:
    """Disentanglement, completeness and informativeness of Eastwood and Williams, ICLR 2018.

    What a dimension matters to a factor is its importance in a random forest of regression trees
    that predicts the factor's index (the paper's second regressor; 20 trees with 20 images or
    more in a leaf, taught by 10,000 images). Disentanglement: 1 less the entropy, in base K, of
    a dimension's importances for the factors; mean over dimensions, weighted by what they matter
    in all. Completeness: the same for factors over dimensions, in base d. Informativeness: R² on
    as many other images, mean over factors. 0 where the code tells nothing.
    """
    from sklearn.ensemble import RandomForestRegressor

    factors, codes = _checked(factors, codes)
    learnt, judged = (half[:MOST] for half in _halves(factors))
    importance, known = [], []
    for v in factors.T:
        forest = RandomForestRegressor(TREES, min_samples_leaf=LEAF, random_state=seed)
        forest.fit(codes[learnt], v[learnt])
        importance.append(forest.feature_importances_)
        known.append(max(0.0, forest.score(codes[judged], v[judged])))
    matters = np.stack(importance, 1)  # (d, K)
    return _concentration(matters), _concentration(matters.T), float(np.mean(known))


def _concentration(matters: NDArray[np.floating]) -> float:
    """1 less the entropy of each row, in base of its length; mean weighted by the rows' sums."""
    total = matters.sum(1, keepdims=True)
    if total.sum() == 0:
        return 0.0
    if matters.shape[1] == 1:
        return 1.0
    shares = np.divide(matters, total, out=np.ones_like(matters), where=total > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(1) / np.log(matters.shape[1])
    return max(0.0, float(((1 - entropy) * total[:, 0]).sum() / total.sum()))


def _by_value(v: Factors) -> tuple[NDArray, NDArray, NDArray]:
    """Places in order of a factor's value, and of each value its first place there and number."""
    _, starts, sizes = np.unique(np.sort(v), return_index=True, return_counts=True)
    return np.argsort(v, kind="stable"), starts, sizes


def _halves(factors: Factors) -> tuple[NDArray, NDArray]:
    """Places of one half of the images and of the other, by seed."""
    order = np.random.default_rng(0).permutation(len(factors))
    return order[: len(order) // 2], order[len(order) // 2 :]


def _checked(factors: object, codes: object) -> tuple[Factors, Codes]:
    """Both as arrays, codes in double precision."""
    v, z = np.asarray(factors), np.asarray(codes, dtype=np.float64)
    if v.ndim != 2 or z.ndim != 2 or len(v) != len(z) or v.dtype.kind not in "iu" or not z.size:
        raise ValueError(
            f"factors must be integers (n, factors) and codes (n, d), not {v.dtype} {v.shape} and "
            f"{z.shape}"
        )
    if len(v) < 4 or v.min() < 0 or (v.min(0) == v.max(0)).any():
        raise ValueError("every factor must be from 0 on and take two values or more")
    if not np.isfinite(z).all():
        raise ValueError("codes have NaN or infinite values")
    return v, z

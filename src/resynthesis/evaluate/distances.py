"""How far two sets of images, or of codes, are from each other.

Features are (n, d) arrays. Only features of an Inception net may be called FID: here the caller
says which, by default those of a classifier that was trained on the set itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]

BLOCK = 1000  # features in a block of the kernel distance


def frechet(a: Features, b: Features) -> float:
    """Squared 2-Wasserstein distance of the Gaussians with their means and covariances.

    |μ_a - μ_b|² + tr(Σ_a + Σ_b - 2 (Σ_a Σ_b)^½) (Heusel et al., NeurIPS 2017). The trace of the
    root comes from the singular values of √Σ_a √Σ_b, which stays real. Raises ValueError where a
    set has fewer than two features.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a Fréchet distance needs two images of each, not {min(len(a), len(b))}")
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    gap = a.mean(0) - b.mean(0)
    # The non-zero singular values of A^T B, for centred A and B with A A^T = Σ_a, are those wanted.
    left, right = (_root(x) for x in (a, b))
    root = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    return float(max(0.0, gap @ gap + (left**2).sum() + (right**2).sum() - 2 * root))


def _root(x: Features) -> Features:
    """R (min(n, d), d) with RᵀR the covariance of x."""
    centred = (x - x.mean(0)) / np.sqrt(len(x) - 1)
    return centred if len(x) <= x.shape[1] else np.asarray(np.linalg.qr(centred, mode="r"))


def kernel(a: Features, b: Features) -> float:
    """Squared maximum mean discrepancy under (x·y / d + 1)³, unbiased, averaged over blocks.

    The kernel distance of Bińkowski et al., ICLR 2018; it may come out slightly under zero.
    Raises ValueError where a set has fewer than two features.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"a kernel distance needs two images of each, not {min(len(a), len(b))}")
    size = min(BLOCK, len(a), len(b))
    blocks = min(len(a), len(b)) // size
    random = np.random.default_rng(0)  # sets may come in order, class by class
    a, b = a[random.permutation(len(a))], b[random.permutation(len(b))]
    found = [
        _mmd(a[i * size : (i + 1) * size], b[i * size : (i + 1) * size]) for i in range(blocks)
    ]
    return float(np.mean(found))


def _mmd(a: Features, b: Features) -> float:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    n, d = a.shape
    aa, bb, ab = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    within = (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (n * (n - 1))
    return float(within - 2 * ab.mean())


def proxy_a(a: Features, b: Features, *, seed: int = 0) -> float:
    """2 (1 - 2 ε), ε the error of a linear classifier that tells a from b; from 0 to 2.

    The proxy A-distance of Ben-David et al., NeurIPS 2006: 0 where it can do no better than
    chance. Half of each set trains the classifier (logistic regression on standardised
    features), the other half gives ε.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n = min(len(a), len(b))
    if n < 4:
        raise ValueError(f"a proxy A-distance needs four images of each, not {n}")
    x, y = np.concatenate([a[:n], b[:n]]), np.repeat([0, 1], n)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.5, stratify=y, random_state=seed)
    judge = make_pipeline(StandardScaler(), LogisticRegression(C=1e-2, max_iter=300))
    error = 1 - judge.fit(x, y).score(x_test, y_test)
    return float(max(0.0, 2 * (1 - 2 * error)))

"""Codes in two dimensions."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import count
from typing import Literal

import numpy as np

Projection = Literal["pca", "tsne"]
ITERATIONS = (250, 500)  # of t-SNE: while clusters are drawn together, and after it
OFTEN = 25


def has_tsne() -> bool:
    """Whether openTSNE (extra `tsne`) is installed."""
    return importlib.util.find_spec("openTSNE") is not None


def project(
    codes: np.ndarray,
    how: Projection = "pca",
    report: Callable[[float], None] = lambda share: None,
) -> np.ndarray:
    """Codes (n, d) as points (n, 2), float32: principal components, or t-SNE by openTSNE.

    `report` gets the share of t-SNE's iterations that are done, now and then. Raises ValueError
    for fewer than 3 codes, or where openTSNE is wanted and not installed.
    """
    if len(codes) < 3:
        raise ValueError(f"a map takes 3 images or more, not {len(codes)}")
    if how == "tsne":
        if not has_tsne():
            raise ValueError(
                "t-SNE needs the extra 'tsne': pip install 'resynthesis[tsne]'; pca does without"
            )
        from openTSNE import TSNE

        done = count(OFTEN, OFTEN)

        def look(iteration: int, error: float, points: np.ndarray) -> None:
            report(min(1.0, next(done) / sum(ITERATIONS)))

        early, late = ITERATIONS
        placing = TSNE(
            perplexity=min(30.0, (len(codes) - 1) / 3),
            early_exaggeration_iter=early,
            n_iter=late,
            random_state=0,
            callbacks=look,
            callbacks_every_iters=OFTEN,
        )
        return np.asarray(placing.fit(codes), np.float32)
    from sklearn.decomposition import PCA

    if codes.shape[1] == 1:
        codes = np.concatenate([codes, np.zeros_like(codes)], 1)
    return PCA(2, random_state=0).fit_transform(codes).astype(np.float32)

"""What frozen codes know about labels: linear probe, nearest neighbours, clustering.

Codes are (n, d) arrays, labels (n,) integers, for which a table (n, a) stands where it is said.
Every accuracy is a fraction between 0 and 1. No label of the test part chooses anything; settings
are fixed.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.floating]
Labels = NDArray[np.integer]

NEIGHBOURS = 5
RESTARTS = 10
ROUNDING = 1e-6  # standard deviations smaller than so many times the largest are none


def probe_accuracy(train: Codes, train_labels: Labels, test: Codes, test_labels: Labels) -> float:
    """Accuracy on the test part of one linear layer (multinomial logistic regression).

    Codes are standardised by the training part; L2 penalty 1 / (2n), L-BFGS to convergence. Where
    all training labels are the same, that one is the answer.
    """
    if len(np.unique(train_labels)) < 2:
        return float(np.mean(test_labels == train_labels[0]))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(train, train_labels)
    return float(probe.score(test, test_labels))


def knn_accuracy(train: Codes, train_labels: Labels, test: Codes, test_labels: Labels) -> float:
    """Accuracy on the test part of the majority of the 5 nearest training codes (Euclidean).

    For tables (n, a): the mean of the accuracies of their columns.
    """
    from sklearn.neighbors import KNeighborsClassifier

    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(train)), algorithm="brute")
    return float(np.mean(neighbours.fit(train, train_labels).predict(test) == test_labels))


def clustering_accuracy(
    train: Codes, test: Codes, test_labels: Labels, *, classes: int, seed: int = 0
) -> float:
    """Share of test codes in the cluster of their class, under the best one-to-one matching.

    As in Berthelot et al., ICLR 2019, section 5.2: codes are whitened (PCA of the training
    part), k-means with as many clusters as classes finds its centres on the training part, best
    of 10 starts, and the Hungarian algorithm matches clusters with classes.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    # Directions without variance carry nothing, and whitening would blow up their rounding.
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(train.T, dtype=np.float64)))
    rank = int((variances > ROUNDING**2 * variances.max()).sum())
    if rank == 0 or len(train) < classes:
        return matched_accuracy(np.zeros(len(test), dtype=int), test_labels)
    whiten = PCA(rank, whiten=True, random_state=seed).fit(train)
    kmeans = KMeans(classes, n_init=RESTARTS, random_state=seed).fit(whiten.transform(train))
    return matched_accuracy(kmeans.predict(whiten.transform(test)), test_labels)


def matched_accuracy(clusters: Labels, labels: Labels) -> float:
    """Share of samples whose cluster is matched with their class by the Hungarian algorithm."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((int(clusters.max()) + 1, int(labels.max()) + 1), dtype=int)
    np.add.at(counts, (clusters, labels), 1)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))

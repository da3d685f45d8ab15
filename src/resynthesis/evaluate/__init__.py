"""Metrics: free functions from arrays or nets to plain numbers, one file per family.

`evaluate(nets, data)` runs the families that fit the data and returns {metric name: number}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
from torch import Tensor, nn

from ..data import Data, Kind, Lines, Sprites
from ..runs import Facts
from . import disentanglement, labels, lines, realism, reconstruction, wishes
from .choice import choose
from .codes import decode, encode, encode_set, interpolate, is_variational
from .convolutional import conv_probe_accuracy
from .domains import (
    accuracy,
    check_domains,
    content,
    evaluate_domains,
    features,
    probabilities,
    reader,
    stopping_point,
    translate,
)
from .judge import opinion, train_judge
from .predictions import write_predictions
from .wishes import draw_weights, grant, read_attributes


def _reconstruction(nets: nn.ModuleDict, data: Data) -> dict[str, float]:
    return reconstruction.measure(nets["autoencoder"], data.test)


def _labels(nets: nn.ModuleDict, data: Data, wanted: Sequence[str]) -> dict[str, float]:
    """For a table the means over its columns; a column goes without what is unknown in it."""
    parts = (data.train, data.test)
    codes = [encode_set(nets["autoencoder"], part, precision="auto") for part in parts]
    (train, known), (test, true) = [_flat(*part) for part in codes]
    columns = [
        (train[k >= 0], k[k >= 0], test[t >= 0], t[t >= 0])
        for k, t in zip(known.T, true.T, strict=True)
        if (k >= 0).any() and (t >= 0).any()
    ]
    if not columns:
        raise ValueError(f"'{data.name}' has no known labels to measure by")
    found = {}
    if "probe" in wanted:
        found["probe_accuracy"] = _mean(labels.probe_accuracy(*column) for column in columns)
    if "knn" in wanted:
        if len(columns) > 1 and (known >= 0).all() and (true >= 0).all():
            columns = [(train, known, test, true)]  # the neighbours are the same for all
        found["knn_accuracy"] = _mean(labels.knn_accuracy(*column) for column in columns)
    if "conv-probe" in wanted:
        labelled = [(z[y >= 0], y[y >= 0]) for z, y in codes if y is not None]
        found["conv_probe_accuracy"] = conv_probe_accuracy(*labelled, classes=len(data.classes))
    if "clustering" in wanted:
        found["clustering_accuracy"] = labels.clustering_accuracy(
            train, *columns[0][2:], classes=len(data.classes)
        )
    return found


def _lines(nets: nn.ModuleDict, data: Data) -> dict[str, float]:
    distance, smoothness = lines.score(lines.interpolations(nets["autoencoder"]))
    return {"lines_distance": distance, "lines_smoothness": smoothness}


def _disentanglement(nets: nn.ModuleDict, data: Data, named: set[str]) -> dict[str, float]:
    assert isinstance(data.test, Sprites)
    autoencoder, images = nets["autoencoder"], data.test
    scores: dict[str, Callable[..., float]] = {
        "betavae_score": disentanglement.betavae_score,
        "factorvae_score": disentanglement.factorvae_score,
        "mig": disentanglement.mig,
        "dci_disentanglement": lambda *arrays: disentanglement.dci(*arrays)[0],
    }
    sampled = cache(lambda drawn: disentanglement.sample(autoencoder, images, drawn=drawn))
    variational = is_variational(autoencoder)  # else what is drawn is what is encoded
    return {
        name: score(*sampled(variational and name == "mig"))
        for name, score in scores.items()
        if name in named
    }


CLASS_SCORES = ("classifier_score", "classifier_score_real")  # of mixes, where there are classes
FAMILIES = {
    "reconstruction": ("reconstruction_l1", "reconstruction_psnr"),
    "probe": ("probe_accuracy",),
    "conv-probe": ("conv_probe_accuracy",),
    "knn": ("knn_accuracy",),
    "clustering": ("clustering_accuracy",),
    "lines": ("lines_distance", "lines_smoothness"),
    "mixes": (
        *(f"{d}_distance{of}" for of in ("", "_pixels", "_real") for d in ("frechet", "kernel")),
        *CLASS_SCORES,
    ),
    "wishes": (
        "wish_accuracy",
        "wish_accuracy_first",
        "wish_accuracy_second",
        "wish_accuracy_random_mask",
        "wish_accuracy_real",
        "mask_low",
        "mask_high",
        "mix_distance",
    ),
    "disentanglement": ("betavae_score", "factorvae_score", "mig", "dci_disentanglement"),
}
LABELLED = ("probe", "conv-probe", "knn", "clustering")  # families that read labels from codes
KINDS: dict[str, tuple[Kind, ...]] = {  # of data, for families that do not suit all
    "probe": ("classes", "attributes"),
    "conv-probe": ("classes",),
    "knn": ("classes", "attributes"),
    "clustering": ("classes",),
    "lines": ("lines",),
    "mixes": ("classes", "attributes"),
    "wishes": ("classes", "attributes"),
    "disentanglement": ("sprites",),
}
FEWEST = 4  # images whose mixes are judged
JUDGED = ("mixes", "wishes")  # families that take a judge, who takes a minute to train


def suits(name: str, data: Data, nets: nn.ModuleDict, facts: Facts | None = None) -> bool:
    """Whether a family of metrics, or one of them, can be measured on this data with these nets.

    facts: of the run of the nets; its wishes are judged by labels of the same names alone.
    """
    if not suits_kind(name, kind(data)):
        return False
    family = family_of(name)
    if family in JUDGED and not data.train.has_labels:
        return False
    if family == "mixes":
        return len(data.test) >= FEWEST
    if family == "wishes":
        return "mixer" in nets and data.test.labels_differ and _same_labels(data, nets, facts)
    return True


def suits_kind(name: str, kind: Kind) -> bool:
    """Whether a family of metrics, or one of them, goes with data of some kind."""
    wanted = ("classes",) if name in CLASS_SCORES else KINDS.get(family_of(name))
    return wanted is None or kind in wanted


def kind(data: Data) -> Kind:
    """What the labels of a set are, or which set it is that has measures of its own."""
    if isinstance(data.train, Lines):
        return "lines"
    if isinstance(data.test, Sprites):
        return "sprites"
    if len(data.classes) > 1:
        return "classes"
    return "attributes" if data.has_attributes else "none"


def family_of(name: str) -> str:
    """The family of a metric; of a family, itself."""
    return next((f for f, metrics in FAMILIES.items() if name in metrics), name)


def _same_labels(data: Data, nets: nn.ModuleDict, facts: Facts | None) -> bool:
    """Whether the labels are those that the nets mix under, as far as one can tell."""
    if facts:
        return (facts.classes, facts.attributes) == (data.classes, data.attributes)
    return bool(nets["mixer"].attributes == len(data.attributes or data.classes))


def _other_labels(data: Data, facts: Facts) -> str:
    """What tells the labels of a run that mixes under them from those of a set, if anything."""
    ours, theirs = facts.wishes, data.attributes or data.classes
    if not ours or tuple(ours) == theirs:
        return ""
    strange = [name for name in theirs if name not in ours]
    lacking = [name for name in ours if name not in theirs]
    found = [f"no {', '.join(lacking[:5])}"] * bool(lacking)
    found += [f"{', '.join(strange[:5])}, which the run does not know"] * bool(strange)
    return f": it has {', and '.join(found) or 'the labels of the run in another order'}"


def check(
    only: Sequence[str], data: Data, nets: nn.ModuleDict, facts: Facts | None = None
) -> set[str]:
    """The metrics that `only` names. Raises ValueError: a name is unknown or does not suit."""
    named = choose(only, FAMILIES)
    for name in only:
        if not suits(name, data, nets, facts):
            why = _other_labels(data, facts) if facts and family_of(name) == "wishes" else ""
            raise ValueError(f"'{name}' cannot be measured on '{data.name}'{why}")
    return named


def evaluate(
    nets: nn.ModuleDict,
    data: Data,
    only: Sequence[str] = (),
    *,
    facts: Facts | None = None,
    mixer: str = "mixup",
    parents: int = 2,
    report: Callable[[str], None] = lambda family: None,
) -> dict[str, float]:
    """All metrics that suit the data, or those in `only`, on its test part.

    `only` names families, or single metrics; facts are those of the run; mixer and parents say
    what mixes are judged, where nets do not mix under labels that the data have. Raises ValueError
    where a name is unknown or does not suit the data, or where the test images turn out to tell
    nothing about it.
    """
    named = check(only, data, nets, facts)
    wanted = [
        family
        for family, metrics in FAMILIES.items()
        if suits(family, data, nets, facts) and named & set(metrics)
    ]
    metrics: dict[str, float] = {}
    if "reconstruction" in wanted:
        report("reconstruction")
        metrics |= _reconstruction(nets, data)
    if about_labels := [f for f in wanted if f in LABELLED]:
        report(", ".join(about_labels))
        metrics |= _labels(nets, data, about_labels)
    if "lines" in wanted:
        report("lines")
        metrics |= _lines(nets, data)
    if judged := [f for f in wanted if f in JUDGED]:
        report(f"{', '.join(judged)} (training a judge)")
        judge = train_judge(data, next(nets.parameters()).device)
        if "mixes" in judged:
            under_labels = suits("wishes", data, nets, facts) and len(data.test.known()) >= FEWEST
            metrics |= realism.measure(
                nets, data, judge, mixer=mixer, parents=parents, under_labels=under_labels
            )
        if "wishes" in judged:
            metrics |= wishes.measure(nets, data, judge)
    if "disentanglement" in wanted:
        report("disentanglement")
        metrics |= _disentanglement(nets, data, named)
    for name in only:
        if name not in metrics and name not in FAMILIES:
            raise ValueError(
                f"the {len(data.test):,} test images of '{data.name}' tell nothing about '{name}'"
            )
    return {name: value for name, value in metrics.items() if name in named}


def _flat(codes: Tensor, known: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, d) and labels as a table (N, a), of one column where they are classes."""
    y = np.full(len(codes), -1) if known is None else known.numpy()
    return codes.flatten(1).numpy(), y.reshape(len(codes), -1)


def _mean(accuracies: Iterable[float]) -> float:
    return float(np.mean(list(accuracies)))


__all__ = [
    "FAMILIES",
    "accuracy",
    "check",
    "check_domains",
    "content",
    "decode",
    "disentanglement",
    "draw_weights",
    "encode",
    "encode_set",
    "evaluate",
    "evaluate_domains",
    "family_of",
    "features",
    "grant",
    "interpolate",
    "labels",
    "lines",
    "opinion",
    "probabilities",
    "read_attributes",
    "reader",
    "stopping_point",
    "suits",
    "suits_kind",
    "train_judge",
    "translate",
    "write_predictions",
]

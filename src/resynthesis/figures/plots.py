"""Plots: codes in two dimensions, curves over training, and tables of runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..compare import RATE, Row
from ..data import Data, Domains, seeded
from ..evaluate import encode
from ..runs import Run, write
from .projected import project

MARKERS = "ox^"  # source, target, source translated


def loss_picture(run: Run) -> None:
    """losses.png: every term of the run's log."""
    if lines := run.log():
        formulas = run.config.whole_method().formulas
        curves({run.path.name: lines}, run.pictures / "losses.png", formulas)


def codes_picture(autoencoder: nn.Module, data: Data, path: Path, *, most: int = 2000) -> None:
    """The first two principal components of test codes, coloured by class where there are some."""
    from sklearn.decomposition import PCA

    order = torch.randperm(len(data.test), generator=seeded("codes picture"))
    x, y = data.test.take(order[:most])
    z = encode(autoencoder, x).flatten(1).cpu().numpy()
    if min(z.shape) < 2:
        return
    pca = PCA(2, random_state=0).fit(z)
    points, share = pca.transform(z), pca.explained_variance_ratio_
    figure = _figure(6.4, 5.6)
    axes = figure.subplots()
    if y is None or not data.classes:
        axes.scatter(*points.T, s=6, alpha=0.6, linewidths=0)
    else:
        colours = _colours(len(data.classes))
        for c, name in enumerate(data.classes):
            chosen = points[y.cpu().numpy() == c]
            axes.scatter(
                *chosen.T, s=7, alpha=0.6, linewidths=0, label=_short(name), color=colours[c]
            )
        if len(data.classes) <= 20:
            axes.legend(markerscale=2.5, frameon=False, bbox_to_anchor=(1, 1), loc="upper left")
    axes.set_xlabel(f"first principal component ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"second ({share[1]:.0%})")
    axes.set_title(f"Codes of {len(points):,} test images of {data.name}")
    _save_figure(figure, path)


def labels_picture(mixer: nn.Module, names: Sequence[str], whole: bool, path: Path) -> None:
    """Labels as a mixer of class-amr sees them, in two principal components.

    Classes one by one where they are `whole`, else combinations of attributes: all up to six
    attributes, beyond that each alone, and none.
    """
    n = len(names)
    if whole or n > 6:
        wishes = torch.eye(n) if whole else torch.cat([torch.zeros(1, n), torch.eye(n)])
    else:
        wishes = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * n).reshape(-1, n)
    with torch.inference_mode():
        device = next(mixer.parameters()).device
        seen = mixer.embed(wishes.to(device)).cpu().numpy()  # type: ignore[operator]
    if len(seen) < 3:
        return
    points = project(seen)
    figure = _figure(6.4, 5.6)
    axes = figure.subplots()
    axes.scatter(*points.T, s=14)
    for point, wish in zip(points, wishes.tolist(), strict=True):
        said = " + ".join(name for name, on in zip(names, wish, strict=True) if on) or "none"
        axes.annotate(said, point, fontsize=8, xytext=(4, 3), textcoords="offset points")
    axes.margins(0.15)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second")
    axes.set_title("Labels as the mixer sees them")
    _save_figure(figure, path)


def _colours(n: int) -> list[Any]:
    """n colours that differ."""
    from matplotlib import colormaps

    if n <= 20:
        return list(colormaps["tab10" if n <= 10 else "tab20"].colors[:n])  # type: ignore[attr-defined]
    return [colormaps["turbo"](i / (n - 1)) for i in range(n)]


def curves(
    logs: dict[str, list[dict[str, Any]]], path: Path, formulas: Mapping[str, str] | None = None
) -> None:
    """Every logged term over images seen: one panel a term, one curve a run.

    formulas: player/term -> what stands in the method's equation, as mathtext.
    """
    terms = list(dict.fromkeys(k for lines in logs.values() for k in lines[-1] if "/" in k))
    across = min(3, len(terms))
    down = -(-len(terms) // across)
    figure = _figure(4 * across, 2.7 * down)
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for panel, term in zip(panels, terms, strict=False):
        for name, lines in logs.items():
            points = [(line["images"], line[term]) for line in lines if term in line]
            marker = "o" if len(points) == 1 else ""  # of which a line would show nothing
            panel.plot(*zip(*points, strict=True), marker=marker, linewidth=1.2, label=name)
        player, name = term.split("/")
        formula = (formulas or {}).get(term)
        panel.set_title(f"{player}: {name}" + (f"   ${formula}$" if formula else ""), fontsize=10)
        panel.grid(alpha=0.25)
        panel.ticklabel_format(axis="x", style="sci", scilimits=(0, 4))
    for panel in panels[len(terms) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(terms) - across) : len(terms)]:
        panel.set_xlabel("images seen")
    if len(logs) > 1:
        panels[0].legend(fontsize=8, frameon=False)
    _save_figure(figure, path)


def domain_scatter(
    views: Mapping[str, Sequence[Tensor]],
    labels: Mapping[str, Tensor | None],
    data: Domains,
    path: Path,
) -> None:
    """Groups of images under several views, a tensor (n, ...) each, in two principal components.

    labels: of each group, by its name. One panel a view. Colours are classes, the marker is the
    group; what has no label is grey. The components of a view are those of all groups together.
    """
    figure = _figure(4.6 * len(views) + 1.4, 4.8)
    panels = figure.subplots(1, len(views), squeeze=False)[0]
    colours = _colours(len(data.classes))
    for panel, (name, view) in zip(panels, views.items(), strict=True):
        parts = [part.flatten(1).float().cpu() for part in view]
        points = project(torch.cat(parts).numpy())
        at = 0
        for marker, known, part in zip(MARKERS, labels.values(), parts, strict=True):
            chosen = points[at : at + len(part)]
            at += len(part)
            colour = [colours[int(c)] if c >= 0 else "grey" for c in _known(known, len(part))]
            panel.scatter(*chosen.T, s=9, c=colour, marker=marker, alpha=0.4, linewidths=0.7)
        panel.set_title(name, fontsize=11)
        panel.set_xticks([])
        panel.set_yticks([])
    for marker, group in zip(MARKERS, labels, strict=True):
        panels[-1].scatter([], [], c="black", marker=marker, s=14, label=group)
    if len(data.classes) <= 20:
        for colour, name in zip(colours, data.classes, strict=True):
            panels[-1].scatter([], [], color=colour, marker="s", s=18, label=_short(name))
    panels[-1].legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left")
    figure.suptitle(f"{data.name}: test images in two principal components")
    _save_figure(figure, path)


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"


def _known(labels: Tensor | None, n: int) -> list[int]:
    return [-1] * n if labels is None else labels.cpu().tolist()


def accuracy_curves(points: Sequence[Mapping[str, float]], data: Domains, path: Path) -> None:
    """The classifier's accuracy on both domains over training; points have step, source, target."""
    figure = _figure(6.0, 3.8)
    axes = figure.subplots()
    for name, domain in (("source", data.source), ("target", data.target)):
        known = [(p["step"], p[name]) for p in points if name in p]
        if known:
            steps, shares = zip(*known, strict=True)
            label = f"{name}, {domain.name}: {shares[-1]:.3f}"
            axes.plot(steps, shares, marker="o", markersize=3, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("accuracy on validation images")
    axes.set_ylim(top=1.0)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    axes.set_title("Looked at only: no label of the target chooses anything", fontsize=10)
    _save_figure(figure, path)


def comparison(rows: Sequence[Row], path: Path) -> None:
    """A panel a metric, a line a row: the mean over seeds, and one standard deviation each way.

    Raises ValueError where no row has a metric.
    """
    metrics = [m for m in dict.fromkeys(m for row in rows for m in row.metrics) if m != RATE]
    if not metrics:
        raise ValueError(
            f"there is nothing to draw in {path}: no metric is one of all runs of a row"
        )
    across = min(3, len(metrics))
    down = -(-len(metrics) // across)
    longest = max(len(row.label) for row in rows)
    figure = _figure(3 * across + 0.08 * longest, down * (0.8 + 0.26 * len(rows)) + 0.3)
    panels = figure.subplots(down, across, squeeze=False, sharey=True).flatten()
    for panel, metric in zip(panels, metrics, strict=False):
        for i, row in enumerate(rows):
            if metric in row.metrics:
                mean, std = row.metrics[metric]
                panel.errorbar(mean, i, xerr=std, fmt="o", markersize=5, capsize=3, color="C0")
        panel.set_title(metric.replace("_", " "), fontsize=10)
        panel.grid(alpha=0.25)
        panel.locator_params(axis="x", nbins=5)
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
    panels[0].set_yticks(range(len(rows)), [f"{row.label} ({row.seeds})" for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    for panel in panels[len(metrics) :]:
        panel.set_axis_off()
    figure.supxlabel("mean and standard deviation over seeds (their number)", fontsize=9)
    _save_figure(figure, path)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    return Figure(figsize=(width, height), layout="constrained")


def _save_figure(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write(path, buffer.getvalue())

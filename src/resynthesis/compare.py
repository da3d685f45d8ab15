"""Several runs in one table: those that differ only in seed become mean ± std (n)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from .runs import Config, Run

RATE = "images_per_second"  # of training, beside the metrics


@dataclass(frozen=True)
class Row:
    """One setting. `metrics`: name -> (mean over seeds, sample standard deviation or None).

    dropped: metrics that some of its seeds have, and some have not.
    """

    label: str
    seeds: int
    images: int
    metrics: dict[str, tuple[float, float | None]]
    dropped: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        metrics = {k: {"mean": m, "std": s} for k, (m, s) in self.metrics.items()}
        return {"run": self.label, "n": self.seeds, "images": self.images, "metrics": metrics}


def compare(runs: Sequence[Run], *, labels: Mapping[Path, str] | None = None) -> list[Row]:
    """Rows in the order in which their first run is given.

    labels: what the row of a run's folder is called; otherwise its settings name it. A run that
    is given twice counts once. Raises ValueError where a run has not been evaluated,
    or where two runs have the same settings and the same seed.
    """
    groups: dict[str, list[Run]] = {}
    for run in {run.path.resolve(): run for run in runs}.values():
        if not run.metrics():
            raise ValueError(f"{run.path} has no metrics yet: run `resynth evaluate {run.path}`")
        key = json.dumps([_settings(run), _broken_off(run)], sort_keys=True, default=str)
        groups.setdefault(key, []).append(run)
    for members in groups.values():
        seeds = {run.config.training.seed: run.path for run in members}
        if len(seeds) < len(members):
            twice = next(r.path for r in members if r.path not in seeds.values())
            raise ValueError(f"{twice} has the settings and the seed of another run: leave one out")
    first = [members[0] for members in groups.values()]
    return [
        Row(
            (_told(members[0], labels or {}) or _label(members[0], first))
            + _broken_off(members[0]),
            len(members),
            _images(members),
            _summarise(members),
            _dropped(members),
        )
        for members in groups.values()
    ]


def settings(config: Config) -> dict[str, Any]:
    """All settings that have a say in the figures, but the seed."""
    tree = config.to_json()
    tree["training"] = {
        k: v
        for k, v in tree["training"].items()
        if k not in ("seed", "device", "log_every", "picture_every", "checkpoint_every")
    }
    tree["data"] = {k: v for k, v in tree["data"].items() if k not in ("data_dir", "memory")}
    return tree


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Setting -> its value in each run, for the settings in which the runs differ."""
    flat = []
    for run in runs:
        tree = _settings(run)
        one = {"method": tree.pop("method"), "seed": run.config.training.seed}
        flat.append(one | {name: value for part in tree.values() for name, value in part.items()})
    names = list(dict.fromkeys(name for one in flat for name in one))
    table = {name: [str(one.get(name, "")) for one in flat] for name in names}
    return {name: values for name, values in table.items() if len(set(values)) > 1}


def _settings(run: Run) -> dict[str, Any]:
    """As `settings`, with the sets by the names of what was there."""
    return settings(replace(run.config, data=run.trained_on))


def _broken_off(run: Run) -> str:
    """How far a run came that did not spend its budget: it is no seed of those that did."""
    total = run.config.training.total_steps(run.facts.train_size)
    return f" (step {run.steps:,} of {total:,})" if run.steps < total else ""


def _told(run: Run, labels: Mapping[Path, str]) -> str | None:
    """What the row of a run is to be called; a set that was not what was asked for is named."""
    label = labels.get(run.path)
    if label is None or run.trained_on == run.config.data:
        return label
    return f"{label} on {' to '.join(run.facts.names)}"


def _summarise(runs: Sequence[Run]) -> dict[str, tuple[float, float | None]]:
    dropped = _dropped(runs)
    names = [name for name in runs[0].metrics() if name not in dropped]
    columns = {name: [run.metrics()[name] for run in runs] for name in names}
    columns[RATE] = [_rate(run) for run in runs]
    return {
        name: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else None)
        for name, v in columns.items()
    }


def _dropped(runs: Sequence[Run]) -> tuple[str, ...]:
    every = dict.fromkeys(name for run in runs for name in run.metrics())
    return tuple(n for n in every if not all(n in run.metrics() for run in runs))


def _rate(run: Run) -> float:
    last = (run.log() or [{"images": 0, "seconds": 1.0}])[-1]
    return float(last["images"] / max(last["seconds"], 1e-9))


def _images(runs: Sequence[Run]) -> int:
    return int((runs[0].log() or [{"images": 0}])[-1]["images"])


def _label(run: Run, others: Sequence[Run]) -> str:
    """The method, the settings that are not its defaults, and the data where it differs."""
    method = run.config.method
    changed = [
        f"{f.name}={getattr(method, f.name)}"
        for f in fields(method)  # type: ignore[arg-type]
        if getattr(method, f.name) != f.default
    ]
    all_settings = [_settings(other) for other in others]
    own = _settings(run)
    for part in ("data", "nets", "probe", "training"):
        for name, value in own[part].items():
            if any(s[part].get(name) != value for s in all_settings):
                changed.append(f"{name}={value}")
    return " ".join([run.config.name, *changed])

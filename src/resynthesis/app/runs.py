"""The tab Runs: what differs, how the losses fell, what was measured, samples over training."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ..compare import differing
from ..report import data_name, is_training, loss_charts, metrics_table, table, uri
from ..runs import Run
from .asked import Asked, choice, choices, whole
from .opened import Opened


def compared(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """Tables and curves of the runs that are asked for, read anew; steps with sample pictures."""
    chosen = {name: one.run for name, one in choices(asked, "runs", opened).items()}
    if not chosen:
        raise ValueError("choose a run above")
    going = [name for name, run in chosen.items() if is_training(run)]
    html = _facts(chosen)
    if len(chosen) > 1:
        rows = [[name, *values] for name, values in differing(list(chosen.values())).items()]
        html += f"<h3>Settings that differ</h3>{table(['setting', *chosen], rows)}"
    html += f"<h3>Losses</h3>{loss_charts({name: run.log() for name, run in chosen.items()})}"
    html += f"<h3>Figures</h3>{metrics_table(chosen)}"
    return {
        "html": html,
        "training": going,
        "pictures": {name: list(run.samples) for name, run in chosen.items()},
    }


def sampled(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """A picture that was drawn during training: asked run, step."""
    run = choice(asked, "run", opened).run
    step = whole(asked, "step", 0, 10**12)
    path = run.samples.get(step)
    if path is None:
        raise ValueError(f"there is no picture of step {step}")
    return {"picture": uri(path.read_bytes()), "said": f"after {step:,} steps"}


def _facts(runs: Mapping[str, Run]) -> str:
    rows = []
    for name, run in runs.items():
        last = (run.log() or [{"step": 0, "seconds": 0.0}])[-1]
        total = run.config.training.total_steps(run.facts.train_size)
        state = "training" if is_training(run) else "finished"
        rows.append(
            [
                name,
                run.config.name,
                data_name(run),
                "x".join(map(str, run.code_shape)),
                f"{last['step']:,} of {total:,}, {state}",
                f"{last['seconds'] / 60:.1f} min",
            ]
        )
    return table(["run", "method", "data", "code", "steps", "time"], rows) + "".join(
        f'<p class="note">{escape(name)} is still training; this page follows it.</p>'
        for name, run in runs.items()
        if is_training(run)
    )

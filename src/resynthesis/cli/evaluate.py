"""resynth evaluate RUN."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import figures
from ..evaluate import evaluate
from ..runs import ARRAYS, Run, write
from .shared import RunFolder, number, other_data, parse, short, table


@dataclass
class Evaluate:
    run: RunFolder
    """The run folder."""
    data: str | None = None
    """Measure on other data than the run's own (a set's name or a path)."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    only: tuple[str, ...] = ()
    """Only these: reconstruction, probe, knn, clustering, lines, or single metrics by name."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Evaluate, arguments, "evaluate", "Measure a run on its test images.")
    run = Run(told.run)
    nets = run.load_nets(told.device)
    other = other_data(run, told.data, told.data_dir)
    data = run.load_data(other)

    def report(what: str) -> None:
        print(f"measuring {what} ...", file=sys.stderr, flush=True)

    metrics = evaluate(nets, data, told.only, report=report)
    # A run that was trained on arrays has no data of its own to measure.
    own = other is None or run.config.data.data in (ARRAYS, other.data)
    if own:
        run.save_metrics({**run.metrics(), **metrics} if told.only else metrics)
        written = run.path / "metrics.json"
    else:
        written = run.path / f"metrics.{short(data.name)}.json"
        write(written, json.dumps(metrics, indent=2).encode())
    if own and not told.only:
        figures.evaluation_pictures(run, nets, data)
    table([f"test part of {data.name}", "value"], [[k, number(v)] for k, v in metrics.items()])
    drawn = f"   pictures: {run.path}/pictures" if own and not told.only else ""
    print(f"figures: {written}{drawn}")

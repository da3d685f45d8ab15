"""resynth evaluate RUN."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import figures
from ..data import Data, Domains
from ..evaluate import evaluate, evaluate_domains, stopping_point
from ..runs import Run, write
from .shared import RunFolder, number, other_data, parse, short, table
from .train import progress


@dataclass
class Evaluate:
    run: RunFolder
    """The run folder."""
    data: str | None = None
    """Measure on other data than the run's own (a set's name or a path)."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    only: tuple[str, ...] = ()
    """Only these: reconstruction, probe, conv-probe, knn, clustering, lines, mixes, wishes,
    disentanglement, or single metrics by name. For two domains: accuracy, references, translation,
    divergence."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Evaluate, arguments, "evaluate", "Measure a run on its test images.")
    run = Run(told.run)
    other = other_data(run, told.data, told.data_dir)
    if run.config.method.two_domains and run.on_arrays:
        raise ValueError(
            f"{told.run} was trained on arrays in Python, which it does not keep: measure it "
            "there, with evaluate.evaluate_domains"
        )
    if run.config.method.two_domains and told.data:
        raise ValueError(f"{told.run} has two domains of its own: leave out --data")
    measure(run, run.load_data(other), told.only, own=run.is_own(other), device=told.device)


def measure(
    run: Run,
    data: Data,
    only: Sequence[str] = (),
    *,
    own: bool = True,
    device: str = "auto",
) -> None:
    """Prints and writes the metrics in `only`, or all that suit, and draws where it is all.

    own: whether it is the run's own data. Raises ValueError where the run has no weights, or was
    trained on meanwhile.
    """
    steps = run.steps  # before they are loaded: a run that is still training gets new weights
    nets = run.load_nets(device)
    known: dict[str, float] = {}

    def report(what: str) -> None:
        print(f"measuring {what} ...", file=sys.stderr, flush=True)

    if isinstance(data, Domains):
        print(f"stopping point: {stopping_point(run)}")
        if known := run.partial_metrics(steps):
            print(f"going on with {len(known)} figures of a measuring that was broken off")
        with progress(sys.stderr) as show:
            metrics = evaluate_domains(
                run,
                nets,
                data,
                only,
                report=report,
                note=lambda text: print(f"note: {text}"),
                on_log=lambda line: show(line, steps),
                known=known,
                keep=lambda found: run.save_partial_metrics({**known, **found}, steps),
            )
    else:
        metrics = evaluate(
            nets,
            data,
            only,
            facts=run.facts,
            mixer=run.config.mixer,
            parents=run.config.parents,
            report=report,
        )
    if run.steps != steps:
        raise ValueError(
            f"{run.path} was trained on from step {steps:,} to {run.steps:,} while it was "
            "measured: evaluate it again"
        )
    if own:
        run.save_metrics({**run.metrics(), **known, **metrics} if only else metrics)
        written = run.path / "metrics.json"
    else:
        written = run.path / f"metrics.{short(data.name)}.json"
        write(written, json.dumps(metrics, indent=2).encode())
    if own and not only:
        figures.evaluation_pictures(run, nets, data)
    table([f"test part of {data.name}", "value"], [[k, number(v)] for k, v in metrics.items()])
    drawn = f"   pictures: {run.path}/pictures" if own and not only else ""
    print(f"figures: {written}{drawn}")

"""One run of a sweep: where it stands, and the work from there to its metrics."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ... import evaluate as metrics
from ... import runs
from ...compare import settings
from ...data import Data, Domains, load
from ...data.download import lock
from ...evaluate import domains
from ..evaluate import measure
from ..shared import describe, name_of
from ..train import resume, start

Standing = Literal["new", "begun", "finished"]


@dataclass(frozen=True)
class Job:
    """A run that is wanted. row: what its line in the table is called, its seeds together."""

    path: Path
    row: str
    config: runs.Config
    evaluate: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.name

    def cells(self) -> list[str]:
        """Name, method, data and budget, for a table of runs."""
        training = self.config.training
        budget = f"{training.steps} steps" if training.steps else f"{training.epochs:g} epochs"
        return [self.name, self.config.name, name_of(self.config.data), budget]

    def to_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "row": self.row,
            "config": self.config.to_json(),
            "evaluate": self.evaluate,
        }

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Job:
        config = runs.Config.from_json(tree["config"])
        return cls(Path(tree["path"]), tree["row"], config, tuple(tree["evaluate"]))


def families(config: runs.Config) -> Mapping[str, Sequence[str]]:
    """The metrics that `resynth evaluate` knows for such a run, by family."""
    return domains.FAMILIES if config.method.two_domains else metrics.FAMILIES


def flat(config: runs.Config) -> dict[str, Any]:
    """All settings that have a say in the figures, and the seed, by name."""
    tree = settings(config)
    own = {"method": tree.pop("method"), "seed": config.training.seed}
    return own | {name: value for part in tree.values() for name, value in part.items()}


def stands(job: Job) -> Standing:
    """Where a run stands. Raises ValueError where something else is in its place."""
    path = job.path
    if not (path / "config.json").is_file():
        if path.exists() and not (path.is_dir() and all(map(_unfinished, path.iterdir()))):
            raise ValueError(f"{path} exists already and holds no run: choose another --out")
        return "new"
    run = runs.Run(path)
    there, here = flat(run.config), flat(job.config)
    for name in here:
        if there.get(name) != here[name]:
            raise ValueError(
                f"{path} holds a run with other settings ({name} is {there.get(name)} there and "
                f"{here[name]} here): choose another --out, or remove it"
            )
    log = run.log()
    trained = log and log[-1]["step"] >= run.config.training.total_steps(run.facts.train_size)
    if trained and _measured(job, run.metrics()):
        return "finished"
    traces = ("checkpoint/state.safetensors", "weights.safetensors", "log.jsonl")
    return "begun" if any((path / name).exists() for name in traces) else "new"


def _unfinished(path: Path) -> bool:
    """Whether it is what making a run folder leaves behind where it is broken off."""
    return path.name == "pictures" or path.suffix == ".part"


def _measured(job: Job, found: Mapping[str, float]) -> bool:
    known = families(job.config)
    return bool(found) and all(set(known.get(n, (n,))) & set(found) for n in job.evaluate)


def _check(job: Job, data: Data) -> None:
    """Raises ValueError where what is to be measured does not suit the data."""
    if isinstance(data, Domains):
        metrics.check_domains(job.evaluate, data)
        return
    facts = runs.Facts.of(data)
    with runs.isolated_random():
        nets = runs.new_nets(job.config.whole_method(), job.config.nets, facts)
    metrics.check(job.evaluate, data, nets, facts)


def finish(job: Job, report: runs.Report = lambda line, total: None) -> None:
    """Trains and evaluates a run, or goes on where it was broken off.

    Raises filelock.Timeout where another process is at it, and whatever training raises.
    """
    with lock(job.path).acquire(timeout=0):
        standing = stands(job)
        if standing == "finished":
            return
        seed, device = job.config.training.seed, job.config.training.device
        with lock(job.path.with_name("data")):  # one download, not one a process
            if standing == "begun":
                data = runs.Run(job.path).load_data(data_dir=job.config.data.data_dir)
            else:
                data = load(job.config.data, seed=seed)
        describe(data)
        _check(job, data)
        if standing == "begun":
            run = resume(job.path, data=data, device=device, report=report)
        else:
            shutil.rmtree(job.path, ignore_errors=True)
            run = start(job.config, job.path, data=data, report=report)
        measure(run, data, job.evaluate, device=device)

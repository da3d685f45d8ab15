"""Runs on a Slurm cluster, through submitit: one task of an array each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .one import Job, finish


@dataclass(frozen=True)
class Option:
    """What a key of [slurm] is for submitit."""

    name: str
    kind: type


OPTIONS = {
    "partition": Option("slurm_partition", str),
    "account": Option("slurm_account", str),
    "qos": Option("slurm_qos", str),
    "constraint": Option("slurm_constraint", str),
    "time": Option("timeout_min", int),  # minutes of a task
    "gpus": Option("gpus_per_node", int),
    "cpus": Option("cpus_per_task", int),
    "memory": Option("mem_gb", float),
    "at_once": Option("slurm_array_parallelism", int),
    "cluster": Option("cluster", str),  # local: as processes on this machine, for a trial
}
DAY = 24 * 60  # minutes; submitit's own default is five


class Task:
    """What a task of the array does: what a child of a sweep on one machine does."""

    def __call__(self, tree: dict[str, Any]) -> None:
        finish(Job.from_json(tree))

    def checkpoint(self, tree: dict[str, Any]) -> Any:
        """Submits the task again where its time is up; it goes on from the last checkpoint."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, tree)


def submit(jobs: Sequence[Job], out: Path, options: Mapping[str, Any]) -> str:
    """Submits one task a run; returns the array's number. Raises ValueError where that fails."""
    try:
        import submitit
    except ImportError as error:
        raise ValueError("--slurm needs submitit: pip install 'resynthesis[slurm]'") from error
    told = {OPTIONS[name].name: value for name, value in options.items()}
    try:
        executor = submitit.AutoExecutor(out / "slurm", cluster=told.pop("cluster", "slurm"))
        executor.update_parameters(**{"name": out.name, "timeout_min": DAY, **told})
        tasks = executor.map_array(Task(), [job.to_json() for job in jobs])
    except (RuntimeError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"Slurm did not take the runs: {reason}") from error
    return str(tasks[0].job_id).split("_")[0]

"""resynth sweep FILE.toml: all runs of a table, side by side, broken off and gone on with at will.

plan.py reads the file, one.py takes one run from wherever it stands to its metrics, children.py
does so for several side by side and slurm.py on a cluster, result.py makes the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..shared import parse, table
from . import children, result, slurm
from .one import stands
from .plan import read


@dataclass
class Sweep:
    file: Annotated[Path, tyro.conf.Positional]
    """The runs, as TOML (docs/sweeps.md)."""
    out: Path | None = None
    """The folder for all of it; sweeps/NAME where not told."""
    jobs: int = 1
    """Runs side by side; where there are several, each has one thread."""
    seeds: tuple[int, ...] = ()
    """These seeds in place of the file's."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    device: str | None = None
    """cpu, cuda, ... for every run, in place of the file's."""
    dry_run: bool = False
    """Check the file and list the runs, and do nothing."""
    collect: bool = False
    """Make the table of what is finished, and train nothing."""
    slurm: bool = False
    """Submit the runs to Slurm, one task of an array each, and return."""


def main(arguments: list[str]) -> None:
    told = parse(Sweep, arguments, "sweep", "Train and evaluate all runs of a file; one table.")
    if told.jobs < 1:
        raise ValueError(f"--jobs must be at least 1, not {told.jobs}")
    if told.dry_run + told.collect + told.slurm > 1:
        raise ValueError("--dry-run, --collect and --slurm exclude each other: give one")
    out = (told.out or Path("sweeps") / told.file.stem).resolve()
    plan = read(told.file, out, seeds=told.seeds, data_dir=told.data_dir, device=told.device)
    standing = [stands(job) for job in plan.jobs]
    if told.dry_run:
        rows = zip(plan.jobs, standing, strict=True)
        table(["run", "method", "data", "budget", "is"], [[*job.cells(), at] for job, at in rows])
    counts = ", ".join(f"{standing.count(at)} {at}" for at in dict.fromkeys(standing))
    print(f"{len(plan.jobs)} runs ({counts}) in {out}")
    if told.dry_run:
        return
    missing = [job for job, at in zip(plan.jobs, standing, strict=True) if at != "finished"]
    failed: dict[str, str] = {}
    if missing and told.slurm:
        number = slurm.submit(missing, out, plan.slurm)
        print(f"submitted as {number}; when it is done: resynth sweep {told.file} --out {out}")
        print("  with --collect for the table of what is finished until then")
        return
    if missing and not told.collect:
        failed = children.work(missing, at_once=told.jobs)
    if len(failed) < len(plan.jobs):
        result.collect(plan.jobs, out, at_once=told.jobs)
    if failed:
        print(f"\n{len(failed)} of {len(plan.jobs)} runs failed; logs in {out / 'logs'}:")
        for name, sentence in failed.items():
            print(f"  {name}: {sentence}")
        raise SystemExit(1)

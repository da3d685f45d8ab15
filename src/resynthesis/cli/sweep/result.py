"""What a sweep ends in: the table as text, as .csv and as a picture, and a record of every run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...compare import compare
from ...runs import Run, circumstances, write
from ..compare import save, show
from .one import Job, stands

TABLES = ("table.md", "table.csv", "table.png")


def collect(jobs: Sequence[Job], out: Path, *, at_once: int) -> None:
    """Prints and writes the table of the finished runs. Raises ValueError where there are none."""
    done = [job for job in jobs if stands(job) == "finished"]
    if not done:
        raise ValueError(f"no run in {out} is finished yet, so there is no table")
    runs = [Run(job.path) for job in done]
    rows = compare(runs, labels={job.path: job.row for job in done})
    print()
    show(rows)
    if len(done) < len(jobs):
        print(f"note: without {len(jobs) - len(done)} runs that are not finished")
    for name in TABLES:
        save(rows, out / name)
    tree = {
        **circumstances(),
        "processes_at_once": at_once,
        "rows": [row.to_json() for row in rows],
        "runs": [
            {
                "run": job.name,
                "row": job.row,
                **{k: v for k, v in run.tree.items() if k not in ("format", "form")},
                "images": run.log()[-1]["images"],
                "seconds": run.log()[-1]["seconds"],
                "metrics": run.metrics(),
            }
            for job, run in zip(done, runs, strict=True)
        ],
    }
    write(out / "sweep.json", (json.dumps(tree, indent=1) + "\n").encode())
    print(f"\nin {out}: {', '.join(TABLES)}, sweep.json")

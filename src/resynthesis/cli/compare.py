"""resynth compare RUN ..."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ..compare import compare
from ..runs import Run, write
from .shared import number, parse, table, to_csv


@dataclass
class Compare:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders; those that differ only in seed become one row."""
    out: Path | None = None
    """Write the table to a .md, .csv or .json file as well."""


def main(arguments: list[str]) -> None:
    told = parse(Compare, arguments, "compare", "One table of several evaluated runs.")
    if not told.runs:
        raise ValueError("compare needs at least one run folder")
    if told.out and told.out.suffix not in (".md", ".csv", ".json"):
        raise ValueError(f"{told.out} must end in .md, .csv or .json")
    runs = [Run(path) for path in told.runs]
    ready = [run for run in runs if run.metrics()]
    for run in runs if ready else []:
        if not run.metrics():
            print(f"note: left out {run.path}, which has not been evaluated")
    rows = compare(ready or runs)
    columns = list(dict.fromkeys(name for row in rows for name in row.metrics))
    head = ["run", "n", "images", *columns]
    cells = [
        [row.label, str(row.seeds), f"{row.images:,}"]
        + [_mean_std(*row.metrics[c]) if c in row.metrics else "" for c in columns]
        for row in rows
    ]
    table(head, cells)
    if told.out is None:
        return
    if told.out.suffix == ".json":
        text = json.dumps([row.to_json() for row in rows], indent=1)
    elif told.out.suffix == ".csv":
        numbers = [f"{name}_{part}" for name in columns for part in ("mean", "std")]
        values = [
            [row.label, row.seeds, row.images]
            + [value for name in columns for value in row.metrics.get(name, (None, None))]
            for row in rows
        ]
        text = to_csv([["run", "n", "images", *numbers], *values])
    else:
        lines = [head, ["---"] * len(head), *cells]
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    write(told.out, (text.rstrip() + "\n").encode())
    print(f"table: {told.out}")


def _mean_std(mean: float, std: float | None) -> str:
    return number(mean) if std is None else f"{number(mean)} ± {std:.2g}"

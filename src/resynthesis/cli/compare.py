"""resynth compare RUN ..."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from .. import figures
from ..compare import Row, compare
from ..runs import Run, write
from .shared import number, parse, table, to_csv

KINDS = (".md", ".csv", ".json", ".png")


@dataclass
class Compare:
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Run folders; those that differ only in seed become one row."""
    out: Path | None = None
    """Write the table to a .md, .csv or .json file as well, or draw it into a .png."""


def main(arguments: list[str]) -> None:
    told = parse(Compare, arguments, "compare", "One table of several evaluated runs.")
    if not told.runs:
        raise ValueError("compare needs at least one run folder")
    if told.out and told.out.suffix not in KINDS:
        raise ValueError(f"{told.out} must end in {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    here = [path for path in told.runs if (path / "config.json").is_file() or not path.exists()]
    for path in told.runs if here else []:
        if path not in here:
            print(f"note: left out {path}, which is no run folder")
    runs = [Run(path) for path in here or told.runs]
    ready = [run for run in runs if run.metrics()]
    for run in runs if ready else []:
        if not run.metrics():
            print(f"note: left out {run.path}, which has not been evaluated")
    rows = compare(ready or runs)
    show(rows)
    if told.out:
        save(rows, told.out)
        print(f"table: {told.out}")


def show(rows: Sequence[Row]) -> None:
    """Prints the table, and what is not in it."""
    table(*cells(rows))
    for row in rows:
        if row.dropped:
            print(
                f"note: {row.label} without {', '.join(row.dropped)}, which not all its runs have"
            )


def cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Head and body of the table, as they are printed."""
    columns = _columns(rows)
    return ["run", "n", "images", *columns], [
        [row.label, str(row.seeds), f"{row.images:,}"]
        + [_mean_std(*row.metrics[c]) if c in row.metrics else "" for c in columns]
        for row in rows
    ]


def save(rows: Sequence[Row], path: Path) -> None:
    """Writes the table as its suffix says: .md, .csv, .json or .png."""
    if path.suffix == ".png":
        figures.comparison(rows, path)
        return
    if path.suffix == ".json":
        text = json.dumps([row.to_json() for row in rows], indent=1)
    elif path.suffix == ".csv":
        columns = _columns(rows)
        numbers = [f"{name}_{part}" for name in columns for part in ("mean", "std")]
        values = [
            [row.label, row.seeds, row.images]
            + [value for name in columns for value in row.metrics.get(name, (None, None))]
            for row in rows
        ]
        text = to_csv([["run", "n", "images", *numbers], *values])
    else:
        head, body = cells(rows)
        lines = [head, ["---"] * len(head), *body]
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    write(path, (text.rstrip() + "\n").encode())


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.metrics))


def _mean_std(mean: float, std: float | None) -> str:
    return number(mean) if std is None else f"{number(mean)} ± {std:.2g}"

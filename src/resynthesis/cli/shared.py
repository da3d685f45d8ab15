"""What several commands share: parsing, paths, other data for a run, and plain tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, overload

import tyro

from ..data import SETS, Data, DataConfig, Domains, DomainsConfig, full
from ..runs import Run
from .usage import sentence

T = TypeVar("T")

Flat = tyro.conf.arg(name="")  # the fields of a nested dataclass become flags of their own
RunFolder = Annotated[Path, tyro.conf.Positional]


def parse(kind: type[T], arguments: list[str], name: str, about: str) -> T:
    """The command's dataclass from its arguments. Raises ValueError where they are off."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                kind,
                args=arguments,
                prog=f"resynth {name}",
                description=about,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:  # after --help
            raise
        raise ValueError(sentence(said.getvalue(), name)) from None


def other_data(
    run: Run, data: str | None, data_dir: Path | None
) -> DataConfig | DomainsConfig | None:
    """The data that a command was told to use, at the run's size; None for the run's own."""
    own = run.trained_on
    if data is None:
        return None if data_dir is None else replace(own, data_dir=data_dir)
    folder = data_dir or own.data_dir
    told = absolute(DataConfig(data=data, data_dir=folder, size=own.size, memory=own.memory))
    if isinstance(own, DataConfig) and told.data == own.data:
        return replace(own, data_dir=folder)
    return told


@overload
def absolute(config: DataConfig) -> DataConfig: ...


@overload
def absolute(config: DomainsConfig) -> DomainsConfig: ...


def absolute(config: DataConfig | DomainsConfig) -> DataConfig | DomainsConfig:
    """Paths made absolute, so that a run folder can be used from anywhere."""
    folder = full(config.data_dir).resolve() if config.data_dir else None
    if isinstance(config, DomainsConfig):
        source, target = _absolute(config.source), _absolute(config.target)
        return replace(config, source=source, target=target, data_dir=folder)
    return replace(config, data=_absolute(config.data), data_dir=folder)


def _absolute(data: str) -> str:
    path = full(data)
    return str(path.resolve()) if data not in SETS and path.exists() else data


def short(data: str) -> str:
    """A set's name, or the last part of a path without its suffix."""
    return data if data in SETS else Path(data).resolve().stem


def name_of(config: DataConfig | DomainsConfig) -> str:
    """A short name of a set, or of two domains."""
    if isinstance(config, DomainsConfig):
        return f"{short(config.source)}-to-{short(config.target)}"
    return short(config.data)


def free(path: Path) -> Path:
    """The path, or where it is taken the first of NAME-2, NAME-3, ... that is not."""
    candidate, i = path, 2
    while candidate.exists():
        candidate, i = path.with_name(f"{path.stem}-{i}{path.suffix}"), i + 1
    return candidate


def check_new(path: Path) -> None:
    """Raises ValueError where something is in the way of a new folder."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} exists already: choose another --out, or remove it")


def describe(data: Data) -> None:
    """One line about a set, and its notes."""
    c, h, w = data.shape
    sizes = _sizes(data)
    if isinstance(data, Domains):
        sizes = f"{_sizes(data.source)}, and of the target {_sizes(data.target)}"
    labels = [f"{len(data.classes)} classes"] * bool(data.classes)
    labels += [f"{len(data.attributes)} attributes"] * bool(data.attributes)
    print(
        f"{data.name}: {sizes} images of {h}x{w}{' in colour' if c == 3 else ''}, "
        + (labels or ["no labels"])[0]
    )
    for note in data.notes:
        print(f"note: {note}")


def _sizes(data: Data) -> str:
    return ", ".join(f"{len(part):,} {name}" for name, part in data.parts.items())


def note_skipped(skipped: Sequence[str]) -> None:
    """One line about files that could not be read."""
    if skipped:
        more = f", and {len(skipped) - 3} more" if len(skipped) > 3 else ""
        print(f"note: skipped {len(skipped)} of the files: {'; '.join(skipped[:3])}{more}")


def number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"


def to_csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints an aligned plain table: never wrapped, so that it can be copied and searched."""
    width = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, ["-" * w for w in width], *rows):
        print("  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip())


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def as_any(value: object) -> Any:
    """For dataclasses that are made at run time, whose fields no type checker knows."""
    return value

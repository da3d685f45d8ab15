"""From a sweep file to its runs: every name, choice and value is checked before one is trained.

[common] and every entry of [[runs]] hold flags of `resynth train METHOD`, and `method`. An entry's
flags go before the common ones. A list stands for each of its values, and lists multiply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, get_type_hints

from ... import runs
from ...data import SETS, check_size, full
from ...evaluate import family_of, suits_kind
from ...methods import METHODS
from ...nets import code_shape
from ..shared import as_any
from ..train import check_both, check_read, command, settled
from .one import Job, families, flat
from .slurm import OPTIONS
from .source import Given, Source
from .values import check_choice, each, fitted, listed, text

BUDGETS = {"steps", "epochs"}  # of which a run has one


@dataclass(frozen=True)
class Plan:
    """The runs of a file, seed by seed, and the options of its [slurm]."""

    jobs: tuple[Job, ...]
    slurm: dict[str, Any]


def read(
    path: Path,
    out: Path,
    *,
    seeds: Sequence[int] = (),
    data_dir: Path | None = None,
    device: str | None = None,
) -> Plan:
    """The plan of a file, with run folders in `out`. What is told goes before what the file says.

    Raises ValueError with the place in the file and what is wrong there.
    """
    source = Source(path)
    told = {"seed": list(seeds) or None, "data_dir": data_dir and str(data_dir), "device": device}
    over = {name: (value, "the command line") for name, value in told.items() if value is not None}
    common = source.given(source.tree.get("common", {}), "common")
    _check_budget(common, source.place("common"))
    jobs: list[Job] = []
    for i, entry in enumerate(source.tree.get("runs", [{}]), 1):
        place = source.place("runs", i) if "runs" in source.tree else source.place("common")
        own = source.given(entry, "runs", i)
        _check_budget(own, place)
        hidden = BUDGETS if BUDGETS & own.keys() else set()
        shared = {flag: value for flag, value in common.items() if flag not in hidden}
        name, where = own.pop("name", ("", place))
        name = fitted(str, name, f"{where}, name")
        for row, config in _variants(shared | own | over, name, place):
            with _at(place):
                check_read(config, own)
                check_both(shared | own | over)
            folder = re.sub(r"[^\w.+-]+", "-", row).strip("-") + f"-seed{config.training.seed}"
            jobs.append(Job(out / folder, row, config, _metrics(source, config)))
    if not jobs:
        raise ValueError(f"{path} has no runs")
    _check_distinct(jobs, path)
    jobs.sort(key=lambda job: job.config.training.seed)  # a whole table early, of one seed
    return Plan(tuple(jobs), _slurm(source))


def _check_budget(given: Given, place: str) -> None:
    if given.keys() >= BUDGETS:
        raise ValueError(f"{place}: steps and epochs are two budgets: leave one out")


def _variants(given: Given, name: str, place: str) -> Iterator[tuple[str, runs.Config]]:
    """Every combination of an entry's flags: what its row is called, and its config."""
    if "method" not in given:
        known = {"method"}.union(*map(_flags, METHODS))
        for flag, (_, where) in given.items():
            check_choice(flag, known, "flag", where, " (resynth train METHOD --help lists them)")
        raise ValueError(f"{place}: a run needs a method ({', '.join(METHODS)})")
    methods = each(str, *given["method"])
    for method in methods:
        check_choice(method, METHODS, "method", given["method"][1])
        kinds = _flags(method)
        choices: dict[str, list[Any]] = {}
        for flag, (value, where) in given.items():
            if flag == "method":
                continue
            _check_flag(flag, method, kinds, where)
            choices[flag] = each(kinds[flag], value, f"{where}, {flag}")
            for wanted in choices[flag] if flag in ("data", "source", "target") else []:
                if not full(wanted).exists():
                    check_choice(wanted, SETS, "data set", where)
        varied = [flag for flag, values in choices.items() if len(values) > 1 and flag != "seed"]
        for values in product(*choices.values()):
            chosen = dict(zip(choices, values, strict=True))
            with _at(place):
                config = _config(method, chosen)
                _check_labels(config)
            parts = [name or method]
            parts += [f"method={method}"] if name and len(methods) > 1 else []
            yield " ".join(parts + [f"{f}={text(chosen[f])}" for f in varied]), config


def _check_flag(flag: str, method: str, kinds: Mapping[str, Any], where: str) -> None:
    """Raises ValueError where a method has no such flag, with the methods that have it."""
    if flag in kinds:
        return
    if others := [name for name in METHODS if flag in _flags(name)]:
        raise ValueError(
            f"{where}: '{flag}' is a flag of {listed(others)}, not of {method}: "
            "give it in a [[runs]] entry of its own, with a method that has it"
        )
    known = f" (resynth train {method} --help lists them)"
    check_choice(flag, kinds, f"flag of {method}", where, known)


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Names the place in the file of what is wrong with a run."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _flags(method: str) -> dict[str, Any]:
    """The flags of `resynth train METHOD`, and the type of each."""
    found: dict[str, Any] = {}
    for part in vars(command(method)()).values():
        if is_dataclass(part):
            hints = get_type_hints(type(part))
            found |= {field.name: hints[field.name] for field in fields(part)}
    return found


def _config(method: str, flags: Mapping[str, Any]) -> runs.Config:
    """The config that these flags give on the command line, checked as far as no data is needed."""
    told = command(method)()
    for name, part in vars(told).items():
        if is_dataclass(part):
            own = {field.name for field in fields(part)} & set(flags)
            setattr(told, name, replace(as_any(part), **{flag: flags[flag] for flag in own}))
    config = settled(told)
    check_size(config.data.size)
    code_shape(config.nets, config.data.size)
    return config


def _check_labels(config: runs.Config) -> None:
    """Raises ValueError where the name of the data tells that it lacks the labels needed."""
    data = getattr(config.data, "data", "")
    if data in SETS and config.whole_method().needs_labels:
        probed = not config.method.needs_labels
        kinds = ("classes",) if probed else ("classes", "attributes")
        if SETS[data].kind not in kinds:
            who = "a probe" if probed else config.name
            raise ValueError(f"{who} needs {' or '.join(kinds)}, and '{data}' has none")


def _metrics(source: Source, config: runs.Config) -> tuple[str, ...]:
    """What is to be measured of such a run; nothing stands for everything that suits.

    Whether it suits is checked as far as the name of the data tells.
    """
    known = families(config)
    names = [*known, *(metric for family in known.values() for metric in family)]
    wanted, place = source.tree.get("evaluate", []), source.place("", key="evaluate")
    data = getattr(config.data, "data", "")  # of two domains some metrics are left out, with a note
    for name in wanted:
        known_here = f" (metrics of {config.name}: {', '.join(names)})"
        check_choice(name, names, f"metric of {config.name}", place, known_here)
        if data in SETS and not suits_kind(name, SETS[data].kind):
            raise ValueError(f"{place}: '{name}' cannot be measured on '{data}'")
        if family_of(name) == "wishes" and "mixer" not in config.method.players:
            raise ValueError(f"{place}: '{name}' cannot be measured of {config.name}")
    return tuple(wanted)


def _slurm(source: Source) -> dict[str, Any]:
    options = source.given(source.tree.get("slurm", {}), "slurm")
    found = {}
    for name, (value, place) in options.items():
        check_choice(name, OPTIONS, "option", place)
        found[name] = fitted(OPTIONS[name].kind, value, f"{place}, {name}")
    return found


def _check_distinct(jobs: Sequence[Job], path: Path) -> None:
    """Raises ValueError where two runs have one folder, or are the same run."""
    names: set[str] = set()
    settings: dict[str, str] = {}
    for job in jobs:
        if job.name in names:
            if repr(flat(job.config)) in settings:
                raise ValueError(f"{path}: {job.name} is there twice: leave one out")
            raise ValueError(f"{path}: two runs are called {job.name}: give one of them a `name`")
        names.add(job.name)
        twin = settings.setdefault(repr(flat(job.config)), job.name)
        if twin != job.name:
            raise ValueError(f"{path}: {twin} and {job.name} are the same run: leave one out")

"""resynth train METHOD --data D, and resynth train --resume RUN."""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field, make_dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TextIO

import tyro

from .. import figures, parallel, runs
from ..data import Data, load
from ..evaluate import stopping_point, write_predictions
from ..methods import METHODS
from .shared import Flat, absolute, as_any, clock, describe, free, name_of, parse

start = partial(runs.start, paint=figures.training_picture, predict=write_predictions)
resume = partial(runs.resume, paint=figures.training_picture, predict=write_predictions)


SEEDS = (
    "Train these seeds at once, each into a folder seedN of --out. For a GPU, which small nets "
    "leave idle; on a CPU a process for each (resynth sweep --jobs) is faster."
)


@dataclass(kw_only=True)
class Resume:
    resume: Path
    """The run folder to go on with; its own settings hold."""
    method: Annotated[str, tyro.conf.Positional] = ""
    """The method that the run must be of."""


def main(arguments: list[str]) -> None:
    with nullcontext() if parallel.rank() == 0 else redirect_stdout(io.StringIO()):
        _main(arguments)


def _main(arguments: list[str]) -> None:
    if "--resume" in arguments or any(a.startswith("--resume=") for a in arguments):
        about = "Go on from a run's last checkpoint, by its own settings."
        _resume(parse(Resume, arguments, "train --resume RUN", about))
        return
    if not arguments or arguments[0].startswith("-"):
        print("usage: resynth train METHOD --data D [...]   or   resynth train --resume RUN")
        print("       resynth train translate|adapt --source A --target B [...]\n")
        for name, kind in METHODS.items():
            print(f"  {name:10} {(kind.__doc__ or '').splitlines()[0]}")
        print("\nresynth train METHOD --help lists all settings.")
        if arguments[:1] not in (["-h"], ["--help"]):
            raise ValueError("train needs a method first, or --resume RUN")
        return
    name, *rest = arguments
    if name not in METHODS:
        raise ValueError(f"unknown method '{name}': choose from {', '.join(METHODS)}")
    kind = METHODS[name]
    check_both(a.split("=")[0].removeprefix("--") for a in rest if a.startswith("--"))
    _start(name, as_any(parse(command(name), rest, f"train {name}", kind.__doc__ or "")))


def check_both(flags: Iterable[str]) -> None:
    """Raises ValueError where one domain is told and the other one forgotten."""
    both = {"source", "target"}
    if len(told := both & set(flags)) == 1:
        (one,), (other,) = told, both - told
        raise ValueError(f"--{one} is one of two domains: give --{other} too")


def command(name: str) -> type:
    """The flags of a method: its own fields and those of every shared part, side by side."""

    def part(make: Callable[[], Any]) -> tuple[Any, Any]:
        return Annotated[type(make()), Flat], field(default_factory=make)

    kind = METHODS[name]
    suited = runs.parts(kind)
    probe = [] if kind.two_domains else [("probe", *part(runs.ProbeConfig))]
    return make_dataclass(
        "Train",
        [
            ("out", Annotated[Path | None, tyro.conf.arg(help="The new run folder.")], None),
            ("seeds", Annotated[tuple[int, ...], tyro.conf.arg(help=SEEDS)], ()),
            ("method", *part(kind)),
            ("data", *part(suited["data"])),
            ("nets", *part(suited["nets"])),
            *probe,
            ("training", *part(suited["training"])),
        ],
        kw_only=True,
    )


def settled(told: Any) -> runs.Config:
    """The config of a run from what `command` parsed.

    Raises ValueError where settings contradict each other.
    """
    return runs.Config(
        method=told.method,
        data=absolute(told.data),
        nets=told.nets,
        probe=getattr(told, "probe", runs.ProbeConfig()),
        training=told.training,
    )


def check_read(config: runs.Config, flags: Container[str] | None = None) -> None:
    """Raises ValueError where a setting of the nets says something that nothing reads.

    flags: those that may be to blame; any where none are given.
    """
    for name in config.unread():
        if flags is None or name in flags:
            flag = f"--{name.replace('_', '-')}"
            raise ValueError(f"{flag} makes no difference here: leave it out")


def _start(name: str, told: Any) -> None:
    config = settled(told)
    check_read(config)
    seed = config.training.seed
    if parallel.size() > 1 and not told.out:
        raise ValueError("several processes train one run: say by --out where it shall be")
    if told.seeds:
        _start_seeds(config, told.seeds, told.out or free(Path("runs") / _called(config)))
        return
    out = told.out or free(Path("runs") / f"{_called(config)}-seed{seed}")
    with parallel.joined():
        if parallel.any_of(parallel.rank() == 0 and _begun(config, out)):
            _resume(Resume(resume=out))
            return
        run, data = train(config, out)
    _finished(run)
    if bad := getattr(data.train, "bad", {}):  # of a streamed folder
        first = "; ".join(list(bad.values())[:3])
        print(f"note: skipped {len(bad)} of the files while training: {first}")


def _begun(config: runs.Config, out: Path) -> bool:
    """Whether this very call of torchrun has a checkpoint of the run, as one of its processes died.

    What was left before the first checkpoint is removed; a run that holds anything more stays.
    """
    try:
        run = runs.Run(out)
    except ValueError:
        return False
    own = parallel.launch() is not None and run.tree.get("launch") == parallel.launch()
    if not own or run.config.to_json() != config.to_json():
        return False
    if run.checkpoint.is_file():
        return True
    if not (run.weights.exists() or run.log() or run.metrics()):
        for left in out.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    return False


def _called(config: runs.Config) -> str:
    return f"{config.name}-{name_of(config.data)}"


def _start_seeds(config: runs.Config, seeds: tuple[int, ...], out: Path) -> None:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"a seed is named twice: {' '.join(map(str, seeds))}")
    paths = {seed: out / f"seed{seed}" for seed in seeds}
    with progress() as report:
        made = runs.start_seeds(
            config,
            paths,
            report=report,
            paint=figures.training_picture,
            predict=write_predictions,
            describe=describe,
        )
    last = made[0].log()[-1]
    images, seconds = last["images"] * len(made), last["seconds"] * len(made)
    rate = images / max(seconds, 1e-9)
    print(
        f"trained {len(made)} nets on {last['images']:,} images each in {clock(seconds)} ", end=""
    )
    print(f"({rate:.0f} images/s in all)")
    print(f"runs: {' '.join(str(run.path) for run in made)}")
    print(f"next: resynth evaluate {made[0].path}, and the others; resynth compare {out}/*")


def train(config: runs.Config, out: Path) -> tuple[runs.Run, Data]:
    """Loads and describes the data, and trains into a new run folder, with progress."""
    data = load(config.data, seed=config.training.seed)
    describe(data)
    with progress() as report:
        run = start(config, out, data=data, report=report)
    return run, data


def _resume(told: Resume) -> None:
    run = runs.Run(told.resume)
    if told.method and told.method != run.config.name:
        raise ValueError(f"{told.resume} is a run of {run.config.name}, not of {told.method}")
    lines = len(run.log())
    with progress() as report:
        run = resume(told.resume, report=report)
    if len(run.log()) == lines and lines:
        print(f"{run.path} has spent its budget already: there was nothing left to train")
    else:
        _finished(run)


def _finished(run: runs.Run) -> None:
    last = run.log()[-1]
    rate = last["images"] / max(last["seconds"], 1e-9)
    print(f"trained on {last['images']:,} images in {clock(last['seconds'])} ({rate:.0f} images/s)")
    if run.config.method.two_domains:
        print(f"stopping point: {stopping_point(run)}")
    print(f"run: {run.path}   pictures: {run.path}/pictures   next: resynth evaluate {run.path}")


@contextmanager
def progress(file: TextIO | None = None) -> Iterator[runs.Report]:
    """A reporter of log lines: a bar on a terminal, a line every few seconds elsewhere.

    file: where those lines go, standard output unless told.
    """
    describe_line = _describer()
    if not sys.stderr.isatty() or parallel.rank():
        said = 0.0

        def say(line: dict[str, Any], total: int) -> None:
            nonlocal said
            text = "  ".join(describe_line(line, total))
            if time.monotonic() - said > 5 or line["step"] == total:
                said = time.monotonic()
                print(f"step {line['step']}/{total}  {text}", file=file, flush=True)

        yield say
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(16), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(line: dict[str, Any], total: int) -> None:
            room = console.width - 18 - 2 * len(f" {total}") - 2
            text = "  ".join(describe_line(line, total))[:room]
            bar.update(task, completed=line["step"], total=total, description=text)

        yield show


def _describer() -> Callable[[dict[str, Any], int], tuple[str, str]]:
    """Rate and time left since the first line of this session or training, and the terms."""
    first: dict[str, Any] = {}

    def text(line: dict[str, Any], total: int) -> tuple[str, str]:
        if line["step"] <= first.get("step", 0):
            first.clear()
        begun = first or {"images": 0, "seconds": 0.0}
        rate = (line["images"] - begun["images"]) / max(line["seconds"] - begun["seconds"], 1e-9)
        if not first:
            first.update(line)
        left = (total - line["step"]) * line["images"] / line["step"] / max(rate, 1e-9)
        return f"{rate:.0f} images/s  {clock(left)} left", _terms(line)

    return text


def _terms(line: dict[str, Any]) -> str:
    """The terms of a log line, under their players' names too where two have one name."""
    terms = [(key, key.split("/")[1], value) for key, value in line.items() if "/" in key]
    count = Counter(name for _, name, _ in terms)
    return "  ".join(f"{n if count[n] == 1 else key} {value:.3g}" for key, n, value in terms)

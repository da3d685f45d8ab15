"""The command line. Each command is a dataclass, whose fields are its flags, and a function.

Nothing heavy is imported before a command is known: `resynth --help` answers at once.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

if TYPE_CHECKING:
    from .data import DataConfig
    from .runs import Run

COMMANDS = {
    "train": "train a method on a set of images, or go on with a run",
    "evaluate": "measure a run: a table, metrics.json and pictures",
    "compare": "one table of several runs; seeds become mean ± std",
    "mix": "interpolate image files, or make a folder of mixes with soft labels",
    "encode": "the codes of a set as .npz or .tsv",
    "data": "list the sets, or fetch, check and show one",
    "demo": "the main job on a bundled set, in a few minutes",
}
USAGE = "usage: resynth COMMAND ...   (resynth COMMAND --help says more)"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0, 2 for what the user can mend, 130 if stopped."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print("Adversarial autoencoders that mix images in code space.\n\n" + USAGE + "\n")
        print("\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items()))
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("resynthesis"))
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f": did you mean {near[0]}?" if near else f" (commands: {', '.join(COMMANDS)})"
        return _fail(f"there is no command '{command}'{hint}")
    return _run(globals()[f"_{command}"], rest)


def _run(command: Callable[[list[str]], None], arguments: list[str]) -> int:
    try:
        command(arguments)
    except (ValueError, OSError, ArithmeticError) as error:
        if os.environ.get("RESYNTH_DEBUG"):
            raise
        return _fail(_sentence(error))
    except KeyboardInterrupt as error:
        return _fail(str(error) or "stopped", 130)
    except SystemExit as stop:  # tyro has said what was wrong
        return int(stop.code or 0)
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.errno:
        text = str(error.strerror)
        return f"{text}: {error.filename}" if error.filename else text
    return " ".join(str(error).split())


def _fail(sentence: str, status: int = 2) -> int:
    print(f"resynth: {sentence}", file=sys.stderr)
    return status


def _parse(kind: Any, arguments: list[str], name: str, about: str = "") -> Any:
    import tyro

    return tyro.cli(
        kind,
        args=arguments,
        prog=f"resynth {name}",
        description=about or None,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
    )


# --- train -------------------------------------------------------------------------------------


def _train(arguments: list[str]) -> None:
    import tyro

    from . import figures, runs
    from .data import DataConfig
    from .methods import METHODS
    from .nets import Nets
    from .train import Training

    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: resynth train METHOD --data D [...]   or   resynth train --resume RUN\n")
        for name, kind in METHODS.items():
            print(f"  {name:10} {(kind.__doc__ or '').splitlines()[0]}")
        print("\nresynth train METHOD --help lists all settings.")
        if not arguments:
            raise ValueError("train needs a method, or --resume RUN")
        return
    if "--resume" in arguments:
        _resume(arguments)
        return
    name, *rest = arguments
    if name not in METHODS:
        raise ValueError(f"unknown method '{name}': choose from {', '.join(METHODS)}")

    def part(kind: type) -> tuple[Any, Any]:
        return Annotated[kind, tyro.conf.arg(name="")], field(default_factory=kind)

    settings = make_dataclass(
        "Train",
        [
            ("out", Annotated[Path | None, tyro.conf.arg(help="The run folder.")], None),
            ("method", *part(METHODS[name])),
            ("data", *part(DataConfig)),
            ("nets", *part(Nets)),
            ("probe", *part(runs.ProbeConfig)),
            ("training", *part(Training)),
        ],
        kw_only=True,
    )
    told = _parse(settings, rest, f"train {name}", (METHODS[name].__doc__ or "").strip())
    config = runs.Config(
        method=told.method,
        data=_absolute(told.data),
        nets=told.nets,
        probe=told.probe,
        training=told.training,
    )
    out = told.out or _free(
        Path("runs"), f"{name}-{_short(told.data.data)}-seed{config.training.seed}"
    )
    from .data import load

    data = load(config.data, seed=config.training.seed)
    _describe(data)
    with _progress() as report:
        run = runs.start(config, out, data=data, report=report, paint=figures.training_picture)
    _finished(run)


def _resume(arguments: list[str]) -> None:
    import tyro

    from . import figures, runs

    @dataclass(kw_only=True)
    class Resume:
        resume: Path
        """The run folder to go on with; its own settings hold."""
        method: tyro.conf.Positional[str] = ""
        """The method that the run must be of."""

    told = _parse(Resume, arguments, "train")
    run = runs.Run(told.resume)
    if told.method and told.method != run.config.name:
        raise ValueError(f"{told.resume} is a run of {run.config.name}, not of {told.method}")
    with _progress() as report:
        run = runs.resume(told.resume, report=report, paint=figures.training_picture)
    _finished(run)


def _finished(run: Run) -> None:
    last = run.log()[-1]
    rate = last["images"] / max(last["seconds"], 1e-9)
    print(
        f"trained on {last['images']:,} images in {_clock(last['seconds'])} ({rate:.0f} images/s)"
    )
    print(f"run: {run.path}   pictures: {run.path}/pictures   next: resynth evaluate {run.path}")


def _describe(data: Any) -> None:
    c, h, w = data.shape
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in data.parts.items())
    classes = f", {len(data.classes)} classes" if data.classes else ", no labels"
    print(f"{data.name}: {sizes} images of {h}x{w}{' in colour' if c == 3 else ''}{classes}")
    for note in data.notes:
        print(f"note: {note}")


@contextmanager
def _progress() -> Iterator[Callable[[dict[str, Any], int], None]]:
    """A reporter of log lines: a bar on a terminal, a line every few seconds elsewhere."""
    said = {"at": 0.0}
    first: dict[str, float] = {}

    def text(line: dict[str, Any], total: int) -> tuple[str, str]:
        first.setdefault("images", line["images"])
        first.setdefault("seconds", line["seconds"])
        images, seconds = line["images"] - first["images"], line["seconds"] - first["seconds"]
        if images == 0:
            images, seconds = line["images"], line["seconds"]
        rate = images / max(seconds, 1e-9)
        left = (total - line["step"]) * (line["images"] / line["step"]) / max(rate, 1e-9)
        terms = "  ".join(f"{k.split('/')[1]} {v:.3g}" for k, v in line.items() if "/" in k)
        return f"{rate:.0f} images/s  {_clock(left)} left", terms

    if sys.stderr.isatty():
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def show(line: dict[str, Any], total: int) -> None:
                rate, terms = text(line, total)
                bar.update(
                    task, completed=line["step"], total=total, description=f"{rate}  {terms}"
                )

            yield show
        return

    def say(line: dict[str, Any], total: int) -> None:
        if time.monotonic() - said["at"] > 5 or line["step"] == total:
            said["at"] = time.monotonic()
            print(f"step {line['step']}/{total}  {'  '.join(text(line, total))}", flush=True)

    yield say


# --- evaluate, compare -------------------------------------------------------------------------


def _evaluate(arguments: list[str]) -> None:
    import tyro

    from . import figures
    from .evaluate import evaluate
    from .runs import Run, write

    @dataclass
    class Evaluate:
        run: tyro.conf.Positional[Path]
        """The run folder."""
        data: str | None = None
        """Measure on other data than the run's own (a set's name or a path)."""
        data_dir: Path | None = None
        """Where named sets are kept."""
        only: tuple[str, ...] = ()
        """Only these: reconstruction, probe, knn, clustering, lines."""
        device: str = "auto"
        """cpu, cuda, ...; auto takes a GPU where there is one."""

    told = _parse(Evaluate, arguments, "evaluate", COMMANDS["evaluate"])
    run = Run(told.run)
    nets = run.load_nets(told.device)
    data = run.load_data(_other_data(run, told.data, told.data_dir))
    metrics = evaluate(
        nets, data, told.only, report=lambda what: print(f"measuring {what} ...", file=sys.stderr)
    )
    if told.data is None:
        run.save_metrics({**run.metrics(), **metrics} if told.only else metrics)
        written = run.path / "metrics.json"
    else:
        written = run.path / f"metrics.{_short(told.data)}.json"
        write(written, json.dumps(metrics, indent=2).encode())
    if told.data is None and not told.only:
        figures.evaluation_pictures(run, nets, data)
    _table(["metric", data.name], [[k, _number(v)] for k, v in metrics.items()])
    print(f"{written}   pictures: {run.path}/pictures")


def _compare(arguments: list[str]) -> None:
    import tyro

    from .compare import compare
    from .runs import Run, write

    @dataclass
    class Compare:
        runs: tyro.conf.Positional[tuple[Path, ...]]
        """Run folders; those that differ only in seed become one row."""
        out: Path | None = None
        """Write the table to a .md, .csv or .json file as well."""

    told = _parse(Compare, arguments, "compare", COMMANDS["compare"])
    if not told.runs:
        raise ValueError("compare needs at least one run folder")
    if told.out and told.out.suffix not in (".md", ".csv", ".json"):
        raise ValueError(f"{told.out} must end in .md, .csv or .json")
    rows = compare([Run(path) for path in told.runs])
    columns = list(dict.fromkeys(k for row in rows for k in row.metrics))
    head = ["run", "n", "images", *columns]
    cells = [
        [row.label, str(row.seeds), f"{row.images:,}"]
        + [_mean_std(*row.metrics[c]) if c in row.metrics else "" for c in columns]
        for row in rows
    ]
    _table(head, cells)
    if told.out:
        if told.out.suffix == ".json":
            text = json.dumps([row.to_json() for row in rows], indent=1)
        elif told.out.suffix == ".csv":
            text = _csv([head, *cells])
        else:
            text = "\n".join(
                "| " + " | ".join(r) + " |" for r in [head, ["---"] * len(head), *cells]
            )
        write(told.out, (text.rstrip() + "\n").encode())
        print(f"table: {told.out}")


# --- mix ---------------------------------------------------------------------------------------


def _mix(arguments: list[str]) -> None:
    import tyro

    @dataclass
    class Mix:
        run: tyro.conf.Positional[Path]
        """The run folder."""
        files: tyro.conf.Positional[tuple[Path, ...]] = ()
        """Two or more image files to mix."""
        out: Path | None = None
        """A .png, .gif or .mp4; with --count a new folder."""
        mixer: Literal["", "mixup", "channel-mixup", "bernoulli", "shared-bernoulli"] = ""
        """mixup walks along straight lines; the others draw mixes at random. Files: mixup unless
        told otherwise; --count: the run's own."""
        steps: int = 11
        """Images along a line or beside a triangle's edge; or random mixes."""
        space: Literal["codes", "pixels"] = "codes"
        """Mix codes, or pixels for comparison."""
        count: int | None = None
        """Make so many mixes of the data's training images."""
        data: str | None = None
        """With --count: other data than the run's own."""
        data_dir: Path | None = None
        """Where named sets are kept."""
        parents: int | None = None
        """With --count: images in a mix; the run's own number where not given."""
        seed: int = 0
        """Seed of random mixes."""
        device: str = "auto"
        """cpu, cuda, ...; auto takes a GPU where there is one."""

    told = _parse(Mix, arguments, "mix", COMMANDS["mix"])
    if told.out is None:
        raise ValueError("mix needs --out: a .png, .gif or .mp4, or with --count a folder")
    if told.count is not None and told.files:
        raise ValueError("give either image files or --count, not both")
    if told.count is None:
        _mix_files(told)
    else:
        _mix_set(told)


def _mix_files(told: Any) -> None:
    import torch

    from . import figures
    from .data.images import decode as read_image
    from .evaluate import decode, encode
    from .mixing import MIXERS, check_parents
    from .mixing import mix as combine
    from .runs import Run

    mixer, k = told.mixer or "mixup", len(told.files)
    if told.out.suffix not in (".png", ".gif", ".mp4"):
        raise ValueError(f"{told.out} must end in .png, .gif or .mp4")
    if k < 2:
        raise ValueError(f"mix needs two or more image files, not {k}")
    if told.steps < 2:
        raise ValueError(f"--steps must be at least 2, not {told.steps}")
    check_parents(mixer, k)
    run = Run(told.run)
    autoencoder = run.load_nets(told.device)["autoencoder"]
    channels, size, _ = run.facts.shape
    for path in told.files:
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
    images = [torch.from_numpy(read_image(path, size, channels).copy()) for path in told.files]
    x = torch.stack(images).float() / 127.5 - 1
    z = x if told.space == "pixels" else encode(autoencoder, x)
    back = (lambda z: z) if told.space == "pixels" else (lambda z: decode(autoencoder, z))

    def mixes(weights: torch.Tensor) -> torch.Tensor:
        """Weights (n, k) or (k, n, C) to images (n, C, H, W)."""
        w = weights.T[..., None] if weights.ndim == 2 else weights
        return back(combine(z[:, None], w.to(z.device)[..., None, None]))

    moving = told.out.suffix != ".png"
    captions: list[str] = []
    if mixer != "mixup":
        torch.manual_seed(told.seed)
        children = mixes(MIXERS[mixer](k, z[:1].expand(told.steps, -1, -1, -1)).flatten(3)[..., 0])
        rows, captions = [x, children], ["parents", mixer]
        path = children
    else:
        legs = [(i, i + 1) for i in range(k - 1)] + [(k - 1, 0)] * (moving and k > 2)
        eye = torch.eye(k)
        lines = [
            mixes(
                torch.stack(
                    [torch.lerp(eye[a], eye[b], s / (told.steps - 1)) for s in range(told.steps)]
                )
            )
            for a, b in legs
        ]
        rows, path = lines, torch.cat([lines[0]] + [line[1:] for line in lines[1:]])
    if moving:
        figures.animate(path, told.out, closed=k > 2 and mixer == "mixup")
    elif k == 3 and mixer == "mixup":
        weights = torch.tensor([w for row in figures.triangle_weights(told.steps) for w in row])
        figures.save(figures.triangle(mixes(weights), told.steps), told.out)
    else:
        figures.save(figures.grid(rows, captions), told.out)
    print(f"{told.out}: {mixer} of {k} images in {told.space}")


def _mix_set(told: Any) -> None:
    import torch

    from .data import to_uint8
    from .evaluate import decode, encode
    from .figures import save
    from .mixing import MIXERS, check_parents
    from .mixing import mix as combine
    from .runs import Run

    if told.count < 1:
        raise ValueError(f"--count must be at least 1, not {told.count}")
    run = Run(told.run)
    k = told.parents or int(getattr(run.config.method, "parents", 2))
    mixer = told.mixer or str(getattr(run.config.method, "mixer", "mixup"))
    check_parents(mixer, k)
    if told.out.exists() and (not told.out.is_dir() or any(told.out.iterdir())):
        raise ValueError(f"{told.out} exists already: choose another --out")
    autoencoder = run.load_nets(told.device)["autoencoder"]
    data = run.load_data(_other_data(run, told.data, told.data_dir))
    from PIL import Image

    torch.manual_seed(told.seed)
    head = ["file", *[f"parent_{i + 1}" for i in range(k)], *[f"weight_{i + 1}" for i in range(k)]]
    rows: list[list[object]] = [[*head, *data.classes]]
    told.out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{told.out.name}.", dir=told.out.parent))
    try:
        for start in range(0, told.count, 256):
            n = min(256, told.count - start)
            index = torch.randint(len(data.train), (k, n))
            x, y = data.train.take(index.flatten())
            z = x if told.space == "pixels" else encode(autoencoder, x)
            z = z.reshape(k, n, *z.shape[1:])
            w = MIXERS[mixer](k, z[0])
            z_mix = combine(z, w)
            images = to_uint8(z_mix if told.space == "pixels" else decode(autoencoder, z_mix)).cpu()
            shares = w.flatten(2).mean(2).T.cpu()  # (n, k): the mean over channels
            for i in range(n):
                name = f"{start + i:06d}.png"
                pixels = images[i].permute(1, 2, 0).numpy()
                save(
                    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels),
                    beside / name,
                )
                row: list[object] = [name, *index[:, i].tolist(), *[f"{s:.6f}" for s in shares[i]]]
                if y is not None and data.classes:
                    soft = torch.zeros(len(data.classes))
                    soft.index_add_(0, y.cpu().reshape(k, n)[:, i], shares[i])
                    row += [f"{s:.6f}" for s in soft]
                rows.append(row)
        (beside / "labels.csv").write_text(_csv(rows))
        beside.chmod(0o755)
        if told.out.exists():
            told.out.rmdir()
        beside.rename(told.out)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    print(f"{told.count:,} mixes ({mixer}, {k} parents) and labels.csv in {told.out}")


# --- encode, data, demo ------------------------------------------------------------------------


def _encode(arguments: list[str]) -> None:
    import numpy as np
    import tyro

    from .evaluate import encode_set
    from .runs import Run, write

    @dataclass
    class Encode:
        run: tyro.conf.Positional[Path]
        """The run folder."""
        out: Path
        """codes.npz, or codes.tsv (with codes.labels.tsv beside it, for embedding projectors)."""
        data: str | None = None
        """Other data than the run's own."""
        data_dir: Path | None = None
        """Where named sets are kept."""
        part: Literal["all", "train", "valid", "test"] = "all"
        """Which part of the data."""
        device: str = "auto"
        """cpu, cuda, ...; auto takes a GPU where there is one."""

    told = _parse(Encode, arguments, "encode", COMMANDS["encode"])
    if told.out.suffix not in (".npz", ".tsv"):
        raise ValueError(f"{told.out} must end in .npz or .tsv")
    run = Run(told.run)
    autoencoder = run.load_nets(told.device)["autoencoder"]
    data = run.load_data(_other_data(run, told.data, told.data_dir))
    codes, labels, parts = [], [], []
    for name, images in data.parts.items():
        if told.part in ("all", name):
            z, y = encode_set(autoencoder, images)
            codes.append(z.flatten(1).numpy())
            labels.append(np.full(len(z), -1) if y is None else y.numpy())
            parts += [name] * len(z)
    z, y = np.concatenate(codes), np.concatenate(labels)
    if told.out.suffix == ".npz":
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            codes=z,
            labels=y,
            part=np.array(parts),
            classes=np.array(data.classes, dtype=str),
        )
        write(told.out, buffer.getvalue())
        print(f"{told.out}: codes {z.shape}, labels, part, classes")
        return
    names = [data.classes[c] if c >= 0 else "" for c in y]
    about = told.out.with_suffix(".labels.tsv")
    write(told.out, ("\n".join("\t".join(f"{v:.6g}" for v in row) for row in z) + "\n").encode())
    pairs = zip(names, parts, strict=True)
    write(about, ("label\tpart\n" + "".join(f"{n}\t{p}\n" for n, p in pairs)).encode())
    print(f"{told.out}: {z.shape[0]:,} codes of {z.shape[1]} numbers; labels in {about}")


def _data(arguments: list[str]) -> None:
    import tyro

    from .data import SETS, DataConfig, load

    if not arguments:
        rows = [[n, s.images, s.download, s.licence, s.summary] for n, s in SETS.items()]
        _table(["name", "images", "download", "licence", "what"], rows)
        print("resynth data NAME fetches, checks and shows one; so does a path to your own images")
        return

    @dataclass
    class Describe:
        name: tyro.conf.Positional[str]
        """A set's name, or a path to images."""
        out: Path | None = None
        """Where the contact sheet goes; NAME.png here where not given."""
        settings: Annotated[DataConfig, tyro.conf.arg(name="")] = field(default_factory=DataConfig)

    told = _parse(Describe, arguments, "data", COMMANDS["data"])
    data = load(replace(told.settings, data=told.name))
    _describe(data)
    if told.name in SETS:
        known = SETS[told.name]
        print(f"{known.summary}\nlicence: {known.licence}\nsource: {known.citation}")
    if data.classes:
        import torch

        counts = torch.bincount(data.train.labels, minlength=len(data.classes))
        shown = [f"{c} {int(n):,}" for c, n in zip(data.classes, counts, strict=True)]
        print("training images: " + ", ".join(shown[:30]) + (", ..." if len(shown) > 30 else ""))
    print(f"checksum: sha256 {data.checksum}")
    from . import figures

    sheet = told.out or Path(f"{_short(told.name)}.png")
    figures.save(figures.contact_sheet(data), sheet)
    print(f"contact sheet: {sheet}")


def _demo(arguments: list[str]) -> None:
    from . import figures, runs
    from .data import DataConfig, load, to_uint8
    from .methods import AMR
    from .train import Training

    @dataclass
    class Demo:
        out: Path = Path("demo")
        """A new folder for everything."""
        steps: int = 1100
        """Training steps of 64 images."""

    told = _parse(Demo, arguments, "demo", COMMANDS["demo"])
    if told.out.exists() and (not told.out.is_dir() or any(told.out.iterdir())):
        raise ValueError(f"{told.out} exists already: choose another --out, or remove it")
    told.out.mkdir(parents=True, exist_ok=True)
    config = runs.Config(
        method=AMR(),
        data=DataConfig(data="digits"),
        training=Training(steps=told.steps, picture_every=max(1, told.steps // 4)),
    )
    print("1/3  training AMR, two parents, on scikit-learn's handwritten digits")
    data = load(config.data)
    _describe(data)
    path = told.out / "run"
    with _progress() as report:
        runs.start(config, path, data=data, report=report, paint=figures.training_picture)
    print("2/3  measuring it on the test images, which it has never seen")
    _evaluate([str(path)])
    print("3/3  mixing a few of them")
    examples = told.out / "examples"
    examples.mkdir()
    files = []
    x, y = data.test.take(figures.spread_over_classes(data, 10))
    for i in (0, 3, 8):
        files.append(examples / f"digit-{int(y[i]) if y is not None else i}.png")
        figures.save(figures.to_picture(x[i]), files[-1])
    a, b, c = map(str, files)
    run = str(path)
    _mix([run, a, b, "--out", str(told.out / "line.png")])
    _mix([run, a, b, "--space", "pixels", "--out", str(told.out / "line-in-pixels.png")])
    _mix([run, a, b, c, "--steps", "7", "--out", str(told.out / "triangle.png")])
    _mix([run, a, b, c, "--out", str(told.out / "loop.gif")])
    _mix([run, "--count", "100", "--out", str(told.out / "mixes")])
    print(
        f"\nEverything is in {told.out}:\n"
        f"  {path}/pictures         training samples, losses, reconstructions, codes\n"
        f"  {path}/metrics.json     the figures above\n"
        f"  {told.out}/line.png, triangle.png, loop.gif   mixes of the files in {examples}\n"
        f"  {told.out}/mixes            100 new digits and labels.csv, their soft labels"
    )
    del to_uint8


# --- what several commands share ---------------------------------------------------------------


def _other_data(run: Run, data: str | None, data_dir: Path | None) -> DataConfig | None:
    """The data a command was told to use at the run's image size, or None for the run's own."""
    if data is None and data_dir is None:
        return None
    own = run.config.data
    if data is None:
        return replace(own, data_dir=data_dir)
    from .data import DataConfig

    return DataConfig(
        data=data, data_dir=data_dir or own.data_dir, size=own.size, memory=own.memory
    )


def _absolute(config: DataConfig) -> DataConfig:
    """Paths made absolute, so that a run folder can be used from anywhere."""
    from .data import SETS

    path = Path(config.data).expanduser()
    data = str(path.resolve()) if config.data not in SETS and path.exists() else config.data
    folder = config.data_dir.expanduser().resolve() if config.data_dir else None
    return replace(config, data=data, data_dir=folder)


def _free(folder: Path, name: str) -> Path:
    path, i = folder / name, 2
    while path.exists():
        path, i = folder / f"{name}-{i}", i + 1
    return path


def _short(data: str) -> str:
    return Path(data).resolve().stem if "/" in data or data.startswith(".") else Path(data).stem


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"


def _mean_std(mean: float, std: float | None) -> str:
    return _number(mean) if std is None else f"{_number(mean)} ± {std:.2g}"


def _csv(rows: Sequence[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """An aligned plain table: no wrapping, so that it can be copied and searched."""
    width = [max(len(r[i]) for r in (head, *rows)) for i in range(len(head))]
    for row in (head, ["-" * w for w in width], *rows):
        print("  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())

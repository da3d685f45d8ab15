"""What a run is: its method, its data, how long it was trained, and how to do it again."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import asdict, fields
from html import escape
from pathlib import Path
from typing import Any

from ..runs import Run, parts
from .page import table

SILENT = ("device", "data_dir", "log_every", "checkpoint_every", "picture_every")  # of no result


def summary(run: Run) -> str:
    """A paragraph, the method's own equations, and the settings that are not the usual ones."""
    channels, size, _ = run.facts.shape
    colour = "colour" if channels == 3 else "grey"
    last = (run.log() or [{"step": 0, "images": 0, "seconds": 0.0}])[-1]
    total = run.config.training.total_steps(run.facts.train_size)
    labels = len(run.facts.classes) or len(run.facts.attributes)
    kind = "classes" if run.facts.classes else "attributes"
    doc = inspect.getdoc(type(run.config.method)) or ""
    first, _, rest = doc.partition("\n\n")
    told = (
        f"<b>{run.config.name}</b> trained on <b>{escape(data_name(run))}</b>: "
        f"{run.facts.train_size:,} training images of {size}x{size}, {colour}"
        f"{f', {labels} {kind}' if labels else ''}. {last['step']:,} of {total:,} steps, "
        f"{last['images']:,} images, {last['seconds'] / 60:.1f} minutes on "
        f"{escape(str(run.tree.get('machine', {}).get('processor', 'an unknown machine')))}. "
        f"Code: {'x'.join(map(str, run.code_shape))}."
    )
    unusual = changed(run)
    settings = (
        table(["setting", "value"], [[name, _plain(value)] for name, value in unusual.items()])
        if unusual
        else "<p>All settings are the usual ones.</p>"
    )
    going = '<p class="note">It had not finished training when this was written.</p>'
    return (
        f"<p>{told}</p>{going if is_training(run) else ''}"
        f"<p>{escape(first)}</p><pre>{escape(rest)}</pre>{settings}"
    )


def is_training(run: Run) -> bool:
    """Whether the run has not spent its budget yet."""
    log = run.log()
    return not log or log[-1]["step"] < run.config.training.total_steps(run.facts.train_size)


def data_name(run: Run) -> str:
    """The set of a run, or its two domains; of a path the last part."""
    data = asdict(run.trained_on)
    named = [Path(data[key]).name for key in ("data", "source", "target") if key in data]
    return " to ".join(named)


def changed(run: Run) -> dict[str, Any]:
    """Flag -> value of the settings that differ from what the method would have by itself."""
    config = run.config
    usual = {name: make() for name, make in parts(type(config.method)).items()}
    usual |= {"method": type(config.method)(), "probe": type(config.probe)()}
    silent = {*SILENT, *config.unread()}
    found = {}
    for name, default in usual.items():
        own = getattr(config, name)
        for f in fields(default):
            value = getattr(own, f.name)
            if value != getattr(default, f.name) and f.name not in silent:
                found[f.name] = value
    return found


def reproduce(run: Run) -> str:
    """The command that trains such a run again, and what it ran with."""
    rows = [
        ["data, SHA-256", run.facts.checksum],
        *([name, version] for name, version in run.tree.get("versions", {}).items()),
        ["commit", str(run.tree.get("git_commit") or "not known")],
        ["made", str(run.tree.get("created", ""))],
    ]
    if run.on_arrays:
        how = "<p>It was trained on arrays in Python, which a run does not keep.</p>"
    else:
        how = f"<pre>{escape(command(run))}</pre>"
    return f"{how}{table(['', ''], rows)}"


def command(run: Run) -> str:
    """`resynth train ...` with every setting that is not the usual one."""
    words = ["resynth", "train", run.config.name]
    data = run.config.to_json()["data"]
    named = ("source", "target") if run.config.method.two_domains else ("data",)
    for name in named:
        words += [f"--{name}", str(data[name])]
    for name, value in changed(run).items():
        flag = name.replace("_", "-")
        if name in named or value is None:
            continue
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", *map(str, value if isinstance(value, tuple) else [value])]
    return shlex.join(words)


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)

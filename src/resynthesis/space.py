"""A run as a folder that a host of Gradio apps, such as Hugging Face Spaces, runs unchanged."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from .app import Opened, Samples, import_gradio
from .data import SETS
from .data.unpack import whole_folder
from .report import data_name, names
from .runs import Run

RUN_FILES = ("config.json", "weights.safetensors")  # which have been read to open the run
RECORDS = ("log.jsonl", "metrics.json")
EXTRAS = ("app", "video")
PYTHON = "3.11"
APP = '''"""The explorer of resynthesis, for the runs beside this file."""

from pathlib import Path

from resynthesis.app import Opened, Samples, serve_forever, serving
from resynthesis.runs import Run

here = Path(__file__).parent
opened = {
    folder.name: Opened(
        Run(folder), samples=Samples.from_npz((folder / "samples.npz").read_bytes())
    )
    for folder in sorted((here / "runs").iterdir())
}

if __name__ == "__main__":
    with serving(opened, host="0.0.0.0", port=7860, note=print) as address:
        print(address, flush=True)
        serve_forever()
'''
CARD = """---
title: "{title}"
emoji: 🧬
sdk: gradio
sdk_version: {gradio}
python_version: "{python}"
app_file: app.py
pinned: false
license: {licence}
---

# {title}

Autoencoders that mix images in code space, to look at and to play with: mix, translate, walk
through codes. Made with resynthesis; everything that it needs is in this folder.

{runs}

## Licences

The program and the weights: {licence}. The images in `samples.npz` come from the training sets,
whose own terms hold for them:

{sets}
"""


def export_space(runs: Sequence[Run], out: Path, *, licence: str = "mit") -> tuple[str, ...]:
    """Writes the folder, whole or not at all; returns what its maker should know.

    It holds app.py, requirements.txt, a card, the weights, some images to choose from, and this
    package. Nothing that a run needs for training goes with it, and no path of this machine.
    Raises ValueError or OSError.
    """
    named = names(runs)
    notes = []
    with whole_folder(out) as beside:
        for name, run in named.items():
            one = Opened(run, device="cpu")
            if one.samples.why:
                notes.append(f"{name} goes without images to choose from: {one.samples.why}")
            _copy_run(run, one.samples, beside / "runs" / name)
        _copy_package(beside / "resynthesis")
        (beside / "app.py").write_text(APP)
        (beside / "requirements.txt").write_text("\n".join(requirements()) + "\n")
        (beside / "README.md").write_text(_card(named, licence))
    return tuple(notes)


def requirements() -> list[str]:
    """What this package needs there: its own requirements and those of the extras it uses."""
    found = []
    for line in metadata.requires("resynthesis") or []:
        what, _, condition = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", condition)
        if not extra or extra[1] in EXTRAS:
            found.append(what.strip())
    return found


def _copy_run(run: Run, samples: Samples, place: Path) -> None:
    place.mkdir(parents=True)
    for name in RUN_FILES:
        shutil.copyfile(run.path / name, place / name)
    for record in (run.path / name for name in RECORDS):
        if record.is_file() and not record.is_symlink():  # which might lead to a private file
            shutil.copyfile(record, place / record.name)
    if run.config.method.two_domains:
        Run(place).save_styles(run.styles())
    tree = json.loads((place / "config.json").read_text())
    tree.pop("launch", None)
    tree["data"] = {name: _without_path(value) for name, value in tree["data"].items()}
    (place / "config.json").write_text(json.dumps(tree, indent=2))
    (place / "pictures").mkdir()
    for path in list(run.samples.values())[-20:]:
        shutil.copyfile(path, place / "pictures" / path.name)
    (place / "samples.npz").write_bytes(samples.to_npz())


def _without_path(value: Any) -> Any:
    """The last part of a path of this machine."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _copy_package(place: Path) -> None:
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(Path(__file__).parent, place, ignore=skip)


def _card(named: dict[str, Run], licence: str) -> str:
    about, sets = [], []
    for name, run in named.items():
        about.append(f"- `{name}`: {run.config.name}, trained on {data_name(run)}")
    data = [asdict(run.trained_on) for run in named.values()]
    used = [tree[key] for tree in data for key in ("data", "source", "target") if key in tree]
    for one in dict.fromkeys(used):
        if one in SETS:
            sets.append(f"- {one}: {SETS[one].licence}. {SETS[one].citation}.")
        else:
            sets.append(f"- {Path(one).name}: FILL IN the licence of these images.")
    return CARD.format(
        title=f"resynthesis: {', '.join(named)}",
        gradio=import_gradio().__version__,
        python=PYTHON,
        licence=licence,
        runs="\n".join(about),
        sets="\n".join(sets),
    )

"""The run folder: what was asked for, the weights, the log, the figures."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..data import (
    SETS,
    Data,
    DataConfig,
    Domains,
    DomainsConfig,
    in_channels,
    read_npz,
    to_float,
    to_uint8,
)
from ..data import load as load_data
from ..data.unpack import whole_folder
from ..methods import DomainMethod
from ..nets import code_shape
from ..train import State, pick_device
from . import checkpoint
from .circumstances import circumstances
from .config import ARRAYS, Config, field_names
from .facts import Facts, new_nets
from .files import read_about, read_tensors, tell, write, write_tensors
from .random import isolated_random

FORMAT = 1
STYLES = "styles.npz"
METRICS, PARTIAL = "metrics.json", "metrics.partial.json"


class Run:
    """A run folder that is there: its config, and its files."""

    def __init__(self, path: Path):
        """Opens a folder. Raises ValueError where it is no run, or one of another version."""
        self.path = Path(path)
        config = self.path / "config.json"
        if not self.path.is_dir():
            raise ValueError(f"there is no run folder {self.path}")
        if not config.is_file():
            raise ValueError(f"{self.path} is not a run folder: it has no config.json")
        try:
            self.tree = json.loads(config.read_text())
            version = self.tree["format"]
            if version != FORMAT:
                raise ValueError(f"format {version}, and this version reads format {FORMAT}")
            self.config = Config.from_json(self.tree)
            facts = self.tree["facts"]
            self.facts = Facts(
                facts["checksum"],
                tuple(facts["shape"]),
                tuple(facts["classes"]),
                facts["train_size"],
                tuple(facts.get("attributes", ())),
                tuple(facts.get("names", ())),
            )
        except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"{config} cannot be read ({tell(error)})") from error

    @classmethod
    def create(
        cls, path: Path, config: Config, facts: Facts, form: dict[str, Any] | None = None
    ) -> Run:
        """Makes the folder. Raises ValueError where something is there already."""
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(
                f"{path} exists already{_holds(path)}: choose another --out, or go on with --resume"
            )
        (path / "pictures").mkdir(parents=True, exist_ok=True)
        tree = {
            "format": FORMAT,
            **config.to_json(),
            "facts": asdict(facts),
            "form": form or {},
            **circumstances(),
        }
        write(path / "config.json", json.dumps(tree, indent=2, default=str).encode())
        return cls(path)

    @property
    def is_there(self) -> bool:
        """Whether the folder still holds this run, which when pickled may outlive it."""
        try:
            return Run(self.path).tree == self.tree
        except ValueError:
            return False

    @property
    def pictures(self) -> Path:
        folder = self.path / "pictures"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def samples(self) -> dict[int, Path]:
        """Step -> picture that was drawn during training. A link is none: it may lead anywhere."""
        found = [] if self.pictures.is_symlink() else sorted(self.pictures.glob("step-*.png"))
        return {int(p.stem[5:]): p for p in found if p.stem[5:].isdigit() and not p.is_symlink()}

    def build_nets(self) -> nn.ModuleDict:
        """New nets of this run's shape."""
        return new_nets(self.config.whole_method(), self.config.nets, self.facts)

    @property
    def domain_method(self) -> DomainMethod:
        """The method of a run across two domains. Raises ValueError where it is none."""
        method = self.config.method
        if not isinstance(method, DomainMethod):
            raise ValueError(
                f"{self.path} is a run of {self.config.name}, which knows one domain only"
            )
        return method

    def load_nets(self, device: str = "auto") -> nn.ModuleDict:
        """The trained nets, ready for use. Raises ValueError where there are no whole weights."""
        if not self.weights.is_file():
            raise ValueError(
                f"{self.path} has no weights yet: let it train, or go on with --resume {self.path}"
            )
        with isolated_random():
            nets = self.build_nets()
        tensors, _ = read_tensors(self.weights)
        try:
            nets.load_state_dict(tensors)
        except RuntimeError as error:
            raise ValueError(
                f"{self.weights} does not fit the nets of {self.path}/config.json"
            ) from error
        return nets.to(pick_device(device)).eval()

    @property
    def code_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of this run's codes."""
        return code_shape(self.config.nets, self.facts.shape[1])

    @property
    def trained_on(self) -> DataConfig | DomainsConfig:
        """The config's data, by the names of what was there: dsprites may have been drawn."""
        told = self.config.data
        asked = [name for name in ("data", "source", "target") if name in field_names(type(told))]
        found: dict[str, Any] = {
            where: name
            for where, name in zip(asked, self.facts.names, strict=False)  # old runs have none
            if name in SETS and getattr(told, where) in SETS
        }
        return replace(told, **found)

    @property
    def on_arrays(self) -> bool:
        """Whether it was trained on arrays in Python, which the folder does not keep."""
        return ARRAYS in asdict(self.config.data).values()

    def is_own(self, other: DataConfig | DomainsConfig | None) -> bool:
        """Whether it is the data that the run was trained on; arrays in Python may be any."""
        if other is None or self.on_arrays:
            return True
        own, there = asdict(self.trained_on), asdict(other)
        named = [name for name in ("data", "source", "target") if name in own]
        return all(there.get(name) == own[name] for name in named)

    def load_domains(self) -> Domains:
        """Both domains of a run that translates."""
        data = self.load_data()
        assert isinstance(data, Domains)
        return data

    def load_data(
        self, other: DataConfig | DomainsConfig | None = None, *, data_dir: Path | None = None
    ) -> Data:
        """The data of this run, or other data at the same image size.

        data_dir: where the run's own is kept now, if not where it was. Raises ValueError where
        the run's own data is no longer what it was trained on.
        """
        if other is None and self.on_arrays:
            raise ValueError(
                f"{self.path} was trained on arrays in Python: say which --data to use"
            )
        own = self.trained_on
        own = replace(own, data_dir=data_dir or own.data_dir)
        data = load_data(other or own, seed=self.config.training.seed)
        if self.config.method.two_domains and not isinstance(data, Domains):
            data = in_channels(data, max(self.facts.shape[0], data.shape[0]))  # as in training
        if data.shape != self.facts.shape:
            raise ValueError(
                f"the nets of {self.path} want images of shape {self.facts.shape}, and "
                f"{data.name} has {data.shape}"
            )
        own_again = self.is_own(other) and not self.on_arrays
        if own_again and data.checksum != self.facts.checksum:
            raise ValueError(
                f"the data '{data.name}' is not what {self.path} was trained on: its "
                "checksum differs"
            )
        return data

    def styles(self) -> Tensor:
        """Some target images (n, C, H, W) in [-1, 1], kept with a run that translates."""
        path = self.path / STYLES
        if not path.is_file():
            raise ValueError(f"{self.path} has no {STYLES}: it is no run that translates")
        images, _, _ = read_npz(path)
        if images.shape[1:] != self.facts.shape:
            raise ValueError(f"{path} does not fit {self.path}/config.json")
        return to_float(images)

    def save_styles(self, images: Tensor) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=to_uint8(images).cpu().numpy())
        write(self.path / STYLES, buffer.getvalue())

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def save_weights(self, nets: nn.ModuleDict, steps: int) -> None:
        """steps: how many of them made these weights."""
        write_tensors(self.weights, nets.state_dict(), {"steps": str(steps)})

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint" / "state.safetensors"

    def save_checkpoint(self, state: State) -> None:
        """What going on needs, in one file that replaces the last; and the weights.

        Where it ends between the two, a run that has weights can go on, and one whose checkpoint is
        the last has its weights.
        """
        self.checkpoint.parent.mkdir(exist_ok=True)
        first = not self.checkpoint.is_file()
        if first:
            checkpoint.save(state, self.checkpoint)
        self.save_weights(state.nets, state.step)
        if not first:
            checkpoint.save(state, self.checkpoint)

    def load_checkpoint(self, state: State) -> None:
        """Fills a fresh state, and sets torch's generators, from the last checkpoint.

        Raises ValueError where there is none, or where it is broken or of other settings.
        """
        if not self.checkpoint.is_file():
            raise ValueError(f"{self.path} has no checkpoint to go on from: start a new run")
        tensors, about = read_tensors(self.checkpoint)
        try:
            checkpoint.fill(state, tensors, about)
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"{self.checkpoint} does not fit {self.path}/config.json") from error

    @property
    def steps(self) -> int:
        """How many steps made its weights; in old runs the checkpoint tells, or else the budget."""
        told = read_about(self.weights).get("steps") if self.weights.is_file() else None
        if told is None and not self.checkpoint.is_file():
            return self.config.training.total_steps(self.facts.train_size)
        try:
            return checkpoint.step_of(self.checkpoint) if told is None else int(told)
        except (KeyError, ValueError) as error:
            where = self.checkpoint if told is None else self.weights
            raise ValueError(f"{where} is broken ({tell(error)})") from error

    def log(self) -> list[dict[str, Any]]:
        """The lines of log.jsonl; a last line that was cut short is left out."""
        path, lines = self.path / "log.jsonl", []
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return lines

    def append_log(self, line: dict[str, Any]) -> None:
        with (self.path / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def cut_log(self, step: int) -> None:
        """Drops the lines after `step`, which a resumed run writes again."""
        kept = [json.dumps(line) + "\n" for line in self.log() if line["step"] <= step]
        write(self.path / "log.jsonl", "".join(kept).encode())

    def metrics(self) -> dict[str, float]:
        path = self.path / METRICS
        try:
            return dict(json.loads(path.read_text())) if path.exists() else {}
        except ValueError as error:
            raise ValueError(f"{path} is broken: evaluate the run again") from error

    def save_metrics(self, metrics: dict[str, float]) -> None:
        write(self.path / METRICS, json.dumps(metrics, indent=2).encode())
        (self.path / PARTIAL).unlink(missing_ok=True)

    def partial_metrics(self, steps: int) -> dict[str, float]:
        """What a measuring that was broken off had found of the weights of so many steps."""
        try:
            told = json.loads((self.path / PARTIAL).read_text())
            return dict(told["metrics"]) if told["steps"] == steps else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}  # there is none that can be used: all of it is measured

    def save_partial_metrics(self, metrics: dict[str, float], steps: int) -> None:
        """What is known while measuring goes on; in a file of its own until all is."""
        told = {"steps": steps, "metrics": metrics}
        write(self.path / PARTIAL, json.dumps(told, indent=2).encode())

    @property
    def form(self) -> dict[str, Any]:
        return dict(self.tree.get("form", {}))


def _holds(path: Path) -> str:
    try:
        return f" and holds a run of {Run(path).config.name}"
    except ValueError:
        return ""


def copy(run: Path, path: Path) -> None:
    """Copies a run folder to a new place, whole or not at all. Raises ValueError or OSError."""
    with _new_place(path) as beside:
        shutil.copytree(run, beside, dirs_exist_ok=True)


def rewrite(run: Run, path: Path, nets: nn.ModuleDict, styles: Tensor | None = None) -> None:
    """A new folder with what a run is, without its log, its checkpoint and its pictures.

    Whole or not at all. Raises ValueError or OSError.
    """
    with _new_place(path) as beside:
        tree = {name: value for name, value in run.tree.items() if name != "launch"}
        write(beside / "config.json", json.dumps(tree, indent=2).encode())
        again = Run(beside)
        again.save_weights(nets, run.steps)
        if styles is not None:
            again.save_styles(styles)


@contextmanager
def _new_place(path: Path) -> Iterator[Path]:
    """A folder to be filled, which becomes `path`; raises ValueError where something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} exists already{_holds(path)}: choose another place")
    with whole_folder(path) as beside:
        yield beside

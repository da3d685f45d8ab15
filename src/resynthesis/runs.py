"""The run folder: what was asked for, the weights, what resuming needs, the log.

    config.json  weights.safetensors  checkpoint/  log.jsonl  metrics.json  pictures/

Every file is written whole or not at all, and nothing in it is pickled.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from . import methods, parallel
from .data import (
    SETS,
    Data,
    DataConfig,
    Domains,
    DomainsConfig,
    in_channels,
    read_npz,
    seeded,
    to_float,
    to_uint8,
)
from .data import load as load_data
from .data.unpack import whole_folder
from .methods import DomainMethod, Method, Probed
from .nets import Nets, build, code_shape
from .train import Diverged, State, Training, begin, loop, pick_device

FORMAT = 1
ARRAYS = "(arrays)"  # the data of a run that was given arrays in Python
STYLES = "styles.npz"
KEPT_STYLES = 256  # target images whose style translations borrow
PACKAGES = ("resynthesis", "torch", "numpy", "scikit-learn", "pillow")


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """A linear probe that learns along."""

    probe: bool = False
    """Train a linear probe on the frozen code beside the method (needs labels)."""
    supervision: float = 0.0
    """Weight of the probe's loss for the encoder: above 0, the labels teach it as well."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything needed to do a run again, on the same data."""

    method: Method
    data: DataConfig | DomainsConfig = None  # type: ignore[assignment]  # filled in below
    nets: Nets = None  # type: ignore[assignment]
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    training: Training = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, kind in parts(type(self.method)).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, kind())
        if isinstance(self.data, DomainsConfig) != self.method.two_domains:
            wanted = "a source and a target" if self.method.two_domains else "one set of images"
            raise ValueError(f"the method {self.name} wants {wanted}")
        if self.method.needs_divided_codes and self.nets.family != "split":
            raise ValueError(f"{self.name} needs codes of content and style: --family split")
        if not self.method.two_domains and self.nets.family == "split":
            raise ValueError(
                f"{self.name} knows one domain, and codes of content and style are for two: "
                "--family amr or adaae"
            )
        if self.method.two_domains and (self.probe.probe or self.probe.supervision):
            raise ValueError(f"a probe does not go with {self.name}, which has a classifier")
        if self.method.needs_posterior and not self.nets.posterior:
            raise ValueError(f"{self.name} needs an encoder with a posterior: --posterior")
        if "mixer" in self.method.players and self.nets.family != "amr":
            raise ValueError(f"{self.name} is made for the nets of the tables: --family amr")
        loss = getattr(self.method, "reconstruction_loss", "")
        if loss.startswith("bce") and (self.nets.output != "tanh" and self.nets.family != "adaae"):
            raise ValueError(f"the reconstruction loss {loss} needs --output tanh")

    @property
    def name(self) -> str:
        return methods.name_of(self.method)

    @property
    def mixer(self) -> str:
        """How the method mixes; along straight lines where it never does."""
        return str(getattr(self.method, "mixer", "mixup"))

    @property
    def parents(self) -> int:
        """How many images the method mixes."""
        return int(getattr(self.method, "parents", 2))

    def whole_method(self) -> Method:
        """The method, with the probe beside it where one is asked for."""
        if self.probe.probe or self.probe.supervision > 0:
            return Probed(self.method, self.probe.supervision)
        return self.method

    def to_json(self) -> dict[str, Any]:
        parts = {k: asdict(getattr(self, k)) for k in ("data", "nets", "probe", "training")}
        return {"method": self.name, "settings": asdict(self.method), **parts}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Config:
        """Raises KeyError, TypeError or ValueError where the tree is no such config."""
        data = dict(tree["data"])
        data["data_dir"] = None if data["data_dir"] is None else Path(data["data_dir"])
        data["classes"] = tuple(data["classes"])
        return cls(
            method=methods.make(tree["method"], tree["settings"]),
            data=DomainsConfig(**data) if "source" in data else DataConfig(**data),
            nets=Nets(**{**tree["nets"], "code": tuple(tree["nets"]["code"])}),
            probe=ProbeConfig(**tree["probe"]),
            training=Training(**{**tree["training"], "betas": tuple(tree["training"]["betas"])}),
        )


def parts(method: type[Method]) -> dict[str, Callable[[], Any]]:
    """What makes the parts of a config that suit a method: its data, nets and training."""
    suited = method.suited
    return {
        "data": DomainsConfig if method.two_domains else DataConfig,
        "nets": lambda: Nets(**suited.get("nets", {})),
        "training": lambda: Training(**suited.get("training", {})),
    }


@dataclass(frozen=True)
class Facts:
    """What the data turned out to be. names: of the set, or of the two domains."""

    checksum: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_size: int
    attributes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Data) -> Facts:
        sets = (data.source, data.target) if isinstance(data, Domains) else (data,)
        return cls(
            data.checksum,
            data.shape,
            data.classes,
            len(data.train),
            data.attributes,
            tuple(one.name for one in sets),
        )

    @property
    def wishes(self) -> tuple[str, ...]:
        """What a mix can be asked for: an attribute, or else a class."""
        return self.attributes or self.classes


def new_nets(method: Method, config: Nets, facts: Facts) -> nn.ModuleDict:
    """Nets for the players of a method, for data of these facts."""
    return build(
        config,
        method.players,
        method.averages,
        channels=facts.shape[0],
        size=facts.shape[1],
        classes=len(facts.classes),
        attributes=len(facts.attributes),
    )


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
            raise ValueError(f"{config} cannot be read ({_say(error)})") from error

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
        path = self.path / "weights.safetensors"
        if not path.is_file():
            raise ValueError(
                f"{self.path} has no weights yet: let it train, or go on with --resume {self.path}"
            )
        with isolated_random():
            nets = self.build_nets()
        tensors, _ = _read(path)
        try:
            nets.load_state_dict(tensors)
        except RuntimeError as error:
            raise ValueError(f"{path} does not fit the nets of {self.path}/config.json") from error
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
        if other is None and data.checksum != self.facts.checksum:
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

    def save_weights(self, nets: nn.ModuleDict) -> None:
        write(self.path / "weights.safetensors", to_bytes(_tensors(nets.state_dict())))

    def save_checkpoint(self, state: State) -> None:
        """Nets, optimizers, random generators and place, in one file that replaces the last."""
        tensors = {f"nets.{k}": v for k, v in state.nets.state_dict().items()}
        for player, optimizer in state.optimizers.items():
            for i, slots in optimizer.state_dict()["state"].items():
                for key, value in slots.items():
                    tensors[f"optimizers.{player}.{i}.{key}"] = value
        tensors["random.cpu"] = torch.get_rng_state()
        device = next(state.nets.parameters()).device
        if device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(device)
        place = {"step": state.step, "seconds": state.seconds, "sums": state.sums}
        (self.path / "checkpoint").mkdir(exist_ok=True)
        write(
            self.path / "checkpoint" / "state.safetensors",
            to_bytes(_tensors(tensors), metadata={"place": json.dumps(place)}),
        )
        self.save_weights(state.nets)

    def load_checkpoint(self, state: State) -> None:
        """Fills a fresh state, and sets torch's generators, from the last checkpoint."""
        path = self.path / "checkpoint" / "state.safetensors"
        if not path.is_file():
            raise ValueError(f"{self.path} has no checkpoint to go on from: start a new run")
        tensors, about = _read(path)
        try:
            place = json.loads(about["place"])
            state.nets.load_state_dict(_under(tensors, "nets."))
            for player, optimizer in state.optimizers.items():
                _fill(optimizer, _under(tensors, f"optimizers.{player}."))
        except (KeyError, ValueError, RuntimeError) as error:
            raise ValueError(f"{path} does not fit {self.path}/config.json") from error
        torch.set_rng_state(tensors["random.cpu"])
        device = next(state.nets.parameters()).device
        if device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], device)
        state.step, state.seconds, state.sums = place["step"], place["seconds"], place["sums"]

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
        path = self.path / "metrics.json"
        try:
            return dict(json.loads(path.read_text())) if path.exists() else {}
        except ValueError as error:
            raise ValueError(f"{path} is broken: evaluate the run again") from error

    @property
    def form(self) -> dict[str, Any]:
        return dict(self.tree.get("form", {}))

    def save_metrics(self, metrics: dict[str, float]) -> None:
        write(self.path / "metrics.json", json.dumps(metrics, indent=2).encode())


Paint = Callable[[Run, nn.ModuleDict, Data, int], None]
Report = Callable[[dict[str, Any], int], None]


def start(
    config: Config,
    path: Path,
    *,
    data: Data | None = None,
    form: dict[str, Any] | None = None,
    report: Report = lambda line, total: None,
    paint: Paint = lambda run, nets, data, step: None,
    predict: Paint = lambda run, nets, data, epoch: None,
) -> Run:
    """Trains from the beginning into a new run folder.

    `form` is kept in config.json: what an estimator has to know of the arrays it was given.

    `report` gets every log line and the total of steps; `paint` draws sample pictures; `predict`
    is called after every pass over the training set. Raises ValueError or OSError for what a user
    can mend, Diverged where the losses blow up.
    """
    device = pick_device(parallel.device(config.training.device))
    data = data or load_data(config.data, seed=config.training.seed)
    facts = Facts.of(data)
    with fixed_seed(config.training.seed), parallel.joined():
        method = config.whole_method()
        nets = new_nets(method, config.nets, facts).to(device)
        if method.needs_labels and not data.train.has_labels:
            who = config.name if config.method.needs_labels else "a probe"
            raise ValueError(
                f"{who} needs images all of whose labels are known, and '{data.name}' has none"
            )
        if "mixer" in method.players and data.attributes and not data.has_attributes:
            raise ValueError(
                f"{config.name} mixes by classes or by attributes, 0 or 1, and the labels of "
                f"'{data.name}' are other values"
            )
        state = begin(method, nets, config.training)
        if parallel.rank() == 0:
            run = Run.create(path, config, facts, form)
            if isinstance(data, Domains):
                order = torch.randperm(len(data.target.train), generator=seeded("styles"))
                run.save_styles(data.target.train.take(order[:KEPT_STYLES])[0])
            run.save_checkpoint(state)
        parallel.wait()
        run = Run(path)
        _go(run, state, data, report, paint, predict)
    return run


def resume(
    path: Path,
    *,
    data: Data | None = None,
    device: str | None = None,
    report: Report = lambda line, total: None,
    paint: Paint = lambda run, nets, data, step: None,
    predict: Paint = lambda run, nets, data, epoch: None,
) -> Run:
    """Goes on from the last checkpoint of a run, with the run's own config.

    device: another one than the config's. A run that is finished is left as it is. Metrics of the
    weights so far are removed.
    """
    run = Run(path)
    training = run.config.training
    training = replace(training, device=device or training.device)
    run.config = replace(run.config, training=training)
    on = pick_device(parallel.device(training.device))
    data = data or run.load_data()
    with fixed_seed(training.seed), parallel.joined():
        nets = run.build_nets().to(on)
        state = begin(run.config.whole_method(), nets, training)
        run.load_checkpoint(state)
        if state.step >= training.total_steps(len(data.train)):
            return run
        if parallel.rank() == 0:
            run.cut_log(state.step)
            for stale in run.path.glob("metrics*.json"):  # of weights that are about to change
                stale.unlink()
        _go(run, state, data, report, paint, predict)
    return run


class Interrupted(KeyboardInterrupt):
    """Training stopped on a signal, after a checkpoint in the folder `run`."""

    def __init__(self, message: str, run: Path):
        super().__init__(message)
        self.run = run


def _go(run: Run, state: State, data: Data, report: Report, paint: Paint, predict: Paint) -> None:
    method, training = run.config.whole_method(), run.config.training
    total = training.total_steps(len(data.train))

    def on_log(line: dict[str, Any]) -> None:
        run.append_log(line)
        report(line, total)

    def on_picture(step: int) -> None:
        with isolated_random(), torch.no_grad():
            paint(run, state.nets, data, step)

    def on_epoch(epoch: int) -> None:
        with isolated_random(), torch.no_grad():
            predict(run, state.nets, data, epoch)

    looks: dict[str, Any] = {}
    if parallel.rank() == 0:
        looks = {"on_log": on_log, "on_picture": on_picture, "on_checkpoint": run.save_checkpoint}
        if "probe" in state.nets:
            looks["on_epoch"] = on_epoch
    else:  # each draws its own mixes
        torch.manual_seed(seeded(training.seed, parallel.rank(), state.step).initial_seed())
    # Labels that teach nobody have no part in training, not even in choosing batches.
    images = data.train if method.needs_labels else data.train.with_labels(None)
    with stopping() as stopped:
        try:
            finished = loop(method, state, images, training, **looks, stop=lambda: bool(stopped))
        except Diverged as error:
            kept = (run.path / "weights.safetensors").exists()
            raise Diverged(
                f"{error}, so training stopped; "
                + (f"{run.path} keeps the last good weights" if kept else "no weights were kept")
                + ": try a smaller --lr or other loss weights"
            ) from error
    if not finished:
        raise Interrupted(f"stopped at step {state.step} of {total}, with a checkpoint", run.path)


@contextmanager
def stopping() -> Iterator[list[int]]:
    """A list that fills when the process is asked to stop (in the main thread only)."""
    caught: list[int] = []

    def handle(number: int, frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    try:
        old = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # signals are handled in the main thread only
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


@contextmanager
def fixed_seed(seed: int) -> Iterator[None]:
    """Torch's generators at `seed` inside, untouched outside."""
    with isolated_random():
        torch.manual_seed(seed)
        yield


@contextmanager
def isolated_random() -> Iterator[None]:
    """Whatever is drawn inside does not move torch's generators outside."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        yield


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all: beside it first, then in its place.

    Raises OSError, for instance where the disk is full; the file that was there stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(
            error.errno, f"cannot write {path} ({error.strerror}); what was there is kept"
        ) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _tensors(tree: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in tree.items()}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is broken ({_say(error)})") from error


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Sets an optimizer's state, in the memory format of the parameters it belongs to."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for name, value in tensors.items():
        i, key = name.split(".", 1)
        parameter = parameters[int(i)]
        if value.ndim:
            like = torch.empty_like(parameter).copy_(value)
        else:  # Adam's step, which fused kernels want on the parameter's device
            like = value.to(parameter.device if optimizer.defaults.get("fused") else "cpu")
        optimizer.state[parameter][key] = like


def circumstances() -> dict[str, Any]:
    """Versions, commit, machine and time, for the record."""
    return {
        "versions": _versions(),
        "git_commit": _git_commit(),
        "machine": {"processor": _processor(), "threads": torch.get_num_threads()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """The commit of the folder that this package is run from, where it is a checkout."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or sys.platform


def _holds(path: Path) -> str:
    try:
        return f" and holds a run of {Run(path).config.name}"
    except ValueError:
        return ""


def _say(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return (str(error) or type(error).__name__).splitlines()[0]


def field_names(kind: type) -> list[str]:
    """The names of a settings class, in order."""
    return [f.name for f in dataclasses.fields(kind)]


def copy(run: Path, path: Path) -> None:
    """Copies a run folder to a new place, whole or not at all. Raises ValueError or OSError."""
    with _new_place(path) as beside:
        shutil.copytree(run, beside, dirs_exist_ok=True)


def rewrite(run: Run, path: Path, nets: nn.ModuleDict, styles: Tensor | None = None) -> None:
    """A new folder with what a run is, without its log, its checkpoint and its pictures.

    Whole or not at all. Raises ValueError or OSError.
    """
    with _new_place(path) as beside:
        write(beside / "config.json", json.dumps(run.tree, indent=2).encode())
        again = Run(beside)
        again.save_weights(nets)
        if styles is not None:
            again.save_styles(styles)


@contextmanager
def _new_place(path: Path) -> Iterator[Path]:
    """A folder to be filled, which becomes `path`; raises ValueError where something is there."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} exists already{_holds(path)}: choose another place")
    with whole_folder(path) as beside:
        yield beside

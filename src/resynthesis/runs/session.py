"""A session of training into a run folder: from the beginning, or on from a checkpoint."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import parallel
from ..data import Data, Domains, ImageSet, seeded
from ..data import load as load_data
from ..methods import Method
from ..train import Diverged, State, begin, loop, pick_device
from .config import Config
from .facts import Facts, new_nets
from .folder import Run
from .random import fixed_seed, isolated_random

KEPT_STYLES = 256  # target images whose style translations borrow

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
    with fixed_seed(config.training.seed), parallel.joined():
        nets = first_nets(config, data).to(device)
        state = begin(config.whole_method(), nets, config.training)
        if parallel.rank() == 0:
            run = first_folder(config, path, data, form)
            run.save_checkpoint(state)
        parallel.wait()
        run = Run(path)
        _go(run, state, data, report, paint, predict)
    return run


def first_nets(config: Config, data: Data) -> nn.ModuleDict:
    """New nets by torch's generator. Raises ValueError where the labels are not what is needed."""
    method = config.whole_method()
    nets = new_nets(method, config.nets, Facts.of(data))
    if method.needs_labels and not data.train.has_labels:
        who = config.name if config.method.needs_labels else "a probe"
        raise ValueError(
            f"{who} needs images all of whose labels are known, and '{data.name}' has none"
        )
    if config.method.needs_labels and data.train.labelled is not None:
        few = data.train.labelled_in(config.training.batch_size)
        if few < parallel.size():
            raise ValueError(
                f"{config.name} needs a labelled image in every part of a batch, and with hidden "
                f"labels a batch of {config.training.batch_size} has {few} for sure, for "
                f"{parallel.size()} processes: choose a larger --batch-size"
            )
    if "mixer" in method.players and data.attributes and not data.has_attributes:
        raise ValueError(
            f"{config.name} mixes by classes or by attributes, 0 or 1, and the labels of "
            f"'{data.name}' are other values"
        )
    if "mixer" in method.players and not data.train.labels_differ:
        raise ValueError(
            f"{config.name} mixes images of different labels, and all labelled training images of "
            f"'{data.name}' have the same"
        )
    return nets


def first_folder(config: Config, path: Path, data: Data, form: dict[str, Any] | None = None) -> Run:
    """A new run folder, with everything in it that training does not change."""
    run = Run.create(path, config, Facts.of(data), form)
    if isinstance(data, Domains):
        order = torch.randperm(len(data.target.train), generator=seeded("styles"))
        run.save_styles(data.target.train.take(order[:KEPT_STYLES])[0])
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
    """Training stopped on a signal, after a checkpoint in the folder `run`, and in `others`."""

    def __init__(self, message: str, run: Path, others: str = ""):
        super().__init__(message)
        self.run, self.others = run, others


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
    else:  # each draws its own mixes
        torch.manual_seed(seeded(training.seed, parallel.rank(), state.step).initial_seed())
    if "probe" in state.nets:  # at an epoch's end all processes meet, whoever looks
        looks["on_epoch"] = on_epoch if parallel.rank() == 0 else lambda epoch: None
    images = taught(method, data)
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


def taught(method: Method, data: Data) -> ImageSet:
    """What training sees: labels that teach nobody have no part, not even in choosing batches."""
    return data.train.with_labels(data.train.labels if method.needs_labels else None)


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

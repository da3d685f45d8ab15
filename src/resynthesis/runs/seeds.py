"""Several seeds trained at once, each into a run folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import parallel
from ..data import Data
from ..data import load as load_data
from ..train import (
    Batches,
    Diverged,
    Generators,
    State,
    begin,
    loop,
    of_seed,
    pick_device,
    random_state,
    stacked,
)
from .config import Config
from .folder import Run
from .random import fixed_seed, isolated_random
from .session import Interrupted, Paint, Report, first_folder, first_nets, stopping, taught


def start_seeds(
    config: Config,
    paths: Mapping[int, Path],
    *,
    report: Report = lambda line, total: None,
    paint: Paint = lambda run, nets, data, step: None,
    predict: Paint = lambda run, nets, data, epoch: None,
    describe: Callable[[Data], None] = lambda data: None,
) -> list[Run]:
    """Trains a config by several seeds at once, each into its new folder: paths, seed -> folder.

    The runs are those of `start` within rounding, and each can be resumed by itself; in their logs
    `seconds` are shares, 1 / n of the time that all took. Pays on a GPU, which small nets leave
    idle; on a CPU a process for each seed is faster. `report` gets means over the seeds,
    `describe` the data before training. Raises what `start` does, and ValueError where the method
    or the settings do not allow it.
    """
    if parallel.size() > 1:
        raise ValueError("several seeds at once are trained in one process, not by torchrun")
    if config.training.compile != "off":
        raise ValueError("several seeds at once are not compiled: leave --compile off")
    if not paths:
        raise ValueError("there is no seed to train")
    for path in paths.values():  # before anything is made
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ValueError(f"{path} exists already: choose another --out")
    device = pick_device(config.training.device)
    crew = _Crew(config, list(paths), device)
    describe(crew.data[0])
    runs = [
        first_folder(own, path, data)
        for own, path, data in zip(crew.configs, paths.values(), crew.data, strict=True)
    ]
    training = config.training
    total = training.total_steps(len(crew.data[0].train))

    def on_log(line: dict[str, Any]) -> None:
        lines = [of_seed(line, i) for i in range(len(runs))]
        for run, own in zip(runs, lines, strict=True):
            run.append_log({**own, "seconds": line["seconds"] / len(runs)})
        means = {k: sum(own[k] for own in lines) / len(lines) for k in lines[0]}
        report({**means, "step": line["step"], "images": line["images"] * len(runs)}, total)

    def on_checkpoint(state: State) -> None:
        for i, run in enumerate(runs):
            with isolated_random():
                run.save_checkpoint(crew.alone(state, i))

    def on_picture(step: int) -> None:
        for i, run in enumerate(runs):
            with isolated_random(), torch.no_grad():
                paint(run, crew.nets_of(i), crew.data[i], step)

    def on_epoch(epoch: int) -> None:
        for i, run in enumerate(runs):
            with isolated_random(), torch.no_grad():
                predict(run, crew.nets_of(i), crew.data[i], epoch)

    looks: dict[str, Any] = {"on_log": on_log, "on_picture": on_picture}
    if "probe" in crew.method.players:
        looks["on_epoch"] = on_epoch
    on_checkpoint(crew.state)
    with stopping() as stopped:
        try:
            finished = loop(
                crew.method,
                crew.state,
                crew.batches,
                training,
                **looks,
                on_checkpoint=on_checkpoint,
                stop=lambda: bool(stopped),
            )
        except Diverged as error:
            raise Diverged(
                f"{error}, so training stopped for all seeds; their folders keep the last good "
                "weights: try a smaller --lr or other loss weights"
            ) from error
    if not finished:
        others = f", and in the same way with {', '.join(str(r.path) for r in runs[1:])}"
        said = f"stopped at step {crew.state.step} of {total}, with a checkpoint of each run"
        raise Interrupted(said, runs[0].path, others * (len(runs) > 1))
    return runs


class _Crew:
    """The nets of all seeds: one by one, and stacked."""

    def __init__(self, config: Config, seeds: list[int], device: torch.device):
        training = [replace(config.training, seed=seed) for seed in seeds]
        self.configs = [replace(config, training=own) for own in training]
        self.data = _data(config, seeds)
        states, self.nets = [], []
        for own, data in zip(self.configs, self.data, strict=True):
            with fixed_seed(own.training.seed):
                self.nets.append(first_nets(own, data).to(device).eval())
                states.append(random_state(device))
        self.one = config.whole_method()
        self.generators = Generators(device, states)
        self.method, stacks = stacked(self.one, self.nets, self.generators)
        self.state = begin(self.method, stacks, config.training)
        for data in self.data:
            data.train.to(device)  # once, where it is the same for all
        self.batches = Batches([taught(self.one, data) for data in self.data], seeds)

    def nets_of(self, i: int) -> nn.ModuleDict:
        """The nets of number i, as they are now."""
        for name, net in self.nets[i].items():
            self.state.nets[name].copy_to(net, i)  # type: ignore[operator]
        return self.nets[i]

    def alone(self, state: State, i: int) -> State:
        """Number i as a state of its own; torch's generator is put where its own is."""
        self.generators.enter(i)
        training = self.configs[i].training
        own = begin(self.one, self.nets_of(i), training)
        for player, optimizer in own.optimizers.items():
            stacked = state.optimizers[player].state
            pairs = zip(
                self.nets[i][player].parameters(), state.nets[player].parameters(), strict=True
            )
            for parameter, stack in pairs:
                slots = stacked.get(stack, {})
                optimizer.state[parameter] = {
                    key: value[i] if value.ndim else value for key, value in slots.items()
                }
        own.step, own.seconds = state.step, state.seconds / len(self.nets)
        own.sums = of_seed(state.sums, i)
        return own


def _data(config: Config, seeds: list[int]) -> list[Data]:
    """What each seed is trained on: one set for all, but where seeds choose images or labels."""
    chosen = config.data.train_size is not None or getattr(config.data, "labels", None) is not None
    if chosen:
        return [load_data(config.data, seed=seed) for seed in seeds]
    return [load_data(config.data, seed=seeds[0])] * len(seeds)

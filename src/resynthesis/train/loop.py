"""The one loop: steps until the budget is spent, and looks in between. It knows no file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .. import parallel
from ..data import ImageSet
from ..methods import Method
from .compiling import Compiling
from .devices import keep_memory, use_bf16
from .step import follow, step
from .training import Training


@dataclass
class State:
    """Everything that going on needs besides the settings and the random generators."""

    nets: nn.ModuleDict
    optimizers: dict[str, torch.optim.Optimizer]
    step: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)  # of the terms since the last log line


class Diverged(ArithmeticError):
    """A loss or a weight is no longer finite."""


def begin(method: Method, nets: nn.ModuleDict, config: Training) -> State:
    """A state at step 0: an Adam per player."""
    optimizers: dict[str, torch.optim.Optimizer] = {
        player: torch.optim.Adam(
            nets[player].parameters(),
            lr=config.lr * method.rates.get(player, 1.0),
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=next(nets[player].parameters()).device.type in ("cpu", "cuda"),
        )
        for player in method.players
    }
    return State(nets, optimizers)


def loop(
    method: Method,
    state: State,
    images: ImageSet,
    config: Training,
    *,
    on_log: Callable[[dict[str, Any]], None] = lambda line: None,
    on_picture: Callable[[int], None] = lambda step: None,
    on_epoch: Callable[[int], None] | None = None,
    on_checkpoint: Callable[[State], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], object] = print,
) -> bool:
    """Steps until the budget is spent (True) or `stop()` says so (False).

    `on_log` gets {step, images, seconds, player/term: mean since the last line}; where terms are of
    n seeds at once (n,), player/term@i for each, which `of_seed` tells apart. `on_epoch` gets the
    number of passes over the images that are done, `say` a sentence where nothing can be compiled
    that was to be. In one of several processes (see `parallel`) only the part of each batch that
    is this process's is seen. Raises Diverged at a log line where a loss or a weight is NaN or
    infinite; no checkpoint is made of those.
    """
    parallel.check_batch(config.batch_size)
    device = next(state.nets.parameters()).device
    bf16 = use_bf16(config.precision, device)
    total = config.total_steps(len(images))
    look_every = config.steps_between_pictures(total)
    images.to(device)
    keep_memory(device)
    sums: dict[str, Tensor | float] = dict(state.sums)
    state.nets.train()
    compiling = Compiling(config.compile, state.nets, say)
    clock = time.perf_counter()  # runs while training, not while looking
    while state.step < total:
        compiling.consider(total - state.step)
        x, y = images.batch(state.step, config.batch_size, config.seed, parallel.part())
        due = {
            p: o for p, o in state.optimizers.items() if state.step % method.every.get(p, 1) == 0
        }
        for player, optimizer in due.items():
            lr = config.lr * method.rates.get(player, 1.0) * config.rate(state.step, total)
            optimizer.param_groups[0]["lr"] = lr
        terms = step(method, state.nets, due, x, y, bf16=bf16)
        state.step += 1
        for name, (player, decay) in method.averages.items():
            if player in due:
                follow(state.nets[name], state.nets[player], decay, state.step)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + value.double()

        done = state.step == total
        last = parallel.any_of(done or stop())
        log = state.step % config.log_every == 0 or done
        checkpoint = state.step % config.checkpoint_every == 0 or last
        picture = state.step % look_every == 0 or done
        epochs = state.step * config.batch_size // len(images)
        epoch = on_epoch and epochs > (state.step - 1) * config.batch_size // len(images)
        if not (log or checkpoint or picture or epoch):
            continue
        state.sums = parallel.mean(_numbers(sums))
        state.seconds += time.perf_counter() - clock
        _check(state)
        if log:
            since = (state.step - 1) % config.log_every + 1
            means = {name: value / since for name, value in state.sums.items()}
            images_seen = state.step * config.batch_size
            on_log({"step": state.step, "images": images_seen, "seconds": state.seconds, **means})
            sums, state.sums = {}, {}
        if checkpoint:
            on_checkpoint(state)
        if picture or epoch:
            state.nets.eval()
            if picture:
                on_picture(state.step)
            if on_epoch and epoch:
                on_epoch(epochs)
            state.nets.train()
        clock = time.perf_counter()
        if last:
            break
    state.nets.eval()
    return state.step == total


def _numbers(sums: dict[str, Tensor | float]) -> dict[str, float]:
    """Sums as numbers; where they are of n seeds (n,), by names that `of_seed` tells apart."""
    found: dict[str, float] = {}
    for name, value in sums.items():
        if isinstance(value, Tensor) and value.ndim:
            found |= {f"{name}@{i}": number for i, number in enumerate(value.tolist())}
        else:
            found[name] = float(value)
    return found


def of_seed(line: dict[str, Any], i: int) -> dict[str, Any]:
    """What a log line of several seeds says of number i, under the names of a line of one."""
    own = {name.removesuffix(f"@{i}"): value for name, value in line.items()}
    return {name: value for name, value in own.items() if "@" not in name}


def _check(state: State) -> None:
    for name, value in state.sums.items():
        if not math.isfinite(value):
            raise Diverged(f"the loss {name} became {value} near step {state.step}")
    norms = torch._foreach_norm(list(state.nets.parameters()))
    if not bool(torch.stack([n.float() for n in norms]).isfinite().all()):
        raise Diverged(f"a weight became infinite or NaN near step {state.step}")

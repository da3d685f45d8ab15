"""The one training loop: every player steps on its own losses. It knows no method and no file."""

from __future__ import annotations

import ctypes
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from . import parallel
from .data import ImageSet
from .methods import Method
from .nets import cannot_compile, compile_nets, count_kernels

WARM, TIMED = 5, 20  # steps before a session's speed is measured, and while it is
GAIN = 0.15  # share of a step that compiling saves, measured: docs/speed.md
COST = 2.0  # seconds of compiling, for each part of a net, likewise


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimizer, the budget, and how often to look."""

    epochs: float = 10.0
    """Passes over the training set."""
    steps: int | None = None
    """Budget in steps of one batch; goes before epochs."""
    batch_size: int = 64
    """Images in a step."""
    lr: float = 1e-3
    """Adam's learning rate (the papers' 1e-4 goes with their thousands of epochs)."""
    betas: tuple[float, float] = (0.5, 0.99)
    """Adam's decay rates."""
    decay: float = 0.0
    """Share of the budget, at its end, over which the learning rate falls linearly to zero."""
    weight_decay: float = 1e-5
    """Adam's L2 penalty."""
    seed: int = 0
    """Seed of nets, batches, mixes and subsets."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 autocast where the hardware is fast at it, or always, or never."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a CUDA GPU where there is one."""
    compile: Literal["off", "on", "auto"] = "off"
    """Compile what stands between convolutions: on, off, or auto, where enough steps are left to
    earn the compiler's time back."""
    log_every: int = 50
    """Steps between lines of the log."""
    picture_every: int = 1000
    """Steps between sample pictures."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "log_every", "picture_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.compile not in ("off", "on", "auto"):
            raise ValueError(f"compile must be off, on or auto, not '{self.compile}'")
        if self.precision not in ("auto", "bf16", "fp32"):
            raise ValueError(f"precision must be auto, bf16 or fp32, not '{self.precision}'")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be positive, not {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), not {self.betas[0]} and {self.betas[1]}")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay must be a share from 0 to 1, not {self.decay}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be 0 or more, not {self.weight_decay}")
        if not 0 < (self.steps if self.steps is not None else self.epochs) < math.inf:
            raise ValueError("the budget must be positive: give --steps or --epochs above 0")

    @classmethod
    def unwatched(cls, steps: int, **settings: Any) -> Training:
        """So many steps, without a look before the last: for nets that only measure."""
        return cls(
            steps=steps, log_every=steps, picture_every=steps, checkpoint_every=steps, **settings
        )

    def rate(self, step: int, total: int) -> float:
        """The learning rate at a step, as a share of `lr`."""
        return min(1.0, (total - step) / (self.decay * total)) if self.decay else 1.0

    def total_steps(self, images: int) -> int:
        """The budget in steps for a training set of so many images."""
        return self.steps or max(1, math.ceil(self.epochs * images / self.batch_size))


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


class OutOfMemory(ValueError):
    """A step does not fit into the memory of its device."""


def step(
    method: Method,
    nets: nn.ModuleDict,
    optimizers: Mapping[str, torch.optim.Optimizer],
    x: Tensor,
    y: Tensor | None = None,
    *,
    bf16: bool = False,
) -> dict[str, Tensor]:
    """One simultaneous update of the players that have an optimizer here.

    Each player's sum of terms is differentiated with respect to that player's parameters only.
    All terms are computed before any parameter moves, so this equals the textbook order: the
    autoencoder first, then the critic on the images made before. Returns {player/term: value}.
    Raises OutOfMemory, which says what batch would fit.
    """
    try:
        return _step(method, nets, optimizers, x, y, bf16=bf16)
    except RuntimeError as error:
        if not _lacks_memory(error):
            raise
    # Here, where the failed step's tensors are gone.
    fits, batch = _fitting(method, nets, x, y, bf16=bf16), x.shape[-4]
    advice = f"a batch of {fits} would fit" if fits else "not even one image fits"
    raise OutOfMemory(f"out of memory on {x.device} at a batch of {batch} images: {advice}")


def _step(
    method: Method,
    nets: nn.ModuleDict,
    optimizers: Mapping[str, torch.optim.Optimizer],
    x: Tensor,
    y: Tensor | None,
    *,
    bf16: bool,
) -> dict[str, Tensor]:
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
        losses = method.losses(nets, x, y)
    due = [player for player in losses if player in optimizers]
    for player in due:
        total = torch.stack(list(losses[player].values())).sum()
        total.backward(inputs=list(nets[player].parameters()), retain_graph=player != due[-1])
    gradients = (p.grad for player in due for p in nets[player].parameters())
    parallel.average([g for g in gradients if g is not None])
    for player in due:
        optimizers[player].step()
        optimizers[player].zero_grad()
    return {f"{p}/{t}": v.detach() for p, terms in losses.items() for t, v in terms.items()}


def _lacks_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _fitting(
    method: Method, nets: nn.ModuleDict, x: Tensor, y: Tensor | None, *, bf16: bool
) -> int:
    """Images of the largest of the halved batches whose gradients fit into memory; 0 for none."""
    batch = x.shape[-4] // 2
    while batch:
        part, labels = x.narrow(-4, 0, batch), None if y is None else y[:batch]
        try:
            with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
                losses = method.losses(nets, part, labels)
            torch.stack([t for terms in losses.values() for t in terms.values()]).sum().backward()
            return batch
        except RuntimeError as error:
            if not _lacks_memory(error):
                raise
        batch //= 2
    return 0


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

    `on_log` gets {step, images, seconds, player/term: mean since the last line}, `on_epoch` the
    number of passes over the images that are done, `say` a sentence where nothing can be compiled
    that was to be. In one of several processes (see `parallel`) only the part of each batch that
    is this process's is seen. Raises Diverged at a log line where a loss or a weight is NaN or
    infinite; no checkpoint is made of those.
    """
    parallel.check_batch(config.batch_size)
    device = next(state.nets.parameters()).device
    bf16 = use_bf16(config.precision, device)
    total = config.total_steps(len(images))
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
        picture = state.step % config.picture_every == 0 or done
        epochs = state.step * config.batch_size // len(images)
        epoch = on_epoch and epochs > (state.step - 1) * config.batch_size // len(images)
        if not (log or checkpoint or picture or epoch):
            continue
        state.sums = parallel.mean({name: float(value) for name, value in sums.items()})
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


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """One step, the `step`-th, of a moving average of a net's parameters; buffers are copied.

    The decay grows from 2/11 towards its value as (1 + step) / (10 + step), so that the average
    is of what the net has been since a tenth of the steps, and not of how it began.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(net.parameters()), 1 - decay)
    for slow, fast in zip(average.buffers(), net.buffers(), strict=True):
        slow.copy_(fast)


class Compiling:
    """When the nets of a session are compiled: at once, never, or where it earns its cost back."""

    def __init__(
        self, when: Literal["off", "on", "auto"], nets: nn.ModuleDict, say: Callable[[str], object]
    ):
        self.when, self.nets, self.say = when, nets, say
        self.steps, self.begun = 0, 0.0

    def consider(self, left: int) -> None:
        """To be called before each step, with how many are left."""
        if self.when == "off":
            return
        if self.steps == WARM:
            self.begun = time.perf_counter()
        if self.when == "on" or self.steps == WARM + TIMED:
            seconds = (time.perf_counter() - self.begun) / TIMED  # of a step that is not compiled
            if self.when == "on" or left * seconds * GAIN > COST * count_kernels(self.nets):
                self._compile()
            self.when = "off"
        self.steps += 1

    def _compile(self) -> None:
        if why := cannot_compile(next(self.nets.parameters()).device):
            self.say(f"note: nothing can be compiled here ({why}): the run goes on without")
        else:
            compile_nets(self.nets)


def _check(state: State) -> None:
    for name, value in state.sums.items():
        if not math.isfinite(value):
            raise Diverged(f"the loss {name} became {value} near step {state.step}")
    norms = torch._foreach_norm(list(state.nets.parameters()))
    if not bool(torch.stack([n.float() for n in norms]).isfinite().all()):
        raise Diverged(f"a weight became infinite or NaN near step {state.step}")


def pick_device(name: str) -> torch.device:
    """`cpu`, `cuda`, `cuda:1`, ...; `auto`: CUDA where there is one, else the CPU.

    Raises ValueError for anything else, and for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise ValueError(f"the device must be cpu or cuda, not '{name}'")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"the device '{name}' cannot be used here") from error
    return device


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to autocast to bf16; `auto` asks the hardware whether that is fast."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    cpuinfo = Path("/proc/cpuinfo")
    return device.type == "cpu" and cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text()


def keep_memory(device: torch.device) -> None:
    """Tells glibc to keep freed activations instead of returning them to the kernel each step.

    Without it a fifth of a CPU step is spent in page faults.
    """
    if device.type == "cpu" and sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL("libc.so.6").mallopt
        except (OSError, AttributeError):  # another C library
            return
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD

"""A method, its usual nets and a batch to measure it on, and steps of our own loop's kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..data import ImageSet, Pair
from ..methods import ACAI, AE, AMR, VAE, Adapt, Method, Translate
from ..nets import Nets, build, compile_nets
from ..train import (
    Generators,
    State,
    Training,
    begin,
    differentiate,
    follow,
    loop,
    random_state,
    stacked,
    step,
)

BENCHED: dict[str, Callable[[], Method]] = {
    "ae": AE,
    "ae-gan": partial(AE, adversary=True),
    "acai": ACAI,
    "acai-amr": partial(ACAI, variant="amr"),
    "amr": AMR,
    "amr-3": partial(AMR, parents=3),
    "amr-shared-bernoulli": partial(AMR, mixer="shared-bernoulli"),
    "vae": VAE,
    "translate": Translate,
    "adapt": Adapt,
}
CLASSES = 10
SET = 10_000  # images in the set that the loop is fed from


@dataclass(frozen=True)
class Setup:
    """Images x in [-1, 1] and labels y (B,) for a method, and what makes its nets.

    x: grey images (B, 1, H, W); for two domains pairs in colour, (2, B, 3, H, W).
    """

    method: Method
    x: Tensor
    y: Tensor

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of a set of such images."""
        return SET, *self.x.shape[-3:]

    def nets(self) -> nn.ModuleDict:
        """New nets of the kind that suits the method, the same ones every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            nets = build(
                Nets(**self.method.suited.get("nets", {})),
                self.method.players,
                self.method.averages,
                channels=self.x.shape[-3],
                size=self.x.shape[-1],
                classes=CLASSES,
            )
        return nets.to(self.x.device)


def setup(name: str, batch: int, *, size: int, device: torch.device) -> Setup:
    """A method among BENCHED, and random images: a step takes as long on them as on others."""
    method = BENCHED[name]()
    shape = (2, batch, 3, size, size) if method.two_domains else (batch, 1, size, size)
    x = torch.rand(shape, device=device) * 2 - 1
    return Setup(method, x, torch.arange(batch, device=device) % CLASSES)


def our_step(case: Setup, *, bf16: bool, compiled: bool) -> Callable[[int], None]:
    """So many steps as `train.loop` takes them, without its logs and looks."""
    nets = case.nets().train()
    state = begin(case.method, nets, Training())
    if compiled:
        compile_nets(nets)
    return _steps(case.method, state, case.x, case.y, bf16=bf16)


def nets_step(case: Setup, *, bf16: bool) -> Callable[[int], None]:
    """Losses and their gradients, so many times: the nets' own work in a step, and no more."""
    nets = case.nets().train()

    def run(steps: int) -> None:
        for _ in range(steps):
            differentiate(case.method, nets, case.method.players, case.x, case.y, bf16=bf16)
            nets.zero_grad()

    return run


def loop_steps(case: Setup, *, bf16: bool) -> Callable[[int], None]:
    """So many steps of `train.loop`, fed from a set in memory, with a line of the log at the end.

    A whole call of the loop, so that few steps at a time make it look slower than it is.
    """
    state = begin(case.method, case.nets(), Training())
    images, labels = (torch.randint(n, s) for n, s in ((256, case.shape), (CLASSES, (SET,))))
    one = ImageSet(images.to(torch.uint8), labels)
    fed = Pair(one, one) if case.method.two_domains else one

    def run(steps: int) -> None:
        told = Training.unwatched(
            state.step + steps,
            batch_size=case.x.shape[-4],
            precision="bf16" if bf16 else "fp32",
        )
        loop(case.method, state, fed, told)

    return run


def seeds_step(case: Setup, n: int, *, bf16: bool) -> Callable[[int], None]:
    """So many steps of n nets at once; each of them is n batches."""
    each = [case.nets() for _ in range(n)]
    states = [random_state(case.x.device)] * n
    method, stacks = stacked(case.method, each, Generators(case.x.device, states))
    state = begin(method, stacks, Training())
    x, y = torch.stack([case.x] * n), torch.stack([case.y] * n)
    return _steps(method, state, x, y, bf16=bf16)


def _steps(
    method: Method, state: State, x: Tensor, y: Tensor, *, bf16: bool
) -> Callable[[int], None]:
    def run(steps: int) -> None:
        for _ in range(steps):
            step(method, state.nets, state.optimizers, x, y, bf16=bf16)
            state.step += 1
            for name, (player, decay) in method.averages.items():
                follow(state.nets[name], state.nets[player], decay, state.step)

    return run

"""Several seeds of one method as one: every layer runs once a step for all of their nets.

The nets' parameters are stacked, (n, ...), and the losses vectorised over them (torch.func.vmap).
Adam and moving averages work number by number, so on stacks they are what they are one by one;
so is the step, since the gradient of a sum of n losses with respect to n nets is that of each. What
a method draws at random is drawn for each seed from its own generator, in the method's order, so
that every net sees the batches and the mixes that it would see alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ..data import ImageSet
from ..methods import Losses, Method
from ..methods.base import NetDict, Wrapper
from ..nets import keep_weights

DRAWS: frozenset[Callable[..., Any]] = frozenset(
    {
        torch.rand,
        torch.rand_like,
        torch.randn,
        torch.randn_like,
        torch.randint,
        torch.randperm,
        torch.Tensor.exponential_,
    }
)
PRODUCTS: frozenset[Callable[..., Any]] = frozenset(
    {F.conv2d, F.conv_transpose2d, F.linear, torch.conv2d, torch.conv_transpose2d}
)  # what autocast would compute in bf16; inside vmap it does not reach them
Draw = Callable[[], Tensor]


class Stack(nn.Module):
    """n nets of one shape as one module: their parameters and buffers, stacked (n, ...)."""

    def __init__(self, copies: Sequence[nn.Module]):
        super().__init__()
        each = [dict(net.named_parameters()) for net in copies]
        buffers = [dict(net.named_buffers()) for net in copies]
        self.names = (*each[0], *buffers[0])
        self.stacks = nn.ParameterList(
            nn.Parameter(torch.stack([p[name].detach() for p in each]), p0.requires_grad)
            for name, p0 in each[0].items()
        )
        for i, name in enumerate(buffers[0]):
            self.register_buffer(f"buffer{i}", torch.stack([b[name] for b in buffers]))

    def tensors(self) -> dict[str, Tensor]:
        """What is stacked, by its name in one of the nets."""
        return dict(zip(self.names, (*self.stacks, *self.buffers()), strict=True))

    @torch.no_grad()
    def copy_to(self, net: nn.Module, i: int) -> None:
        """Gives net number i its parameters and buffers."""
        own = dict((*net.named_parameters(), *net.named_buffers()))
        for name, stack in self.tensors().items():
            own[name].copy_(stack[i])


class Generators:
    """Torch's generators on a device, one for each seed."""

    def __init__(self, device: torch.device, states: Sequence[Tensor]):
        self.device, self.states = device, list(states)

    def each(self, draws: Sequence[Draw]) -> list[Tensor]:
        """What each seed draws, stacked (n, ...); torch's own generator stays where it was."""
        kept, drawn = random_state(self.device), []
        for i, state in enumerate(self.states):
            self._set(state)
            drawn.append([draw() for draw in draws])
            self.states[i] = random_state(self.device)
        self._set(kept)
        return [torch.stack(values) for values in zip(*drawn, strict=True)]

    def enter(self, i: int) -> None:
        """Puts torch's generator where that of number i is."""
        self._set(self.states[i])

    def _set(self, state: Tensor) -> None:
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state, self.device)
        else:
            torch.set_rng_state(state)


def random_state(device: torch.device) -> Tensor:
    """Where torch's generator on a device is."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.get_rng_state()


class Seeds(Wrapper):
    """A method for n seeds at once: nets are Stacks, x is (n, ...), and every loss is (n,).

    Raises ValueError where the method does not allow it.
    """

    def __init__(self, method: Method, nets: nn.ModuleDict, generators: Generators):
        if not method.vectorises:
            raise ValueError(
                "several seeds of this method cannot be trained at once: what its steps compute "
                "differs from batch to batch; train them one by one"
            )
        self.method, self.generators = method, generators
        self.template = _Game(method, nets)
        self.draws: dict[int, list[Draw]] = {}  # in a step of so many images, in its order

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        bf16 = torch.is_autocast_enabled(x.device.type)
        tensors = {
            f"nets.{player}.{name}": stack
            for player, net in nets.items()
            for name, stack in net.tensors().items()
        }
        with torch.autocast(x.device.type, enabled=False):
            batch = x.shape[-4]
            if batch not in self.draws:
                self.draws[batch] = self._record(x[0], None if y is None else y[0])
            drawn = self.generators.each(self.draws[batch])

            def one(tensors: dict[str, Tensor], x: Tensor, y: Tensor | None, drawn: Any) -> Losses:
                with _Vectorised(drawn, bf16=bf16):
                    found: Losses = functional_call(self.template, tensors, (x, y))
                return found

            losses: Losses = vmap(one, (0, 0, None if y is None else 0, 0))(tensors, x, y, drawn)
        return losses

    def _record(self, x: Tensor, y: Tensor | None) -> list[Draw]:
        """What a step draws: the method is asked once, and torch's generator put back."""
        with (
            torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []),
            torch.no_grad(),
            keep_weights(),  # of the template, which are nobody's
            _Recorder() as recorder,
        ):
            self.template(x, y)
        return recorder.draws


def stacked(
    method: Method, nets: Sequence[nn.ModuleDict], generators: Generators
) -> tuple[Seeds, nn.ModuleDict]:
    """A method and nets for n seeds at once, of those of each."""
    stacks = {name: Stack([one[name] for one in nets]) for name in nets[0]}
    return Seeds(method, copy.deepcopy(nets[0]).train(), generators), nn.ModuleDict(stacks)


class _Game(nn.Module):
    """A method and nets of the shape that it plays with, as something that can be called."""

    def __init__(self, method: Method, nets: nn.ModuleDict):
        super().__init__()
        self.method, self.nets = method, nets

    def forward(self, x: Tensor, y: Tensor | None) -> Losses:
        return self.method.losses(self.nets, x, y)


class _Recorder(TorchFunctionMode):
    """Notes every draw, so that it can be made again."""

    def __init__(self) -> None:
        super().__init__()
        self.draws: list[Draw] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if func in DRAWS:
            # What a tensor is drawn into, or like, matters by its shape alone.
            like = [torch.empty_like(a) if isinstance(a, Tensor) else a for a in args]
            self.draws.append(lambda: func(*like, **kwargs).clone())
        return found


class _Vectorised(TorchFunctionMode):
    """What differs inside vmap: draws are given, and what it cannot do is done another way."""

    def __init__(self, drawn: Sequence[Tensor], *, bf16: bool):
        super().__init__()
        self.drawn, self.bf16 = iter(drawn), bf16

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in DRAWS:
            return next(self.drawn)
        if func is torch.Tensor.contiguous:  # of one image: the stack has a layout of its own
            return args[0]
        if func is F.normalize and kwargs.get("out") is not None:  # spectral norm's own vectors
            out = kwargs.pop("out")
            return out.copy_(F.normalize(*args, **kwargs))
        if func in OTHERWISE:
            return OTHERWISE[func](*args, **kwargs)
        if func in PRODUCTS and self.bf16:
            args = [a.bfloat16() if isinstance(a, Tensor) else a for a in args]
            kwargs = {k: v.bfloat16() if isinstance(v, Tensor) else v for k, v in kwargs.items()}
        return func(*args, **kwargs)


def _affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """F.affine_grid of maps theta (B, 2, 3), by products that vmap knows."""
    identity = torch.eye(2, 3, device=theta.device)[None]
    places = F.affine_grid(identity, [1, *size[1:]], align_corners=align_corners)  # (1, H, W, 2)
    moved = places.flatten(1, 2) @ theta[:, :, :2].mT + theta[:, None, :, 2]
    return moved.unflatten(1, size[2:])


def _group_norm(
    x: Tensor,
    groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """F.group_norm of images (B, C, H, W), by moments that vmap knows."""
    parts = x.unflatten(1, (groups, -1)).flatten(2).float()
    variance, mean = torch.var_mean(parts, 2, correction=0, keepdim=True)
    y = ((parts - mean) * torch.rsqrt(variance + eps)).reshape(x.shape)
    if weight is not None and bias is not None:
        y = y * weight[:, None, None] + bias[:, None, None]
    return y.to(x.dtype)


OTHERWISE: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.affine_grid: _affine_grid,
    F.group_norm: _group_norm,
}


class Batches(ImageSet):
    """The sets that n seeds are trained on, as one: every batch is that of each, stacked."""

    def __init__(self, sets: Sequence[ImageSet], seeds: Sequence[int]):
        self.sets, self.seeds = list(sets), list(seeds)

    def __len__(self) -> int:
        return len(self.sets[0])

    def batch(
        self, step: int, size: int, seed: int, part: slice = slice(None)
    ) -> tuple[Tensor, Tensor | None]:
        """x (n, size, C, H, W) and y (n, size) or None; `seed` has no part in it."""
        pairs = zip(self.sets, self.seeds, strict=True)
        each = [images.batch(step, size, own, part) for images, own in pairs]
        labels = [y for _, y in each if y is not None]
        return torch.stack([x for x, _ in each]), torch.stack(labels) if labels else None

    def to(self, device: torch.device) -> Batches:
        for images in self.sets:
            images.to(device)
        return self

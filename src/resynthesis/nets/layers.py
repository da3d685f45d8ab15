"""What the nets share: norms, the slope of LeakyReLU, the last activation, how weights begin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SLOPE = 0.2


class GroupNorm(nn.GroupNorm):
    """Group normalisation that is fast on a CPU between convolutions.

    Its kernels there want an image's channels one after the other, and convolutions want them
    last. What comes after it then meets its gradient in one layout, without which LeakyReLU's
    backward pass takes fifteen times as long.
    """

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x.contiguous())
        return y.contiguous(memory_format=torch.channels_last)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation, as fast: on a CPU by the kernel of groups, each of one channel."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            y = F.group_norm(x.contiguous(), x.shape[1], self.weight, self.bias, self.eps)
        else:  # where autocast would have that kernel in float32
            y = super().forward(x)
        return y.contiguous(memory_format=torch.channels_last)


class LayerNorm(nn.LayerNorm):
    """Layer normalisation of the channels (B, C, H, W) of each place (as in Liu et al., 2022)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, 3)).movedim(3, 1)


class Halve(nn.AvgPool2d):
    """The mean over 2x2; its gradient is upsampling, whose kernel is the faster one."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = _Halve.apply(x)
        return halved


class _Halve(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.rest = [side % 2 for side in inputs[0].shape[2:]]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        whole = F.interpolate(gradient * 0.25, scale_factor=2)
        return F.pad(whole, (0, ctx.rest[1], 0, ctx.rest[0])) if any(ctx.rest) else whole


class Tanh(nn.Module):
    """tanh, in float32: in bfloat16 it is 1 from 3.1 on, where its gradient ends for good."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x.float())


_kept: ContextVar[dict[tuple[nn.Module, bool], Tensor] | None] = ContextVar("kept", default=None)


@contextmanager
def keep_weights() -> Iterator[None]:
    """In here a weight under spectral norm is computed once, however often its layer is applied.

    So there is one power iteration, and one way back through the norm for each player. Under
    `torch.no_grad` there is another weight, since that one passes no gradient on. (PyTorch's own
    `parametrize.cached` gives a copy of a net the weights of the original.)
    """
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def normalise_spectrally(net: nn.Module) -> None:
    """Spectral normalisation (Miyato et al., ICLR 2018) of every convolution and linear layer.

    To be called when the weights are final: the first power iterations want them.
    """
    for layer in list(net.modules()):
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            spectral_norm(layer)
            kind: Any = type(layer)  # torch made it for this layer, and for its copies
            kind.weight = property(partial(_weight, compute=kind.weight.fget), kind.weight.fset)


def _weight(layer: nn.Module, *, compute: Callable[[nn.Module], Tensor]) -> Tensor:
    kept, key = _kept.get(), (layer, torch.is_grad_enabled())
    if kept is not None and key in kept:
        return kept[key]
    with torch.autocast(next(layer.parameters()).device.type, enabled=False):
        weight = compute(layer)  # on a GPU autocast would have the iteration in bf16
    if kept is not None:
        kept[key] = weight
    return weight


def initialise(net: nn.Module) -> None:
    """He's normal initialisation for LeakyReLU, biases zero."""
    for name, parameter in net.named_parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter, a=SLOPE)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)

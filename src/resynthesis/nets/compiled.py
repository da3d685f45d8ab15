"""What stands between two convolutions, compiled: norm, activation and pooling in one kernel.

Whole nets gain less: a compiled net cannot leave out the gradients that a player does not ask for,
and its convolutions are the same library calls as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BETWEEN = (nn.InstanceNorm2d, nn.LeakyReLU, nn.ReLU, nn.AvgPool2d, nn.MaxPool2d, nn.Upsample)
KERNELS = 128  # of one shape and kind each, that a process may hold


class Between:
    """Layers one after another: one kernel while training, as they are otherwise.

    So evaluation, with batches of other sizes, never waits for a compiler.
    """

    def __init__(self, layers: list[nn.Module]):
        self.layers = layers
        self.compiled = torch.compile(self.fused, dynamic=False)

    def __call__(self, x: Tensor) -> Tensor:
        if self.layers[0].training and torch.is_grad_enabled():
            return self.compiled(x)
        for layer in self.layers:
            x = layer(x)
        return x

    def fused(self, x: Tensor) -> Tensor:
        """The same without changes in place, and with a norm that fuses with its neighbours."""
        for layer in self.layers:
            if isinstance(layer, nn.InstanceNorm2d):
                x = _instance_norm(x, layer)
            elif isinstance(layer, nn.LeakyReLU):
                x = F.leaky_relu(x, layer.negative_slope)
            elif isinstance(layer, nn.ReLU):
                x = F.relu(x)
            else:
                x = layer(x)
        return x


def _instance_norm(x: Tensor, norm: nn.InstanceNorm2d) -> Tensor:
    variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + norm.eps)
    return (y * norm.weight[:, None, None] + norm.bias[:, None, None]).to(x.dtype)


def _parts(layers: nn.Sequential) -> Iterator[tuple[bool, list[nn.Module]]]:
    """Layers in a row that stand between convolutions (True), or do not."""
    for between, part in groupby(layers, lambda layer: isinstance(layer, BETWEEN)):
        yield between, list(part)


class Chain:
    """The forward pass of a Sequential whose layers between convolutions are compiled."""

    def __init__(self, layers: nn.Sequential):
        self.parts: list[nn.Module | Between] = []
        for between, part in _parts(layers):
            self.parts += [Between(part)] if between else part

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


def compile_nets(nets: nn.Module) -> None:
    """From now on, while they train, the nets run compiled kernels. Weights and names stay."""
    torch._dynamo.config.recompile_limit = KERNELS
    # Two players walk back through one graph, which must not reuse its memory for the first.
    torch._functorch.config.donated_buffer = False
    for net in nets.modules():
        if isinstance(net, nn.Sequential):
            net.forward = Chain(net)  # type: ignore[method-assign]


def count_kernels(nets: nn.Module) -> int:
    """How many parts of the nets `compile_nets` would compile, each forward and backward."""
    chains = [net for net in nets.modules() if isinstance(net, nn.Sequential)]
    return sum(between for chain in chains for between, _ in _parts(chain))


def cannot_compile(device: torch.device) -> str:
    """Why nothing can be compiled here, or nothing where it can: tries a trivial kernel."""
    try:
        torch.compile(_trivial, dynamic=False)(torch.zeros(8, device=device))
    except (RuntimeError, OSError, ImportError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return lines[0] if lines else type(error).__name__
    return ""


def _trivial(x: Tensor) -> Tensor:
    return x.sin() + 1

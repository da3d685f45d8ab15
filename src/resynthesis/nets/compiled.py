"""Instance norm and the activation after it, compiled to one kernel that reads its input in place.

Larger parts gain less: kernels that the compiler makes for pooling are slower than the library's,
and a compiled net cannot leave out the gradients that a player does not ask for (docs/speed.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS = 128  # of one shape each, that a process may hold


class Normed:
    """Instance norm and LeakyReLU: one kernel while training, layer by layer otherwise.

    So evaluation, with batches of other sizes, never waits for a compiler.
    """

    def __init__(self, norm: nn.InstanceNorm2d, activation: nn.LeakyReLU):
        self.norm, self.activation = norm, activation
        self.compiled = torch.compile(_normed, dynamic=False)

    def __call__(self, x: Tensor) -> Tensor:
        if not (self.norm.training and torch.is_grad_enabled()):
            return self.activation(self.norm(x))
        slope, eps = self.activation.negative_slope, self.norm.eps
        return self.compiled(x, self.norm.weight, self.norm.bias, eps, slope)


def _normed(x: Tensor, weight: Tensor, bias: Tensor, eps: float, slope: float) -> Tensor:
    variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + eps)
    y = y * weight[:, None, None] + bias[:, None, None]
    return F.leaky_relu(y, slope).to(x.dtype)


class Chain:
    """The forward pass of a Sequential whose norms are compiled."""

    def __init__(self, layers: nn.Sequential):
        self.parts = [p[0] if len(p) == 1 else Normed(*p) for p in _parts(layers)]  # type: ignore[arg-type]

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x


def _parts(layers: nn.Sequential) -> Iterator[list[nn.Module]]:
    """The layers one by one, but for a norm and the activation after it, which stay together."""
    rest = list(layers)
    while rest:
        together = (
            len(rest) > 1
            and isinstance(rest[0], nn.InstanceNorm2d)
            and isinstance(rest[1], nn.LeakyReLU)
        )
        yield rest[: 1 + together]
        del rest[: 1 + together]


def compile_nets(nets: nn.Module) -> None:
    """From now on, while they train, the nets run compiled kernels. Weights and names stay."""
    torch._dynamo.config.recompile_limit = KERNELS
    # Two players walk back through one graph, which must not reuse its memory for the first.
    torch._functorch.config.donated_buffer = False
    for net in _chains(nets):
        net.forward = Chain(net)  # type: ignore[method-assign]


def count_kernels(nets: nn.Module) -> int:
    """How many parts of the nets `compile_nets` would compile, each forward and backward."""
    return sum(len(part) == 2 for chain in _chains(nets) for part in _parts(chain))


def _chains(nets: nn.Module) -> list[nn.Sequential]:
    return [net for net in nets.modules() if isinstance(net, nn.Sequential)]


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

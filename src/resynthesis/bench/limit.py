"""The limit: what a step's matrix products alone would take at the machine's full speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from .contest import wait

SIDE = 2048  # of the large matrices
COPIED = 1 << 28  # bytes of the large copy


@dataclass(frozen=True)
class Machine:
    """What the machine reaches: multiplications and additions, and bytes read and written."""

    flops: float
    """Per second, in a product of two large matrices."""
    bytes: float
    """Per second, read and written, in a large copy."""


@dataclass(frozen=True)
class Limit:
    """What one step's products need: the least that any implementation of them must do."""

    flops: float
    bytes: float

    def seconds(self, machine: Machine) -> float:
        """The longer of computing and of moving, which can at best go on at the same time."""
        return max(self.flops / machine.flops, self.bytes / machine.bytes)


class _Products(TorchDispatchMode):
    """Counts the convolutions and matrix products inside it; all else is free.

    Bytes: each operand is read once and each result is written once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0.0
        self.bytes = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if count := flop_registry.get(func._overloadpacket):
            self.flops += count(*args, **kwargs, out_val=out)
            results = out if isinstance(out, tuple | list) else [out]
            moved = [t for t in (*args, *kwargs.values(), *results) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in moved)
        return out


def limit_of(run: Callable[[int], object]) -> Limit:
    """What the products of one step need, forward and backward: takes one step."""
    with _Products() as products:
        run(1)
    return Limit(products.flops, products.bytes)


def machine_speed(device: torch.device, dtype: torch.dtype, *, side: int = SIDE) -> Machine:
    """The speed of a large product in `dtype` and of a large copy, medians of seven.

    On a GPU both are larger, and float32 is what it is to convolutions there: TF32 where allowed.
    """
    gpu, size = device.type == "cuda", COPIED
    if gpu:
        side, size = 4 * side, 4 * size
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    before = torch.backends.cuda.matmul.allow_tf32
    if gpu:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    product = _median(lambda: a @ b, device)
    if gpu:
        torch.backends.cuda.matmul.allow_tf32 = before
    copy = _median(lambda: target.copy_(source), device)
    return Machine(flops=2 * side**3 / product, bytes=2 * size / copy)


def _median(function: Callable[[], object], device: torch.device, times: int = 7) -> float:
    function()
    found = []
    for _ in range(times):
        wait(device)
        begun = time.perf_counter()
        function()
        wait(device)
        found.append(time.perf_counter() - begun)
    return statistics.median(found)

"""One step: every player on its own losses, averages after them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from .. import parallel
from ..methods import Losses, Method
from ..nets import keep_weights


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
        if not lacks_memory(error):
            raise
    # Here, where the failed step's tensors are gone.
    fits, batch = _fitting(method, nets, x, y, bf16=bf16), x.shape[-4]
    batch, fits = (n * parallel.size() for n in (batch, fits))  # of all processes
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
    losses = differentiate(method, nets, optimizers, x, y, bf16=bf16)
    due = [player for player in losses if player in optimizers]
    gradients = (p.grad for player in due for p in nets[player].parameters())
    parallel.average([g for g in gradients if g is not None])
    for player in due:
        optimizers[player].step()
        optimizers[player].zero_grad()
    return {f"{p}/{t}": v.detach() for p, terms in losses.items() for t, v in terms.items()}


def differentiate(
    method: Method,
    nets: nn.ModuleDict,
    players: Collection[str],
    x: Tensor,
    y: Tensor | None = None,
    *,
    bf16: bool = False,
) -> Losses:
    """The losses; of those players that are in `players`, with gradients for their parameters."""
    losses = _losses(method, nets, x, y, bf16=bf16)
    due = [player for player in losses if player in players]
    for player in due:
        total = torch.stack(list(losses[player].values())).sum()
        total.backward(inputs=list(nets[player].parameters()), retain_graph=player != due[-1])
    return losses


def _losses(
    method: Method, nets: nn.ModuleDict, x: Tensor, y: Tensor | None, *, bf16: bool
) -> Losses:
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16), keep_weights():
        return method.losses(nets, x, y)


def lacks_memory(error: Exception) -> bool:
    """Whether it says that the device has too little memory."""
    known = (OutOfMemory, torch.OutOfMemoryError)
    return isinstance(error, known) or "can't allocate memory" in str(error)


def _fitting(
    method: Method, nets: nn.ModuleDict, x: Tensor, y: Tensor | None, *, bf16: bool
) -> int:
    """Images of the largest of the halved batches whose gradients fit into memory; 0 for none."""
    batch = x.shape[-4] // 2
    while batch:
        part, labels = x.narrow(-4, 0, batch), y
        if y is not None:  # of several seeds at once it is (n, B)
            labels = y.narrow(int(len(y) != x.shape[-4]), 0, batch)
        try:
            losses = _losses(method, nets, part, labels, bf16=bf16)
            torch.stack([t for terms in losses.values() for t in terms.values()]).sum().backward()
            return batch
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
        batch //= 2
    return 0


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

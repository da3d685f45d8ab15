"""One run in several processes: each sees its part of every batch, and gradients are averaged.

torchrun starts the processes and tells them of each other. The weights are what one process would
have made of the whole batches, but for what a method draws at random and for what it takes from a
whole batch to scale a term (docs/parallel.md). In a process that torchrun has not started,
everything here does nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

PATIENCE = 1800.0  # seconds that a process waits for the others


def size() -> int:
    """How many processes there are; known before they have joined."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """Which of them this is. The first one, 0, writes the run folder and talks."""
    return int(os.environ.get("RANK", 0))


def launch() -> str | None:
    """What the first process calls this call of torchrun; the same when one has died and all are
    started again. None where there is one process alone."""
    if size() == 1:
        return None
    name = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    return f"process {os.getppid()}" if name == "none" else name


def device(name: str) -> str:
    """`auto` and `cuda` as the GPU that is this process's own; other names as they are.

    Raises ValueError where two processes would have to share one.
    """
    if size() == 1 or not torch.cuda.is_available() or name == "cpu":
        return name
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", 1)), torch.cuda.device_count()
    place = int(os.environ.get("LOCAL_RANK", 0))  # 0 for all where each sees one GPU only
    if name.startswith("cuda:") and here > 1:
        raise ValueError(f"{here} processes cannot share {name}: --device cuda gives each its own")
    if place >= gpus:
        raise ValueError(f"{here} processes have {gpus} GPUs here: start {gpus}, or use the CPU")
    return f"cuda:{place}" if name in ("auto", "cuda") else name


def part() -> slice:
    """This process's images of a batch."""
    return slice(rank(), None, size())


@contextmanager
def joined() -> Iterator[None]:
    """The processes know each other inside. Raises ValueError where they do not find each other."""
    if size() == 1 or dist.is_initialized():
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        store, number, processes = next(iter(rendezvous("env://")))
        # torchrun keeps its store: without a prefix the addresses of the dead would be found there.
        store = PrefixStore(_met(store, number, processes), store)
        dist.init_process_group(backend, store=store, rank=number, world_size=processes)
    except (RuntimeError, ValueError) as error:
        advice = "" if "TORCHELASTIC_RUN_ID" in os.environ else ": start them by torchrun"
        raise ValueError(
            f"process {rank()} of {size()} did not find the others ({_cause(error)}){advice}"
        ) from error
    try:
        yield
    finally:
        dist.destroy_process_group()


def check_batch(images: int) -> None:
    """Raises ValueError where a batch cannot be shared out evenly."""
    if images % size():
        raise ValueError(
            f"a batch of {images} images cannot be shared evenly by {size()} processes: "
            "choose another --batch-size"
        )


def wait() -> None:
    """Until all processes have come here."""
    if dist.is_initialized():
        dist.barrier()


def average(tensors: Sequence[Tensor]) -> None:
    """Each tensor becomes its mean over the processes, in one exchange."""
    if not dist.is_initialized() or not tensors:
        return
    flat = torch.cat([t.reshape(-1) for t in tensors])
    _sum(flat)
    flat /= size()
    parts = flat.split([t.numel() for t in tensors])
    torch._foreach_copy_(
        list(tensors), [p.view(t.shape) for p, t in zip(parts, tensors, strict=True)]
    )


def mean(values: Mapping[str, float]) -> dict[str, float]:
    """The means of numbers over the processes."""
    if not dist.is_initialized() or not values:
        return dict(values)
    told = torch.tensor(list(values.values()), dtype=torch.float64)
    _sum(told)
    return dict(zip(values, (told / size()).tolist(), strict=True))


def any_of(said: bool) -> bool:
    """Whether any process says so: all of them hear the same answer."""
    if not dist.is_initialized():
        return said
    told = torch.tensor(said, dtype=torch.int32)
    _sum(told)
    return bool(told)


def _met(store: Store, number: int, processes: int) -> str:
    """A word that these processes share, and that none of those before them knew.

    torchrun's count of restarts is none: each machine counts for itself. So everybody greets the
    first process with a new word, and it answers each with its own; of a greeting that somebody
    dead has left nothing comes, and it waits for the next under that number.
    """
    own = uuid4().hex
    if number:
        store.set(f"greeting {number}", own)
        shared = store.get(f"answer {own}").decode()
        store.set(f"ready {shared} {number}", "")
        return shared
    greeted: dict[int, str] = {}
    waiting, deadline = set(range(1, processes)), time.monotonic() + PATIENCE
    while waiting:
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {sorted(waiting)} did not come")
        for other in sorted(waiting):
            if store.check([f"greeting {other}"]):
                word = store.get(f"greeting {other}").decode()
                if greeted.get(other) != word:
                    greeted[other] = word
                    store.set(f"answer {word}", own)
            if store.check([f"ready {own} {other}"]):
                waiting.remove(other)
        time.sleep(0.01)
    return own


def _sum(tensor: Tensor) -> None:
    """Over the processes, in place. Raises ConnectionError where one of them is gone."""
    try:
        dist.all_reduce(tensor)
    except RuntimeError as error:
        raise ConnectionError(f"another process of this run is gone ({_cause(error)})") from error


def _cause(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "no reason is known"

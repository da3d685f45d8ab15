"""Steps that are measured in turn, so that a slow minute of the machine is everybody's."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

Steps = Callable[[int], object]  # takes so many training steps


@dataclass(frozen=True)
class Found:
    """What was measured of one step, a number per round."""

    images_per_second: tuple[float, ...]
    system: tuple[float, ...]
    """Shares of processor time that the kernel took."""

    @property
    def median(self) -> float:
        return statistics.median(self.images_per_second)

    @property
    def spread(self) -> float:
        """From the slowest to the fastest round, as a share of the median."""
        return (max(self.images_per_second) - min(self.images_per_second)) / self.median

    @property
    def system_share(self) -> float:
        """The median share of system time."""
        return statistics.median(self.system)

    def ratio(self, other: Found) -> float:
        """The median over rounds of how many times as fast as `other` it was in that round."""
        pairs = zip(self.images_per_second, other.images_per_second, strict=True)
        return statistics.median(a / b for a, b in pairs)


def alternate(
    contestants: Mapping[str, Steps],
    *,
    images: Mapping[str, int],
    rounds: int,
    steps: int,
    device: torch.device,
) -> dict[str, Found]:
    """Runs each contestant's `steps` training steps in turn, `rounds` times.

    images: how many of them are in a step of each.
    A step before each, which is not timed, warms the caches up. Raises whatever a step raises.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            run(1)
            found[name].append(_timed(run, steps, images[name], device))
    return {name: Found(*_columns(rows)) for name, rows in found.items()}


def _columns(rows: Sequence[tuple[float, float]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(row[0] for row in rows), tuple(row[1] for row in rows)


def _timed(run: Steps, steps: int, batch: int, device: torch.device) -> tuple[float, float]:
    """Images per second, and the share of system time in processor time."""
    wait(device)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    run(steps)
    wait(device)
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    return steps * batch / seconds, system / max(system + after.ru_utime - before.ru_utime, 1e-9)


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)

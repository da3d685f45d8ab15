"""Torch's random generators, held at a seed or left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def fixed_seed(seed: int) -> Iterator[None]:
    """Torch's generators at `seed` inside, untouched outside."""
    with isolated_random():
        torch.manual_seed(seed)
        yield


@contextmanager
def isolated_random() -> Iterator[None]:
    """Whatever is drawn inside does not move torch's generators outside."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        yield

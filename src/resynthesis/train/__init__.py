"""Training: one loop in which every player steps on its own losses. It knows no method, no file."""

from __future__ import annotations

from .devices import keep_memory, pick_device, use_bf16
from .loop import Diverged, State, begin, loop
from .step import OutOfMemory, follow, step
from .training import Training

__all__ = [
    "Diverged",
    "OutOfMemory",
    "State",
    "Training",
    "begin",
    "follow",
    "keep_memory",
    "loop",
    "pick_device",
    "step",
    "use_bf16",
]

"""Training: one loop in which every player steps on its own losses. It knows no method, no file."""

from __future__ import annotations

from .devices import keep_memory, pick_device, use_bf16
from .loop import Diverged, State, begin, loop, of_seed
from .seeds import Batches, Generators, Seeds, Stack, random_state, stacked
from .step import OutOfMemory, differentiate, follow, lacks_memory, step
from .training import Training

__all__ = [
    "Batches",
    "Diverged",
    "Generators",
    "OutOfMemory",
    "Seeds",
    "Stack",
    "State",
    "Training",
    "begin",
    "differentiate",
    "follow",
    "keep_memory",
    "lacks_memory",
    "loop",
    "of_seed",
    "pick_device",
    "random_state",
    "stacked",
    "step",
    "use_bf16",
]

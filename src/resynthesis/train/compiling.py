"""Whether compiling the nets earns its cost back, and when to do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from torch import nn

from ..nets import cannot_compile, compile_nets, count_kernels

WARM, TIMED = 5, 20  # steps before a session's speed is measured, and while it is
GAIN = 0.01  # share of a step that compiling saves on a CPU, measured: docs/speed.md
COST = 2.0  # seconds of compiling, for each part of a net, likewise


class Compiling:
    """When the nets of a session are compiled: at once, never, or where it earns its cost back."""

    def __init__(
        self, when: Literal["off", "on", "auto"], nets: nn.ModuleDict, say: Callable[[str], object]
    ):
        self.when, self.nets, self.say = when, nets, say
        self.steps, self.begun = 0, 0.0

    def consider(self, left: int) -> None:
        """To be called before each step, with how many are left."""
        if self.when == "off":
            return
        if self.steps == WARM:
            self.begun = time.perf_counter()
        if self.when == "on" or self.steps == WARM + TIMED:
            seconds = (time.perf_counter() - self.begun) / TIMED  # of a step that is not compiled
            if self.when == "on" or left * seconds * GAIN > COST * count_kernels(self.nets):
                self._compile()
            self.when = "off"
        self.steps += 1

    def _compile(self) -> None:
        if why := cannot_compile(next(self.nets.parameters()).device):
            self.say(f"note: nothing can be compiled here ({why}): the run goes on without")
        else:
            compile_nets(self.nets)

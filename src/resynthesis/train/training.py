"""The settings of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimizer, the budget, and how often to look."""

    epochs: float = 10.0
    """Passes over the training set."""
    steps: int | None = None
    """Budget in steps of one batch; goes before epochs."""
    batch_size: int = 64
    """Images in a step."""
    lr: float = 1e-3
    """Adam's learning rate (the papers' 1e-4 goes with their thousands of epochs)."""
    betas: tuple[float, float] = (0.5, 0.99)
    """Adam's decay rates."""
    decay: float = 0.0
    """Share of the budget, at its end, over which the learning rate falls linearly to zero."""
    weight_decay: float = 1e-5
    """Adam's L2 penalty."""
    seed: int = 0
    """Seed of nets, batches, mixes and subsets."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """bf16 autocast where the hardware is fast at it, or always, or never."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a CUDA GPU where there is one."""
    compile: Literal["off", "on", "auto"] = "off"
    """Compile what stands between convolutions: on, off, or auto, where enough steps are left to
    earn the compiler's time back."""
    log_every: int = 50
    """Steps between lines of the log."""
    picture_every: int | None = None
    """Steps between sample pictures; an eighth of the budget, 1,000 at most, where not given."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "log_every", "picture_every", "checkpoint_every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.compile not in ("off", "on", "auto"):
            raise ValueError(f"compile must be off, on or auto, not '{self.compile}'")
        if self.precision not in ("auto", "bf16", "fp32"):
            raise ValueError(f"precision must be auto, bf16 or fp32, not '{self.precision}'")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr must be positive, not {self.lr}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be in [0, 1), not {self.betas[0]} and {self.betas[1]}")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"decay must be a share from 0 to 1, not {self.decay}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be 0 or more, not {self.weight_decay}")
        if not 0 < (self.steps if self.steps is not None else self.epochs) < math.inf:
            raise ValueError("the budget must be positive: give --steps or --epochs above 0")

    @classmethod
    def unwatched(cls, steps: int, **settings: Any) -> Training:
        """So many steps, without a look before the last: for nets that only measure."""
        return cls(
            steps=steps, log_every=steps, picture_every=steps, checkpoint_every=steps, **settings
        )

    def rate(self, step: int, total: int) -> float:
        """The learning rate at a step, as a share of `lr`."""
        return min(1.0, (total - step) / (self.decay * total)) if self.decay else 1.0

    def steps_between_pictures(self, total: int) -> int:
        """How often to look, in a budget of so many steps."""
        return self.picture_every or min(1000, math.ceil(total / 8))

    def total_steps(self, images: int) -> int:
        """The budget in steps for a training set of so many images."""
        return self.steps or max(1, math.ceil(self.epochs * images / self.batch_size))

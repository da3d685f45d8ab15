"""A linear probe that learns along with any method, on the frozen code or as its teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from .base import Wrapper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from .base import Losses, Method, NetDict


@dataclass(frozen=True)
class Probed(Wrapper):
    """Adds a player to a method: probe min H(P(f(x)), y) over the labelled part of the batch.

    The loop moves only the probe's own parameters with it, so the code is frozen. With
    `supervision` > 0 the autoencoder minimises the same term as well, times that weight: the
    semi-supervised use of Beckham et al., NeurIPS 2019.
    """

    method: Method
    supervision: float = 0.0

    needs_labels = True

    @property
    def players(self) -> tuple[str, ...]:
        return (*self.method.players, "probe")

    @property
    def formulas(self) -> Mapping[str, str]:
        wrong = "H(P(f(x)), y)"
        return {
            **self.method.formulas,
            "autoencoder/classification": rf"\sigma {wrong}",
            "probe/classification": wrong,
        }

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        if y is None:
            raise ValueError("a probe needs labels, and this data set has none")
        losses = self.method.losses(nets, x, y)
        # For speed alone: without supervision nobody asks for this gradient.
        with torch.set_grad_enabled(self.supervision > 0):
            z = nets["autoencoder"].encode(x)
        wrong = F.cross_entropy(nets["probe"](z), y, ignore_index=-1, reduction="sum")
        wrong = wrong / (y >= 0).sum().clamp(min=1)
        losses["probe"] = {"classification": wrong}
        if self.supervision:
            losses["autoencoder"]["classification"] = self.supervision * wrong
        return losses

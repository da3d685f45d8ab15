"""A net that reads labels by itself, for measuring: a judge of pictures, or a probe of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn import functional as F

from ..losses import H
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class Read(Method):
    """player  min  H(P(x), y)      x images or codes; y classes (B,) or attributes (B, a)"""

    player: str = "judge"
    """Which net it is: judge or probe."""

    needs_labels = True

    @property
    def players(self) -> tuple[str, ...]:
        return (self.player,)

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        assert y is not None
        logits = nets[self.player](x)
        return {
            self.player: {"labels": F.cross_entropy(logits, y) if y.ndim == 1 else H(logits, y)}
        }

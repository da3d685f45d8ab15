"""A classifier alone: what others are compared with, source-only and target-supervised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..augment import augment
from ..losses import misread
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class Classify(Method):
    """classifier  min  H(C(a(x)), y)      a(x) a changed copy of x"""

    augmented: bool = True
    """Show the classifier changed copies of the images, and not the images themselves."""
    teacher_decay: float = 0.999
    """How slowly a second classifier follows it, as in Adapt; 0 for none."""

    players = ("classifier",)
    needs_labels = True

    @property
    def averages(self) -> dict[str, tuple[str, float]]:
        return {"teacher": ("classifier", self.teacher_decay)} if self.teacher_decay else {}

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        assert y is not None
        views = nets["classifier"].views(augment(x) if self.augmented else x)
        return {"classifier": {"labels": misread(views, y).mean()}}

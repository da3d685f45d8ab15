"""Pictures: grids, strips, triangles, animations, loss curves, projections of codes."""

from __future__ import annotations

from torch import nn

from ..data import Data, Domains
from ..runs import Run
from . import mixed, translated
from .drawing import (
    animate,
    contact_sheet,
    grid,
    save,
    save_image,
    spread_over_classes,
    to_picture,
    triangle,
    triangle_weights,
)
from .plots import comparison, curves


def training_picture(run: Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
    """What the nets make of validation images, drawn during training."""
    if isinstance(data, Domains):
        translated.training_picture(run, nets, data, step)
    else:
        mixed.training_picture(run, nets, data, step)


def evaluation_pictures(run: Run, nets: nn.ModuleDict, data: Data) -> None:
    """What the nets make of test images; codes; the curves of training."""
    if isinstance(data, Domains):
        translated.evaluation_pictures(run, nets, data)
    else:
        mixed.evaluation_pictures(run, nets, data)


__all__ = [
    "animate",
    "comparison",
    "contact_sheet",
    "curves",
    "evaluation_pictures",
    "grid",
    "save",
    "save_image",
    "spread_over_classes",
    "to_picture",
    "training_picture",
    "triangle",
    "triangle_weights",
]

"""Pictures: grids, strips, triangles, animations, loss curves, projections of codes."""

from __future__ import annotations

from torch import nn

from ..data import Data, Domains
from ..runs import Run
from . import mixed, translated
from .charts import chart, colours, legend, line_colours, scatter
from .drawing import (
    FILMS,
    animated,
    contact_sheet,
    exact,
    filmed,
    grid,
    labelled,
    save,
    spread_over_classes,
    to_picture,
    to_png,
    triangle,
    triangle_weights,
)
from .plots import comparison, curves
from .projected import project
from .translated import mistakes, translations
from .traversed import traversals


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
    "FILMS",
    "animated",
    "chart",
    "colours",
    "comparison",
    "contact_sheet",
    "curves",
    "evaluation_pictures",
    "exact",
    "filmed",
    "grid",
    "labelled",
    "legend",
    "line_colours",
    "mistakes",
    "project",
    "save",
    "scatter",
    "spread_over_classes",
    "to_picture",
    "to_png",
    "training_picture",
    "translations",
    "traversals",
    "triangle",
    "triangle_weights",
]

"""Methods. Each names its players and says what each of them minimises, and nothing else.

`method.losses(nets, x, y)` takes images and labels and returns {player: {term: scalar}}. The loop
differentiates a player's sum with respect to that player's own parameters only, so no method
ever detaches anything.
"""

from __future__ import annotations

from typing import Any

from .acai import ACAI
from .adapt import Adapt
from .ae import AE
from .amr import AMR
from .base import DomainMethod, Losses, Method
from .class_amr import ClassAMR
from .classify import Classify
from .probe import Probed
from .read import Read
from .translate import Translate
from .vae import VAE

METHODS: dict[str, type[Method]] = {
    "ae": AE,
    "acai": ACAI,
    "amr": AMR,
    "class-amr": ClassAMR,
    "vae": VAE,
    "translate": Translate,
    "adapt": Adapt,
}


def name_of(method: Method) -> str:
    """The registered name of a method, the one that the command line uses."""
    return next(name for name, kind in METHODS.items() if kind is type(method))


def make(name: str, settings: dict[str, Any]) -> Method:
    """A registered method from its name and its fields, as they stand in a run's config."""
    if name not in METHODS:
        raise ValueError(f"unknown method '{name}': choose from {', '.join(METHODS)}")
    return METHODS[name](**settings)


__all__ = [
    "ACAI",
    "AE",
    "AMR",
    "METHODS",
    "VAE",
    "Adapt",
    "ClassAMR",
    "Classify",
    "DomainMethod",
    "Losses",
    "Method",
    "Probed",
    "Read",
    "Translate",
    "make",
    "name_of",
]

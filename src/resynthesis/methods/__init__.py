"""Methods. Each names its players and says what each of them minimises, and nothing else.

`method.losses(nets, x, y)` takes images (B, C, H, W) in [-1, 1] and labels (B,), -1 where there
is none, and returns {player: {term: scalar}}. The loop differentiates a player's sum with respect
to that player's own parameters only, so no method ever detaches anything.
"""

from __future__ import annotations

from typing import Any, Protocol, cast, runtime_checkable

from torch import Tensor

from .acai import ACAI
from .ae import AE
from .amr import AMR
from .probe import Probed

Losses = dict[str, dict[str, Tensor]]
NetDict = Any  # an nn.ModuleDict whose "autoencoder" has encode and decode


@runtime_checkable
class Method(Protocol):
    """What the loop needs to know of a method."""

    @property
    def players(self) -> tuple[str, ...]: ...

    @property
    def every(self) -> dict[str, int]:
        """Players that step only once in so many iterations; the others step in each."""
        ...

    @property
    def formulas(self) -> dict[str, str]:
        """player/term -> what stands for it in the equations, as mathtext, for the curves."""
        ...

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses: ...


METHODS: dict[str, type] = {"ae": AE, "acai": ACAI, "amr": AMR}


def name_of(method: Method) -> str:
    """The registered name of a method, the one that the command line uses."""
    return next(name for name, kind in METHODS.items() if kind is type(method))


def make(name: str, settings: dict[str, Any]) -> Method:
    """A registered method from its name and its fields, as they stand in a run's config."""
    if name not in METHODS:
        raise ValueError(f"unknown method '{name}': choose from {', '.join(METHODS)}")
    return cast(Method, METHODS[name](**settings))


__all__ = ["ACAI", "AE", "AMR", "METHODS", "Losses", "Method", "Probed", "make", "name_of"]

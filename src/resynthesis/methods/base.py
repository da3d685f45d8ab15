"""What a method is: who plays, and what each player minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

Losses = dict[str, dict[str, Tensor]]
NetDict = Any  # an nn.ModuleDict with a net for every player and every average


class Method(ABC):
    """A method: its players and their losses. Everything but those has a default here."""

    two_domains = False
    """Whether x is (2, B, C, H, W), source and target images, in place of (B, C, H, W)."""
    needs_labels = False
    """Whether labels teach a player. Where they do not, the method never sees them."""
    needs_divided_codes = False
    """Whether codes must divide into content and style."""
    needs_posterior = False
    """Whether the encoder must give a scale beside each number of the code."""
    augments = False
    """Whether its classifier is shown changed copies of images."""
    vectorises = True
    """Whether several seeds can be trained at once: what a step computes does not hang on labels
    of its batch being known or hidden."""
    suited: Mapping[str, Mapping[str, Any]] = {}
    """Settings other than the usual ones that suit the method: {"nets": {...}, "training": ...}."""

    @property
    @abstractmethod
    def players(self) -> tuple[str, ...]:
        """The nets that learn."""

    @property
    def averages(self) -> Mapping[str, tuple[str, float]]:
        """Nets that follow a player: name -> (player, d), w <- d w + (1 - d) w_player a step."""
        return {}

    @property
    def every(self) -> Mapping[str, int]:
        """Players that step only once in so many iterations; the others step in each."""
        return {}

    @property
    def rates(self) -> Mapping[str, float]:
        """Players whose learning rate is so many times that of the training."""
        return {}

    @property
    def formulas(self) -> Mapping[str, str]:
        """player/term -> what stands for it in the equations, as mathtext, for the curves."""
        return {}

    @abstractmethod
    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        """{player: {term: scalar}} for images x in [-1, 1] and labels y (B,), -1 where unknown.

        Labels may be a table (B, a) of attributes, 0 or 1, in place of classes.
        """


class Wrapper(Method):
    """A method around another: what it does not say for itself is the other's."""

    method: Method

    @property
    def players(self) -> tuple[str, ...]:
        return self.method.players

    @property
    def averages(self) -> Mapping[str, tuple[str, float]]:
        return self.method.averages

    @property
    def every(self) -> Mapping[str, int]:
        return self.method.every

    @property
    def rates(self) -> Mapping[str, float]:
        return self.method.rates

    @property
    def vectorises(self) -> bool:  # type: ignore[override]
        return self.method.vectorises

    @property
    def formulas(self) -> Mapping[str, str]:
        return self.method.formulas


class DomainMethod(Method):
    """A method of two domains: it can redraw source images in the target's style."""

    two_domains = True
    needs_labels = True
    borrows_style = True
    """Whether a translation depends on the target image whose style it is given."""

    @abstractmethod
    def translate(self, nets: NetDict, x_s: Tensor, style: Tensor) -> Tensor:
        """Source images (B, C, H, W) in the target's style.

        style: as many target images, whose style may be borrowed.
        """

"""What the data turned out to be, and nets for it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..data import Data, Domains
from ..methods import Method
from ..nets import Nets, build


@dataclass(frozen=True)
class Facts:
    """What the data turned out to be. names: of the set, or of the two domains."""

    checksum: str
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_size: int
    attributes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Data) -> Facts:
        sets = (data.source, data.target) if isinstance(data, Domains) else (data,)
        return cls(
            data.checksum,
            data.shape,
            data.classes,
            len(data.train),
            data.attributes,
            tuple(one.name for one in sets),
        )

    @property
    def wishes(self) -> tuple[str, ...]:
        """What a mix can be asked for: an attribute, or else a class."""
        return self.attributes or self.classes


def new_nets(method: Method, config: Nets, facts: Facts) -> nn.ModuleDict:
    """Nets for the players of a method, for data of these facts."""
    return build(
        config,
        method.players,
        method.averages,
        channels=facts.shape[0],
        size=facts.shape[1],
        classes=len(facts.classes),
        attributes=len(facts.attributes),
    )

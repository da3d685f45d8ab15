"""What is asked for: the method, its data, its nets, its training."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import methods
from ..data import DataConfig, DomainsConfig
from ..methods import Method, Probed
from ..nets import Nets
from ..train import Training

ARRAYS = "(arrays)"  # the data of a run that was given arrays in Python


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """A linear probe that learns along."""

    probe: bool = False
    """Train a linear probe on the frozen code beside the method (needs labels)."""
    supervision: float = 0.0
    """Weight of the probe's loss for the encoder: above 0, the labels teach it as well."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything needed to do a run again, on the same data."""

    method: Method
    data: DataConfig | DomainsConfig = None  # type: ignore[assignment]  # filled in below
    nets: Nets = None  # type: ignore[assignment]
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    training: Training = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        for name, kind in parts(type(self.method)).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, kind())
        for setting in dataclasses.fields(self.method):  # type: ignore[arg-type]
            weight = getattr(self.method, setting.name)
            if isinstance(weight, int | float) and not 0 <= weight < math.inf:
                raise ValueError(f"{setting.name} must be 0 or more, not {weight}")
        if isinstance(self.data, DomainsConfig) != self.method.two_domains:
            wanted = "a source and a target" if self.method.two_domains else "one set of images"
            raise ValueError(f"the method {self.name} wants {wanted}")
        if self.method.needs_divided_codes and self.nets.family != "split":
            raise ValueError(f"{self.name} needs codes of content and style: --family split")
        if not self.method.two_domains and self.nets.family == "split":
            raise ValueError(
                f"{self.name} knows one domain, and codes of content and style are for two: "
                "--family amr or adaae"
            )
        if self.method.two_domains and (self.probe.probe or self.probe.supervision):
            raise ValueError(f"a probe does not go with {self.name}, which has a classifier")
        if self.method.needs_posterior and not self.nets.posterior:
            raise ValueError(f"{self.name} needs an encoder with a posterior: --posterior")
        if "mixer" in self.method.players and self.nets.family != "amr":
            raise ValueError(f"{self.name} is made for the nets of the tables: --family amr")
        loss = getattr(self.method, "reconstruction_loss", "")
        if loss.startswith("bce") and (self.nets.output != "tanh" and self.nets.family != "adaae"):
            raise ValueError(f"the reconstruction loss {loss} needs --output tanh")

    @property
    def name(self) -> str:
        return methods.name_of(self.method)

    @property
    def mixer(self) -> str:
        """How the method mixes; along straight lines where it never does."""
        return str(getattr(self.method, "mixer", "mixup"))

    @property
    def parents(self) -> int:
        """How many images the method mixes."""
        return int(getattr(self.method, "parents", 2))

    def whole_method(self) -> Method:
        """The method, with the probe beside it where one is asked for."""
        if self.probe.probe or self.probe.supervision > 0:
            return Probed(self.method, self.probe.supervision)
        return self.method

    def unread(self) -> list[str]:
        """Settings of the nets that are not the usual ones and make no difference."""
        usual = parts(type(self.method))["nets"]()
        names = self.nets.unread(self.whole_method().players)
        return [name for name in names if getattr(self.nets, name) != getattr(usual, name)]

    def to_json(self) -> dict[str, Any]:
        parts = {k: asdict(getattr(self, k)) for k in ("data", "nets", "probe", "training")}
        return {"method": self.name, "settings": asdict(self.method), **parts}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, tree: dict[str, Any]) -> Config:
        """Raises KeyError, TypeError or ValueError where the tree is no such config."""
        data = dict(tree["data"])
        data["data_dir"] = None if data["data_dir"] is None else Path(data["data_dir"])
        data["classes"] = tuple(data["classes"])
        return cls(
            method=methods.make(tree["method"], tree["settings"]),
            data=DomainsConfig(**data) if "source" in data else DataConfig(**data),
            # Runs that do not say how their classifier is normalised are from before it could be.
            nets=Nets(
                **{"classifier_norm": "none", **tree["nets"], "code": tuple(tree["nets"]["code"])}
            ),
            probe=ProbeConfig(**tree["probe"]),
            training=Training(**{**tree["training"], "betas": tuple(tree["training"]["betas"])}),
        )


def parts(method: type[Method]) -> dict[str, Callable[[], Any]]:
    """What makes the parts of a config that suit a method: its data, nets and training."""
    suited = method.suited
    return {
        "data": DomainsConfig if method.two_domains else DataConfig,
        "nets": lambda: Nets(**suited.get("nets", {})),
        "training": lambda: Training(**suited.get("training", {})),
    }


def field_names(kind: type) -> list[str]:
    """The names of a settings class, in order."""
    return [f.name for f in dataclasses.fields(kind)]

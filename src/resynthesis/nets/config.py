"""The shape of the nets, as settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

Family = Literal["amr", "adaae", "split", "burgess"]


@dataclass(frozen=True)
class Nets:
    """Shape of the nets. The same settings serve every method."""

    family: Family = "amr"
    """Autoencoder and critic: amr (the tables of mixing), adaae (5x5 convolutions and a flat code,
    as published for translation), split (codes of content and style, which adapt needs), burgess
    (those of disentanglement, for images of size 64: --code 10 1 1 --width 32)."""
    code: tuple[int, int, int] = (2, 4, 4)
    """Code shape: channels, height, width. 2 4 4 is the 32-dimensional code of the tables; adaae
    and burgess take the product, and split has content and style in place of it."""
    width: int = 16
    """Channels at full resolution; they double with every scale."""
    norm: Literal["instance", "group", "none"] = "instance"
    """Normalisation in the autoencoder of amr. instance is that of the tables; it forgets what is
    the same all over an image, as the colour of a background: group (of 8 channels) does not."""
    output: Literal["linear", "tanh"] = "linear"
    """Last activation of the decoder; tanh keeps images in [-1, 1], as bce losses need."""
    posterior: bool = False
    """Whether the encoder gives a scale beside each number of the code, as vae needs."""
    informed: bool = True
    """Whether the mixer of class-amr sees the labels of both parents, or the wish alone, as
    published."""
    content: int = 4
    """Channels of content at each of the three scales of a split code."""
    style: int = 4
    """Channels of style at each of the three scales of a split code."""
    probe_net: Literal["linear", "conv"] = "linear"
    """The probe that learns along: one linear layer, or two convolutions and one."""
    classifier: Literal["both", "blind", "raw"] = "both"
    """The classifier's views of an image: blind to brightness, polarity and to which channel shows
    a stroke, or raw pixels; or both, whose logits are added."""
    classifier_width: int = 32
    """Filters of a view's first layer; later ones have two and four times as many."""
    classifier_norm: Literal["layer", "none"] = "layer"
    """What follows each convolution of the classifier: layer normalisation, or nothing."""

    def unread(self, players: Collection[str]) -> list[str]:
        """Settings that make no difference for these players."""
        read = {
            "code": self.family != "split",
            "norm": self.family == "amr",
            "output": self.family in ("amr", "burgess"),
            "informed": "mixer" in players,
            "content": self.family == "split",
            "style": self.family == "split",
            "probe_net": "probe" in players,
            "classifier": "classifier" in players,
            "classifier_norm": "classifier" in players,
            "classifier_width": "classifier" in players or "reader" in players,
        }
        return [name for name, is_read in read.items() if not is_read]

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            choices, told = get_args(kind), getattr(self, name)
            if get_origin(kind) is Literal and told not in choices:
                raise ValueError(f"unknown {name} '{told}': choose from {', '.join(choices)}")
        if self.posterior and self.family not in ("amr", "burgess"):
            raise ValueError(
                f"the nets of {self.family} have no posterior: --family amr or burgess"
            )
        for name in ("width", "content", "style", "classifier_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

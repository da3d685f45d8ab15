"""Networks: images to codes, codes to images, images to logits. No losses, no data."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from .adaae import PublishedAutoencoder, PublishedCritic
from .amr import Autoencoder, Critic, Stem, count_scales
from .burgess import BurgessAutoencoder, BurgessCritic, check_size
from .classifier import Classifier, View
from .compiled import cannot_compile, compile_nets, count_kernels
from .conditional import ClassMixer
from .config import Nets
from .judge import Judge
from .layers import keep_weights
from .patches import PatchCritic
from .probe import Probe
from .split import SplitAutoencoder

AUTOENCODERS: dict[str, type[nn.Module]] = {
    "amr": Autoencoder,
    "adaae": PublishedAutoencoder,
    "split": SplitAutoencoder,
    "burgess": BurgessAutoencoder,
}
CRITICS: dict[str, type[nn.Module]] = {
    "amr": Critic,
    "adaae": PublishedCritic,
    "split": PatchCritic,
    "burgess": BurgessCritic,
}


def code_shape(config: Nets, size: int) -> tuple[int, int, int]:
    """(c, h, w) of a code of images of `size`. Raises ValueError where the settings do not fit."""
    if config.family == "amr":
        count_scales(size, config.code)
        return config.code
    if config.family == "burgess":
        check_size(size)
    if config.family in ("adaae", "burgess"):
        if min(config.code) < 1:
            raise ValueError(f"a code has 1 channel, 1 row and 1 column or more, not {config.code}")
        return math.prod(config.code), 1, 1
    return SplitAutoencoder.channels(config), size // 4, size // 4


def build(
    config: Nets,
    players: Iterable[str],
    averages: Mapping[str, tuple[str, float]] | None = None,
    *,
    channels: int,
    size: int,
    classes: int = 0,
    attributes: int = 0,
) -> nn.ModuleDict:
    """One net per player, initialised from torch's global generator, and copies for averages.

    averages: name -> (the player that it follows, decay); these have no gradients. A
    mixer, reader or judge is for the attributes, or where there are none for the classes. Raises
    ValueError where the code shape does not fit the image size, or where there are no labels of
    the kind that a player needs.
    """
    code = code_shape(config, size)
    players = tuple(players)
    wishes = attributes or classes
    for player in players:
        if player in ("probe", "classifier") and classes < 2:
            raise ValueError(f"a {player} needs a data set with at least two classes")
        if player in ("mixer", "reader", "judge") and not wishes:
            raise ValueError(f"a {player} needs a data set with attributes or classes")
    makers: dict[str, Callable[[], nn.Module]] = {
        "autoencoder": lambda: AUTOENCODERS[config.family](channels, size, config),
        "critic": lambda: (
            PatchCritic(channels, size, config, 0 if "reader" in players else wishes)
            if "mixer" in players
            else CRITICS[config.family](channels, size, config)
        ),
        "judge": lambda: Judge(channels, size, wishes),
        "reader": lambda: View(channels, size, wishes, config.classifier_width, blind=False),
        "mixer": lambda: ClassMixer(wishes, config, whole=not attributes),
        "probe": lambda: Probe(code, classes, convolutional=config.probe_net == "conv"),
        "classifier": lambda: Classifier(channels, size, classes, config),
    }
    nets = nn.ModuleDict({player: makers[player]() for player in players})
    for name, (player, _) in (averages or {}).items():
        nets[name] = copy.deepcopy(nets[player]).requires_grad_(False)
    return nets.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


__all__ = [
    "Autoencoder",
    "BurgessAutoencoder",
    "BurgessCritic",
    "ClassMixer",
    "Classifier",
    "Critic",
    "Judge",
    "Nets",
    "PatchCritic",
    "Probe",
    "PublishedAutoencoder",
    "PublishedCritic",
    "SplitAutoencoder",
    "Stem",
    "build",
    "cannot_compile",
    "code_shape",
    "compile_nets",
    "count_kernels",
    "count_scales",
    "keep_weights",
]

"""The tab Mix: two images and more, by any mixer, in codes and in pixels; wishes; films."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import figures, mixing
from ..evaluate import read_attributes
from ..mixes import Space, codes, draw, pixels, tour
from ..mixing import MIXERS, check_parents, for_each, mix
from ..report import uri
from ..runs import fixed_seed
from ..walks import Speed
from ..wishes import mixes, say
from .asked import Asked, choice, choices, listed, number, texts, whole, wholes
from .opened import Opened, computing
from .pictures import to_uri

PARENTS = 6
SEEDS = 10**9
DRAWS = 6  # mixes under one wish
STEPS = (3, 60)
IN_PICTURE = 20  # of these; three images make a triangle of half as many mixes squared
KINDS = {
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
}
SPACES = {"codes": codes, "pixels": lambda autoencoder: pixels()}
SPEEDS = {name: name for name in get_args(Speed)}


def mixed(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """For each run that is asked for, the parents' mix in codes and in pixels.

    asked: runs, parents (pictures), mixer, seed; for mixup weights; for Bernoulli masks
    optionally parent_of, run -> the parent of each channel. Returns pictures, and the parent of
    each channel where channels come whole.
    """
    chosen = choices(asked, "runs", opened)
    parents = _parents(asked)
    mixer = choice(asked, "mixer", {name: name for name in MIXERS})
    check_parents(mixer, len(parents))
    by_hand = asked.get("parent_of")
    shown = []
    for name, one in chosen.items():
        hand = by_hand.get(name) if isinstance(by_hand, dict) else None
        with computing:
            z = one.encode(parents)
            weights = _weights(asked, mixer, z, hand)  # (k, 1, c or 1, 1, 1)
            made = one.decode(mix(z[:, None], weights))[0]
        x = one.images(parents)
        shares = weights.cpu().flatten(1).mean(1)
        faded = (shares[:, None, None, None] * x).sum(0)
        whole_channels = "bernoulli" in mixer
        shown.append(
            {
                "run": name,
                "mix": to_uri(made),
                "pixels": to_uri(faded),
                "shares": shares.tolist(),
                "parent_of": weights[:, 0].flatten(1).argmax(0).tolist() if whole_channels else [],
            }
        )
    return {"shown": shown}


def saved(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """A picture or film of the parents' mixes as a file.

    asked: run, parents, mixer, seed, kind (.png, .gif, .webp or .mp4), steps, speed, space.
    """
    one = choice(asked, "run", opened)
    parents = _parents(asked)
    suffix = choice(asked, "kind", {kind: kind for kind in KINDS})
    mixer = choice(asked, "mixer", {name: name for name in MIXERS})
    space = choice(asked, "space", SPACES)
    speed = choice(asked, "speed", SPEEDS)
    steps, seed = whole(asked, "steps", *STEPS), whole(asked, "seed", 0, SEEDS)
    if suffix == ".png" and steps > IN_PICTURE:
        raise ValueError(f"a picture has {IN_PICTURE} steps at most: ask for fewer, or for a film")
    x = one.images(parents)
    with computing:
        between: Space = space(one.autoencoder)
        if suffix == ".png":
            content = draw(x, between, suffix, mixer=mixer, steps=steps, seed=seed)
        else:
            frames = tour(x, between, mixer=mixer, steps=steps, speed=speed, seed=seed)
    if suffix != ".png":  # encoding a film takes seconds, in which others may compute
        content = figures.animated(frames, suffix, closed=len(x) > 2)
    return {"file": uri(content, KINDS[suffix]), "name": f"{asked['run']}-{mixer}{suffix}"}


def read(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """What the reader of a run of class-amr reads in two parents: asked run, parents."""
    one, parents = choice(asked, "run", opened), _parents(asked)
    names = _wishing(one)
    with computing:
        y = _labels(one, one.images(parents[:2]))
    return {
        "names": names,
        "whole": not one.run.facts.attributes,
        "has": y.int().tolist(),
        "told": [say(row, names) for row in y],
    }


def granted(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """Mixes of two parents under a wish: asked run, parents, wish (0 or 1 a label), seed."""
    one, parents = choice(asked, "run", opened), _parents(asked)[:2]
    names = _wishing(one)
    wish = torch.tensor(wholes(asked, "wish", len(names), 1)).float()
    x = one.images(parents)
    with computing, fixed_seed(whole(asked, "seed", 0, SEEDS)):
        y = _labels(one, x)
        if not mixing.granted(wish[None], *y.split(1), whole=False):
            raise ValueError("each label must be as one of the two images has it")
        made = mixes(one.nets, x, y, wish[None], DRAWS)[0]
        got = [say(row, names) for row in _labels(one, made)]
    return {"wish": say(wish, names), "pictures": [to_uri(image) for image in made], "read": got}


def _parents(asked: Asked) -> list[str]:
    parents = texts(asked, "parents", PARENTS)
    if len(parents) < 2:
        raise ValueError("choose two images or more to mix")
    return parents


def _weights(asked: Asked, mixer: str, z: Tensor, by_hand: object) -> Tensor:
    """Weights (k, 1, c or 1, 1, 1) of the mix that is asked for."""
    k, c = z.shape[:2]
    if mixer == "mixup":
        values = [number({"weights": v}, "weights", 0, 1e6) for v in listed(asked, "weights", k)]
        if len(values) != k or sum(values) <= 0:
            raise ValueError("each image needs a weight, and one must be above 0")
        return for_each(torch.tensor([values]) / sum(values), z)
    if "bernoulli" in mixer and by_hand is not None:
        parent = torch.tensor(wholes({"parent_of": by_hand}, "parent_of", c, k - 1))
        return F.one_hot(parent, k).T.reshape(k, 1, c, 1, 1).float().to(z.device)
    with fixed_seed(whole(asked, "seed", 0, SEEDS)):
        return MIXERS[mixer](k, z[:1])


def _wishing(one: Opened) -> tuple[str, ...]:
    if "mixer" not in one.run.config.method.players:
        raise ValueError(f"{one.run.config.name} knows no wishes: only class-amr mixes by labels")
    return one.run.facts.wishes


def _labels(one: Opened, x: Tensor) -> Tensor:
    return read_attributes(one.nets, x, whole=not one.run.facts.attributes)

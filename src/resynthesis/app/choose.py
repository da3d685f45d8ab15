"""Images to begin with: some of a run's set, and those that people bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..data import seeded
from .asked import Asked, choice, texts, whole
from .mix import SEEDS
from .opened import Opened
from .pictures import accept, to_uri

OFFERED = 24


def offered(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """Some images of a run's set, class after class: asked run, part (a number), seed."""
    one = choice(asked, "run", opened)
    parts = list(one.samples.parts)
    if not parts:
        return {"parts": [], "images": [], "why": one.samples.why}
    part = parts[whole(asked, "part", 0, len(parts) - 1)]
    images = one.samples.parts[part]
    seed = whole(asked, "seed", 0, SEEDS)
    order = torch.randperm(len(images), generator=seeded("offered", seed))[:OFFERED].tolist()
    order.sort(key=lambda at: one.samples.label(part, at))
    x, _ = images.take(torch.tensor(order))
    shown = [
        {"picture": to_uri(image), "label": one.samples.label(part, at)}
        for image, at in zip(x, order, strict=True)
    ]
    return {"parts": parts, "images": shown, "why": ""}


def uploaded(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """An image that somebody brings: asked name, and its bytes in base64 as data."""
    name, data = (texts({key: [asked.get(key)]}, key, 1)[0] for key in ("name", "data"))
    return {"picture": accept(name, data), "label": name[:60]}

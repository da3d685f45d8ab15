"""The tab Map: codes of the set in two dimensions, images behind points, walks between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..data import ImageSet
from ..evaluate import decode, encode
from ..figures import colours, project
from ..walks import walk
from .asked import Asked, choice, whole
from .opened import MOST, Opened, computing
from .pictures import to_uri

STEPS = 16
PROJECTIONS = {"pca": "pca", "tsne": "tsne"}


def placed(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """Where the codes of a run's samples lie: asked run, how (pca or tsne), by (an attribute).

    Returns points (N, 2), scaled to [0, 1], and for each the place of its group in `groups`,
    which have a name, a colour, and `ring` for the second domain.
    """
    one = choice(asked, "run", opened)
    how = choice(asked, "how", PROJECTIONS)
    if not one.samples.parts:
        raise ValueError(one.samples.why)
    points = one.remembered(how)
    if points is None:
        one.placing = 0.0
        codes, weights = one.all_codes()
        points = project(codes.numpy(), how, one.report)  # type: ignore[arg-type]
        points = (points - points.min(0)) / max(float((points.max(0) - points.min(0)).max()), 1e-9)
        one.remember(how, points, weights)
    parts = list(one.samples.parts)
    named = [
        (kind or "no class", part) if len(parts) > 1 else (kind, "")
        for part, images in one.samples.parts.items()
        for kind in _kinds(one, images, asked.get("by"))
    ]
    groups = sorted(set(named))
    marks = colours(kind for kind, _ in groups)
    return {
        "attributes": list(one.samples.attributes),
        "points": [[round(float(x), 4), round(float(y), 4)] for x, y in points],
        "group_of": [groups.index(name) for name in named],
        "groups": [
            {
                "name": ", ".join(filter(None, (kind, part))) if len(groups) > 1 else "",
                "colour": marks[kind],
                "ring": len(parts) > 1 and part == parts[1],
            }
            for kind, part in groups
        ],
    }


def placing(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """How far a map that is being drawn has come: asked run. A share, from 0 to 1."""
    return {"share": choice(asked, "run", opened).placing}


def seen(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """The image behind a point, and what the run makes of it: asked run, at."""
    one = choice(asked, "run", opened)
    part, at, x = one.sample(whole(asked, "at", 0, 2 * MOST))
    with computing:
        again = decode(one.autoencoder, encode(one.autoencoder, x[None]))[0]
    label = one.samples.label(part, at)
    return {
        "picture": to_uri(x),
        "again": to_uri(again),
        "said": f"{label or 'image'} ({part}, number {at + 1})",
    }


def walked(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """Pictures on the straight way between the codes of two points: asked run, first, second."""
    one = choice(asked, "run", opened)
    ends = [one.sample(whole(asked, name, 0, 2 * MOST))[2] for name in ("first", "second")]
    with computing:
        z = encode(one.autoencoder, torch.stack(ends))
        frames = walk(z, (0, 1), lambda path: decode(one.autoencoder, path), steps=STEPS)
    return {"pictures": [to_uri(frame) for frame in frames]}


def _kinds(one: Opened, images: ImageSet, by: object) -> list[str]:
    """What each image is coloured by: its class, or whether it has the attribute `by`."""
    labels, samples = images.labels, one.samples
    if labels is None:
        return [""] * len(images)
    if labels.ndim == 1:
        return [samples.classes[c] if samples.classes and c >= 0 else "" for c in labels.tolist()]
    if by not in samples.attributes:
        return [""] * len(images)
    column = labels[:, samples.attributes.index(by)].tolist()
    return [{1: f"{by}", 0: f"not {by}"}.get(v, "unknown") for v in column]

"""The tab Translate: images in the target's style, and how the classifier reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..evaluate import probabilities, reader, translate
from .asked import Asked, choices, texts, whole
from .mix import SEEDS
from .opened import Opened, computing
from .pictures import to_uri

IMAGES, STYLES = 6, 6
CLASSES = 3  # the most probable ones are told


def redrawn(opened: Mapping[str, Opened], asked: Asked) -> dict[str, Any]:
    """For each run across two domains: every image, and translations of it in several styles.

    asked: runs, images (pictures), styles (how many), seed; `style`, a picture whose style is
    borrowed, else target images are drawn. Returns pictures with the most probable classes.
    """
    chosen = {name: one for name, one in choices(asked, "runs", opened).items() if one.two_domains}
    if not chosen:
        raise ValueError("none of the chosen runs knows two domains: translate and adapt do")
    images = texts(asked, "images", IMAGES)
    if not images:
        raise ValueError("choose one image or more to translate")
    count, seed = whole(asked, "styles", 1, STYLES), whole(asked, "seed", 0, SEEDS)
    style = texts({"style": asked.get("style", [])}, "style", 1)
    shown = []
    for name, one in chosen.items():
        x = one.images(images)
        styles = one.images(style) if style else one.run.styles()
        with computing:
            nets, method = one.nets, one.run.domain_method
            made = [translate(method, nets, x, styles, seed=seed + i) for i in range(count)]
            before = probabilities(reader(nets), x)
            after = [probabilities(reader(nets), one_style) for one_style in made]
        classes = one.run.facts.classes
        rows = [
            {
                "source": to_uri(x[i]),
                "before": _likely(before[i], classes),
                "made": [
                    {"picture": to_uri(m[i]), "after": _likely(p[i], classes)}
                    for m, p in zip(made, after, strict=True)
                ],
            }
            for i in range(len(x))
        ]
        shown.append({"run": name, "rows": rows})
    return {"shown": shown}


def _likely(shares: Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
    top = shares.topk(min(CLASSES, len(classes)))
    return [(classes[i], p) for p, i in zip(top.values.tolist(), top.indices.tolist(), strict=True)]

"""Pictures of runs across two domains: translations, codes of both, accuracy over training."""

from __future__ import annotations

import json

import torch
from PIL import Image
from torch import Tensor, nn

from ..data import Domains, ImageSet, seeded
from ..evaluate import (
    accuracy,
    content,
    decode,
    encode,
    features,
    probabilities,
    reader,
    translate,
)
from ..runs import Run, write
from .drawing import COLUMNS, grid, labelled, save, spread_over_classes
from .plots import accuracy_curves, domain_scatter, loss_picture

STYLES = 4  # translations of each image
CURVE = "accuracy.jsonl"  # beside log.jsonl; it is drawn, and chooses nothing
LOOKED_AT = 2000  # validation images behind a point of the curve
MISTAKES, LOOKED_THROUGH = 60, 10_000
POINTS = 1000  # of each domain in a projection


def training_picture(run: Run, nets: nn.ModuleDict, data: Domains, step: int) -> None:
    """Translations of validation images, and a point of the accuracy curve."""
    n = min(COLUMNS, len(data.source.valid))
    x, _ = data.source.valid.take(torch.arange(n))
    picture = translations(run, nets, x, data.target.valid)
    save(picture, run.pictures / f"step-{step:07d}.png")
    point: dict[str, float] = {"step": step}
    for name, domain in (("source", data.source), ("target", data.target)):
        if domain.valid.has_labels:
            point[name] = accuracy(reader(nets), _some(domain.valid.known()))
    points = [earlier for earlier in read_curve(run) if earlier["step"] < step]  # of a resumed run
    lines = [json.dumps(p) + "\n" for p in [*points, point]]
    write(run.path / CURVE, "".join(lines).encode())


def evaluation_pictures(run: Run, nets: nn.ModuleDict, data: Domains) -> None:
    """Translations of test images, codes of both domains, accuracy and losses over training."""
    x, _ = data.source.test.take(spread_over_classes(data.source, COLUMNS))
    save(translations(run, nets, x, data.target.test), run.pictures / "translations.png")
    codes_picture(run, nets, data)
    if data.target.test.has_labels:
        mistakes_picture(run, nets, data)
    if points := read_curve(run):
        accuracy_curves(points, data, run.pictures / "accuracy.png")
    loss_picture(run)


def codes_picture(run: Run, nets: nn.ModuleDict, data: Domains) -> None:
    """codes.png: test images of both domains, and source images before and after translation.

    As pixels, as codes, and as the classifier sees them.
    """
    groups: dict[str, tuple[Tensor, Tensor | None]] = {}
    for domain in (data.source, data.target):
        order = torch.randperm(len(domain.test), generator=seeded("codes picture", domain.name))
        groups[domain.name] = domain.test.take(order[:POINTS])
    x, y = groups[data.source.name]
    made = translate(run.domain_method, nets, x, run.styles())
    groups[f"{data.source.name}, translated"] = made, y
    views = {
        "pixels": [x for x, _ in groups.values()],
        "codes": [content(nets["autoencoder"], x) for x, _ in groups.values()],
        "features of the classifier": [features(reader(nets), x) for x, _ in groups.values()],
    }
    labels = {name: y for name, (_, y) in groups.items()}
    domain_scatter(views, labels, data, run.pictures / "codes.png")


def mistakes_picture(run: Run, nets: nn.ModuleDict, data: Domains) -> None:
    """mistakes.png, as `mistakes` draws it; none where there are none."""
    picture = mistakes(nets, data)
    if picture is None:
        (run.pictures / "mistakes.png").unlink(missing_ok=True)
    else:
        save(picture, run.pictures / "mistakes.png")


def mistakes(nets: nn.ModuleDict, data: Domains) -> Image.Image | None:
    """Labelled target test images that are read wrongly, in an order by seed."""
    known = data.target.test.known()
    order = torch.randperm(len(known), generator=seeded("mistakes"))[:LOOKED_THROUGH]
    x, y = known.take(order)
    assert y is not None
    sure, said = probabilities(reader(nets), x).max(1)
    wrong = (said != y.cpu()).nonzero().flatten()[:MISTAKES]
    if not len(wrong):
        return None
    texts = [f"{data.classes[y[i]]} as {data.classes[said[i]]} {sure[i]:.2f}" for i in wrong]
    return labelled(x[wrong], texts)


def translations(run: Run, nets: nn.ModuleDict, x: Tensor, targets: ImageSet) -> Image.Image:
    """Source images, several translations of each, target images and their reconstructions."""
    styles, method = run.styles(), run.domain_method
    variants = STYLES if method.borrows_style else 1
    made = [translate(method, nets, x, styles, seed=seed) for seed in range(variants)]
    shown = torch.randperm(len(targets), generator=seeded("targets shown"))[: len(x)]
    t, _ = targets.take(shown)
    t_hat = decode(nets["autoencoder"], encode(nets["autoencoder"], t))
    captions = ["source", *["translated"] * len(made), "target", "reconstructed"]
    return grid([x, *made, t, t_hat], captions)


def read_curve(run: Run) -> list[dict[str, float]]:
    """{step, source, target}: accuracies on validation images over training."""
    path = run.path / CURVE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _some(images: ImageSet) -> ImageSet:
    order = torch.randperm(len(images), generator=seeded("accuracy curve"))
    return images.subset(order[:LOOKED_AT])

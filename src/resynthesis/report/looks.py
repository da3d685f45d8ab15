"""The pictures of a report: of one domain, and of two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import figures
from ..data import Data, Domains, ImageSet, seeded
from ..evaluate import (
    content,
    decode,
    draw_weights,
    encode,
    interpolate,
    probabilities,
    read_attributes,
    reader,
    suits,
    translate,
)
from ..figures.translated import read_curve
from ..figures.traversed import MOST
from ..methods import ACAI
from ..mixes import codes, draw
from ..mixing import mix
from ..runs import Run, fixed_seed
from ..wishes import captions, mixes, wishes_of
from .page import picture

STRIPS, STEPS = 6, 11
FAILURES = 10
LOOKED_THROUGH = 1000  # test images among which failures are sought
POINTS = 1000  # of each domain on the map


def one_domain(run: Run, nets: nn.ModuleDict, data: Data) -> str:
    """Reconstructions, strips, a triangle, what labels or dimensions do, the map, failures."""
    autoencoder = nets["autoencoder"]
    x, _ = data.test.take(figures.spread_over_classes(data, 2 * STRIPS))
    n = min(STRIPS, len(x) // 2)
    x_hat = decode(autoencoder, encode(autoencoder, x)).cpu()
    parts = [
        "<h3>Reconstructions</h3>",
        picture(
            figures.grid([x[:10], x_hat[:10]], ["input", "reconstruction"]),
            "Test images above, their reconstructions below.",
        ),
    ]
    if n:
        paths = interpolate(autoencoder, x[:n], x[n : 2 * n], STEPS).cpu()
        faded = torch.lerp(x[:1], x[n : n + 1], torch.linspace(0, 1, STEPS)[:, None, None, None])
        captions = [*["mixes of codes"] * n, "mixes of pixels"]
        parts += [
            "<h3>Mixes of two</h3>",
            picture(
                figures.grid([*paths, faded], captions),
                "Decoded straight lines between the codes of two test images each; for comparison "
                "the first pair as a cross-fade of pixels.",
            ),
        ]
    if len(x) >= 3:
        drawn = draw(x[:3], codes(autoencoder), ".png", steps=7)
        parts += [
            "<h3>Mixes of three</h3>",
            picture(
                drawn, "Three test images at the corners, decoded mixes of their codes between."
            ),
        ]
    if "mixer" in nets:
        parts += ["<h3>Mixes under labels</h3>", _wishes(run, nets, x)]
    channels, height, _ = run.code_shape
    if height == 1 and channels <= MOST:
        film = figures.filmed(figures.traversals(autoencoder, data)[1], ".webp")
        said = (
            "Every row moves one dimension of the code by two standard deviations to either side, "
            "that which changes most first. It moves on a screen."
        )
        parts += ["<h3>Dimensions of the code</h3>", picture(film, said, kind="image/webp")]
    parts += ["<h3>Map of codes</h3>", _map(autoencoder, {"": data.test}, data)]
    return "".join(
        [*parts, "<h3>Failures</h3>", _worst(autoencoder, data.test), _unlike(run, nets, data)]
    )


def two_domains(run: Run, nets: nn.ModuleDict, data: Domains) -> str:
    """Translations, accuracy over training, the map of both domains, failures."""
    x, _ = data.source.test.take(figures.spread_over_classes(data.source, 10))
    parts = [
        "<h3>Translations</h3>",
        picture(
            figures.translations(run, nets, x, data.target.test),
            "Source test images, translations with other styles, target images and their "
            "reconstructions.",
        ),
    ]
    if points := read_curve(run):
        lines = {
            name: [(p["step"], p[name]) for p in points if name in p]
            for name in ("source", "target")
        }
        parts += [
            "<h3>Accuracy over training</h3>",
            figures.legend(figures.line_colours(list(lines))),
            f'<div class="charts">{figures.chart(lines, "accuracy", x="step")}</div>',
        ]
    domains = {data.source.name: data.source.test, data.target.name: data.target.test}
    parts += [
        "<h3>Map of codes</h3>",
        _map(nets["autoencoder"], domains, data),
        "<h3>Failures</h3>",
    ]
    if data.target.test.has_labels:
        if drawn := figures.mistakes(nets, data):
            parts.append(picture(drawn, "Target test images that are misread: class as reading."))
        else:
            parts.append("<p>No target test image is misread.</p>")
    x, _ = data.source.test.take(torch.arange(min(LOOKED_THROUGH, len(data.source.test))))
    made = translate(run.domain_method, nets, x, run.styles())
    worst = convincing(run, nets, made).argsort()[:FAILURES]
    said = "The translations that convince the critic least, below their source images."
    parts.append(picture(figures.grid([x[worst], made[worst]], ["source", "translated"]), said))
    unsure = probabilities(reader(nets), made).max(1).values.argsort()[:FAILURES]
    said = "The translations that the classifier is least sure of, below their source images."
    parts.append(picture(figures.grid([x[unsure], made[unsure]], ["source", "translated"]), said))
    return "".join(parts)


@torch.inference_mode()
def convincing(run: Run, nets: nn.ModuleDict, x: Tensor) -> Tensor:
    """How real the critic of a run finds images (n, C, H, W): (n,), higher is more so."""
    device = next(nets.parameters()).device
    logits = torch.cat([nets["critic"](part.to(device)).cpu() for part in x.split(256)])
    score = logits.reshape(len(x), -1).float().mean(1)  # of all patches, where it looks at some
    return -score if isinstance(run.config.method, ACAI) else score  # which reads how mixed it is


def training_pictures(run: Run) -> str:
    """Samples drawn while the run was trained: the first, one between, and the last."""
    drawn = list(run.samples.items())
    if not drawn:
        return "<p>No picture was drawn during training.</p>"
    chosen = dict.fromkeys((drawn[0], drawn[(len(drawn) - 1) // 2], drawn[-1]))
    return "".join(picture(path.read_bytes(), f"After {step:,} steps.") for step, path in chosen)


def _wishes(run: Run, nets: nn.ModuleDict, x: Tensor) -> str:
    whole = not run.facts.attributes
    y = read_attributes(nets, x, whole=whole)
    first, second = _most_unlike(y)
    pair, known = x[[first, second]], y[[first, second]]
    wishes = wishes_of(known)[:16]
    with fixed_seed(0):
        rows = mixes(nets, pair, known, torch.stack(wishes), 8)
    _, told = captions(known, wishes, run.facts.wishes, whole=whole)
    return picture(
        figures.grid([pair, *rows], ["the two images", *told]),
        "Two test images, then mixes of them: a row for each combination of what the two have, "
        "with masks drawn at random.",
    )


def _most_unlike(y: Tensor) -> tuple[int, int]:
    apart = (y[:, None] != y[None]).sum(2)
    return divmod(int(apart.argmax()), len(y))


def _map(autoencoder: nn.Module, parts: dict[str, ImageSet], data: Data) -> str:
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    found = []
    for name, images in parts.items():
        order = torch.randperm(len(images), generator=seeded("codes picture"))[:POINTS]
        x, y = images.take(order)
        kinds = [-1] * len(x) if y is None or y.ndim > 1 else y.tolist()
        told = [data.classes[c] if c >= 0 and data.classes else "no class" for c in kinds]
        found.append((content(autoencoder, x).flatten(1).cpu(), [(kind, name) for kind in told]))
    try:
        points = figures.project(torch.cat([z for z, _ in found]).numpy())
    except ValueError as error:
        return f"<p>{error}.</p>"
    for point, group in zip(points.tolist(), [g for _, gs in found for g in gs], strict=True):
        groups.setdefault(group, []).append((point[0], point[1]))
    groups = dict(sorted(groups.items()))
    hollow = list(parts)[-1] if len(parts) > 1 else ""
    title = f"Codes of {len(points):,} test images in two principal components"
    marks = figures.colours(kind for kind, _ in groups)
    rings = f" Rings are {hollow}, discs {next(iter(parts))}." if hollow else ""
    return (
        f"<figure>{figures.legend(marks) if len(marks) > 1 else ''}"
        f"{figures.scatter(groups, title, hollow=hollow)}"
        f"<figcaption>{title}.{rings}</figcaption></figure>"
    )


def _worst(autoencoder: nn.Module, images: ImageSet) -> str:
    x, _ = images.take(torch.arange(min(LOOKED_THROUGH, len(images))))
    x_hat = decode(autoencoder, encode(autoencoder, x)).cpu().clamp(-1, 1)
    error = (x - x_hat).abs().flatten(1).mean(1)
    worst = error.argsort(descending=True)[:FAILURES]
    said = (
        f"The worst of {len(x):,} reconstructions: mean absolute difference "
        f"{error[worst[0]]:.3f} and less, where the average is {error.mean():.3f}."
    )
    return picture(figures.grid([x[worst], x_hat[worst]], ["input", "reconstruction"]), said)


def _unlike(run: Run, nets: nn.ModuleDict, data: Data) -> str:
    if "critic" not in nets:
        return "<p>There is no critic in this run, so nobody says which mixes convince least.</p>"
    k, mixer, autoencoder = run.config.parents, run.config.mixer, nets["autoencoder"]
    under_labels = suits("wishes", data, nets, run.facts)
    test = data.test.known() if under_labels else data.test
    x, y = test.take(torch.arange(min(LOOKED_THROUGH, len(test))))
    z = encode(autoencoder, x)
    with fixed_seed(0):
        chosen = torch.stack([torch.randperm(len(z)) for _ in range(k)])
        labels = y[chosen] if under_labels and y is not None else None
        weights, wanted = draw_weights(nets, z[chosen], mixer, labels)
        made = decode(autoencoder, mix(z[chosen], weights)).cpu()
    how = mixer if wanted is None else "under labels"
    worst = convincing(run, nets, made).argsort()[:FAILURES]
    rows = [x[index[worst]] for index in chosen]
    return picture(
        figures.grid([*rows, made[worst]], [*["parent"] * k, "mix"]),
        f"Of {len(made):,} random mixes ({how}) those that convince the critic least.",
    )

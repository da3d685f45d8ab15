"""Pictures: grids with captions, strips, triangles, animations, loss curves, projections.

Images are (n, C, H, W) in [-1, 1], clipped when drawn. Files are written whole or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn

from .data import Data, seeded, to_uint8
from .evaluate import decode, encode, interpolate
from .mixing import MIXERS, for_each, mix
from .runs import Run, write

CELL = 64  # an image is drawn at least so many pixels wide
GAP = 2
PAPER, INK = (255, 255, 255), (40, 40, 40)
STEPS = 11


def to_picture(image: Tensor, scale: int = 1) -> Image.Image:
    """One image (C, H, W) as an RGB picture, enlarged `scale` times without smoothing."""
    pixels = to_uint8(image.detach().cpu()).permute(1, 2, 0).numpy()
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    size = (picture.width * scale, picture.height * scale)
    return picture.resize(size, Image.Resampling.NEAREST)


def grid(rows: Sequence[Tensor], captions: Sequence[str] = ()) -> Image.Image:
    """Rows of images, each (n, C, H, W), one caption beside each row."""
    scale = max(1, CELL // rows[0].shape[-1])
    side = rows[0].shape[-1] * scale + GAP
    font = ImageFont.load_default(size=13)
    margin = max((int(font.getlength(c)) for c in captions), default=-12) + 12
    width = margin + side * max(len(row) for row in rows) + GAP
    sheet = Image.new("RGB", (width, side * len(rows) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, row in enumerate(rows):
        top = GAP + i * side
        if i < len(captions):
            draw.text((6, top + side / 2), captions[i], INK, font, anchor="lm")
        for j, image in enumerate(row):
            sheet.paste(to_picture(image, scale), (margin + GAP + j * side, top))
    return sheet


def triangle_weights(steps: int) -> list[list[tuple[float, float, float]]]:
    """Weights of three parents by row: the first at the top, the others at the lower corners."""
    last = steps - 1
    return [[(1 - r / last, (r - c) / last, c / last) for c in range(r + 1)] for r in range(steps)]


def triangle(images: Tensor, steps: int) -> Image.Image:
    """Mixes (n, C, H, W) in the order of `triangle_weights`, with the parents at the corners."""
    scale = max(1, CELL // images.shape[-1])
    side = images.shape[-1] * scale + GAP
    sheet = Image.new("RGB", (side * steps + GAP, side * steps + GAP), PAPER)
    at = 0
    for row in range(steps):
        left = (sheet.width - side * (row + 1)) // 2
        for column in range(row + 1):
            spot = (left + column * side, GAP + row * side)
            sheet.paste(to_picture(images[at], scale), spot)
            at += 1
    return sheet


def contact_sheet(data: Data, columns: int = 10, rows: int = 8) -> Image.Image:
    """Training images of a set: a row a class where it has labels, else the first ones."""
    labels = data.train.labels
    if labels is None or not data.classes:
        index = torch.arange(min(columns * rows, len(data.train)))
        return grid([data.train.take(chunk)[0] for chunk in index.split(columns)])
    shown = range(min(len(data.classes), 20))
    members = [(labels.cpu() == c).nonzero().flatten()[:columns] for c in shown]
    return grid(
        [data.train.take(m)[0] for m in members if len(m)],
        [data.classes[c] for c in shown if len(members[c])],
    )


def save(picture: Image.Image, path: Path) -> None:
    """A PNG, whole or not at all."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    write(path, buffer.getvalue())


def save_image(image: Tensor, path: Path) -> None:
    """One uint8 image (C, H, W) as a PNG of its own size."""
    pixels = image.permute(1, 2, 0).numpy()
    save(Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), path)


def animate(
    images: Tensor, path: Path, *, closed: bool = False, frames_per_second: int = 12
) -> None:
    """Images (n, C, H, W) as a looping .gif or .mp4: around if `closed`, else forth and back.

    Raises ValueError for other suffixes, and where .mp4 needs the extra `video`.
    """
    scale = max(1, 4 * CELL // images.shape[-1])
    frames = [to_picture(image, scale) for image in images]
    frames = frames[:-1] if closed else frames + frames[-2:0:-1]
    buffer = io.BytesIO()
    if path.suffix == ".gif":
        frames[0].save(
            buffer,
            "GIF",
            save_all=True,
            append_images=frames[1:],
            duration=1000 // frames_per_second,
            loop=0,
        )
    elif path.suffix == ".mp4":
        buffer.write(_mp4(frames, frames_per_second))
    else:
        raise ValueError(f"{path} must end in .gif or .mp4")
    write(path, buffer.getvalue())


def _mp4(frames: list[Image.Image], rate: int) -> bytes:
    try:
        import imageio.v3 as imageio
        import imageio_ffmpeg  # noqa: F401  the codec that imageio calls
    except ImportError as error:
        raise ValueError(
            "writing .mp4 needs the extra 'video': pip install 'resynthesis[video]'"
        ) from error
    stack = np.stack([np.asarray(frame) for frame in frames])
    return imageio.imwrite("<bytes>", stack, extension=".mp4", fps=rate, codec="libx264")


def training_picture(run: Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
    """Input, reconstruction, partners and mixes of validation images, drawn during training."""
    autoencoder = nets["autoencoder"]
    method = run.config.method
    k = int(getattr(method, "parents", 2))
    mixer = str(getattr(method, "mixer", "mixup"))
    n = min(10, len(data.valid))
    torch.manual_seed(0)
    x, _ = data.valid.take(torch.randperm(len(data.valid))[:n])
    z = encode(autoencoder, x)
    # Neighbours as partners: a permutation may pair an image with itself.
    chosen = torch.stack([torch.arange(n, device=z.device).roll(-i) for i in range(k)])
    z_mix = mix(z[chosen], MIXERS[mixer](k, z))
    x = x.to(z.device)
    others = [x[index] for index in chosen[1:]]
    save(
        grid(
            [x, decode(autoencoder, z), *others, decode(autoencoder, z_mix)],
            [
                "input x",
                "reconstruction g(f(x))",
                *["partner"] * len(others),
                f"mix g(z_m), {mixer}",
            ],
        ),
        run.pictures / f"step-{step:07d}.png",
    )


def evaluation_pictures(run: Run, nets: nn.ModuleDict, data: Data) -> None:
    """Reconstructions, interpolations, a triangle and codes of test images; the loss curves."""
    autoencoder = nets["autoencoder"]
    index = spread_over_classes(data, 16)
    x, _ = data.test.take(index)
    x_hat = decode(autoencoder, encode(autoencoder, x))
    save(
        grid([x[:10], x_hat[:10]], ["input x", "reconstruction g(f(x))"]),
        run.pictures / "reconstructions.png",
    )
    pairs = min(8, len(x) // 2)
    paths = interpolate(autoencoder, x[:pairs], x[pairs : 2 * pairs], STEPS)
    save(grid(list(paths)), run.pictures / "interpolations.png")
    if len(x) >= 3:
        steps = 7
        weights = torch.tensor([w for row in triangle_weights(steps) for w in row])
        z = encode(autoencoder, x[:3])
        mixes = decode(autoencoder, mix(z[:, None], for_each(weights, z)))
        save(triangle(mixes, steps), run.pictures / "triangle.png")
    codes_picture(autoencoder, data, run.pictures / "codes.png")
    if lines := run.log():
        formulas = run.config.whole_method().formulas
        curves({run.path.name: lines}, run.pictures / "losses.png", formulas)


def spread_over_classes(data: Data, count: int) -> Tensor:
    """Indices of test images, class after class so that all are seen."""
    labels = data.test.labels
    n = len(data.test)
    if labels is None:
        return torch.linspace(0, n - 1, min(count, n)).long()
    groups = [(labels.cpu() == c).nonzero().flatten().tolist() for c in range(len(data.classes))]
    order = [g[i] for i in range(max(map(len, groups))) for g in groups if i < len(g)]
    return torch.tensor(order[:count])


def codes_picture(autoencoder: nn.Module, data: Data, path: Path, *, most: int = 2000) -> None:
    """The first two principal components of test codes, coloured by class."""
    from sklearn.decomposition import PCA

    order = torch.randperm(len(data.test), generator=seeded("codes picture"))
    x, y = data.test.take(order[:most])
    z = encode(autoencoder, x).flatten(1).cpu().numpy()
    if min(z.shape) < 2:
        return
    pca = PCA(2, random_state=0).fit(z)
    points, share = pca.transform(z), pca.explained_variance_ratio_
    figure = _figure(6.4, 5.6)
    axes = figure.subplots()
    if y is None:
        axes.scatter(*points.T, s=6, alpha=0.6, linewidths=0)
    else:
        colours = _colours(len(data.classes))
        for c, name in enumerate(data.classes):
            chosen = points[y.cpu().numpy() == c]
            short = name if len(name) <= 16 else f"{name[:15]}…"
            axes.scatter(*chosen.T, s=7, alpha=0.6, linewidths=0, label=short, color=colours[c])
        if len(data.classes) <= 20:
            axes.legend(markerscale=2.5, frameon=False, bbox_to_anchor=(1, 1), loc="upper left")
    axes.set_xlabel(f"first principal component ({share[0]:.0%} of the variance)")
    axes.set_ylabel(f"second ({share[1]:.0%})")
    axes.set_title(f"Codes of {len(points):,} test images of {data.name}")
    _save_figure(figure, path)


def _colours(n: int) -> list[Any]:
    """n colours that differ."""
    from matplotlib import colormaps

    if n <= 20:
        return list(colormaps["tab10" if n <= 10 else "tab20"].colors[:n])  # type: ignore[attr-defined]
    return [colormaps["turbo"](i / (n - 1)) for i in range(n)]


def curves(
    logs: dict[str, list[dict[str, Any]]], path: Path, formulas: dict[str, str] | None = None
) -> None:
    """Every logged term over images seen: one panel a term, one curve a run.

    formulas: player/term -> what stands in the method's equation, as mathtext.
    """
    terms = list(dict.fromkeys(k for lines in logs.values() for k in lines[-1] if "/" in k))
    across = min(3, len(terms))
    down = -(-len(terms) // across)
    figure = _figure(4 * across, 2.7 * down)
    panels = figure.subplots(down, across, squeeze=False).flatten()
    for panel, term in zip(panels, terms, strict=False):
        for name, lines in logs.items():
            points = [(line["images"], line[term]) for line in lines if term in line]
            panel.plot(*zip(*points, strict=True), linewidth=1.2, label=name)
        player, name = term.split("/")
        formula = (formulas or {}).get(term)
        panel.set_title(f"{player}: {name}" + (f"   ${formula}$" if formula else ""), fontsize=10)
        panel.grid(alpha=0.25)
        panel.ticklabel_format(axis="x", style="sci", scilimits=(0, 4))
    for panel in panels[len(terms) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(terms) - across) : len(terms)]:
        panel.set_xlabel("images seen")
    if len(logs) > 1:
        panels[0].legend(fontsize=8, frameon=False)
    _save_figure(figure, path)


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    return Figure(figsize=(width, height), layout="constrained")


def _save_figure(figure: Any, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write(path, buffer.getvalue())

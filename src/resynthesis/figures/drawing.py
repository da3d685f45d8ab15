"""Drawing: grids with captions, triangles, contact sheets, animations, and files of them.

Images are (n, C, H, W) in [-1, 1], clipped when drawn. Files are written whole or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..data import Data, to_uint8
from ..runs import write

CELL = 64  # an image is drawn at least so many pixels wide
GAP, LINE, COLUMNS = 2, 18, 10
PAPER, INK = (255, 255, 255), (40, 40, 40)
MOST_ROWS = 20  # of a contact sheet
FILMS = (".gif", ".webp", ".mp4")


def exact(image: Tensor) -> Image.Image:
    """One image (C, H, W), uint8 or in [-1, 1], as a grey or RGB picture, a pixel a pixel."""
    image = image.detach().cpu()
    pixels = (image if image.dtype == torch.uint8 else to_uint8(image)).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def to_picture(image: Tensor, scale: int = 1) -> Image.Image:
    """One image (C, H, W) as an RGB picture, enlarged `scale` times without smoothing."""
    picture = exact(image).convert("RGB")
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


def labelled(images: Tensor, texts: Sequence[str], columns: int = COLUMNS) -> Image.Image:
    """Images (n, C, H, W), each with a short text below it."""
    scale = max(1, CELL // images.shape[-1])
    side = images.shape[-1] * scale + GAP
    font = ImageFont.load_default(size=12)
    wide = max(side, *(int(font.getlength(text)) + 8 for text in texts))
    down = -(-len(images) // columns)
    sheet = Image.new("RGB", (wide * min(columns, len(images)), (side + LINE) * down), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (image, text) in enumerate(zip(images, texts, strict=True)):
        left, top = i % columns * wide, i // columns * (side + LINE)
        sheet.paste(to_picture(image, scale), (left + (wide - side) // 2, top + GAP))
        draw.text((left + wide / 2, top + side + LINE / 2), text, INK, font, anchor="mm")
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
    """Training images of a set: a row a class, or a value of an attribute, else the first ones."""
    named = rows_of_labels(data)
    if not named:
        index = torch.arange(min(columns * rows, len(data.train)))
        return grid([data.train.take(chunk)[0] for chunk in index.split(columns)])
    chosen = {name: places[:columns] for name, places in named.items()}
    return grid([data.train.take(places)[0] for places in chosen.values()], list(chosen))


def rows_of_labels(data: Data) -> dict[str, Tensor]:
    """Class, or attribute and value -> places of its training images; the first MOST_ROWS."""
    if data.train.labels is None:
        return {}
    labels = data.train.labels.cpu()
    conditions = [(name, labels == c) for c, name in enumerate(data.classes)]
    if labels.ndim > 1:
        conditions = [
            (f"{name} = {value}", column == value)
            for name, column in zip(data.attributes, labels.T, strict=True)
            for value in column[column >= 0].unique().tolist()
        ]
    there = ((name, found.nonzero().flatten()) for name, found in conditions if found.any())
    return dict(islice(there, MOST_ROWS))


def to_png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def save(picture: Image.Image, path: Path) -> None:
    """A PNG, whole or not at all."""
    write(path, to_png(picture))


def animated(images: Tensor, suffix: str, *, closed: bool = False) -> bytes:
    """Images (n, C, H, W) as a looping film: around if `closed`, else forth and back.

    Raises ValueError as `filmed` does.
    """
    scale = max(1, 4 * CELL // images.shape[-1])
    frames = [to_picture(image, scale) for image in images]
    return filmed(frames[:-1] if closed else frames + frames[-2:0:-1], suffix)


def filmed(frames: Sequence[Image.Image], suffix: str, *, frames_per_second: int = 12) -> bytes:
    """Pictures as a looping .gif, .webp (of exact colours) or .mp4.

    Raises ValueError for other suffixes, and where .mp4 needs the extra `video`.
    """
    if suffix == ".mp4":
        return _mp4(frames, frames_per_second)
    if suffix not in FILMS:
        raise ValueError(f"a film ends in {', '.join(FILMS)}, not in '{suffix}'")
    lossless = {"lossless": True} if suffix == ".webp" else {}
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        suffix[1:].upper(),
        save_all=True,
        append_images=frames[1:],
        duration=1000 // frames_per_second,
        loop=0,
        **lossless,
    )
    return buffer.getvalue()


def _mp4(frames: Sequence[Image.Image], rate: int) -> bytes:
    try:
        import imageio.v3 as imageio
        import imageio_ffmpeg  # noqa: F401  the codec that imageio calls
    except ImportError as error:
        raise ValueError(
            "writing .mp4 needs the extra 'video': pip install 'resynthesis[video]'"
        ) from error
    stack = np.stack([np.asarray(frame) for frame in frames])
    return imageio.imwrite("<bytes>", stack, extension=".mp4", fps=rate, codec="libx264")


def spread_over_classes(data: Data, count: int) -> Tensor:
    """Indices of test images, class after class so that all are seen, or evenly spaced ones."""
    labels = data.test.labels
    n = len(data.test)
    if labels is None or not data.classes:
        return torch.linspace(0, n - 1, min(count, n)).long()
    groups = [(labels.cpu() == c).nonzero().flatten().tolist() for c in range(len(data.classes))]
    order = [g[i] for i in range(max(map(len, groups))) for g in groups if i < len(g)]
    return torch.tensor(order[:count])

"""Pixels in: files and arrays of any usual kind become uint8 (N, C, H, W), or float in [-1, 1]."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

SIZES = (16, 28, 32, 64, 128)  # heights and widths that the nets take
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}
UNREADABLE = (  # what Pillow raises for files that are no whole image
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
)
GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "I;16L"}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How images are read from files."""

    size: int
    """Height and width that they are brought to."""
    strict: bool = False
    """Refuse a broken file instead of leaving it out."""
    memory: float = 2.0
    """Images whose pixels take more than so many GiB are streamed from disk."""


def check_size(size: int) -> None:
    """Raises ValueError where the nets take no images of this size."""
    if size not in SIZES:
        raise ValueError(f"the image size must be one of {', '.join(map(str, SIZES))}, not {size}")


def brought(name: str, shape: tuple[int, ...], size: int, example: str = "") -> tuple[str, ...]:
    """What to tell where images of `shape`, height and width, are not of the wanted size.

    example: the one whose shape it is, where not all have it.
    """
    if shape == (size, size):
        return ()
    what = "images" if shape[0] == shape[1] else "the centre squares of images"
    such = f" such as {example}," if example else " of"
    return (f"{name}: {what}{such} {shape[0]}x{shape[1]} are brought to {size}x{size}",)


class BadImage(ValueError):
    """A file that cannot be read as an image; the message names it and says why."""


def shape_of(path: str | Path) -> tuple[int, int]:
    """Height and width of a file, upright; raises BadImage where it is broken."""
    try:
        with Image.open(path) as image:
            width, height = _upright(image).size
    except UNREADABLE as error:
        raise BadImage(f"{path} is broken ({_short(error)})") from error
    return height, width


def is_colour(path: str | Path) -> bool:
    """Whether a file's header says colour; raises BadImage where there is no image in it."""
    try:
        with Image.open(path) as image:
            return image.mode not in GREY
    except UNREADABLE as error:
        raise BadImage(f"{path} is not a readable image") from error


def decode(path: str | Path, size: int, channels: int) -> np.ndarray:
    """A file as uint8 (channels, size, size): upright, on white, centre square, resized.

    Resizing is bilinear with antialiasing. Raises BadImage where the file is broken.
    """
    try:
        with Image.open(path) as image:
            array = np.asarray(square(image, size, channels))
    except UNREADABLE as error:
        raise BadImage(f"{path} is broken ({_short(error)})") from error
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def square(image: Image.Image, size: int, channels: int) -> Image.Image:
    """An opened image as L or RGB of size x size: upright, on white, its centre square."""
    mode = "RGB" if channels == 3 else "L"
    image.draft(mode, (size, size))
    flat = flatten(_upright(image)).convert(mode)
    side = min(flat.size)
    left, top = (flat.width - side) // 2, (flat.height - side) // 2
    box = (left, top, left + side, top + side)
    return flat.crop(box).resize((size, size), Image.Resampling.BILINEAR)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF tag says; where that is broken, as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except (struct.error, SyntaxError, TypeError, LookupError):
        return image


def flatten(image: Image.Image) -> Image.Image:
    """Any Pillow mode to L or RGB: 16 bits scaled down, transparency laid on white."""
    if image.mode.startswith("I"):
        array = np.asarray(image).astype(np.int64)
        return Image.fromarray((array.clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no fixed range")
    if "A" in image.mode or "transparency" in image.info:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", colour.size, "white")
        white.alpha_composite(colour)
        return white.convert("L" if image.mode == "LA" else "RGB")
    return (
        image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    )


def as_images(array: object, *, name: str = "images", signed: bool | None = None) -> Tensor:
    """Arrays (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3, as (n, c, h, w).

    uint8 stays uint8. Floats become float32 in [-1, 1]: from [-1, 1] where `signed`, from [0, 1]
    where not; where it is None, any negative value decides for [-1, 1]. Raises ValueError for
    other shapes, dtypes and ranges, and for NaN.
    """
    if isinstance(array, Tensor):
        x = array.detach().cpu()
    else:
        values = np.ascontiguousarray(array)
        if values.dtype not in (np.uint8, np.float16, np.float32, np.float64):
            raise ValueError(f"{name} must be uint8 or floating point, not {values.dtype}")
        x = torch.as_tensor(values)
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.permute(0, 3, 1, 2)
    if x.ndim != 4 or x.shape[1] not in (1, 3) or x.shape[2] != x.shape[3]:
        raise ValueError(
            f"{name} must be square and of shape (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 "
            f"or 3, not {tuple(x.shape)}"
        )
    if x.numel() == 0:
        raise ValueError(f"{name} is empty")
    if x.dtype == torch.uint8:
        return x.contiguous()
    if not x.is_floating_point():
        raise ValueError(f"{name} must be uint8 or floating point, not {x.dtype}")
    if not bool(x.isfinite().all()):
        bad = int((~x.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"{name} has NaN or infinite values in {bad} of {len(x)} images")
    low, high = float(x.min()), float(x.max())
    signed = low < 0 if signed is None else signed
    if low < -signed or high > 1:
        ranges = "[-1, 1]" if signed and low >= -1 else "[0, 1] or [-1, 1]"
        raise ValueError(f"{name} must be in {ranges}, not [{low:.4g}, {high:.4g}]")
    x = x.float()
    return (x if signed else x * 2 - 1).contiguous()


def resize(images: Tensor, size: int) -> Tensor:
    """(n, c, h, w) to (n, c, size, size), same dtype, bilinear with antialiasing."""
    if images.shape[-1] == size:
        return images
    chunks = []
    for chunk in images.split(4096):
        x = F.interpolate(chunk.float(), (size, size), mode="bilinear", antialias=True)
        chunks.append(x.round().clamp(0, 255).byte() if images.dtype == torch.uint8 else x)
    return torch.cat(chunks)


def to_uint8(x: Tensor) -> Tensor:
    """Float images in [-1, 1], clipped, as uint8."""
    return x.float().add(1).mul(127.5).round().clamp(0, 255).byte()


def _short(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]

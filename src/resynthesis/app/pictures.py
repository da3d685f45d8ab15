"""Pictures on their way to and from the page: small PNGs in data: addresses, and uploads.

An upload is decoded in memory and goes back to the page as a small square; no file is made.
"""

from __future__ import annotations

import base64
import binascii
import io
import threading
import warnings

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ..data import to_float
from ..data.images import square
from ..figures import exact, to_png
from ..report import uri

BYTES = 20 << 20  # of an upload
PIXELS = 50_000_000  # of an upload
SIDE = 256  # of what the page keeps of it
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM")
START = "data:image/png;base64,"
LONGEST = 400_000  # characters of a picture that the page sends back
_one_at_a_time = threading.Lock()  # a large photograph takes some hundred MB


def to_uri(image: Tensor) -> str:
    """An image (C, H, W) in [-1, 1] as it is, a pixel a pixel."""
    return uri(to_png(exact(image)))


def from_uri(text: object, size: int, channels: int) -> Tensor:
    """What `to_uri` or `accept` made, as (channels, size, size) in [-1, 1].

    Raises ValueError for anything else.
    """
    if not isinstance(text, str) or not text.startswith(START) or len(text) > LONGEST:
        raise ValueError("an image must be one that this page was given")
    try:
        content = base64.b64decode(text[len(START) :], validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if max(image.size) > SIDE:
                raise ValueError(f"an image on this page is at most {SIDE} pixels wide")
            array = np.array(square(image, size, channels))
    except (OSError, SyntaxError, binascii.Error, Image.DecompressionBombError) as error:
        raise ValueError("an image on this page is broken: choose it again") from error
    pixels = torch.from_numpy(array)
    return to_float(pixels[None] if channels == 1 else pixels.permute(2, 0, 1))


def accept(name: str, text: str) -> str:
    """An uploaded file, in base64, as a square of at most 256 pixels for `from_uri`.

    Raises ValueError, with one sentence, where it is too large, broken or no image.
    """
    name = name[:60] or "the file"
    if len(text) > BYTES * 4 // 3 + 4:
        raise ValueError(f"{name} is too large: an upload may have {BYTES >> 20} MiB")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name} arrived broken: try again") from error
    if not content:
        raise ValueError(f"{name} is empty")
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.width * image.height > PIXELS:
                    raise Image.DecompressionBombError
                drawn = square(image, min(SIDE, *image.size), 3)
        except UnidentifiedImageError as error:
            kinds = ", ".join(FORMATS)
            raise ValueError(f"{name} is no image that can be read here ({kinds})") from error
        except Image.DecompressionBombError as error:
            raise ValueError(
                f"{name} has too many pixels: {PIXELS / 1e6:.0f} megapixels are allowed"
            ) from error
        except (OSError, SyntaxError) as error:
            raise ValueError(f"{name} is broken: it cannot be decoded") from error
    return uri(to_png(drawn))

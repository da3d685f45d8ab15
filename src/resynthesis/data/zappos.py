"""UT Zappos50K: catalogue photographs of shoes, in folders category/type/brand."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .folder import find, gather, notes
from .images import Reading
from .pictures import Pictures
from .sets import Data, split
from .unpack import BROKEN_ZIP, is_image

CATEGORIES = ("Boots", "Sandals", "Shoes", "Slippers")
FILES = range(50_000, 51_000)  # 50,025 by its page
INSIDE = "ut-zap50k-images-square"


def is_zappos(archive: Path) -> bool:
    """Whether a .zip has so many images as the official one, in its four categories.

    No checksum of it has been published.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            names = [name for name in packed.namelist() if is_image(name)]
    except BROKEN_ZIP:
        return False
    found = {name.split("/")[1] for name in names if name.startswith(f"{INSIDE}/")}
    return found == set(CATEGORIES) and len(names) in FILES


ZAPPOS = Pictures(
    archive="ut-zap50k-images-square.zip",
    inside=INSIDE,
    homes=("zappos", "."),
    mirrors=("https://vision.cs.utexas.edu/projects/finegrained/utzap50k",),
    check=is_zappos,
    files=FILES,
    total=1 << 31,
)


def load_zappos(folder: Path, how: Reading) -> Data:
    """UT Zappos50K (Yu and Grauman, 2014) by category; there are no official parts: by seed.

    Raises ValueError where what was found is broken or another set, and DownloadError.
    """
    place = ZAPPOS.bring(folder)
    images, labels, classes = find(place)
    if classes != CATEGORIES or len(images) not in ZAPPOS.files:
        raise ValueError(
            f"{place} has {len(images):,} images in {len(classes)} folders, and UT Zappos50K has "
            f"50,025 in {', '.join(CATEGORIES)}: remove it to unpack it again"
        )
    whole, errors = gather(place, images, labels, how, channels=3)
    train, valid, test = split(whole, classes=classes)
    return Data("zappos", train, valid, test, classes, notes(errors))

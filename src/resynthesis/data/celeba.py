"""CelebA: faces of celebrities with forty attributes, aligned and cropped, with official parts.

Its home is a folder on Google Drive, which turns visitors away on days when it has had many.
"""

from __future__ import annotations

from pathlib import Path

from .attributes import read_table
from .download import fetch, find
from .folder import gather_parts, notes
from .images import Reading
from .names import Names
from .pictures import Pictures
from .sets import Data

DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
ATTRIBUTES = "list_attr_celeba.txt"
PARTS = "list_eval_partition.txt"
LISTS = {  # their places on the drive and MD5, as torchvision lists them
    ATTRIBUTES: ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c"),
    PARTS: ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668"),
}
CELEBA = Pictures(
    archive="img_align_celeba.zip",
    inside="img_align_celeba",
    homes=("celeba", "CelebA", "."),
    mirrors=(
        f"{DRIVE}0B7EVK8r0v71pZjFTYXZWM3FlRnM",
        "https://s3.amazonaws.com/pytorch-tutorial-assets",
    ),
    # As TensorFlow Datasets lists it.
    check="46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
    files=range(202_599, 202_600),
    total=1 << 31,
)
PART_NUMBERS = ("0", "1", "2")  # train, validation, test
COLUMNS = 40


def load_celeba(folder: Path, how: Reading) -> Data:
    """CelebA (Liu et al., ICCV 2015) in its official parts; labels are a table (N, 40).

    Each image, 178x218, is cut to its central square. Lists that are there already are known by
    what is in them: as many rows as there are images, and forty attributes. Raises ValueError
    where what was found is broken or another set, and DownloadError.
    """
    places = CELEBA.places(folder)
    every = [*LISTS, *([] if CELEBA.is_here(folder) else [CELEBA.archive])]
    attributes, parts = (
        find(name, *places) or fetch(name, [DRIVE + at], f"md5:{md5}", places[0], others=every)
        for name, (at, md5) in LISTS.items()
    )
    table = read_table(attributes)
    part = read_parts(parts)
    if len(table.files) not in CELEBA.files or len(table.attributes) != COLUMNS:
        raise ValueError(
            f"{attributes} has {len(table.files):,} images and {len(table.attributes)} attributes, "
            f"and CelebA has {CELEBA.files.start:,} and {COLUMNS}"
        )
    if part.keys() != set(table.files):
        raise ValueError(f"{attributes} and {parts} do not name the same images")
    images = CELEBA.bring(folder, others=every)
    chosen = []
    for number in PART_NUMBERS:
        rows = [i for i, name in enumerate(table.files) if part[name] == number]
        chosen.append((Names(table.files[i] for i in rows), table.labels[rows]))
    (train, valid, test), errors = gather_parts(images, chosen, how)
    return Data("celeba", train, valid, test, notes=notes(errors), attributes=table.attributes)


def has_celeba(folder: Path) -> bool:
    """Whether the files are in a data folder."""
    places = CELEBA.places(folder)
    return CELEBA.is_here(folder) and all(find(name, *places) for name in (ATTRIBUTES, PARTS))


def read_parts(path: Path) -> dict[str, str]:
    """Image -> "0", "1" or "2" for train, validation and test. Raises ValueError otherwise."""
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        cells = line.split()
        if cells and (len(cells) != 2 or cells[1] not in PART_NUMBERS or cells[0] in found):
            raise ValueError(f"line {number} of {path} is no new image and its part: {line[:60]!r}")
        if cells:
            found[cells[0]] = cells[1]
    return found

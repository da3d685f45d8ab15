"""CelebA: faces of celebrities with forty attributes, aligned and cropped, with official parts.

Its home is a folder on Google Drive, which asks every visitor to confirm and turns many away:
nothing here fetches it, and the files have to be put in place by hand.
"""

from __future__ import annotations

from pathlib import Path

from .attributes import read_table
from .download import DownloadError, find
from .folder import gather_parts, notes
from .images import Reading
from .pictures import Pictures
from .sets import Data

ATTRIBUTES = "list_attr_celeba.txt"
PARTS = "list_eval_partition.txt"
CELEBA = Pictures(
    archive="img_align_celeba.zip",
    inside="img_align_celeba",
    homes=("celeba", "CelebA", "."),
    mirrors=(),
    # As TensorFlow Datasets lists it.
    check="46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
    files=range(202_599, 202_600),
    total=1 << 31,
)
PART_NUMBERS = ("0", "1", "2")  # train, validation, test
COLUMNS = 40


def load_celeba(folder: Path, how: Reading) -> Data:
    """CelebA (Liu et al., ICCV 2015) in its official parts; labels are a table (N, 40).

    Each image, 178x218, is cut to its central square. The two lists are known by what is in
    them: as many rows as there are images, and forty attributes. Raises ValueError where what
    was found is broken or another set, and DownloadError where a file is not there.
    """
    places = CELEBA.places(folder)
    found = {name: find(name, *places) for name in (ATTRIBUTES, PARTS)}
    missing = [name for name, path in found.items() if path is None]
    if not CELEBA.is_here(folder):
        missing.insert(0, f"{CELEBA.archive} (or the folder {CELEBA.inside})")
    if missing:
        raise DownloadError(
            "CelebA cannot be downloaded by a program, because its home is a folder on Google "
            "Drive (see https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html): put "
            f"{', '.join(missing)} into {places[0]} by hand, or point --data-dir at a folder that "
            "has them"
        )
    attributes, parts = (path for path in found.values() if path is not None)
    table = read_table(attributes)
    part = read_parts(parts)
    if len(table.files) not in CELEBA.files or len(table.attributes) != COLUMNS:
        raise ValueError(
            f"{attributes} has {len(table.files):,} images and {len(table.attributes)} attributes, "
            f"and CelebA has {CELEBA.files.start:,} and {COLUMNS}"
        )
    if part.keys() != set(table.files):
        raise ValueError(f"{attributes} and {parts} do not name the same images")
    images = CELEBA.bring(folder)
    chosen = []
    for number in PART_NUMBERS:
        rows = [i for i, name in enumerate(table.files) if part[name] == number]
        chosen.append(([images / table.files[i] for i in rows], table.labels[rows]))
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

"""Tables that say what is in images: CSV, or the text format of CelebA.

attributes.csv              attributes.txt

file,smiling,glasses        2
a.png,1,0                   smiling glasses
b.png,0,1                   a.png  1 -1
                            b.png -1  1

Values are -1, 0 and 1. In a column without any 0, -1 says no; in one that has a 0, 0 says no and
-1 that nobody knows. A table of one column named class or label gives classes by their names
instead, and an empty cell there is an unknown class. Files are named by their paths below the
folder of images.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .names import Names

TABLES = ("attributes.csv", "attributes.txt", "list_attr_celeba.txt")
CLASS_COLUMNS = ("class", "label")
VALUES = {"-1": -1, "0": 0, "1": 1}


@dataclass(frozen=True)
class Table:
    """What a table says. labels: classes (N,) or attributes (N, a), -1 where unknown, int64."""

    path: Path
    files: tuple[str, ...]
    labels: Tensor
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    def labels_of(self, folder: Path, names: Names) -> Tensor:
        """The labels of the images of these names in `folder`, in their order.

        Raises ValueError where an image has no row, or a row no image.
        """
        place = {name: i for i, name in enumerate(self.files)}
        rows = np.fromiter((place.get(name, -1) for name in names), np.int64, len(names))
        without = [names[int(i)] for i in (rows < 0).nonzero()[0]]
        seen = np.bincount(rows[rows >= 0], minlength=len(place))
        strange = sorted(self.files[i] for i in (seen == 0).nonzero()[0])
        if without or strange:
            wrong = [
                f"{len(found)} {what} ({', '.join(found[:3])}{', ...' if len(found) > 3 else ''})"
                for found, what in ((without, "images have no row"), (strange, "rows no image"))
                if found
            ]
            raise ValueError(
                f"{self.path} and {folder} do not fit, {' and '.join(wrong)}: mend the table, "
                "whose files are named by their paths below the folder"
            )
        return self.labels[torch.from_numpy(rows)]


def find_table(folder: Path, names: Names) -> Path | None:
    """The table in a folder of images, or else one beside it that names any of them.

    names: of the images. Raises ValueError where there are two.
    """
    for place in (folder, folder.resolve().parent):
        there = [place / name for name in TABLES if (place / name).is_file()]
        if found := [path for path in there if place == folder or _names_any(path, names)]:
            if len(found) > 1:
                raise ValueError(f"{found[0]} and {found[1]} are two tables: keep one of them")
            return found[0]
    return None


def _names_any(path: Path, names: Names) -> bool:
    """Whether any of the names stands first in a line of any text, table or not."""
    comma = "," if path.suffix == ".csv" else None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    first = {line.split(comma, 1)[0].strip(' "') for line in lines if line.strip()}
    return any(name in first for name in names)


def read_table(path: Path) -> Table:
    """A .csv, or else a text in CelebA's format.

    Raises ValueError, naming the file and the line, where it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: save it as that") from error
    return _read_csv(path, text) if path.suffix == ".csv" else _read_text(path, text)


def as_attributes(values: Tensor) -> Tensor:
    """Values (N, a) of -1, 0 and 1 as 0 and 1, where -1 is left it is unknown; int64."""
    has_zero = (values == 0).any(0)
    return torch.where((values < 0) & ~has_zero, 0, values.long())


def _read_csv(path: Path, text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows = ((reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row))
    try:
        _, head = next(rows, (0, []))
        if not head:
            raise ValueError(f"{path} is empty")
        if len(head) < 2:
            raise ValueError(
                f"{path} has one column only: it wants the file first, then attributes, with commas"
            )
        return _table(path, head[1:], rows)
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV ({error})") from error


def _read_text(path: Path, text: str) -> Table:
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(f"{path} is empty")
    first = lines[0][1].strip()
    if not first.isdecimal() or len(lines) < 2:
        raise ValueError(
            f"{path} does not begin with the number of images and a line of names, as the format "
            "of CelebA does"
        )
    if len(lines) - 2 != int(first):
        raise ValueError(f"{path} promises {int(first):,} rows, and has {len(lines) - 2:,}")
    return _table(path, lines[1][1].split(), ((i, line.split()) for i, line in lines[2:]))


def _table(path: Path, names: list[str], body: Iterable[tuple[int, list[str]]]) -> Table:
    """A table of named columns from its rows, each with the number of its line."""
    if "" in names:
        raise ValueError(f"{path} has a column without a name")
    if twice := _twice(names):
        raise ValueError(f"{path} names two columns '{twice}'")
    has_classes = len(names) == 1 and names[0].lower() in CLASS_COLUMNS
    number = {"": -1}  # of each class, in the order in which they come
    files, values = [], array("i" if has_classes else "b")
    for line, (file, *cells) in body:
        if len(cells) != len(names):
            raise ValueError(
                f"line {line} of {path} has {len(cells) + 1} cells, and {len(names) + 1} are wanted"
            )
        if file.startswith("/") or "\\" in file or ".." in file.split("/"):
            raise ValueError(f"{path} names a file that is not in its folder: '{file}'")
        files.append(file)
        if has_classes:
            values.append(number.setdefault(cells[0], len(number) - 1))
            continue
        try:
            values.extend([VALUES[cell] for cell in cells])
        except KeyError as error:
            raise ValueError(
                f"line {line} of {path} has {error}, and an attribute is -1, 0 or 1 (for classes, "
                "a single column named class)"
            ) from error
    if not files:
        raise ValueError(f"{path} has no rows")
    if twice := _twice(files):
        raise ValueError(f"{path} has two rows of '{twice}'")
    told = torch.from_numpy(np.array(values).reshape(len(files), len(names)))
    if not has_classes:
        return Table(path, tuple(files), as_attributes(told), attributes=tuple(names))
    classes = sorted(number.keys() - {""})
    place = torch.tensor([*(classes.index(name) for name in [*number][1:]), -1])
    return Table(path, tuple(files), place[told[:, 0].long()], tuple(classes))


def _twice(names: Sequence[str]) -> str | None:
    """The first name that was there before."""
    seen: set[str] = set()
    return next((n for n in names if n in seen or seen.add(n)), None)  # type: ignore[func-returns-value]

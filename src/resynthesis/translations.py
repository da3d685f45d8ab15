"""A folder of images through a run of two domains: redrawn in the target's style, or classified."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from . import figures
from .data import to_float, to_uint8
from .data.folder import find
from .data.images import BadImage
from .data.images import decode as read_image
from .data.unpack import whole_folder
from .evaluate import probabilities, reader, translate
from .methods import DomainMethod
from .runs import Run, write

CHUNK = 256


def translate_folder(
    run: Run, folder: Path, out: Path, *, variants: int = 1, seed: int = 0, device: str = "auto"
) -> tuple[int, tuple[str, ...]]:
    """A new folder with every image of `folder` in the target's style, under the same names.

    Class subfolders stay, so that the result is a labelled set in the target's style. With
    `variants` > 1 each image is drawn so often, with other styles, as NAME-1.png, NAME-2.png, ...
    The folder appears whole or not at all. Returns the number of pictures, and a note for each
    file that was skipped. Raises ValueError or OSError.
    """
    if variants < 1:
        raise ValueError(f"--variants must be at least 1, not {variants}")
    method = _check(run, folder)
    if variants > 1 and not method.borrows_style:
        raise ValueError(
            f"a run of {run.config.name} borrows no style, so that all {variants} variants of an "
            "image would be the same: leave out --variants"
        )
    nets, styles = run.load_nets(device), run.styles()
    skipped: list[str] = []
    taken: set[Path] = set()
    with whole_folder(out) as beside:
        for number, (names, x) in enumerate(_batches(run, folder, skipped)):
            for variant in range(variants):
                drawn = seed + variant + variants * number
                made = to_uint8(translate(method, nets, x, styles, seed=drawn))
                for place, image in zip(map(Path, names), made, strict=True):
                    suffix = f"-{variant + 1}" if variants > 1 else ""
                    name = place.with_name(f"{place.stem}{suffix}.png")
                    if name in taken:  # a.jpg beside a.png
                        name = place.with_name(f"{place.name}{suffix}.png")
                    taken.add(name)
                    (beside / name).parent.mkdir(parents=True, exist_ok=True)
                    figures.save(figures.exact(image), beside / name)
        if not taken:
            raise ValueError(f"none of the images in {folder} can be read")
    return len(taken), tuple(skipped)


def classify_folder(
    run: Run, folder: Path, out: Path, *, device: str = "auto"
) -> tuple[int, tuple[str, ...], int, int]:
    """predictions.csv: file, predicted class, and a column per class with its probability.

    Returns the number of rows, a note for each file that was skipped, how many images are in a
    subfolder that is named as a class, and how many of those are read as that class. Raises
    ValueError or OSError.
    """
    _check(run, folder)
    nets = run.load_nets(device)
    skipped: list[str] = []
    classes = run.facts.classes
    rows: list[Sequence[object]] = []
    right = known = 0
    for names, x in _batches(run, folder, skipped):
        found = probabilities(reader(nets), x)
        for name, shares in zip(names, found, strict=True):
            guess = classes[int(shares.argmax())]
            rows.append([name, guess, *(f"{share:.6f}" for share in shares.tolist())])
            if (place := name.split("/")[0]) in classes:
                known += 1
                right += place == guess
    if not rows:
        raise ValueError(f"none of the images in {folder} can be read")
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([["file", "predicted", *classes], *rows])
    write(out, buffer.getvalue().encode(errors="surrogateescape"))
    return len(rows), tuple(skipped), known, right


def _check(run: Run, folder: Path) -> DomainMethod:
    """The run's method. Raises ValueError where run or folder will not do."""
    method = run.domain_method
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    if not len(find(folder)[0]):
        raise ValueError(f"{folder} has no images")
    return method


def _batches(run: Run, folder: Path, skipped: list[str]) -> Iterator[tuple[list[str], Tensor]]:
    """Names and images (n, C, H, W) in [-1, 1], at the run's size; broken files are noted."""
    names = iter(find(folder)[0])
    channels, size, _ = run.facts.shape
    while chunk := list(islice(names, CHUNK)):
        good, pixels = [], []
        for name in chunk:
            try:
                pixels.append(torch.tensor(read_image(folder / name, size, channels)))
            except BadImage as error:
                skipped.append(str(error))
                continue
            good.append(name)
        if good:
            yield good, to_float(torch.stack(pixels))

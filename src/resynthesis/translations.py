"""Images through a run of two domains: redrawn in the target's style, or classified.

They come from a folder, whose files keep their names, or from a set, as `--data` takes it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from . import figures
from .data import (
    SETS,
    DataConfig,
    ImageSet,
    Part,
    full,
    in_channels,
    load,
    read_archive,
    seeded,
    to_float,
    to_uint8,
    widened,
)
from .data.attributes import find_table, read_table
from .data.folder import by_subfolder, images_in
from .data.images import BadImage
from .data.images import decode as read_image
from .data.listed import is_listed
from .data.names import Names
from .data.unpack import whole_folder
from .evaluate import probabilities, reader, translate
from .runs import Run, write

CHUNK = 256
STYLES = 10_000  # at most so many images lend their style

Batches = Iterator[tuple[list[str], Tensor]]  # names and images (n, C, H, W) in [-1, 1]


def translate_images(
    run: Run,
    images: str,
    out: Path,
    *,
    part: Part = "all",
    variants: int = 1,
    styles: str | None = None,
    seed: int = 0,
    data_dir: Path | None = None,
    device: str = "auto",
) -> tuple[int, tuple[str, ...]]:
    """A new folder with every image in the target's style: a labelled set for any other tool.

    `images` is a folder, whose names and class subfolders stay (classes that a table has become
    such subfolders), or a set, whose images become CLASS/PART-NUMBER.png, or an .npz, whose images
    become CLASS/NUMBER.png, counted from 0. With `variants` > 1 each image is drawn so often, with
    other styles, as NAME-1.png, NAME-2.png, ... Styles are those of target images that the run has
    kept, or of the folder or set `styles`. The folder appears whole or not at all. Returns the
    number of pictures, and a note for each file that was skipped. Raises ValueError or OSError.
    """
    if variants < 1:
        raise ValueError(f"--variants must be at least 1, not {variants}")
    method = run.domain_method
    if not method.borrows_style:
        for flag, told in (("--variants", variants > 1), ("--styles", styles is not None)):
            if told:
                raise ValueError(f"a run of {run.config.name} borrows no style: leave out {flag}")
    skipped: list[str] = []
    batches = _batches(run, images, part, data_dir, skipped, out)
    if styles is None:
        lent = run.styles()
    else:
        lent = _all(_batches(run, styles, "all", data_dir, skipped, most=STYLES))
    nets = run.load_nets(device)
    taken: set[Path] = set()
    with whole_folder(out) as beside:
        for number, (names, x) in enumerate(batches):
            for variant in range(variants):
                drawn = seeded("variant", seed, number, variant).initial_seed()
                made = to_uint8(translate(method, nets, x, lent, seed=drawn))
                for place, image in zip(map(Path, names), made, strict=True):
                    suffix = f"-{variant + 1}" if variants > 1 else ""
                    name = place.with_name(f"{place.stem}{suffix}.png")
                    if name in taken:  # a.jpg beside a.png
                        name = place.with_name(f"{place.name}{suffix}.png")
                    taken.add(name)
                    (beside / name).parent.mkdir(parents=True, exist_ok=True)
                    figures.save(figures.exact(image), beside / name)
        if not taken:
            raise ValueError(f"none of the images in {images} can be read")
    return len(taken), tuple(skipped)


def classify_images(
    run: Run,
    images: str,
    out: Path,
    *,
    part: Part = "all",
    data_dir: Path | None = None,
    device: str = "auto",
) -> tuple[int, tuple[str, ...], int, int]:
    """predictions.csv: file, predicted class, and a column per class with its probability.

    `images` is a folder or a set, as for `translate_images`. Returns the number of rows, a note for
    each file that was skipped, how many images are in a subfolder that is named as a class (or of
    such a class, in a set), and how many of those are read as that class. Raises ValueError or
    OSError.
    """
    skipped: list[str] = []
    batches = _batches(run, images, part, data_dir, skipped)
    nets = run.load_nets(device)
    classes = run.facts.classes
    rows: list[Sequence[object]] = []
    right = known = 0
    for names, x in batches:
        found = probabilities(reader(nets), x)
        for name, shares in zip(names, found, strict=True):
            guess = classes[int(shares.argmax())]
            rows.append([name, guess, *(f"{share:.6f}" for share in shares.tolist())])
            if (place := name.split("/")[0]) in classes:
                known += 1
                right += place == guess
    if not rows:
        raise ValueError(f"none of the images in {images} can be read")
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([["file", "predicted", *classes], *rows])
    write(out, buffer.getvalue().encode(errors="surrogateescape"))
    return len(rows), tuple(skipped), known, right


def _batches(
    run: Run,
    images: str,
    part: Part,
    data_dir: Path | None,
    skipped: list[str],
    out: Path | None = None,
    most: int | None = None,
) -> Batches:
    """The images at the run's size and channels; at most so many, by seed.

    Raises ValueError where there are none, and where the new folder `out` is among files that keep
    their names.
    """
    _ = run.domain_method  # which refuses runs of one domain
    folder = full(images)
    own, channels = run.config.data, run.facts.shape[0]
    named = images in SETS
    if not named and part == "all" and folder.suffix == ".npz" and folder.is_file():
        archive, classes, *_ = read_archive(folder, own.size)
        return _of_parts({"": widened(archive, channels, folder.name)}, classes, most)
    files = not named and folder.is_dir() and not is_listed(folder)
    names = images_in(folder) if files else Names()
    if not len(names):
        config = DataConfig(data=images, data_dir=data_dir or own.data_dir, size=own.size)
        data = in_channels(load(config), channels)
        return _of_parts({f"{p}-": x for p, x in data.chosen(part).items()}, data.classes, most)
    if not find_table(folder, names):
        by_subfolder(folder, names)  # which refuses images of no class beside classes
    if part != "all":
        raise ValueError(f"{images} is a folder without parts: leave out --part")
    if out and out.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{out} is in {folder}, whose class it would become: choose another --out")
    if most and len(names) > most:
        names = Names(names[i] for i in _places(len(names), most).tolist())
    found = _of_folder(run, folder, names, skipped)
    return _by_table(found, folder, names) if out else found


def _by_table(batches: Batches, folder: Path, names: Names) -> Batches:
    """In subfolders of the classes that a table in or beside the folder tells, if there is one."""
    place = find_table(folder, names)
    table = read_table(place) if place else None
    if table is None or not table.classes:
        return batches
    labels = dict(zip(names, table.labels_of(folder, names).tolist(), strict=True))
    homes = [*map(_home, table.classes), ""]  # the last for those of unknown class, -1
    return (([str(Path(homes[labels[n]], n)) for n in names], x) for names, x in batches)


def _home(name: str) -> str:
    """The subfolder of a class. Raises ValueError where it would be none, or somewhere else."""
    if name in (".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"the class '{name}' cannot be the name of a subfolder: name it otherwise")
    return name


def _places(n: int, most: int | None) -> Tensor:
    """All places of n images, or `most` of them by seed, in their order."""
    if not most or n <= most:
        return torch.arange(n)
    return torch.randperm(n, generator=seeded("a few of a folder"))[:most].sort().values


def _of_parts(
    parts: Mapping[str, ImageSet], classes: Sequence[str], most: int | None = None
) -> Batches:
    """Named by class, part and place; `most` of all, by seed."""
    homes = [*(f"{_home(name)}/" for name in classes), ""]
    places, start = _places(sum(map(len, parts.values())), most), 0
    for part, images in parts.items():
        here = places[(places >= start) & (places < start + len(images))] - start
        start += len(images)
        for index in here.split(CHUNK) if len(here) else ():
            x, y = images.take(index)
            known = [-1] * len(x) if y is None or not classes else y.tolist()
            yield [f"{homes[c]}{part}{i:06d}.png" for c, i in zip(known, index, strict=True)], x


def _of_folder(run: Run, folder: Path, names: Iterable[str], skipped: list[str]) -> Batches:
    """Named by file; broken files are noted."""
    channels, size, _ = run.facts.shape
    names = iter(names)
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


def _all(batches: Batches) -> Tensor:
    """All images at once. Raises ValueError where there is none."""
    found = [x for _, x in batches]
    if not found:
        raise ValueError("none of the images of --styles can be read")
    return torch.cat(found)

"""Mixes as files: pictures of a few images' mixes, and folders of mixes with soft labels."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from . import figures
from .data import Data, ImageSet, to_float, to_uint8
from .data.images import decode as read_image
from .data.unpack import whole_folder
from .evaluate import decode, draw_weights, encode
from .mixing import MIXERS, check_parents, for_each, mix
from .runs import Run, fixed_seed, write
from .walks import Speed, walk

CHUNK = 256
Space = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]  # to what is mixed, and back


def mix_files(
    run: Run,
    files: Sequence[Path],
    out: Path,
    *,
    mixer: str = "mixup",
    steps: int = 11,
    space: str = "codes",
    speed: Speed = "steps",
    seed: int = 0,
    device: str = "auto",
) -> None:
    """A picture or a film of mixes of image files, as `draw` makes it, whole or not at all.

    Raises ValueError, with one sentence, for files, suffixes and numbers that do not fit.
    """
    k = len(files)
    if out.suffix not in (".png", *figures.FILMS):
        raise ValueError(f"{out} must end in .png, .gif, .webp or .mp4")
    if k < 2:
        raise ValueError(f"mix needs two or more image files, not {k}")
    if steps < 2:
        raise ValueError(f"--steps must be at least 2, not {steps}")
    check_parents(mixer, k)
    x, between = read_files(run, files), _space(run.load_nets(device), space)
    write(out, draw(x, between, out.suffix, mixer=mixer, steps=steps, speed=speed, seed=seed))


def draw(
    x: Tensor,
    between: Space,
    suffix: str,
    *,
    mixer: str = "mixup",
    steps: int = 11,
    speed: Speed = "steps",
    seed: int = 0,
) -> bytes:
    """A picture of mixes of images x (k, C, H, W) as the bytes of a file, by its suffix.

    .png: straight lines from each to the next, a triangle for three; by other mixers than mixup
    `steps` random mixes. .gif, .webp, .mp4: a walk (`walks.walk`), forth and back between two,
    around through three and more. Raises ValueError.
    """
    k = len(x)
    if suffix != ".png":
        frames = tour(x, between, mixer=mixer, steps=steps, speed=speed, seed=seed)
        return figures.animated(frames, suffix, closed=k > 2)
    to_codes, to_images = between
    z = to_codes(x)  # (k, c, h, w)
    if mixer != "mixup":
        with fixed_seed(seed):
            weights = MIXERS[mixer](k, z[:1].expand(steps, *z.shape[1:]))
        children = to_images(mix(z[:, None], weights))
        return figures.to_png(figures.grid([x, children], ["inputs", mixer]))
    if k == 3:
        weights = torch.tensor([w for row in figures.triangle_weights(steps) for w in row])
        made = to_images(mix(z[:, None], for_each(weights, z)))
        return figures.to_png(figures.triangle(made, steps))
    legs = [walk(z, (i, i + 1), to_images, steps=steps) for i in range(k - 1)]
    names = [f"mixes of {i} and {i + 1}" for i in range(1, k)]
    return figures.to_png(figures.grid([x, *legs], ["inputs", *names]))


def tour(x: Tensor, between: Space, *, mixer: str, steps: int, speed: Speed, seed: int) -> Tensor:
    """The frames (n, C, H, W) of a film: from the first of two images to the other, or around
    through three and more and back. Raises ValueError as `walks.walk` does."""
    to_codes, to_images = between
    stops = [*range(len(x)), *([0] if len(x) > 2 else [])]
    return walk(to_codes(x), stops, to_images, mixer=mixer, steps=steps, speed=speed, seed=seed)


def read_files(run: Run, files: Sequence[Path]) -> Tensor:
    """Image files as the nets of a run want them, (k, C, H, W) in [-1, 1].

    Raises ValueError where a file is not there, or no image.
    """
    for path in files:
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
    channels, size, _ = run.facts.shape
    pixels = [torch.tensor(read_image(path, size, channels)) for path in files]
    return to_float(torch.stack(pixels))


def mix_set(
    run: Run,
    data: Data,
    out: Path,
    *,
    count: int,
    mixer: str | None = None,
    parents: int = 2,
    space: str = "codes",
    seed: int = 0,
    device: str = "auto",
) -> str:
    """A new folder of `count` mixes of training images and labels.csv.

    A row of labels.csv: file, the parents' places in the training set, their weights (the mean
    over channels), and the soft label: a column per class, which sum to one, or a column per
    attribute, from 0 to 1 (none for tables of other values). Where some labels are hidden or
    unknown, only labelled images become parents. By no mixer, mixes are made as the run learnt it:
    for one that mixes under labels, under a random wish of what the two parents have, which is
    their label, 0 or 1. Returns how they were made: the mixer, or "under labels". The folder
    appears whole or not at all. Raises ValueError or OSError.
    """
    if count < 1:
        raise ValueError(f"--count must be at least 1, not {count}")
    nets = run.load_nets(device)
    under_labels = mixer is None and space == "codes" and "mixer" in nets
    if under_labels:
        _check_labels(run, data, parents)
    mixer = mixer or run.config.mixer
    check_parents(mixer, parents)
    to_codes, to_images = _space(nets, space)
    labelled = data.train.labelled  # where labels are hidden, no mix shall reveal them
    known = torch.arange(len(data.train)) if labelled is None else labelled
    numbers = range(1, parents + 1)
    head = ["file", *[f"parent_{i}" for i in numbers], *[f"weight_{i}" for i in numbers]]
    with (
        whole_folder(out) as beside,
        fixed_seed(seed),
        (beside / "labels.csv").open("w", newline="") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        hard = _hard_labels(data)
        names = (*data.classes, *data.attributes) if hard is not None else ()
        rows.writerow([*head, *names])
        for start in range(0, count, CHUNK):
            n = min(CHUNK, count - start)
            index, x, known = _parents(data.train, known, (parents, n))
            z = to_codes(x)
            z = z.reshape(parents, n, *z.shape[1:])
            labels = None
            if under_labels and data.train.labels is not None:
                labels = data.train.labels[index]
            weights, wanted = draw_weights(nets, z, mixer, labels)
            images = to_uint8(to_images(mix(z, weights))).cpu()
            shares = weights.flatten(2).mean(2).T.cpu()  # (n, parents)
            soft = torch.zeros(n, 0)
            if wanted is not None:
                soft = wanted
            elif hard is not None:
                soft = torch.einsum("nk,kna->na", shares, hard[index])
            for i in range(n):
                name = f"{start + i:06d}.png"
                figures.save(figures.exact(images[i]), beside / name)
                numbers_of_row = [*shares[i].tolist(), *soft[i].tolist()]
                cells = [f"{value:.6f}" for value in numbers_of_row]
                rows.writerow([name, *index[:, i].tolist(), *cells])
    return "under labels" if under_labels else mixer


def _check_labels(run: Run, data: Data, parents: int) -> None:
    """Raises ValueError where mixes cannot be under the labels that the run knows."""
    other = "--mixer bernoulli takes channels at random"
    if parents != 2:
        raise ValueError(f"mixes under labels have 2 parents, not {parents}: {other}")
    ours, theirs = ((d.classes, d.attributes) for d in (run.facts, data))
    if ours != theirs or not data.train.has_labels:
        names = ", ".join(run.facts.wishes[:10])
        raise ValueError(
            f"the run mixes under labels ({names}) that '{data.name}' does not have: {other}"
        )


def _parents(
    images: ImageSet, known: Tensor, shape: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Places drawn among the known (k, n), their images (k n, C, H, W), and the known that can be
    read. A broken file is drawn again: what stands in for it has another label, or none."""
    while len(known):
        index = known[torch.randint(len(known), shape)]
        x, _ = images.take(index.flatten())
        if not images.broken(index.flatten()).any():
            return index, x, known
        known = known[~images.broken(known)]
    raise ValueError("none of the images that could be parents can be read")


def _hard_labels(data: Data) -> Tensor | None:
    """Labels of the training images as shares, (N, classes or attributes), where they have some."""
    labels = data.train.labels
    if labels is None or not data.train.has_labels:
        return None
    if data.has_attributes:
        return labels.cpu().float()
    return torch.eye(len(data.classes))[labels.cpu()] if data.classes else None


def _space(nets: nn.ModuleDict, space: str) -> Space:
    return pixels() if space == "pixels" else codes(nets["autoencoder"])


def codes(autoencoder: nn.Module) -> Space:
    """Mixing in code space."""
    return (lambda x: encode(autoencoder, x)), (lambda z: decode(autoencoder, z))


def pixels() -> Space:
    """Mixing pixels, for comparison."""
    return (lambda x: x), (lambda x: x)

"""Mixes of two image files under labels: every combination that the parents allow, or one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from . import figures
from .evaluate import decode, encode, grant, read_attributes
from .mixes import read_files
from .runs import Run, fixed_seed

MOST = 64  # combinations in one picture


def wish_files(
    run: Run,
    files: Sequence[Path],
    out: Path,
    *,
    labels: str = "all",
    first: str = "",
    second: str = "",
    draws: int = 6,
    seed: int = 0,
    device: str = "auto",
) -> tuple[list[str], list[str]]:
    """A .png of mixes of two image files, a row for each wish, with `draws` random masks.

    labels: `all`, or `name=1,other=0,...` for one wish. Attributes that are not named are as in
    the first image; a class that fits is the first image's before the second's. The labels of
    the files are what the run's reader reads in them, but for those told by `first` and `second`,
    in the same form. Returns the captions of the files and of the wishes. Raises ValueError, with
    one sentence, for what does not fit: a run that does not mix under labels, unknown names, a
    wish that no parent grants.
    """
    names = run.facts.wishes
    if "mixer" not in run.config.method.players:
        raise ValueError(
            f"{run.path} is a run of {run.config.name}: only class-amr mixes by labels"
        )
    if len(files) != 2:
        raise ValueError(f"mixing by labels takes two image files, not {len(files)}")
    if out.suffix != ".png":
        raise ValueError(f"{out} must end in .png: mixes by labels are one labelled picture")
    if draws < 1:
        raise ValueError(f"--steps must be at least 1, not {draws}")
    x = read_files(run, files)
    nets = run.load_nets(device)
    whole = not run.facts.attributes
    y = read_attributes(nets, x, whole=whole).clone()  # (2, a); of inference, so not to be changed
    for own, known in zip(y, (first, second), strict=True):
        _correct(own, _named(known, names) if known else {}, names, whole=whole)
    differ = int((y[0] != y[1]).sum())
    if labels == "all" and 2**differ > MOST:
        raise ValueError(
            f"the two images differ in {differ} labels, which makes {2**differ:,} combinations: "
            "ask for one by --labels name=1,..."
        )
    wishes = wishes_of(y) if labels == "all" else _one(labels, names, y, whole=whole)
    with fixed_seed(seed):
        rows = list(mixes(nets, x, y, torch.stack(wishes), draws))
    heads, told = captions(y, wishes, names, whole=whole)
    again = decode(nets["autoencoder"], encode(nets["autoencoder"], x)).cpu()
    parents = [torch.stack([x[i], again[i]]) for i in range(2)]
    figures.save(figures.grid([*parents, *rows], [*(f"has {h}" for h in heads), *told]), out)
    return heads, told


@torch.inference_mode()
def mixes(nets: nn.ModuleDict, x: Tensor, y: Tensor, wishes: Tensor, draws: int) -> Tensor:
    """Two images x (2, C, H, W) with attributes y (2, a) under wishes (n, a).

    Returns (n, draws, C, H, W): for each wish, images under masks drawn from its probabilities.
    """
    z = encode(nets["autoencoder"], x)
    wanted = wishes.repeat_interleave(draws, 0)
    labels = [one.expand(len(wanted), -1) for one in y]
    return grant(nets, z[:, None], labels, wanted).cpu().unflatten(0, (len(wishes), draws))


def captions(
    y: Tensor, wishes: Sequence[Tensor], names: Sequence[str], *, whole: bool
) -> tuple[list[str], list[str]]:
    """What to say of two parents y (2, a), and of wishes for their mixes."""
    heads = [say(v, names) for v in y]
    return heads, [say_class(w, heads, names) if whole else say(w, names) for w in wishes]


def say(wish: Tensor, names: Sequence[str]) -> str:
    """The names of the attributes that are wanted, or 'none'."""
    return " + ".join(n for n, v in zip(names, wish.tolist(), strict=True) if v) or "none"


def say_class(wish: Tensor, parents: Sequence[str], names: Sequence[str]) -> str:
    """The class that is wanted; of parents of two classes it may be both, or neither."""
    a, b = parents
    return {0: f"neither {a} nor {b}", 1: say(wish, names)}.get(
        int(wish.sum()), f"both {a} and {b}"
    )


def wishes_of(y: Tensor) -> list[Tensor]:
    """Every combination that the parents y (2, a) allow, those of the parents themselves first."""
    differ = (y[0] != y[1]).nonzero().flatten()
    found = [y[0], y[1]] if len(differ) else [y[0]]
    for bits in product((0.0, 1.0), repeat=len(differ)):
        wish = y[0].clone()
        wish[differ] = torch.tensor(bits)
        if not any(torch.equal(wish, parent) for parent in y):
            found.append(wish)
    return found


def _named(labels: str, names: Sequence[str]) -> dict[int, float]:
    """What `name=1,other=0` says, by the place of the name."""
    found: dict[int, float] = {}
    for part in labels.split(","):
        name, equals, value = part.strip().rpartition("=")  # names may have "=" in them
        name, value = (name, value) if equals else (value, "")
        if name not in names:
            raise ValueError(f"unknown label '{name}': this run knows {', '.join(names)}")
        if value not in ("0", "1"):
            raise ValueError(f"a wish is written {name}=1 or {name}=0, not '{part.strip()}'")
        at = names.index(name)
        if at in found:
            raise ValueError(f"'{name}' is there twice in '{labels}'")
        found[at] = float(value)
    return found


def _correct(y: Tensor, told: dict[int, float], names: Sequence[str], *, whole: bool) -> None:
    """Puts what the user knows of an image in the place of what was read in it, y (a,)."""
    if whole and told:
        if list(told.values()) != [1]:
            raise ValueError("an image is of one class: name that alone, as NAME=1")
        y.zero_()
    for at, value in told.items():
        y[at] = value


def _one(labels: str, names: Sequence[str], y: Tensor, *, whole: bool) -> list[Tensor]:
    """The one combination that is told: of classes that of a parent, as an image has but one."""
    wanted = _named(labels, names)
    for at, value in wanted.items():
        if value not in y[:, at].tolist():
            has = "has" if value else "lacks"
            raise ValueError(
                f"neither of the two images {has} '{names[at]}', so no mix of them can"
            )
    places, values = list(wanted), torch.tensor(list(wanted.values()))
    if whole:
        fitting = [parent for parent in y if torch.equal(parent[places], values)]
        if not fitting:
            raise ValueError(f"neither of the two images is of such a class: '{labels}'")
        return fitting[:1]
    wish = y[0].clone()
    wish[places] = values
    return [wish]

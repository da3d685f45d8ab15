"""resynth mix RUN A B ... --out picture, and resynth mix RUN --count N --out FOLDER."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ..figures import FILMS
from ..mixes import mix_files, mix_set
from ..mixing import MixerName
from ..runs import Run
from ..walks import Speed
from ..wishes import wish_files
from .shared import RunFolder, check_new, other_data, parse


@dataclass
class Mix:
    run: RunFolder
    """The run folder."""
    files: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Two or more image files to mix."""
    out: Path | None = None
    """A .png, .gif, .webp or .mp4; with --count a new folder."""
    mixer: MixerName | None = None
    """mixup goes along straight lines; the others draw mixes at random, and in films change channel
    by channel. For files mixup where not told otherwise, with --count the run's own: of a run of
    class-amr under labels, each drawn from either parent's."""
    labels: str | None = None
    """For a run of class-amr: all, for every combination of the two parents' labels, or
    name=1,other=0,... for one."""
    first: str = ""
    """With --labels: what the first image has, as name=1,other=0; the rest is read in it."""
    second: str = ""
    """The same of the second image."""
    steps: int = 11
    """Images along a line, or along a triangle's edge; or so many random mixes, with --labels
    of each wish."""
    space: Literal["codes", "pixels"] = "codes"
    """Mix codes, or pixels for comparison."""
    speed: Speed = "steps"
    """Of films: as many frames from image to image (steps), or the same way between any two frames,
    in code or in pixels."""
    count: int | None = None
    """Make so many mixes of training images."""
    data: str | None = None
    """With --count: other data than the run's own."""
    data_dir: Path | None = None
    """Where named sets are kept."""
    parents: int | None = None
    """With --count: images in a mix; the run's own number where not told otherwise."""
    seed: int = 0
    """Seed of what is drawn at random."""
    device: str = "auto"
    """cpu, cuda, ...; auto takes a GPU where there is one."""


def main(arguments: list[str]) -> None:
    told = parse(Mix, arguments, "mix", "Mix image files, or make a folder of mixes.")
    if told.out is None:
        raise ValueError("mix needs --out: a .png, .gif, .webp or .mp4, or with --count a folder")
    if told.count is not None and told.files:
        raise ValueError("give either image files or --count, not both")
    run = Run(told.run)
    if told.count is None and (told.parents is not None or told.data):
        raise ValueError("--parents and --data go with --count: the files are the parents")
    if told.labels is None and (told.first or told.second):
        raise ValueError("--first and --second go with --labels")
    if told.labels is not None:
        if told.count is not None or told.mixer or told.space != "codes":
            raise ValueError("--labels mixes two image files, without --count, --mixer and --space")
        heads, wishes = wish_files(
            run,
            told.files,
            told.out,
            labels=told.labels,
            first=told.first,
            second=told.second,
            draws=told.steps,
            seed=told.seed,
            device=told.device,
        )
        for file, head, own in zip(told.files, heads, (told.first, told.second), strict=True):
            print(f"{file}: {head}, as {'you say and ' if own else ''}the run reads it")
        print(f"{told.out}: {len(wishes)} wishes, a row each: {', '.join(wishes)}")
        return
    if told.count is None:
        mixer: str = told.mixer or "mixup"
        mix_files(
            run,
            told.files,
            told.out,
            mixer=mixer,
            steps=told.steps,
            space=told.space,
            speed=told.speed,
            seed=told.seed,
            device=told.device,
        )
        n = len(told.files)
        lines = n > 3 and mixer == "mixup"
        what = f"lines through {n} images" if lines else f"{mixer} of {n} images"
        print(f"{told.out}: {what} in {told.space}")
        return
    if told.out.suffix in (".png", *FILMS):
        raise ValueError(f"with --count, --out is a folder, not a picture like {told.out}")
    if run.config.method.two_domains and told.data is None:
        raise ValueError(
            f"{told.run} is a run across two domains: say whose images to mix by --data"
        )
    check_new(told.out)
    parents = run.config.parents if told.parents is None else told.parents
    mixer = mix_set(
        run,
        run.load_data(other_data(run, told.data, told.data_dir)),
        told.out,
        count=told.count,
        mixer=told.mixer,
        parents=parents,
        space=told.space,
        seed=told.seed,
        device=told.device,
    )
    channels = run.code_shape[0]
    if mixer != "mixup" and channels < 8 and told.space == "codes":
        print(f"note: the code has {channels} channels, so mixes ({mixer}) vary little (--code)")
    print(f"{told.count:,} mixes ({mixer}, {parents} parents) and labels.csv in {told.out}")

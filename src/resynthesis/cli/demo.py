"""resynth demo: the main job from end to end on a set that needs no download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import figures, runs
from ..data import DataConfig, load
from ..methods import AMR
from ..train import Training
from . import evaluate, mix
from .shared import check_new, describe, parse
from .train import progress


@dataclass
class Demo:
    out: Path = Path("demo")
    """A new folder for everything."""
    steps: int = 1100
    """Training steps of 64 images."""


def main(arguments: list[str]) -> None:
    told = parse(Demo, arguments, "demo", "Train, measure and mix, on bundled digits.")
    out = told.out
    check_new(out)
    config = runs.Config(
        method=AMR(),
        data=DataConfig(data="digits"),
        training=Training(steps=told.steps, picture_every=max(1, told.steps // 4)),
    )
    print("1/3  training AMR with two parents on scikit-learn's handwritten digits")
    data = load(config.data)
    describe(data)
    run = out / "run"
    with progress() as report:
        runs.start(config, run, data=data, report=report, paint=figures.training_picture)
    print("\n2/3  measuring it on test images, which it has never seen")
    evaluate.main([str(run)])
    print("\n3/3  mixing three of them")
    (out / "examples").mkdir()
    x, _ = data.test.take(figures.spread_over_classes(data, 10))
    files = [out / "examples" / f"digit-{digit}.png" for digit in (0, 3, 8)]
    for file, digit in zip(files, (0, 3, 8), strict=True):
        figures.save(figures.to_picture(x[digit]), file)
    a, b, c = map(str, files)
    for arguments in (
        [a, b, "--out", f"{out}/line.png"],
        [a, b, "--space", "pixels", "--out", f"{out}/line-in-pixels.png"],
        [a, b, c, "--steps", "7", "--out", f"{out}/triangle.png"],
        [a, b, c, "--out", f"{out}/loop.gif"],
        ["--count", "100", "--out", f"{out}/mixes"],
    ):
        mix.main([str(run), *arguments])
    print(
        f"\nEverything is in {out}:\n"
        f"  {run}/pictures      samples during training, losses, reconstructions, codes\n"
        f"  {run}/metrics.json  the figures above\n"
        f"  {out}/line.png, triangle.png, loop.gif   mixes of the files in {out}/examples\n"
        f"  {out}/mixes         100 new digits, and labels.csv with their soft labels"
    )

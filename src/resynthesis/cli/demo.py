"""resynth demo: the main job from end to end on a set that needs no download."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from .. import figures, runs
from ..data import DataConfig, DomainsConfig
from ..methods import AMR, Adapt
from ..train import Training
from . import classify, evaluate, mix, report, translate
from .shared import check_new, parse
from .train import train


@dataclass
class Demo:
    out: Path = Path("demo")
    """A new folder for everything."""
    steps: int = 600
    """Training steps of 64 images."""
    adapt_steps: int = 280
    """The same for the second half, across two domains."""


def main(arguments: list[str]) -> None:
    told = parse(Demo, arguments, "demo", "Train, measure, mix and translate bundled digits.")
    check_new(told.out)
    _mix(told.out, told.steps)
    _translate(told.out / "domains", told.adapt_steps)
    out = told.out
    report.main([f"{out}/run", f"{out}/domains/run", "--out", f"{out}/report.html"])
    print(
        f"\nEverything is in {out}:\n"
        f"  {out}/report.html       all of it on one page, to be read, mailed or printed\n"
        f"  {out}/run/pictures      samples during training, losses, reconstructions, codes\n"
        f"  {out}/run/metrics.json  the first table\n"
        f"  {out}/line.png, triangle.png, loop.gif   mixes of the files in {out}/examples\n"
        f"  {out}/mixes             100 new digits, and labels.csv with their soft labels\n"
        f"  {out}/domains/run/pictures/translations.png   digits redrawn on photographs\n"
        f"  {out}/domains/run/metrics.json                the second table\n"
        f"  {out}/domains/translated, predictions.csv     of the files in {out}/examples\n"
        f"Look into both: resynth explore {out}/run {out}/domains/run"
    )


def _mix(out: Path, steps: int) -> None:
    """One domain: train, measure, mix."""
    config = runs.Config(
        method=AMR(),
        data=DataConfig(data="digits"),
        training=Training(steps=steps),
    )
    print("1/5  training AMR with two parents on scikit-learn's handwritten digits")
    run = out / "run"
    _, data = train(config, run)
    print("\n2/5  measuring it on test images, which it has never seen")
    evaluate.main([str(run)])
    print("\n3/5  mixing three of them")
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


def _translate(out: Path, steps: int) -> None:
    """Two domains: a classifier for digits on photographs, from digits without any."""
    config = runs.Config(method=Adapt(), data=DomainsConfig(source="digits", target="digits-m"))
    training = replace(config.training, steps=steps)
    config = replace(config, training=training)
    print("\n4/5  adapting to digits on photographs, without one of their labels")
    run = out / "run"
    train(config, run)
    evaluate.main([str(run)])
    print("\n5/5  redrawing the example files like the target, and reading the results")
    examples = out.parent / "examples"
    translate.main([str(run), str(examples), "--out", f"{out}/translated", "--variants", "3"])
    classify.main([str(run), f"{out}/translated", "--out", f"{out}/predictions.csv"])

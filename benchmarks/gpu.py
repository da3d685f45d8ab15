"""What a GPU gives: speed by batch, a pass over MNIST, the way to a good probe, seeds at once.

    python benchmarks/gpu.py --data-dir DIR                       # on the first CUDA GPU
    python benchmarks/gpu.py --data-dir DIR --device cpu --quick  # tries the script itself, tiny

Four measurements of amr at 32x32 with a 32-d code, one after the other, nothing else running:
`resynth bench` (textbook and ours, eager and compiled, seeds at once) at several batches; seconds
of training for one pass over MNIST's 50,000 images, and until the linear probe on the
codes passes a share of the test images (looked at after every pass; looking is not counted); n
seeds at once against one. Writes benchmarks/results/gpu.json and gpu-speed.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from resynthesis import runs
from resynthesis.cli import main as resynth
from resynthesis.data import Data, DataConfig, load
from resynthesis.evaluate import evaluate
from resynthesis.methods import AMR

RESULTS = Path(__file__).parent / "results"


def settings(told: argparse.Namespace, **training: Any) -> runs.Config:
    config = runs.Config(method=AMR(), data=DataConfig(data=told.data, data_dir=told.data_dir))
    training = {
        "device": told.device,
        "picture_every": 10**9,
        "checkpoint_every": 10**9,
        **training,
    }
    return replace(config, training=replace(config.training, **training))


def one_pass(told: argparse.Namespace, batch: int, folder: Path) -> dict[str, float]:
    """Training seconds of a second pass over the set, when everything is warm."""
    data = load(settings(told).data)
    steps = max(1, len(data.train) // batch)
    config = settings(told, batch_size=batch, steps=2 * steps, log_every=steps)
    run = runs.start(config, folder / f"pass-{batch}", data=data)
    first, second = run.log()
    return {
        "batch": batch,
        "images": batch * steps,
        "seconds": second["seconds"] - first["seconds"],
    }


class Reached(Exception):
    """The probe is as good as was asked for."""


def until_probe(told: argparse.Namespace, batch: int, folder: Path) -> dict[str, Any]:
    """Training seconds until the probe passes `told.probe`, and its accuracy after every pass."""
    data = load(settings(told).data)
    steps = max(1, len(data.train) // batch)
    config = settings(
        told, batch_size=batch, steps=told.passes * steps, log_every=steps, picture_every=steps
    )
    seen: list[dict[str, float]] = []

    def look(run: runs.Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
        accuracy = evaluate(nets, data, ["probe_accuracy"], facts=run.facts)["probe_accuracy"]
        seen.append({"seconds": run.log()[-1]["seconds"], "probe_accuracy": accuracy})
        print(f"pass {len(seen)}: {seen[-1]}", flush=True)
        if accuracy > told.probe:
            raise Reached

    with suppress(Reached):
        runs.start(config, folder / f"probe-{batch}", data=data, paint=look)
    reached = seen[-1]["probe_accuracy"] > told.probe
    seconds = seen[-1]["seconds"] if reached else None
    return {"batch": batch, "wanted": told.probe, "seconds": seconds, "passes": seen}


def seeds_at_once(told: argparse.Namespace, n: int, folder: Path) -> dict[str, float]:
    """Training seconds of n seeds at once, or of one as it is alone, for equal budgets."""
    half = max(1, told.steps // 2)
    config = settings(told, steps=2 * half, log_every=half)
    if n == 1:
        made = [runs.start(config, folder / "alone")]
    else:
        made = runs.start_seeds(config, {seed: folder / f"{n}-{seed}" for seed in range(n)})
    first, second = made[0].log()
    return {
        "seeds": n,
        "steps": half,
        "seconds": n * (second["seconds"] - first["seconds"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256, 1024, 4096])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 8])
    parser.add_argument("--steps", type=int, default=400, help="of several seeds at once")
    parser.add_argument("--probe", type=float, default=0.98)
    parser.add_argument("--passes", type=int, default=40, help="at most, until the probe is good")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--quick", action="store_true", help="tiny budgets, to try the script")
    told = parser.parse_args()
    rounds = ["--rounds", "7", "--steps", "20", "--compile", "both"]
    if told.quick:
        told.data, told.batches, told.seeds = "digits", [64], [1, 2]
        told.steps, told.passes, told.probe = 4, 2, 0.5
        rounds = ["--rounds", "1", "--steps", "1"]
    told.out.mkdir(parents=True, exist_ok=True)
    speed = told.out / "gpu-speed.json"
    asked = ["bench", "--methods", "amr", "--no-peer", "--loop", *rounds, "--device", told.device]
    asked += ["--batches", *map(str, told.batches), "--seeds", *map(str, told.seeds[1:])]
    if code := resynth([*asked, "--out", str(speed)]):
        raise SystemExit(code)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            **runs.circumstances(),
            "speed": json.loads(speed.read_text())["machine"],
            "one_pass": [one_pass(told, batch, folder) for batch in told.batches],
            "until_probe": [until_probe(told, batch, folder) for batch in told.batches[:2]],
            "seeds_at_once": [seeds_at_once(told, n, folder) for n in told.seeds],
        }
    (told.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    for key in ("one_pass", "until_probe", "seeds_at_once"):
        for row in found[key]:
            print(key, {name: value for name, value in row.items() if name != "passes"})


if __name__ == "__main__":
    main()

"""What the fast step costs in quality: the textbook's fp32 step against ours, equal budgets.

    python benchmarks/quality.py --data-dir DIR --jobs 2

amr on mnist and on lines, by the plain step of `resynthesis.bench` in fp32 (a turn per player,
fresh passes of the critic) and by the loop as users have it, in bf16 where that is fast; the same
first weights and batches, three seeds. Every process has one thread. Run folders, evaluated as any
other, in --out; what is done is skipped, what was broken off begins anew. Ends with
benchmarks/results/quality.json (settings, machine, versions, every figure by run) and the table,
which `--markdown` prints again from that file alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one thread a process: two with two each slow each other

import argparse
import copy
import json
import multiprocessing
import shutil
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from resynthesis import runs
from resynthesis.bench.textbook import TURNS, plain
from resynthesis.data import DataConfig, load
from resynthesis.evaluate import evaluate
from resynthesis.methods import AMR
from resynthesis.nets import Nets
from resynthesis.train import Training, begin, keep_memory

HERE = Path(__file__).parent
RESULT = HERE / "results" / "quality.json"
STEPS = 782  # of 64 images: one pass over MNIST's training part
SEEDS = (0, 1, 2)
STEP_KINDS = ("textbook, fp32", "ours")
METRICS = {
    "mnist": {"probe_accuracy": "probe", "reconstruction_l1": "L1", "reconstruction_psnr": "PSNR"},
    "lines": {
        "lines_distance": "distance x 10^3",
        "lines_smoothness": "smoothness",
        "reconstruction_l1": "L1",
    },
}
SCALE = {"lines_distance": 1000}


def config(data: str, seed: int, kind: str, data_dir: Path | None) -> runs.Config:
    """Of a run: the settings of the README's tables."""
    lines = data == "lines"
    return runs.Config(
        method=AMR(reconstruction_loss="l2") if lines else AMR(),
        data=DataConfig(data=data, data_dir=data_dir),
        nets=Nets(code=(16, 2, 2)) if lines else Nets(),
        training=Training(
            steps=STEPS, seed=seed, precision="fp32" if kind != "ours" else "auto", device="cpu"
        ),
    )


def textbook(told: runs.Config, path: Path) -> runs.Run:
    """Trains by the textbook's step into a run folder like any other."""
    data = load(told.data, seed=told.training.seed)
    keep_memory(torch.device("cpu"))  # the loop's habit; the textbook profits as well
    begun = time.perf_counter()
    with runs.fixed_seed(told.training.seed):
        nets = runs.new_nets(told.method, told.nets, runs.Facts.of(data))
        run = runs.first_folder(told, path, data)
        taken = plain(copy.deepcopy(nets)).train()
        state = begin(told.method, taken, told.training)
        for step in range(STEPS):
            x, y = data.train.batch(step, told.training.batch_size, told.training.seed)
            for player, loss in TURNS[AMR](told.method, taken, x, y):
                state.optimizers[player].zero_grad()
                loss.backward()
                state.optimizers[player].step()
    with torch.no_grad():  # the stem's two convolutions are called otherwise, in the same order
        for own, trained in zip(
            nets.state_dict().values(), taken.state_dict().values(), strict=True
        ):
            own.copy_(trained)
    seconds = time.perf_counter() - begun
    run.save_weights(nets, STEPS)
    images = STEPS * told.training.batch_size
    run.append_log({"step": STEPS, "images": images, "seconds": seconds})
    return run


def job(task: tuple[str, int, str, argparse.Namespace]) -> str:
    """Trains and evaluates one run, unless it is done."""
    data, seed, kind, told = task
    torch.set_num_threads(1)
    path = folder(told, data, seed, kind)
    if not (path / "metrics.json").exists():
        shutil.rmtree(path, ignore_errors=True)
        settings = config(data, seed, kind, told.data_dir)
        run = textbook(settings, path) if kind != "ours" else runs.start(settings, path)
        nets = run.load_nets("cpu")
        run.save_metrics(evaluate(nets, run.load_data(), tuple(METRICS[data]), facts=run.facts))
    return f"{path.name}: {runs.Run(path).metrics()}"


def folder(told: argparse.Namespace, data: str, seed: int, kind: str) -> Path:
    return Path(told.out) / f"{data}-{'ours' if kind == 'ours' else 'textbook'}-seed{seed}"


def collect(told: argparse.Namespace) -> None:
    found: list[dict[str, Any]] = []
    for data in METRICS:
        for kind in STEP_KINDS:
            for seed in SEEDS:
                path = folder(told, data, seed, kind)
                if not (path / "metrics.json").exists():
                    continue
                run = runs.Run(path)
                about = {key: run.tree[key] for key in ("git_commit", "versions", "machine")}
                last = run.log()[-1]
                found.append(
                    {
                        "data": data,
                        "step": kind,
                        "seed": seed,
                        "settings": run.tree["settings"],
                        "nets": asdict(run.config.nets),
                        "training": asdict(run.config.training),
                        "data_checksum": run.facts.checksum,
                        "images": last["images"],
                        "seconds": last["seconds"],
                        "metrics": run.metrics(),
                        **about,
                    }
                )
    RESULT.write_text(json.dumps({"processes_at_once": told.jobs, "runs": found}, indent=1) + "\n")
    print(f"{len(found)} runs in {RESULT}")


def markdown(data: str) -> str:
    """A table of mean ± sample standard deviation over seeds."""
    every = [run for run in json.loads(RESULT.read_text())["runs"] if run["data"] == data]
    lines = [["step", *METRICS[data].values(), "minutes", "seeds"]]
    lines.append(["---"] * len(lines[0]))
    for kind in STEP_KINDS:
        found = [run for run in every if run["step"] == kind]
        if found:
            minutes = statistics.mean(run["seconds"] / 60 for run in found)
            cells = [
                _mean([run["metrics"][m] * SCALE.get(m, 1) for run in found]) for m in METRICS[data]
            ]
            lines.append([kind, *cells, f"{minutes:.1f}", str(len(found))])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _mean(values: list[float]) -> str:
    digits = 4 if max(values) < 1 else 2
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", default="runs/quality")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data", nargs="*", choices=METRICS, default=list(METRICS))
    parser.add_argument("--markdown", action="store_true", help="only print the tables")
    parser.add_argument("--collect", action="store_true", help="only gather the runs that are done")
    told = parser.parse_args()
    if not told.markdown:
        if not told.collect:
            tasks = [
                (data, seed, kind, told)
                for data in told.data
                for seed in SEEDS
                for kind in STEP_KINDS
            ]
            with multiprocessing.get_context("spawn").Pool(told.jobs, maxtasksperchild=1) as pool:
                for line in pool.imap_unordered(job, tasks, chunksize=1):
                    print(line, flush=True)
        collect(told)
    for data in METRICS:
        print(f"\n{data}\n{markdown(data)}")


if __name__ == "__main__":
    main()

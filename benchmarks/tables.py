"""Trains and evaluates the tables of the README: method x seed, equal budgets, resumable.

    python benchmarks/tables.py mnist --data-dir DIR --jobs 2
    python benchmarks/tables.py lines --jobs 2

Every process has one thread. What is done is skipped, what was broken off goes on. Ends with
benchmarks/results/NAME.json (settings, machine, versions, and every figure by run) and the table
of the README, which `--markdown` prints again from that file alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one thread a process: two with two each slow each other

import argparse
import json
import multiprocessing
import shutil
import statistics
import time
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).parent


def rows(table: str) -> dict[str, object]:
    from resynthesis.methods import ACAI, AE, AMR

    # On lines the median of a pixel is background, and L1 gets stuck in blank images.
    loss = "l2" if table == "lines" else "l1"
    return {
        "ae": AE(reconstruction_loss=loss),
        "ae-gan": AE(adversary=True, reconstruction_loss=loss),
        "acai": ACAI(),
        "acai-amr": ACAI(variant="amr"),
        "amr-mixup-2": AMR(reconstruction_loss=loss),
        "amr-mixup-3": AMR(parents=3, reconstruction_loss=loss),
        "amr-shared-bernoulli-2": AMR(mixer="shared-bernoulli", reconstruction_loss=loss),
    }


# name: (code shape, epochs, steps, seeds)
TABLES = {"mnist": ((2, 4, 4), 3.0, None, 3), "lines": ((16, 2, 2), 10.0, 1000, 1)}


def one(table: str, row: str, seed: int, args: argparse.Namespace) -> str:
    """Trains one run, or goes on with it."""
    import torch

    from resynthesis import runs
    from resynthesis.data import DataConfig
    from resynthesis.nets import Nets
    from resynthesis.train import Training

    torch.set_num_threads(1)
    path = Path(args.out) / table / f"{row}-seed{seed}"
    code, epochs, steps, _ = TABLES[table]
    config = runs.Config(
        method=rows(table)[row],
        data=DataConfig(data=table, data_dir=args.data_dir),
        nets=Nets(code=code),
        training=Training(epochs=epochs, steps=steps, seed=seed),
    )
    begun = time.perf_counter()
    if not (path / "checkpoint" / "state.safetensors").exists():
        shutil.rmtree(path, ignore_errors=True)
        run = runs.start(config, path)
    else:
        run = runs.resume(path)
    if not run.metrics():
        from resynthesis.evaluate import evaluate

        run.save_metrics(evaluate(run.load_nets("cpu"), run.load_data()))
    return f"{path.name}: {time.perf_counter() - begun:.0f} s {run.metrics()}"


def job(task: tuple[str, str, int, argparse.Namespace]) -> str:
    return one(*task)


def collect(table: str, args: argparse.Namespace) -> None:
    """Writes benchmarks/results/NAME.json from the run folders that are done."""
    from resynthesis import runs

    found, about = [], {}
    for row in rows(table):
        for seed in range(TABLES[table][3]):
            path = Path(args.out) / table / f"{row}-seed{seed}"
            if not (path / "metrics.json").exists():
                continue
            run = runs.Run(path)
            last = run.log()[-1]
            about = {
                "git_commit": run.tree["git_commit"],
                "versions": run.tree["versions"],
                "machine": run.tree["machine"],
                "nets": asdict(run.config.nets),
                "training": {**asdict(run.config.training), "seed": "see runs"},
                "train_size": run.facts.train_size,
                "data_checksum": run.facts.checksum,
            }
            found.append(
                {
                    "row": row,
                    "seed": seed,
                    "settings": {"method": run.config.name, **run.tree["settings"]},
                    "images": last["images"],
                    "seconds": last["seconds"],
                    "metrics": run.metrics(),
                }
            )
    tree = {"table": table, "processes_at_once": args.jobs, **about, "runs": found}
    path = HERE / "results" / f"{table}.json"
    path.write_text(json.dumps(tree, indent=1) + "\n")
    print(f"{len(found)} runs in {path}")


COLUMNS = {
    "mnist": {
        "probe_accuracy": ("probe", 1),
        "knn_accuracy": ("k-NN", 1),
        "clustering_accuracy": ("clustering", 1),
        "reconstruction_l1": ("L1", 1),
        "reconstruction_psnr": ("PSNR, dB", 1),
    },
    "lines": {
        "lines_distance": ("distance x 10^3", 1000),
        "lines_smoothness": ("smoothness", 1),
        "reconstruction_l1": ("L1", 1),
    },
}
SPEED = {  # rows of speed.json
    "ae": "ae",
    "ae-gan": "ae + gan",
    "acai": "acai",
    "acai-amr": "acai variant amr",
    "amr-mixup-2": "amr",
    "amr-mixup-3": "amr k=3",
    "amr-shared-bernoulli-2": "amr shared-bernoulli",
}
NAMES = {
    "ae": "AE",
    "ae-gan": "AE + GAN",
    "acai": "ACAI",
    "acai-amr": "ACAI, AMR's variant",
    "amr-mixup-2": "AMR mixup, k = 2",
    "amr-mixup-3": "AMR mixup, k = 3",
    "amr-shared-bernoulli-2": "AMR shared Bernoulli, k = 2",
}


def markdown(table: str) -> str:
    """The table as it stands in the README: mean ± sample standard deviation over seeds."""
    tree = json.loads((HERE / "results" / f"{table}.json").read_text())
    speed = json.loads((HERE / "results" / "speed.json").read_text())["steps"]
    head = ["method", *[name for name, _ in COLUMNS[table].values()], "seeds"]
    head += ["images/s"] * (table == "mnist")
    lines = [head, ["---"] * len(head)]
    for row, name in NAMES.items():
        found = [run["metrics"] for run in tree["runs"] if run["row"] == row]
        if not found:
            continue
        cells = []
        for metric, (_, scale) in COLUMNS[table].items():
            values = [scale * metrics[metric] for metrics in found]
            digits = 1 if metric == "reconstruction_psnr" else 3 if scale == 1 else 2
            cells.append(f"{statistics.mean(values):.{digits}f}")
            if len(values) > 1:
                cells[-1] += f" ± {statistics.stdev(values):.{digits}f}"
        cells.append(str(len(found)))
        if table == "mnist":
            key = [k for k in speed if k.startswith(f"{SPEED[row]}, ")][-1]
            cells.append(f"{speed[key]['images_per_second']:.0f}")
        lines.append([name, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def strips(table: str, args: argparse.Namespace) -> None:
    """docs/pictures/NAME.png: the same pairs of test images walked between by every method."""
    import torch

    from resynthesis import figures, runs
    from resynthesis.evaluate import interpolate
    from resynthesis.evaluate.lines import interpolations

    rows, captions = [], []
    for row, name in NAMES.items():
        path = Path(args.out) / table / f"{row}-seed0"
        if not (path / "metrics.json").exists():
            continue
        run = runs.Run(path)
        autoencoder = run.load_nets("cpu")["autoencoder"]
        if table == "lines":
            found = interpolations(autoencoder)[[3, 5]]
        else:
            data = run.load_data()
            x, _ = data.test.take(figures.spread_over_classes(data, 10))
            found = interpolate(autoencoder, x[torch.tensor([8, 4])], x[[1, 2]], 16)
        rows += list(found)
        captions += [name, ""]
    path = HERE.parent / "docs" / "pictures" / f"{table}.png"
    path.parent.mkdir(exist_ok=True)
    figures.save(figures.grid(rows, captions), path)
    print(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", default="runs/tables")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="only print the README's table")
    parser.add_argument("--collect", action="store_true", help="only gather the runs that are done")
    args = parser.parse_args()
    if args.markdown:
        print(markdown(args.table))
        return
    if args.collect:
        collect(args.table, args)
        strips(args.table, args)
        return
    tasks = [
        (args.table, r, s, args) for s in range(TABLES[args.table][3]) for r in rows(args.table)
    ]
    with multiprocessing.get_context("spawn").Pool(args.jobs, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(job, tasks):
            print(line, flush=True)
    collect(args.table, args)
    strips(args.table, args)
    print(markdown(args.table))


if __name__ == "__main__":
    main()

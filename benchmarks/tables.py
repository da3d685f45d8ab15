"""The tables and strips of the README and the docs, from a sweep of benchmarks/tables/NAME.toml.

    resynth sweep benchmarks/tables/mnist.toml --data-dir DIR --jobs 2
    python benchmarks/tables.py mnist sweeps/mnist

Writes benchmarks/results/NAME.json (settings, machine, versions, and every figure by run), for
mnist and lines docs/pictures/NAME.png as well, and prints the table. Without a folder it prints
the table again, from NAME.json alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

HERE = Path(__file__).parent


def collect(table: str, folder: Path) -> None:
    """Writes benchmarks/results/NAME.json from the record of a sweep."""
    sweep = json.loads((folder / "sweep.json").read_text())
    first = sweep["runs"][0]
    tree = {
        "table": table,
        "processes_at_once": sweep["processes_at_once"],
        **{key: first[key] for key in ("versions", "machine")},
        "runs": [
            {
                "row": run["row"],
                "seed": run["training"]["seed"],
                "settings": {"method": run["method"], **run["settings"]},
                **{key: run[key] for key in ("nets", "training", "git_commit")},
                "train_size": run["facts"]["train_size"],
                "data_checksum": run["facts"]["checksum"],
                **{key: run[key] for key in ("images", "seconds", "metrics")},
            }
            for run in sweep["runs"]
        ],
    }
    path = HERE / "results" / f"{table}.json"
    path.write_text(json.dumps(tree, indent=1) + "\n")
    print(f"{len(tree['runs'])} runs in {path}")


WISHES = {
    "wish_accuracy": ("wishes granted", 1),
    "wish_accuracy_first": ("of the first parent", 1),
    "wish_accuracy_second": ("of the second", 1),
    "wish_accuracy_random_mask": ("by random masks", 1),
    "wish_accuracy_real": ("judge on real images", 1),
    "mask_low": ("lowest p", 1),
    "mask_high": ("highest p", 1),
    "mix_distance": ("distance", 1),
    "reconstruction_l1": ("L1", 1),
    "reconstruction_psnr": ("PSNR, dB", 1),
}
CODES = {
    "probe_accuracy": ("probe", 1),
    "knn_accuracy": ("k-NN", 1),
    "clustering_accuracy": ("clustering", 1),
    "reconstruction_l1": ("L1", 1),
    "reconstruction_psnr": ("PSNR, dB", 1),
}
COLUMNS = {
    "mnist": CODES,
    "mnist-short": CODES,
    "lines": {
        "lines_distance": ("distance x 10^3", 1000),
        "lines_smoothness": ("smoothness", 1),
        "reconstruction_l1": ("L1", 1),
    },
    "labels-digits": WISHES,
    "labels-mnist": WISHES,
    "labels-longer": WISHES,
    "dsprites-short": {
        "betavae_score": ("β-VAE score", 1),
        "factorvae_score": ("FactorVAE score", 1),
        "mig": ("MIG", 1),
        "dci_disentanglement": ("DCI", 1),
        "reconstruction_l1": ("L1", 1),
    },
    "mnist-100-labels": {
        "probe_accuracy": ("probe", 1),
        "knn_accuracy": ("k-NN", 1),
    },
}
STRIPS = ("mnist", "lines")
SPEED = {  # rows of speed.json
    "ae": "ae",
    "ae-gan": "ae-gan",
    "acai": "acai",
    "acai-amr": "acai-amr",
    "amr-mixup-2": "amr",
    "amr-mixup-3": "amr-3",
    "amr-shared-bernoulli-2": "amr-shared-bernoulli",
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
    speed = json.loads((HERE / "results" / "speed.json").read_text())["rows"]
    rates = {row["name"]: row["images_per_second"] for row in speed}
    there = set.intersection(*[set(run["metrics"]) for run in tree["runs"]])  # older have fewer
    columns = {metric: told for metric, told in COLUMNS[table].items() if metric in there}
    head = ["method", *[name for name, _ in columns.values()], "seeds"]
    head += ["images/s"] * (table == "mnist")
    lines = [head, ["---"] * len(head)]
    for row in _rows(tree["runs"]):
        found = [run["metrics"] for run in tree["runs"] if run["row"] == row]
        cells = []
        for metric, (_, scale) in columns.items():
            values = [scale * metrics[metric] for metrics in found]
            digits = 1 if metric == "reconstruction_psnr" else 3 if scale == 1 else 2
            cells.append(f"{statistics.mean(values):.{digits}f}")
            if len(values) > 1:
                cells[-1] += f" ± {statistics.stdev(values):.{digits}f}"
        cells.append(str(len(found)))
        if table == "mnist":
            cells.append(f"{rates[f'{SPEED[row]}, bf16']:.0f}")
        lines.append([NAMES.get(row, row), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rows(runs: list[dict]) -> list[str]:
    """In the order of NAMES, then in that of the sweep."""
    there = dict.fromkeys(run["row"] for run in runs)
    return [row for row in NAMES if row in there] + [row for row in there if row not in NAMES]


def strips(table: str, folder: Path) -> None:
    """docs/pictures/NAME.png: the same pairs of test images walked between by every method."""
    import torch

    from resynthesis import figures, runs
    from resynthesis.evaluate import interpolate
    from resynthesis.evaluate.lines import interpolations

    rows, captions = [], []
    for row, name in NAMES.items():
        path = folder / f"{row}-seed0"
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
    parser.add_argument("table", choices=COLUMNS)
    parser.add_argument("folder", type=Path, nargs="?", help="the folder of a finished sweep")
    args = parser.parse_args()
    if args.folder:
        collect(args.table, args.folder)
        if args.table in STRIPS:
            strips(args.table, args.folder)
    print(markdown(args.table))


if __name__ == "__main__":
    main()

"""What evaluation costs, and whether codes made in bf16 give the same accuracies as those in fp32.

    python benchmarks/evaluation.py RUN ... --data-dir DIR

For every run folder: all codes of the training and the test part, in fp32 and in bf16 one after the
other, and on each of them the linear probe, the nearest neighbours and the clusters of `resynth
evaluate`. Times are processor time of one thread. Writes benchmarks/results/evaluation.json and
prints the table, which `--markdown` prints again from that file alone.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from resynthesis import runs
from resynthesis.data import Data
from resynthesis.evaluate import encode_set, labels

RESULT = Path(__file__).parent / "results" / "evaluation.json"
PRECISIONS = ("fp32", "bf16")
PARTS = {"codes": "codes", "probe": "probe", "knn": "k-NN", "clustering": "clustering"}


def timed(function: Callable[[], Any]) -> tuple[Any, float]:
    """What a function returns, and the processor time that it took."""
    begun = time.process_time()
    return function(), time.process_time() - begun


def measure(nets: nn.ModuleDict, data: Data, precision: str) -> dict[str, Any]:
    """{"seconds": {part: ...}, "accuracy": {part: ...}} of one net and one precision."""

    def codes() -> list[np.ndarray]:
        found: list[np.ndarray] = []
        for part in (data.train, data.test):
            z, y = encode_set(nets["autoencoder"], part, precision=precision)
            assert isinstance(y, Tensor)
            found += [z.flatten(1).numpy(), y.numpy()]
        return found

    known, seconds = timed(codes)
    measures = {
        "probe": lambda: labels.probe_accuracy(*known),
        "knn": lambda: labels.knn_accuracy(*known),
        "clustering": lambda: labels.clustering_accuracy(
            known[0], *known[2:], classes=len(data.classes)
        ),
    }
    found = {name: timed(function) for name, function in measures.items()}
    return {
        "seconds": {"codes": seconds, **{name: taken for name, (_, taken) in found.items()}},
        "accuracy": {name: value for name, (value, _) in found.items()},
    }


def markdown() -> str:
    """Medians of the times over the runs; changes of accuracy by bf16: their mean and largest."""
    every = json.loads(RESULT.read_text())["runs"]
    lines: list[Sequence[str]] = [
        ["", *(f"{p}, s" for p in PRECISIONS), "accuracy changes by", "at most"]
    ]
    lines.append(["---"] * len(lines[0]))
    for part, title in PARTS.items():
        seconds = [statistics.median(run[p]["seconds"][part] for run in every) for p in PRECISIONS]
        changes = [
            run["bf16"]["accuracy"][part] - run["fp32"]["accuracy"][part]
            for run in every
            if part in run["fp32"]["accuracy"]
        ]
        mean = f"{statistics.mean(changes):+.4f}" if changes else ""
        most = f"{max(map(abs, changes)):.4f}" if changes else ""
        lines.append([title, *(f"{s:.1f}" for s in seconds), mean, most])
    totals = [
        statistics.median(sum(run[p]["seconds"].values()) for run in every) for p in PRECISIONS
    ]
    lines.append(["all", *(f"{s:.1f}" for s in totals), "", ""])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--markdown", action="store_true", help="only print the table")
    told = parser.parse_args()
    if not told.markdown:
        torch.set_num_threads(1)
        found: list[dict[str, Any]] = []
        for path in told.runs:
            run = runs.Run(path)
            nets, data = run.load_nets("cpu"), run.load_data(data_dir=told.data_dir)
            one = {precision: measure(nets, data, precision) for precision in PRECISIONS}
            print(path.name, {p: one[p]["accuracy"] for p in PRECISIONS}, flush=True)
            found.append({"run": path.name, "settings": run.tree["settings"], **one})
        facts = runs.circumstances()
        RESULT.write_text(json.dumps({**facts, "runs": found}, indent=1) + "\n")
    print(f"\n{markdown()}")


if __name__ == "__main__":
    main()

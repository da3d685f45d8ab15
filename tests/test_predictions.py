"""Probes that learn along: their predictions epoch by epoch; convolutional probes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from resynthesis.cli import main
from resynthesis.data import DataConfig, load
from resynthesis.evaluate import evaluate
from resynthesis.evaluate.convolutional import conv_probe_accuracy
from resynthesis.nets import Probe
from resynthesis.runs import Run

SMALL = ["--data", "digits", "--size", "16", "--code", "4", "4", "4", "--width", "4"]


@pytest.mark.parametrize("net", ["linear", "conv"])
def test_predictions_of_every_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, net: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = ["--probe", "--probe-net", net, "--epochs", "2.5", "--batch-size", "100"]
    assert main(["train", "ae", *SMALL, *told, "--device", "cpu", "--out", "run"]) == 0
    written = sorted((tmp_path / "run" / "predictions").iterdir())
    assert [p.name for p in written] == ["epoch-0001.csv", "epoch-0002.csv"]
    data = load(DataConfig(data="digits", size=16))
    assert data.test.labels is not None
    with written[-1].open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [data.classes[c] for c in data.test.labels]
    for row in rows:
        shares = [float(row[c]) for c in data.classes]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
        assert row["predicted"] == data.classes[shares.index(max(shares))]
    assert sum(row["predicted"] == row["label"] for row in rows) / len(rows) > 0.3
    probe = Run(Path("run")).load_nets("cpu")["probe"]
    assert isinstance(probe, Probe)
    assert len(probe.body) == (4 if net == "conv" else 0)


def test_without_a_probe_nothing_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = ["--epochs", "1", "--batch-size", "100", "--device", "cpu", "--out", "run"]
    assert main(["train", "ae", *SMALL, *told]) == 0
    assert not (tmp_path / "run" / "predictions").exists()


def codes(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps whose class is whether two neighbouring places agree: nothing linear can tell."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 2, 4, 4, generator=generator)
    return z, (z[:, 0, 1, 1] * z[:, 0, 1, 2] > 0).long()


def test_a_convolutional_probe_sees_what_a_linear_one_cannot() -> None:
    found = conv_probe_accuracy(codes(4000, 0), codes(500, 1), classes=2)
    assert found > 0.85
    noise = torch.randint(2, (4000,), generator=torch.Generator().manual_seed(2))
    chance = conv_probe_accuracy((codes(4000, 0)[0], noise), codes(500, 1), classes=2)
    assert chance < 0.62


def test_it_is_a_metric_of_sets_with_classes(trained: Path) -> None:
    run = Run(trained)
    found = evaluate(run.load_nets("cpu"), run.load_data(), ["conv-probe"])
    assert set(found) == {"conv_probe_accuracy"}
    assert found["conv_probe_accuracy"] > 0.5
    assert main(["evaluate", str(trained), "--only", "conv_probe_accuracy"]) == 0

"""Metrics against closed forms and scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from torch import nn

from resynthesis import runs
from resynthesis.data import Data, DataConfig, ImageSet, load
from resynthesis.evaluate import encode_set, evaluate, labels, reconstruction
from resynthesis.figures import evaluation_pictures
from resynthesis.methods import AE
from resynthesis.nets import Nets, build

from .conftest import quick


def test_reconstruction_closed_form() -> None:
    x = torch.zeros(3, 1, 4, 4)
    l1, psnr = reconstruction.score(x, x + 0.5)
    assert l1 == pytest.approx(0.5)
    assert psnr == pytest.approx(10 * np.log10(4 / 0.25))
    assert reconstruction.score(x, x) == (0, pytest.approx(100))


def test_reconstructions_are_clipped() -> None:
    x = torch.ones(2, 1, 4, 4)
    assert reconstruction.score(x, x + 5)[0] == 0


def iris() -> tuple[np.ndarray, ...]:
    x, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return x[order[:100]], y[order[:100]], x[order[100:]], y[order[100:]]


def test_probe_is_scikit_learns() -> None:
    x, y, x2, y2 = iris()
    scaler = StandardScaler().fit(x)
    expected = LogisticRegression(max_iter=1000).fit(scaler.transform(x), y)
    expected = expected.score(scaler.transform(x2), y2)
    assert labels.probe_accuracy(x, y, x2, y2) == expected
    assert expected > 0.9


def test_knn_is_scikit_learns() -> None:
    x, y, x2, y2 = iris()
    expected = KNeighborsClassifier(5).fit(x, y).score(x2, y2)
    assert labels.knn_accuracy(x, y, x2, y2) == expected


def test_matching() -> None:
    y = np.array([0, 0, 1, 1, 2, 2])
    assert labels.matched_accuracy(np.array([2, 2, 0, 0, 1, 1]), y) == 1
    assert labels.matched_accuracy(np.array([2, 2, 0, 0, 0, 1]), y) == pytest.approx(5 / 6)
    assert labels.matched_accuracy(np.zeros(6, dtype=int), y) == pytest.approx(1 / 3)


def blobs(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.arange(n) % 3
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]])
    return centres[y] + random.normal(size=(n, 3)), y


def test_clustering_of_separate_blobs_is_perfect_and_ignores_scale() -> None:
    x, y = blobs()
    assert labels.clustering_accuracy(x, x, y, classes=3) == 1
    stretched = x * np.array([1e3, 1, 1e-3])
    assert labels.clustering_accuracy(stretched, stretched, y, classes=3) == 1


def test_clustering_without_any_variance_is_one_class() -> None:
    y = np.arange(9) % 3
    assert labels.clustering_accuracy(np.ones((9, 4)), np.ones((9, 4)), y, classes=3) == 1 / 3


def test_random_codes_are_at_chance() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(1000, 4)), np.arange(1000) % 10
    assert labels.probe_accuracy(x[:500], y[:500], x[500:], y[500:]) < 0.2
    assert labels.clustering_accuracy(x[:500], x[500:], y[500:], classes=10) < 0.25


class Identity(nn.Module):
    """An autoencoder whose codes are the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.none = nn.Parameter(torch.zeros(1))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z


def test_evaluate_a_perfect_autoencoder() -> None:
    data = load(DataConfig(data="digits", size=16))
    metrics = evaluate(nn.ModuleDict({"autoencoder": Identity()}), data)
    assert metrics["reconstruction_l1"] == 0
    assert metrics["knn_accuracy"] > 0.95  # raw pixels of digits
    assert metrics["probe_accuracy"] > 0.93
    assert 0.15 < metrics["clustering_accuracy"] < 1  # whitened pixels are mostly noise
    assert "lines_distance" not in metrics
    lines = evaluate(nn.ModuleDict({"autoencoder": Identity()}), load(DataConfig(data="lines")))
    assert lines["lines_distance"] == pytest.approx(6.33e-3, rel=0.15)  # a pixel cross-fade
    assert lines["lines_smoothness"] > 0.8


def test_evaluate_only() -> None:
    data = load(DataConfig(data="digits", size=16))
    nets = nn.ModuleDict({"autoencoder": Identity()})
    assert set(evaluate(nets, data, ["knn"])) == {"knn_accuracy"}
    assert set(evaluate(nets, data, ["reconstruction_psnr"])) == {"reconstruction_psnr"}
    with pytest.raises(ValueError, match="unknown metric 'fid'"):
        evaluate(nets, data, ["fid"])
    with pytest.raises(ValueError, match="cannot be measured"):
        evaluate(nets, data, ["lines"])


def test_one_test_image_is_enough(tmp_path: Path) -> None:
    images = torch.randint(256, (12, 1, 16, 16), dtype=torch.uint8)
    parts = [ImageSet(images[:n]) for n in (10, 1, 1)]
    config = runs.Config(
        method=AE(),
        data=DataConfig(data=runs.ARRAYS, size=16),
        nets=Nets(code=(4, 2, 2), width=4),
        training=quick(2, batch_size=4),
    )
    data = Data(runs.ARRAYS, *parts)
    run = runs.start(config, tmp_path / "run", data=data)
    nets = run.load_nets("cpu")
    assert set(evaluate(nets, data)) == {"reconstruction_l1", "reconstruction_psnr"}
    evaluation_pictures(run, nets, data)
    made = {path.name for path in run.pictures.iterdir()}
    assert "reconstructions.png" in made
    assert "interpolations.png" not in made


def test_hidden_labels_are_not_used() -> None:
    x = torch.randn(40, 1, 16, 16).clamp(-1, 1)
    y = torch.arange(40) % 2
    hidden = torch.where(torch.arange(40) < 8, y, -1)
    parts = ImageSet(x, hidden), ImageSet(x, y), ImageSet(x, y)
    data = Data("some", *parts, classes=("a", "b"))
    metrics = evaluate(nn.ModuleDict({"autoencoder": Identity()}), data, ["probe", "knn"])
    flat = x.flatten(1).numpy()
    expected = labels.probe_accuracy(flat[:8], y[:8].numpy(), flat, y.numpy())
    assert metrics["probe_accuracy"] == expected


def test_codes_in_bf16_are_those_of_fp32_within_rounding() -> None:
    with runs.fixed_seed(0):
        nets = build(Nets(code=(4, 4, 4), width=4), ("autoencoder",), channels=1, size=16)
        images = ImageSet(torch.rand(20, 1, 16, 16) * 2 - 1)
    exact, _ = encode_set(nets["autoencoder"], images)
    coarse, _ = encode_set(nets["autoencoder"], images, precision="bf16")
    assert coarse.dtype == torch.float32
    assert not torch.equal(exact, coarse)
    torch.testing.assert_close(coarse, exact, atol=0.1 * float(exact.std()), rtol=0)


def test_small_directions_count_in_sets_of_any_size() -> None:
    random = np.random.default_rng(0)
    for n in (1_000, 50_000):
        y = np.arange(n) % 2
        x = np.stack([random.normal(size=n), (2 * y - 1) / 300], 1).astype(np.float32)
        assert labels.clustering_accuracy(x, x, y, classes=2) == 1

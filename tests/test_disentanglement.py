"""Scores of disentanglement at both ends, and pictures of what dimensions do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from resynthesis.cli import main
from resynthesis.data import Data, DataConfig, ImageSet, load
from resynthesis.data.sprites import factors_of
from resynthesis.evaluate import evaluate
from resynthesis.evaluate.disentanglement import (
    betavae_score,
    dci,
    factorvae_score,
    mig,
    sample,
)
from resynthesis.figures.traversed import traversal_pictures, traverse

SCORES = (betavae_score, factorvae_score, mig, lambda v, z: dci(v[::5], z[::5])[0])
rng = np.random.default_rng(0)
FACTORS = factors_of(torch.from_numpy(rng.permutation(737_280)[:20_000])).numpy()


def noise(d: int, scale: float = 1.0) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(len(FACTORS), d)) * scale


PERFECT = {
    "factors": FACTORS,
    "permuted and scaled": FACTORS[:, [3, 0, 4, 2, 1]] * np.array([1e-1, 5, -2, 100, 1]) + 7,
    "tiny": FACTORS * 1e-4,
    "dead dimensions": np.concatenate(
        [noise(3, 1e-3), FACTORS, np.full((len(FACTORS), 4), 0.1)], 1
    ),
}


@pytest.mark.parametrize("name", PERFECT)
def test_perfect_codes(name: str) -> None:
    found = [score(FACTORS, PERFECT[name]) for score in SCORES]
    assert found == pytest.approx([1, 1, 1, 1], abs=0.012)  # MIG: chance's information in 20,000


def test_completeness_and_informativeness() -> None:
    some = FACTORS[::5]
    assert dci(some, some) == pytest.approx((1, 1, 1), abs=5e-3)
    twice = np.concatenate([some, some], 1)  # half the importance each, among ten
    d, c, i = dci(some, twice)
    assert (d, i) == pytest.approx((1, 1), abs=5e-3)
    assert 1 - np.log10(2) - 0.01 < c < 1
    assert dci(some, noise(3)[::5])[1:] == pytest.approx((0, 0), abs=0.02)


def test_chance() -> None:
    """Codes that have nothing to do with the factors: one in five, or nothing."""
    beta, vote, gap, importance = (score(FACTORS, noise(5)) for score in SCORES)
    assert beta == pytest.approx(0.2, abs=0.03)
    assert vote == pytest.approx(0.2, abs=0.06)  # 4 standard deviations of 800 votes
    assert abs(gap) < 5e-3
    assert importance < 0.02


def test_collapsed_codes_are_at_chance() -> None:
    dead = np.full((len(FACTORS), 3), 0.1)
    beta, vote, *rest = (score(FACTORS, dead) for score in SCORES)
    assert (beta, vote) == pytest.approx((0.2, 0.2), abs=0.06)
    assert rest == [0, 0]


def test_one_dimension_that_knows_the_shape() -> None:
    one = FACTORS[:, :1]
    # The shape is told from the others (1/5); of these one in four is guessed (4/5 x 1/4).
    assert betavae_score(FACTORS, one) == pytest.approx(0.4, abs=0.03)
    assert mig(FACTORS, one) == pytest.approx(0.2, abs=0.01)
    assert dci(FACTORS, one)[1] == 1


def test_entangled_codes_are_in_between() -> None:
    even = (FACTORS - FACTORS.mean(0)) / FACTORS.std(0)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    _, _, gap, importance = (score(FACTORS, even @ turn) for score in SCORES)
    assert 0.02 < gap < 0.3
    assert 0.2 < importance < 0.6  # everything is known, in the wrong place


def test_collapsed_dimensions_do_not_vote() -> None:
    """A dimension of a tiny variance that happens to follow a factor is not counted."""
    codes = np.concatenate([noise(4), 0.01 * FACTORS[:, :1]], 1)
    assert factorvae_score(FACTORS, codes) < 0.26
    assert factorvae_score(FACTORS, codes * [1, 1, 1, 1, 100]) > 0.3


def test_scores_depend_on_the_seed_alone() -> None:
    some = FACTORS @ np.random.default_rng(2).normal(size=(5, 4)) + noise(4)
    for score in (betavae_score, factorvae_score):
        assert score(FACTORS, some, seed=3) == score(FACTORS, some, seed=3)
        assert score(FACTORS, some, seed=3) != score(FACTORS, some, seed=4)


@pytest.mark.parametrize("score", SCORES)
def test_bad_arrays(score) -> None:
    v = FACTORS[:100]
    for factors, codes, said in (
        (v.astype(float), v, "factors must be integers"),
        (v, v[:50], "factors must be integers"),
        (v, v[:, 0], "factors must be integers"),
        (v, v[:, :0], "factors must be integers"),
        (v * 0, v, "two values or more"),
        (v - 1, v, "from 0 on"),
        (v, v * np.nan, "NaN"),
    ):
        with pytest.raises(ValueError, match=said):
            score(factors, codes)


class Moments(nn.Module):
    """Codes (B, 3, 1, 1) are the centroid and the area; pictures are their sums."""

    def __init__(self) -> None:
        super().__init__()
        self.none = nn.Parameter(torch.zeros(1))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        ink = (x[:, 0] + 1) / 2
        at, area = torch.arange(float(x.shape[-1])), ink.sum((1, 2))
        found = torch.stack([ink.sum(1) @ at / area, ink.sum(2) @ at / area, area / 10], 1)
        return found[..., None, None]

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        weights = torch.tensor([0.002, 0.01, 0.005]).reshape(3, 1, 1)
        return (z * weights).sum(1, keepdim=True).expand(-1, 1, 16, 16)


def test_sample_is_even_and_without_repetition() -> None:
    data = load(DataConfig(data="dsprites-rendered", size=16))
    factors, codes = sample(Moments(), data.test, 3000)
    assert factors.shape == (3000, 5)
    assert codes.shape == (3000, 3)
    assert len(np.unique(factors, axis=0)) == 3000
    assert np.corrcoef(factors[:, 3], codes[:, 0])[0, 1] > 0.99
    assert np.corrcoef(factors[:, 4], codes[:, 1])[0, 1] > 0.99
    assert (np.bincount(factors[:, 0]) > 850).all()


class Collapsed(Moments):
    """A VAE: the moments are sure, and copies of them so unsure that nothing of them is left."""

    is_variational = True

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return self.posterior(x)[0]

    def posterior(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        z = super().encode(x)
        return torch.cat([z, 1e-3 * z], 1), torch.cat([z * 0 + 0.01, z * 0 + 1], 1)


def test_information_is_that_of_drawn_codes() -> None:
    data = load(DataConfig(data="dsprites-rendered", size=16))
    alone = mig(*sample(Moments(), data.test, 5000))
    factors, means = sample(Collapsed(), data.test, 5000)
    assert mig(factors, means) < 0.01  # every dimension has a copy that knows as much
    drawn = sample(Collapsed(), data.test, 5000, drawn=True)
    assert np.array_equal(drawn[1], sample(Collapsed(), data.test, 5000, drawn=True)[1])
    assert mig(*drawn) == pytest.approx(alone, abs=0.05)
    metrics = evaluate(nn.ModuleDict({"autoencoder": Collapsed()}), data, ["mig"])
    assert metrics["mig"] == pytest.approx(alone, abs=0.05)


def test_evaluate_measures_what_it_is_asked() -> None:
    data = load(DataConfig(data="dsprites-rendered", size=16))
    nets = nn.ModuleDict({"autoencoder": Moments()})
    metrics = evaluate(nets, data, ["mig", "betavae_score"])
    assert set(metrics) == {"betavae_score", "mig"}
    assert 0.6 < metrics["betavae_score"] < 0.9  # three of five, and a guess between the others
    assert 0.4 < metrics["mig"] < 0.7
    digits = load(DataConfig(data="digits", size=16))
    with pytest.raises(ValueError, match="'mig' cannot be measured on 'digits'"):
        evaluate(nets, digits, ["mig"])


def test_traverse_moves_one_dimension_at_a_time() -> None:
    z = torch.randn(2, 3, 1, 1)
    values = torch.tensor([[0.0, 10], [0, 20], [0, 30]])
    x = traverse(Moments(), z, values)
    assert x.shape == (3, 2, 2, 1, 16, 16)
    moved = (x[:, :, 1] - x[:, :, 0])[..., 0, 0, 0]  # (dimension, image)
    expected = torch.tensor([0.02, 0.2, 0.15])[:, None].expand(3, 2)
    assert torch.allclose(moved, expected, atol=1e-6)
    kept = z.clone()
    kept[:, 1] = 20
    assert torch.allclose(x[1, :, 1], Moments().decode(kept))


def test_traversal_pictures_rank_dimensions(tmp_path: Path) -> None:
    part = load(DataConfig(data="dsprites-rendered", size=16)).test
    data = Data("some", part, part, part.subset(torch.arange(50)))
    traversal_pictures(Moments(), data, tmp_path)
    with Image.open(tmp_path / "traversals.png") as picture:
        assert picture.height == 4 * (64 + 2) + 2  # the images, and three dimensions
    with Image.open(tmp_path / "traversals.gif") as film:
        assert film.n_frames == 24
        assert film.size == (4 * 66 + 2 + 0, 3 * 66 + 2)
    one = ImageSet(torch.zeros(1, 1, 16, 16, dtype=torch.uint8))
    alone = Data("one", one, one, one)
    traversal_pictures(Moments(), alone, tmp_path)


def test_a_run_on_sprites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(tmp_path / "run")
    nets = ["--family", "adaae", "--code", "6", "1", "1", "--width", "4"]
    data = ["--data", "dsprites-rendered", "--size", "16"]
    quick = ["--steps", "2", "--batch-size", "8", "--device", "cpu"]
    assert main(["train", "ae", *data, *nets, *quick, "--out", run]) == 0
    assert "not the official" in capsys.readouterr().out
    assert main(["evaluate", run, "--only", "mig", "factorvae_score"]) == 0
    assert "factorvae_score" in capsys.readouterr().out
    assert main(["encode", run, "--part", "valid", "--out", str(tmp_path / "codes.npz")]) == 0
    with np.load(tmp_path / "codes.npz") as arrays:
        assert arrays["codes"].shape == (10_000, 6)
        assert arrays["labels"].shape == (10_000, 5)
        assert arrays["attributes"].tolist() == ["shape", "scale", "orientation", "x", "y"]
        first = arrays["labels"][0].tolist()
    assert main(["encode", run, "--part", "valid", "--out", str(tmp_path / "codes.tsv")]) == 0
    head, row, *_ = (tmp_path / "codes.labels.tsv").read_text().splitlines()
    assert sorted(head.split("\t")) == ["orientation", "part", "scale", "shape", "x", "y"]
    named = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert [int(named[name]) for name in ("shape", "scale", "orientation", "x", "y")] == first
    assert main(["mix", run, "--count", "3", "--out", str(tmp_path / "mixes")]) == 0
    from resynthesis import figures
    from resynthesis.runs import Run

    opened = Run(tmp_path / "run")
    figures.evaluation_pictures(opened, opened.load_nets("cpu"), opened.load_data())
    pictures = {p.name for p in opened.pictures.iterdir()}
    assert {"traversals.png", "traversals.gif", "codes.png", "reconstructions.png"} <= pictures


def test_spatial_codes_are_not_traversed(trained: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(trained, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert not (tmp_path / "run" / "pictures" / "traversals.png").exists()

"""The lines benchmark against its published check values and computed bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from resynthesis.data import DataConfig, load
from resynthesis.data.lines import render
from resynthesis.evaluate.lines import interpolations, score
from resynthesis.nets import Nets, build

CHECKS = {
    0.0: (30.0000, 15.5000, 23.0000),
    math.pi / 6: (26.0000, 12.3246, 22.0000),
    math.pi / 4: (22.0000, 11.0000, 21.0000),
    1.0: (25.2441, 9.1797, 20.2003),
    math.pi / 2: (30.0000, 8.0000, 15.5000),
    2.5: (24.0343, 10.2639, 9.4907),
    math.pi: (30.0000, 15.5000, 8.0000),
    3 * math.pi / 2: (30.0000, 23.0000, 15.5000),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("theta", CHECKS)
def test_check_values(theta: float, dtype: torch.dtype) -> None:
    image = render(torch.tensor([theta], dtype=dtype))[0, 0].double()
    ink = (image + 1) / 2
    at = torch.arange(32.0, dtype=torch.float64)
    row, column = (ink.sum(1) @ at) / ink.sum(), (ink.sum(0) @ at) / ink.sum()
    assert (ink.sum().item(), row.item(), column.item()) == pytest.approx(CHECKS[theta], abs=1e-4)


def test_images() -> None:
    x = render(torch.linspace(0, 6.28, 2000))
    assert x.shape == (2000, 1, 32, 32)
    assert x.dtype == torch.float32
    assert x.min() == -1
    assert x.max() == 1
    with pytest.raises(ValueError, match="shape"):
        render(torch.zeros(2, 2))


def test_lines_are_fresh_at_every_step_and_the_same_for_a_seed() -> None:
    train = load(DataConfig(data="lines")).train
    a, b = train.batch(0, 8, 0)[0], train.batch(1, 8, 0)[0]
    assert not torch.equal(a, b)
    assert torch.equal(a, train.batch(0, 8, 0)[0])
    assert not torch.equal(a, train.batch(0, 8, 1)[0])


def paths(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    a, b = random.uniform(0, 2 * math.pi, (2, n))
    turn = (b - a + math.pi) % (2 * math.pi) - math.pi  # the short way round
    return torch.tensor(a), torch.tensor(turn)


def test_a_perfect_path() -> None:
    a, turn = paths()
    theta = a[:, None] + turn[:, None] * torch.linspace(0, 1, 16)
    distance, smoothness = score(render(theta.flatten()).reshape(-1, 16, 1, 32, 32))
    assert distance == pytest.approx(0, abs=1e-4)
    assert smoothness == pytest.approx(0.002, abs=0.004)


def test_a_pixel_cross_fade() -> None:
    a, turn = paths(256)
    share = torch.linspace(0, 1, 16).reshape(1, 16, 1, 1, 1)
    x = torch.lerp(render(a)[:, None], render(a + turn)[:, None], share)
    distance, smoothness = score(x)
    assert distance == pytest.approx(6.33e-3, rel=0.1)
    assert smoothness == pytest.approx(0.892, abs=0.03)


def test_an_abrupt_jump() -> None:
    a, turn = paths(256)
    x = torch.stack([render(a)] * 8 + [render(a + turn)] * 8, 1)
    distance, smoothness = score(x)
    assert distance == pytest.approx(0, abs=1e-4)
    assert smoothness == pytest.approx(14 / 15, abs=1e-3)


def test_a_path_that_stays_counts_as_zero() -> None:
    a, turn = paths(2)
    still = torch.stack([render(a)] * 16, 1)
    jump = torch.stack([render(a)] * 8 + [render(a + turn)] * 8, 1)
    assert score(still)[1] == 0
    assert score(torch.cat([still, jump]))[1] == pytest.approx(14 / 30, abs=1e-3)


def test_score_takes_arrays_and_refuses_other_shapes() -> None:
    a, _ = paths(1)
    still = torch.stack([render(a)] * 16, 1)
    assert score(still.numpy()) == score(still)
    for bad in (still[:, :15], still[0], still[:0]):
        with pytest.raises(ValueError, match="shape"):
            score(bad)
    with pytest.raises(ValueError, match="NaN"):
        score(still * float("nan"))


def test_interpolations_start_and_end_at_reconstructions() -> None:
    net = build(Nets(code=(2, 2, 2), width=4), ("autoencoder",), channels=1, size=32)
    x = interpolations(net["autoencoder"].eval())
    assert x.shape == (256, 16, 1, 32, 32)
    again = interpolations(net["autoencoder"])
    assert torch.equal(x, again)

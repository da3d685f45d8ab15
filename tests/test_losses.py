from __future__ import annotations

import math

import pytest
import torch

from resynthesis.losses import RECONSTRUCTIONS, H, bce, bce_sum, together


def test_cross_entropy_of_a_critic() -> None:
    logits = torch.tensor([0.0, 2.0])
    p = 1 / (1 + math.exp(-2))
    assert H(logits, 1).item() == pytest.approx((math.log(2) - math.log(p)) / 2)
    assert H(logits, 0).item() == pytest.approx((math.log(2) - math.log(1 - p)) / 2)
    soft = -(0.3 * math.log(p) + 0.7 * math.log(1 - p))
    assert H(logits[1:], torch.tensor([0.3])).item() == pytest.approx(soft)


def test_least_squares_of_a_critic() -> None:
    assert H(torch.tensor([0.5, 2.0]), 1, "ls").item() == pytest.approx((0.25 + 1) / 2)


@pytest.mark.parametrize(("name", "value"), [("l1", 0.5), ("l2", 0.25)])
def test_distances(name: str, value: float) -> None:
    x = torch.zeros(2, 1, 4, 4)
    assert RECONSTRUCTIONS[name](x, x + 0.5).item() == pytest.approx(value)


def test_bce_is_that_of_torch() -> None:
    torch.manual_seed(0)
    x, x_hat = torch.rand(3, 1, 4, 4) * 2 - 1, torch.rand(3, 1, 4, 4) * 2 - 1
    expected = torch.nn.functional.binary_cross_entropy((x_hat + 1) / 2, (x + 1) / 2)
    torch.testing.assert_close(bce(x, x_hat), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(bce_sum(x, x_hat), expected * 16, atol=1e-4, rtol=1e-4)


def test_together_is_one_by_one() -> None:
    net = torch.nn.Linear(3, 2)
    a, b = torch.randn(2, 3), torch.randn(5, 3)
    for got, expected in zip(together(net, a, b), (net(a), net(b)), strict=True):
        torch.testing.assert_close(got, expected)

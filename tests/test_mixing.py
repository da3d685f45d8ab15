from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resynthesis.mixing import MIXERS, check_parents, draw_apart, for_each, mix, partners


def defined(mixer: str) -> list[int]:
    return [2] if mixer == "shared-bernoulli" else [2, 3, 8]


CASES = [(name, k) for name in MIXERS for k in defined(name)]


@pytest.mark.parametrize(("name", "k"), CASES)
@given(batch=st.integers(1, 9), channels=st.integers(1, 6), seed=st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_weights_are_a_partition_of_one(
    name: str, k: int, batch: int, channels: int, seed: int
) -> None:
    torch.manual_seed(seed)
    z = torch.randn(batch, channels, 2, 2)
    w = MIXERS[name](k, z)
    assert w.shape[:2] == (k, batch)
    assert w.shape[2] in (1, channels)
    assert w.shape[3:] == (1, 1)
    assert (w >= 0).all()
    torch.testing.assert_close(w.sum(0), torch.ones_like(w[0]))
    if "bernoulli" in name:
        assert ((w == 0) | (w == 1)).all()


@pytest.mark.parametrize(("name", "k"), CASES)
def test_mixing_equals_is_identity(name: str, k: int) -> None:
    z = torch.randn(5, 4, 2, 2)
    torch.testing.assert_close(mix(z.expand(k, *z.shape), MIXERS[name](k, z)), z)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_every_parent_survives_bernoulli(k: int) -> None:
    torch.manual_seed(0)
    share = MIXERS["bernoulli"](k, torch.zeros(4000, 8, 1, 1)).mean((1, 2, 3, 4))
    torch.testing.assert_close(share, torch.full((k,), 1 / k), atol=0.02, rtol=0)


def test_mixup_of_two_is_uniform() -> None:
    torch.manual_seed(0)
    alpha = MIXERS["mixup"](2, torch.zeros(20000, 1, 1, 1))[0].flatten().sort().values
    torch.testing.assert_close(alpha, torch.linspace(0, 1, 20000), atol=0.02, rtol=0)


def test_mixup_has_one_weight_a_sample_and_channel_mixup_one_a_channel() -> None:
    z = torch.zeros(6, 5, 2, 2)
    assert MIXERS["mixup"](3, z).shape == (3, 6, 1, 1, 1)
    assert MIXERS["channel-mixup"](3, z).shape == (3, 6, 5, 1, 1)


def test_shared_bernoulli_shares_p_within_a_batch() -> None:
    torch.manual_seed(0)
    z = torch.zeros(500, 8, 1, 1)
    shares = torch.stack([MIXERS["shared-bernoulli"](2, z)[0].mean() for _ in range(300)])
    assert shares.std() > 0.2  # of U(0, 1) it is 0.29; independent p would give 0.008


def test_weights_for_each_mix() -> None:
    z = torch.randn(3, 4, 2, 2)
    weights = torch.tensor([[1.0, 0, 0], [0, 0.5, 0.5]])
    got = mix(z[:, None], for_each(weights, z))
    torch.testing.assert_close(got, torch.stack([z[0], (z[1] + z[2]) / 2]))


def test_partners_are_permutations() -> None:
    index = partners(4, torch.zeros(9, 2))
    assert index[0].tolist() == list(range(9))
    assert all(sorted(row.tolist()) == list(range(9)) for row in index)


@pytest.mark.parametrize(
    ("mixer", "k", "says"),
    [("shared-bernoulli", 3, "exactly 2"), ("mixup", 1, "at least 2"), ("blend", 2, "unknown")],
)
def test_undefined_mixes_are_refused(mixer: str, k: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_parents(mixer, k)


def test_shared_bernoulli_of_each_sample_by_itself() -> None:
    torch.manual_seed(0)
    shares = draw_apart("shared-bernoulli", 2, torch.zeros(500, 64, 1, 1))[0].mean((1, 2, 3))
    assert shares.std() > 0.25  # of p ~ U(0, 1) it is .29; of one p for all, under .07
    assert abs(float(shares.mean()) - 0.5) < 0.05

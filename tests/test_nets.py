from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from resynthesis.losses import bce
from resynthesis.nets import Critic, Nets, Stem, build, code_shape, keep_weights

FITTING = [
    ((2, 4, 4), 32, 1),
    ((16, 2, 2), 32, 1),
    ((64, 1, 1), 32, 3),
    ((64, 4, 4), 32, 3),
    ((4, 4, 4), 16, 1),
    ((3, 1, 1), 16, 3),
    ((2, 16, 16), 64, 1),
    ((2, 32, 32), 128, 3),
]


@pytest.mark.parametrize(("code", "size", "channels"), FITTING)
def test_shapes(code: tuple[int, int, int], size: int, channels: int) -> None:
    nets = build(Nets(code=code, width=4), ("autoencoder", "critic"), channels=channels, size=size)
    x = torch.randn(2, channels, size, size)
    z = nets["autoencoder"].encode(x)
    assert z.shape == (2, *code)
    assert nets["autoencoder"].decode(z).shape == x.shape
    assert nets["critic"](x).shape == (2,)


@pytest.mark.parametrize(
    ("code", "size"),
    [((2, 4, 8), 32), ((2, 3, 3), 32), ((2, 16, 16), 32), ((0, 4, 4), 32), ((2, 4, 4), 48)],
)
def test_codes_that_do_not_fit(code: tuple[int, int, int], size: int) -> None:
    with pytest.raises(ValueError, match=r"must be"):
        build(Nets(code=code), ("autoencoder",), channels=1, size=size)


def test_layers_are_those_of_the_tables() -> None:
    net = build(Nets(), ("autoencoder",), channels=1, size=32)["autoencoder"]
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions]
    encoder = [(1, 16, 1), (16, 16, 3), (16, 16, 3), (16, 32, 3), (32, 32, 3), (32, 64, 3)]
    encoder += [(64, 64, 3), (64, 128, 3), (128, 2, 3)]
    decoder = [(2, 64, 3), (64, 64, 3), (64, 32, 3), (32, 32, 3), (32, 16, 3), (16, 16, 3)]
    decoder += [(16, 16, 3), (16, 1, 3)]
    assert shapes == encoder + decoder


@pytest.mark.parametrize("channels", [1, 3])
def test_stem_equals_its_two_convolutions(channels: int) -> None:
    stem = Stem(channels, 8)
    nn.init.normal_(stem.first.bias)
    x = torch.randn(3, channels, 16, 16)
    torch.testing.assert_close(stem(x), stem.second(stem.first(x)), atol=1e-5, rtol=1e-4)


def test_critic_convolutions_have_spectral_norm_one() -> None:
    torch.manual_seed(0)
    critic = Critic(1, 32, Nets())
    for _ in range(100):  # power iterations
        critic(torch.randn(1, 1, 32, 32))
    critic.eval()
    for layer in critic.modules():
        if isinstance(layer, nn.Conv2d):
            norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
            assert norm == pytest.approx(1, abs=0.02)


def vectors(critic: nn.Module) -> list[torch.Tensor]:
    """Of the power iterations."""
    return [b.clone() for b in critic.buffers()]


def test_kept_weights_are_computed_once_and_pass_gradients_on() -> None:
    torch.manual_seed(0)
    critic, x = Critic(1, 32, Nets()), torch.randn(2, 1, 32, 32)
    once, kept = copy.deepcopy(critic), copy.deepcopy(critic)
    once(x)
    with keep_weights():
        with torch.no_grad():  # the copies' weights are their own, and one without gradient no use
            kept(x)
            vectors_then = vectors(kept)
        first, second = kept(x), kept(x)
        assert torch.equal(first, second)
        assert torch.equal(critic(x), once.eval()(x))
    for a, b, c in zip(vectors(once), vectors_then, vectors(critic), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
    (first.sum() + second.sum()).backward()
    frozen = copy.deepcopy(kept).eval()  # the same weights, computed at each pass
    frozen.zero_grad()
    (frozen(x).sum() + frozen(x).sum()).backward()
    for p, q in zip(kept.parameters(), frozen.parameters(), strict=True):
        assert p.grad is not None
        assert p.grad.abs().max() > 0
        torch.testing.assert_close(p.grad, q.grad)
    before = vectors(critic)[-1]
    critic(x)
    assert not torch.equal(before, vectors(critic)[-1])  # it was for the passes inside only


def test_tanh_output_stays_in_range() -> None:
    net = build(Nets(output="tanh"), ("autoencoder",), channels=1, size=16 * 2)["autoencoder"]
    assert net.decode(100 * torch.randn(2, 2, 4, 4)).abs().max() <= 1


def test_burgess_nets_are_those_of_the_paper() -> None:
    config = Nets(family="burgess", code=(10, 1, 1), width=32, posterior=True)
    nets = build(config, ("autoencoder", "critic"), channels=1, size=64)
    x = torch.randn(2, 1, 64, 64)
    assert code_shape(config, 64) == (10, 1, 1)
    assert nets["autoencoder"].encode(x).shape == (2, 10, 1, 1)
    assert nets["autoencoder"].decode(nets["autoencoder"].encode(x)).shape == x.shape
    assert nets["critic"](x).shape == (2,)
    shapes = [tuple(p.shape) for p in nets["autoencoder"].encoder.parameters() if p.ndim > 1]
    assert shapes == [(32, 1, 4, 4), *[(32, 32, 4, 4)] * 3, (256, 512), (256, 256), (20, 256)]
    with pytest.raises(ValueError, match="size 64"):
        build(config, ("autoencoder",), channels=1, size=32)


@pytest.mark.parametrize(
    "config",
    [
        Nets(posterior=True, code=(3, 4, 4)),
        Nets(posterior=True, family="burgess", code=(10, 1, 1)),
    ],
)
def test_a_posterior_has_the_codes_for_means_and_positive_scales(config: Nets) -> None:
    net = build(config, ("autoencoder",), channels=1, size=64 if config.family == "burgess" else 32)
    x = 30 * torch.randn(4, 1, *[64 if config.family == "burgess" else 32] * 2)
    mean, scale = net["autoencoder"].posterior(x)
    assert torch.equal(mean, net["autoencoder"].encode(x))
    assert mean.shape == scale.shape
    assert scale.min() > 0


@pytest.mark.parametrize("family", ["adaae", "split"])
def test_families_without_a_posterior(family: str) -> None:
    with pytest.raises(ValueError, match="no posterior"):
        Nets(family=family, posterior=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["amr", "adaae", "burgess"])
def test_saturated_pixels_still_learn_in_bf16(family: str) -> None:
    """Pixels that begin far on the wrong side come back under cross-entropy."""
    config = Nets(family=family, output="tanh", code=(10, 1, 1), width=8)  # type: ignore[arg-type]
    net = build(config, ("autoencoder",), channels=1, size=64)["autoencoder"]
    last = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
    nn.init.constant_(last.bias, 6.0)
    with torch.autocast("cpu", torch.bfloat16):
        x_hat = net.decode(torch.randn(2, 10, 1, 1))
    assert x_hat.dtype == torch.float32
    bce(-torch.ones_like(x_hat), x_hat).backward()
    assert last.bias.grad.item() > 0.5


def test_probe_needs_classes() -> None:
    with pytest.raises(ValueError, match="two classes"):
        build(Nets(), ("autoencoder", "probe"), channels=1, size=32)

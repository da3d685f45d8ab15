"""Translation: the methods' equations, their nets, changed copies, distances, the estimators."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from torch import Tensor, nn
from torch.nn import functional as F

from resynthesis import ADAAE, Translator, load, runs
from resynthesis.augment import augment, turned
from resynthesis.cli import main
from resynthesis.data import Domains, DomainsConfig, ImageSet, Pair
from resynthesis.data import load as load_data
from resynthesis.evaluate import distances
from resynthesis.losses import agreed, misread
from resynthesis.methods import METHODS, Adapt, Classify, Method, Translate
from resynthesis.mixing import mix
from resynthesis.nets import Classifier, Nets, PatchCritic, SplitAutoencoder, build
from resynthesis.train import Training, begin, follow, loop, step

from .conftest import quick
from .test_methods import DoubleOutputs, bars, moved_by, says

VARIANTS: list[Method] = [
    Translate(),
    Translate(realism=1.0),
    Adapt(),
    Adapt(confidence=0.0, translated=0.0),
    Adapt(self_labelling=0.0),
]
FAMILY = {Translate: "adaae", Adapt: "split"}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def nets_for(method: Method, **settings: object) -> nn.ModuleDict:
    torch.manual_seed(1)
    family = FAMILY.get(type(method), "split")
    config = Nets(**{"family": family, "width": 8, "classifier_width": 4, **settings})  # type: ignore[arg-type]
    return build(config, method.players, method.averages, channels=3, size=16, classes=4)


def both(n: int) -> tuple[Tensor, Tensor]:
    """Bars in grey and others in colour, (2, n, 3, 16, 16), and the classes of the former."""
    x_s, y = bars(n)
    x_t, _ = bars(n)
    colour = torch.rand(n, 3, 1, 1)
    return torch.stack([x_s.expand(-1, 3, -1, -1), x_t * colour - 0.2]), y


# Methods


@pytest.mark.parametrize("method", VARIANTS, ids=repr)
def test_terms(method: Method) -> None:
    losses = method.losses(nets_for(method), *both(8))
    assert set(losses) == set(method.players)
    for player, terms in losses.items():
        for name, value in terms.items():
            assert value.ndim == 0
            assert torch.isfinite(value)
            assert f"{player}/{name}" in method.formulas


@pytest.mark.parametrize("method", [Translate(), Adapt()], ids=repr)
def test_every_formula_is_a_term(method: Method) -> None:
    losses = method.losses(nets_for(method), *both(8))
    assert {f"{p}/{t}" for p, terms in losses.items() for t in terms} == set(method.formulas)


@pytest.mark.parametrize("method", VARIANTS, ids=repr)
def test_each_player_moves_on_its_own_losses_only(method: Method) -> None:
    nets = nets_for(method)
    state = begin(method, nets, quick())
    for player in method.players:
        assert moved_by(method, nets, state.optimizers, player, *both(8)) == {player}
        assert all(p.grad is None for p in nets.parameters())


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.99])
def test_the_teacher_is_the_moving_average_of_the_classifier(decay: float) -> None:
    method = Adapt(teacher_decay=decay, confidence=0.0)
    nets = nets_for(method)
    state = begin(method, nets, quick(lr=1e-2))
    assert set(state.optimizers) == {"autoencoder", "critic", "classifier"}
    assert not any(p.requires_grad for p in nets["teacher"].parameters())
    expected = {k: v.double() for k, v in nets["classifier"].state_dict().items()}
    for at in range(1, 6):
        step(method, nets, state.optimizers, *both(8))
        follow(nets["teacher"], nets["classifier"], decay, at)
        d = min(decay, (1 + at) / (10 + at))
        for k, v in nets["classifier"].state_dict().items():
            expected[k] = d * expected[k] + (1 - d) * v.double()
    for k, v in nets["teacher"].state_dict().items():
        torch.testing.assert_close(v.double(), expected[k], atol=1e-6, rtol=1e-5)
    gap = [
        (a - b).abs().max()
        for a, b in zip(nets["teacher"].parameters(), nets["classifier"].parameters(), strict=True)
    ]
    assert (max(gap) > 1e-3) == (decay > 0)


def test_classify_has_a_teacher_of_the_same_kind() -> None:
    nets = nets_for(Classify())
    assert set(nets) == {"classifier", "teacher"}
    assert Classify().averages["teacher"] == ("classifier", Adapt().teacher_decay)
    assert set(nets_for(Classify(teacher_decay=0.0))) == {"classifier"}


def textbook_translate(nets: nn.ModuleDict, x: Tensor, y: Tensor, optimizers: dict) -> None:
    """Autoencoder, critic and classifier in turn, each with passes of its own."""
    f, g = nets["autoencoder"].encode, nets["autoencoder"].decode
    critic, classifier = nets["critic"], nets["classifier"]
    x_s, x_t = x
    s_hat, t_hat = g(f(x_s)), g(f(x_t))
    loss = (x_t - t_hat).square().mean()
    loss = loss + 0.3 * (says(critic(s_hat), 1) + says(critic(t_hat), 1))
    loss.backward()
    optimizers["autoencoder"].step()
    critic.zero_grad()
    s_hat, t_hat = s_hat.detach(), t_hat.detach()  # made before the autoencoder moved
    loss = says(critic(x_t), 1) + says(critic(s_hat), 0)
    loss = loss + says(critic(t_hat), 0) + says(critic(x_s), 0)
    loss.backward()
    optimizers["critic"].step()
    for images in (x_s, s_hat):
        log_p = classifier(images).log_softmax(1)
        (-log_p[torch.arange(len(y)), y].mean()).backward()
    optimizers["classifier"].step()


def test_simultaneous_step_of_translate_is_the_textbook_step() -> None:
    method = Translate(realism=0.3)
    ours = nets_for(method, classifier="raw").double()
    theirs = copy.deepcopy(ours)
    start = copy.deepcopy(ours.state_dict())
    x, y = both(16)

    def sgd(nets: nn.ModuleDict) -> dict:
        return {p: torch.optim.SGD(nets[p].parameters(), lr=0.1) for p in method.players}

    with DoubleOutputs():
        step(method, ours, sgd(ours), x.double(), y)
        textbook_translate(theirs, x.double(), y, sgd(theirs))
    for player in method.players:
        pairs = list(zip(ours[player].parameters(), theirs[player].parameters(), strict=True))
        moved = [
            (p - start[f"{player}.{name}"]).abs().max()
            for name, p in ours[player].named_parameters()
        ]
        assert max(moved) > 1e-4
        assert max((a - b).abs().max() for a, b in pairs) < 1e-9


@pytest.mark.parametrize("method", [Translate(), Adapt(translated=0.5)], ids=repr)
def test_the_reconstruction_of_the_target_falls(method: Method) -> None:
    nets = nets_for(method)
    state = begin(method, nets, quick(lr=3e-3))
    seen = []
    for _ in range(40):
        terms = step(method, nets, state.optimizers, *both(16))
        seen.append(terms["autoencoder/reconstruction"].item())
    assert sum(seen[-5:]) < 0.8 * sum(seen[:5])


def test_classify_learns_bars() -> None:
    method = Classify(teacher_decay=0.8)
    nets = nets_for(method)
    state = begin(method, nets, quick(lr=3e-3))
    for _ in range(50):
        x, y = both(32)
        step(method, nets, state.optimizers, x[0], y)
        follow(nets["teacher"], nets["classifier"], 0.8, 100)
    x, y = both(200)
    for reader in ("classifier", "teacher"):  # read as well in colour, which nobody showed them
        assert (nets[reader](x[0]).argmax(1) == y).float().mean() > 0.7


def test_terms_of_adapt_are_its_equations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without turns and changes of copies, which are drawn at random, each term by hand."""
    from resynthesis.methods import adapt

    monkeypatch.setattr(adapt, "augment", lambda x: x)
    monkeypatch.setattr(adapt, "turned", lambda x: x.flip(3))
    method = Adapt(
        reconstruction=2.0,
        realism=3.0,
        reading=0.5,
        translated=0.9,
        self_labelling=1.1,
    )
    nets = nets_for(method)
    for p in nets["teacher"].parameters():
        p.mul_(1.1)  # it must not be taken for the classifier
    nets.eval()  # one power iteration of the critic a pass: keep its weights alike
    x, y = both(16)
    x_s, x_t = x
    f, g = nets["autoencoder"].encode, nets["autoencoder"].decode
    D, C = nets["critic"], nets["classifier"]

    def H(x: Tensor, y: Tensor) -> Tensor:
        """Of each image, the mean over both views."""
        wrong = [F.cross_entropy(view(x), y, reduction="none") for view in C.each]
        return (wrong[0] + wrong[1]) / 2

    x_r = x_t.flip(3)
    z_m = torch.where(nets["autoencoder"].mask[0] == 1, f(x_s), f(x_r))
    x_m = g(z_m)
    most = nets["teacher"].each[0](x_t).argmax(1).mode().values
    nets["teacher"].each[1].linear.bias[most] += 5  # views that agree sometimes
    blind, raw = (view(x_t).softmax(1) for view in nets["teacher"].each)
    e = (blind.argmax(1) != raw.argmax(1)).sum() / 16
    q = blind * (raw * (1 - e) + e / 4)
    p, y_t = (q / q.sum(1)[:, None]).max(1)
    assert 0 < e < 1
    method = replace(method, confidence=p.median().item())
    sure = p > p.median()
    assert 0 < sure.sum() < 16
    expected = {
        "autoencoder": {
            "reconstruction": 2.0 * (x_r - g(f(x_r))).abs().mean(),
            "realism": -3.0 * D(x_m).mean(),
            "reading": 0.5 * H(x_m, y).mean(),
        },
        "critic": {
            "real": (1 - D(x_t)).clamp(min=0).mean(),
            "translated": (1 + D(x_m)).clamp(min=0).mean(),
        },
        "classifier": {
            "source": H(x_s, y).mean(),
            "translated": 0.9 * H(x_m, y).mean(),
            "target": 1.1 * (sure * H(x_t, y_t)).mean(),
        },
    }
    found = method.losses(nets, x, y)
    for player, terms in expected.items():
        assert set(found[player]) == set(terms)
        for name, value in terms.items():
            torch.testing.assert_close(found[player][name], value, atol=1e-4, rtol=1e-4)


def test_weights_at_zero() -> None:
    method = Adapt(translated=0.0, self_labelling=0.0, confidence=0.0)
    nets = nets_for(method)
    losses = method.losses(nets, *both(8))
    assert "translated" not in losses["classifier"]
    assert losses["classifier"].get("target", torch.zeros(())) == 0
    for weight, name in (("reconstruction", "reconstruction"), ("realism", "realism")):
        for kind in (Adapt, Translate):
            without = kind(**{weight: 0.0})
            terms = without.losses(nets_for(without), *both(8))["autoencoder"]
            assert terms.get(name, torch.zeros(())) == 0


@pytest.mark.parametrize(("confidence", "teaches"), [(1.0, False), (0.0, True)])
def test_a_label_teaches_where_the_teacher_is_sure(confidence: float, teaches: bool) -> None:
    method = Adapt(confidence=confidence)
    nets = nets_for(method)
    for p in nets["teacher"].parameters():
        p.mul_(10)  # as sure as can be
    x, y = both(8)
    target = method.losses(nets, x, y)["classifier"]["target"]
    parameters = list(nets["classifier"].parameters())
    gradients = torch.autograd.grad(target, parameters)
    assert any(bool(g.abs().max() > 0) for g in gradients) == teaches
    assert bool(target > 0) == teaches


def test_confidence_is_a_threshold() -> None:
    nets = nets_for(Adapt())
    x, y = both(64)
    sure = nets["teacher"](x[1]).softmax(1).amax(1)
    middle = sure.median().item()
    found = []
    for confidence in (0.0, middle, 1.0):
        torch.manual_seed(0)
        losses = Adapt(confidence=confidence).losses(nets, x, y)
        found.append(losses["classifier"]["target"].item())
    assert found[0] > found[1] > found[2] == 0


def test_the_classifier_guides_translations() -> None:
    method = Adapt()
    nets = nets_for(method)
    reading = method.losses(nets, *both(8))["autoencoder"]["reading"]
    gradients = torch.autograd.grad(reading, list(nets["autoencoder"].parameters()))
    assert all(bool(g.abs().max() > 0) for g in gradients)


def test_losses_do_not_pair_the_domains() -> None:
    """The order of the target's images matters to no loss of translate."""
    method = Translate()
    nets = nets_for(method)
    x, y = both(8)
    turned_round = torch.stack([x[0], x[1].flip(0)])
    a, b = method.losses(nets, x, y), method.losses(nets, turned_round, y)
    for player, terms in a.items():
        for name, value in terms.items():
            torch.testing.assert_close(b[player][name], value)


def test_translations() -> None:
    x_s, x_t = both(8)[0]
    nets = nets_for(Translate())
    plain = nets["autoencoder"].decode(nets["autoencoder"].encode(x_s))
    assert torch.equal(Translate().translate(nets, x_s, x_t), plain)
    nets = nets_for(Adapt())
    plain = nets["autoencoder"].decode(nets["autoencoder"].encode(x_s))
    torch.testing.assert_close(Adapt().translate(nets, x_s, x_s), plain)  # in its own style
    styled = Adapt().translate(nets, x_s, x_t)
    z_s, z_t = (nets["autoencoder"].encode(images) for images in (x_s, x_t))
    z_m = torch.where(is_content(nets["autoencoder"])[:, None, None], z_s, z_t)
    torch.testing.assert_close(styled, nets["autoencoder"].decode(z_m), atol=1e-5, rtol=1e-4)
    assert styled.shape == x_s.shape
    assert (styled - plain).abs().mean() > 1e-3
    alone = Adapt().translate(nets, x_s[3:4], x_t[3:4])
    torch.testing.assert_close(alone[0], styled[3], atol=1e-5, rtol=1e-4)


def test_settings_that_suit() -> None:
    adapt, translate = runs.Config(method=Adapt()), runs.Config(method=Translate())
    assert adapt.nets.family == "split"
    assert (translate.nets.family, translate.nets.code) == ("adaae", (64, 1, 1))
    assert isinstance(adapt.data, DomainsConfig)
    for config, estimator in ((adapt, Translator()), (translate, ADAAE())):
        for part in (config.method, config.nets, config.training):
            for name in runs.field_names(type(part)):
                assert getattr(estimator, name) == getattr(part, name)
    told = runs.Config(method=Adapt(), nets=Nets(family="split", width=3))
    assert told.nets.width == 3


@pytest.mark.parametrize("method", [Translate(), Adapt(translated=0.5)], ids=repr)
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_learning_rates_of_the_players(method: Method, decay: float) -> None:
    state = begin(method, nets_for(method, width=2, classifier_width=2), quick())
    (x_s, x_t), y = both(16)
    pair = Pair(ImageSet(x_s, y), ImageSet(x_t))
    found: dict[str, list[float]] = {player: [] for player in method.players}

    def note(line: dict) -> None:
        for player, optimizer in state.optimizers.items():
            (group,) = optimizer.param_groups
            found[player].append(group["lr"])

    loop(method, state, pair, quick(8, lr=0.01, decay=decay, log_every=1), on_log=note)
    falling = {
        0.0: [1.0] * 8,
        0.5: [1.0, 1.0, 1.0, 1.0, 1.0, 3 / 4, 2 / 4, 1 / 4],
        1.0: [k / 8 for k in range(8, 0, -1)],
    }[decay]
    for player, rates in found.items():
        times = method.rates.get(player, 1.0)
        assert rates == pytest.approx([0.01 * times * share for share in falling])


def test_published_learning_rates() -> None:
    """Adam's 1e-3 for the autoencoder, 5e-4 for the critic and 1e-4 for the classifier."""
    training = runs.Config(method=Translate()).training
    state = begin(Translate(), nets_for(Translate()), training)
    rates = {player: o.param_groups[0]["lr"] for player, o in state.optimizers.items()}
    assert rates == pytest.approx({"autoencoder": 1e-3, "critic": 5e-4, "classifier": 1e-4})


def test_share_of_the_learning_rate() -> None:
    assert [Training(decay=0.25).rate(s, 100) for s in (0, 75, 76, 99)] == [1, 1, 0.96, 0.04]
    assert Training().rate(99, 100) == 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="decay must be a share"):
            Training(decay=wrong)


# Nets


def split_net(size: int, channels: int = 3, **settings: int) -> SplitAutoencoder:
    torch.manual_seed(2)
    net = SplitAutoencoder(channels, size, Nets(family="split", width=4, **settings))  # type: ignore[arg-type]
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):  # which begin at zero
            nn.init.normal_(parameter, std=0.1)
    return net


def is_content(net: SplitAutoencoder) -> Tensor:
    """Which channels of a code hold content."""
    return net.mask[0].flatten() == 1


@pytest.mark.parametrize("size", [16, 28, 32, 64])
@pytest.mark.parametrize(("content", "style"), [(4, 4), (3, 5), (1, 2)])
def test_codes_of_content_and_style(size: int, content: int, style: int) -> None:
    channels = 1 if size == 16 else 3
    config = Nets(family="split", width=4, content=content, style=style)
    nets = build(config, ("autoencoder", "critic"), channels=channels, size=size)
    net, x = nets["autoencoder"], torch.randn(2, channels, size, size)
    z = net.encode(x)
    assert z.shape == (2, 21 * (content + style), size // 4, size // 4)
    assert net.decode(z).shape == x.shape
    assert net.shared(z).shape == (2, 3 * content, size // 4, size // 4)
    assert nets["critic"](x).shape == (2, (size // 4) ** 2)
    mask = net.mask
    assert mask.shape == (2, 1, z.shape[1], 1, 1)
    assert set(mask.unique().tolist()) == {0, 1}
    assert torch.equal(mask.sum(0), torch.ones_like(mask[0]))
    assert mask[0].sum() == 21 * content


def test_mixing_a_code_with_itself_is_identity() -> None:
    net = split_net(16)
    z = net.encode(torch.randn(4, 3, 16, 16))
    assert torch.equal(mix(torch.stack([z, z]), net.mask), z)


def test_a_mix_has_content_of_the_first_and_style_of_the_second() -> None:
    net = split_net(16)
    parents = torch.stack([net.encode(torch.randn(4, 3, 16, 16)) for _ in range(2)])
    parents = parents.detach().requires_grad_()
    net.decode(mix(parents, net.mask)).square().sum().backward()
    assert parents.grad is not None
    content = is_content(net)
    for gradient, used in zip(parents.grad, (content, ~content), strict=True):
        reached = gradient.abs().amax((0, 2, 3)) > 0
        assert torch.equal(reached, used)


def test_content_is_normalised_and_style_is_not() -> None:
    net = split_net(32)
    x = torch.randn(4, 3, 32, 32)
    folded = net.encode(x).split([8 * 16, 8 * 4, 8], 1)
    for scale, code in enumerate(folded):
        unfolded = F.pixel_shuffle(code, 4 >> scale)  # (B, content + style, h, w)
        content, style = unfolded[:, :4], unfolded[:, 4:]
        assert content.mean((2, 3)).abs().max() < 1e-4
        assert (content.var((2, 3), correction=0) - 1).abs().max() < 0.01
        assert style.mean((2, 3)).abs().max() > 0.05


def test_shared_is_the_content_averaged_to_a_quarter() -> None:
    net = split_net(32)
    z = net.encode(torch.randn(4, 3, 32, 32))
    folded = z.split([8 * 16, 8 * 4, 8], 1)
    contents = [F.pixel_shuffle(code, 4 >> scale)[:, :4] for scale, code in enumerate(folded)]
    expected = torch.cat([F.avg_pool2d(c, 4 >> scale) for scale, c in enumerate(contents)], 1)
    torch.testing.assert_close(net.shared(z), expected, atol=1e-5, rtol=1e-4)
    other = torch.where(is_content(net)[:, None, None], z, torch.randn_like(z))
    assert torch.equal(net.shared(other), net.shared(z))


def test_split_critic_is_spectrally_normalised() -> None:
    critic = PatchCritic(3, 16, Nets(family="split", width=4))
    for _ in range(100):  # power iterations
        critic(torch.randn(1, 3, 16, 16))
    critic.eval()
    layers = [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d)]
    assert len(layers) == 4
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert norm == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [16, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_published_codes_are_flat(size: int, channels: int) -> None:
    config = replace(runs.Config(method=Translate()).nets, width=4)
    nets = build(config, ("autoencoder", "critic"), channels=channels, size=size)
    x = torch.randn(2, channels, size, size)
    z = nets["autoencoder"].encode(x)
    assert z.shape == (2, 64, 1, 1)
    x_hat = nets["autoencoder"].decode(100 * z)
    assert x_hat.shape == x.shape
    assert x_hat.abs().max() <= 1
    assert nets["critic"](x).shape == (2,)


def test_published_nets_of_the_original_size() -> None:
    config = replace(runs.Config(method=Translate()).nets, width=64)
    nets = build(config, ("autoencoder", "critic"), channels=3, size=28)
    encoder = [(3, 64, 5, 2), (64, 128, 5, 2), (128, 256, 5, 2), (256, 512, 5, 2)]
    decoder = [(512, 256, 5, 1), (256, 128, 5, 1), (128, 64, 5, 1), (64, 3, 5, 1)]
    for name, expected in (("autoencoder", encoder + decoder), ("critic", encoder)):
        layers = [m for m in nets[name].modules() if isinstance(m, nn.Conv2d)]
        found = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in layers]
        assert found == expected
    dense = [m for m in nets["autoencoder"].modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in dense] == [(2048, 64), (64, 2048)]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(3, 28, 10, Nets(classifier="blind", classifier_width=8))


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.rand(6, 3, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1


def negated(x: Tensor) -> Tensor:
    return torch.cat([x[:, :1], -x[:, 1:2], x[:, 2:]], 1)


def rescaled(x: Tensor) -> Tensor:
    contrast, brightness = torch.tensor([[0.5, 1.5, 0.8], [0.4, -0.1, 0.0]]).view(2, 3, 1, 1)
    return contrast * x + brightness


@pytest.mark.parametrize("change", [negated, lambda x: x[:, [2, 0, 1]], rescaled])
def test_what_the_blind_view_cannot_see(
    classifier: Classifier, pictures: Tensor, change: Callable[[Tensor], Tensor]
) -> None:
    before, after = classifier(pictures), classifier(change(pictures))
    torch.testing.assert_close(after, before, atol=3e-4, rtol=1e-3)
    assert before.std(0).min() > 0.003  # but it tells images from each other


@pytest.mark.parametrize("change", [lambda x: x.flip(3), lambda x: x.roll(3, 2)])
def test_what_the_blind_view_sees(
    classifier: Classifier, pictures: Tensor, change: Callable[[Tensor], Tensor]
) -> None:
    assert (classifier(change(pictures)) - classifier(pictures)).abs().max() > 0.1


def test_the_raw_view_sees_polarity_channels_and_brightness(pictures: Tensor) -> None:
    torch.manual_seed(0)
    raw = Classifier(3, 28, 10, Nets(classifier="raw", classifier_width=8))
    before = raw(pictures)
    for change in (negated, lambda x: x[:, [2, 0, 1]], rescaled):
        assert (raw(change(pictures)) - before).abs().max() > 0.03


def test_views_are_added_and_learn_by_themselves(pictures: Tensor) -> None:
    both = Classifier(3, 28, 10, Nets(classifier_width=8))
    views = both.views(pictures)
    assert [view.blind for view in both.each] == [True, False]
    assert views.shape == (2, 6, 10)
    torch.testing.assert_close(both(pictures), views[0] + views[1])
    assert both.features(pictures).shape == (6, 2 * 32)
    y = torch.arange(6)
    each = torch.stack([F.cross_entropy(view, y, reduction="none") for view in views])
    torch.testing.assert_close(misread(views, y), each.mean(0))
    raw = list(both.each[1].parameters())
    together = torch.autograd.grad(2 * misread(views, y).sum(), raw, retain_graph=True)
    alone = torch.autograd.grad(F.cross_entropy(views[1], y, reduction="sum"), raw)
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_classifiers_norm_is_over_the_channels_of_each_place(pictures: Tensor) -> None:
    raw = Classifier(3, 28, 10, Nets(classifier="raw", classifier_width=8)).each[0]
    first = raw.filters(pictures)
    wanted = (first - first.mean(1, keepdim=True)) / first.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(raw.norm(first), wanted, atol=1e-3, rtol=1e-3)
    twice = copy.deepcopy(raw)
    with torch.no_grad():
        for conv in (m for m in twice.modules() if isinstance(m, nn.Conv2d)):
            conv.weight.mul_(2), conv.bias.mul_(2)
    torch.testing.assert_close(twice(pictures), raw(pictures), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("size", [16, 28, 64])
def test_the_first_step_makes_a_normalised_classifier_sure_of_nothing(size: int) -> None:
    torch.manual_seed(0)
    net = Classifier(3, size, 10, Nets(classifier_width=16))
    x, y = torch.rand(32, 3, size, size) * 2 - 1, torch.randint(10, (32,))
    before = net.views(x)
    misread(before, y).mean().backward()
    torch.optim.Adam(net.parameters(), lr=2e-3).step()
    assert (net.views(x) - before).abs().max() < 4
    assert agreed(net.views(x)).max() < Adapt().confidence


@pytest.mark.parametrize("kind", ["blind", "raw"])
def test_without_a_norm_a_classifier_is_convolutions(kind: str) -> None:
    plain = Nets(classifier=kind, classifier_norm="none", classifier_width=8)  # type: ignore[arg-type]
    for config, norms in ((plain, 0), (replace(plain, classifier_norm="layer"), 5)):
        net = Classifier(3, 28, 10, config)
        assert sum(isinstance(m, nn.LayerNorm) for m in net.modules()) == norms
    assert Translate.suited["nets"]["classifier_norm"] == "none"  # as published


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_classifiers_of_all_sizes(size: int, channels: int) -> None:
    net = Classifier(channels, size, 7, Nets(classifier_width=2))
    x = torch.randn(2, channels, size, size)
    assert net(x).shape == (2, 7)
    features = net.features(x)
    assert features.ndim == 2
    assert len(features) == 2
    assert net.each[0].linear.in_features <= 8 * 8 * 8  # few enough places for one linear layer


def test_a_blank_image_is_no_trouble(classifier: Classifier) -> None:
    assert classifier(torch.full((1, 3, 28, 28), 0.7)).isfinite().all()


def test_averages_begin_as_copies() -> None:
    nets = nets_for(Adapt())
    for a, b in zip(nets["teacher"].parameters(), nets["classifier"].parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.data_ptr() != b.data_ptr()
        assert not a.requires_grad
    assert "teacher" not in nets_for(Translate())


def test_what_nets_refuse() -> None:
    with pytest.raises(ValueError, match="a classifier needs a data set with at least two classes"):
        build(Nets(family="split"), ("classifier",), channels=3, size=16, classes=1)
    with pytest.raises(ValueError, match="unknown family 'resnet'"):
        Nets(family="resnet")  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match="unknown classifier_norm 'Layer': choose from layer, none"
    ):
        Nets(classifier_norm="Layer")  # type: ignore[arg-type]
    for name in ("content", "style", "classifier_width"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1"):
            Nets(**{name: 0})


# Changed copies


@pytest.mark.parametrize("shape", [(4, 3, 28, 28), (3, 1, 16, 16), (1, 3, 64, 64)])
def test_changed_copies_have_the_form_of_the_images(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape) * 2 - 1
    before = x.clone()
    for change in (augment, turned):
        changed = change(x)
        assert changed.shape == x.shape
        assert changed.dtype == x.dtype
        assert changed.device == x.device
        assert changed.isfinite().all()
        assert torch.equal(x, before)  # nothing in place


def test_changed_copies_differ_and_depend_on_the_seed() -> None:
    x = (torch.rand(1, 3, 16, 16) * 2 - 1).expand(8, -1, -1, -1)
    torch.manual_seed(3)
    first, second = augment(x), augment(x)
    assert (first - second).abs().amax((1, 2, 3)).min() > 0.05  # from call to call
    gaps = (first[:, None] - first).abs().amax((2, 3, 4)) + torch.eye(8)
    assert gaps.min() > 0.05  # from image to image
    torch.manual_seed(3)
    assert torch.equal(augment(x), first)


def test_changed_copies_are_differentiable() -> None:
    x = (torch.rand(4, 3, 16, 16) * 2 - 1).requires_grad_()
    augment(x).square().sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert (x.grad.abs().amax((2, 3)) > 0).all()
    y = (torch.rand(4, 3, 16, 16) * 2 - 1).requires_grad_()
    (turned(y) * torch.rand(4, 3, 16, 16)).sum().backward()
    assert (y.grad != 0).all()


def test_changed_copies_keep_the_picture() -> None:
    """A copy is nearer to its own image than to any other, in what is left of both."""
    x, _ = bars(50)
    copies = augment(x)
    flat = [F.instance_norm(F.avg_pool2d(images, 2)).flatten(1) for images in (copies, x)]
    likeness = flat[0] @ flat[1].T
    rank = (likeness > likeness.diagonal()[:, None]).sum(1)
    assert rank.float().median() <= 5


def test_half_of_the_copies_have_a_blank_square() -> None:
    blank = augment(torch.ones(1000, 1, 16, 16)) == 0
    assert 0.44 < blank.any(3).any(2).float().mean() < 0.56
    for one in blank[blank.flatten(1).any(1)][:20, 0]:
        rows, columns = one.any(1), one.any(0)
        assert torch.equal(one, rows[:, None] & columns)  # a rectangle, cut off at the borders
        assert max(rows.sum(), columns.sum()) <= 5


def test_turning_gives_the_eight_positions_of_a_square() -> None:
    image = torch.arange(2 * 5 * 5, dtype=torch.float32).view(2, 5, 5)
    plain = image.numpy()
    group = [np.rot90(p, k, (1, 2)) for k in range(4) for p in (plain, plain[:, :, ::-1])]
    names = {np.ascontiguousarray(p).tobytes(): i for i, p in enumerate(group)}
    assert len(names) == 8
    n = 4000
    found = [
        names[one.numpy().tobytes()] for one in turned(image.expand(n, -1, -1, -1)).contiguous()
    ]
    counts = np.bincount(found, minlength=8)
    assert np.abs(counts - n / 8).max() < 5 * np.sqrt(n / 8)


# Distances

Features = NDArray[np.floating]


def sample(n: int, d: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> Features:
    random = np.random.default_rng(seed)
    skew = np.random.default_rng(1000 + seed).normal(size=(d, d)) / np.sqrt(d) + np.eye(d)
    return scale * random.normal(size=(n, d)) @ skew + shift


def gaussian_distance(a: Features, b: Features) -> float:
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    half = scipy.linalg.sqrtm(cov_a).real
    root = scipy.linalg.sqrtm(half @ cov_b @ half).real
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(cov_a + cov_b - 2 * root))


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 6), (50, 50, 49), (40, 500, 8)])
def test_frechet_is_the_closed_form(n: int, m: int, d: int) -> None:
    a, b = sample(n, d, 1), sample(m, d, 2, scale=1.5, shift=0.3)
    assert distances.frechet(a, b) == pytest.approx(gaussian_distance(a, b), rel=1e-6)


@pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning")  # the oracle's matrix is singular
@pytest.mark.parametrize(("n", "m"), [(5, 7), (5, 100), (100, 5)])
def test_frechet_of_fewer_images_than_features(n: int, m: int) -> None:
    a, b = sample(n, 12, 1), sample(m, 12, 2, scale=1.5, shift=0.3)
    assert distances.frechet(a, b) == pytest.approx(gaussian_distance(a, b), rel=1e-4)


def test_frechet_in_one_dimension() -> None:
    a, b = sample(30, 1, 1), sample(20, 1, 2, scale=3, shift=2)
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert distances.frechet(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("n", [4, 200])
def test_frechet_is_a_distance_of_sets(n: int) -> None:
    a, b = sample(n, 10, 1), sample(n, 10, 2)
    shuffled = np.random.default_rng(0).permutation(a)
    assert distances.frechet(a, shuffled) == pytest.approx(0, abs=1e-9)
    assert distances.frechet(a, b) == pytest.approx(distances.frechet(b, a))
    assert distances.frechet(a, b) > 0.1
    step = np.full(10, 0.5)
    assert distances.frechet(a, a + step) == pytest.approx(2.5)
    coarse = distances.frechet(a.astype(np.float32), b)
    assert coarse == pytest.approx(distances.frechet(a, b), rel=1e-4)


def brute_force(a: Features, b: Features) -> float:
    """The unbiased squared maximum mean discrepancy under (x·y / d + 1)³."""

    def k(x: Features, y: Features) -> float:
        return float((sum(p * q for p, q in zip(x, y, strict=True)) / len(x) + 1) ** 3)

    n, m = len(a), len(b)
    within_a = sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_b = sum(k(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    across = sum(k(x, y) for x in a for y in b) / (n * m)
    return within_a + within_b - 2 * across


def test_kernel_is_the_double_loop() -> None:
    a, b = sample(9, 4, 1), sample(9, 4, 2, scale=1.5, shift=0.3)
    assert distances.kernel(a, b) == pytest.approx(brute_force(a, b))
    assert distances.kernel(a.astype(np.float32), b) == pytest.approx(brute_force(a, b), rel=1e-4)


def test_kernel_is_unbiased() -> None:
    found = [
        distances.kernel(both[:20], both[20:])
        for both in (np.random.default_rng(seed).normal(size=(40, 5)) for seed in range(300))
    ]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(len(found))
    assert min(found) < 0 < max(found)


def test_kernel_tells_distributions_apart() -> None:
    a, b = sample(400, 6, 1), sample(400, 6, 1, shift=1.0)
    same = [np.random.default_rng(0).permutation(a)[half] for half in (np.s_[:200], np.s_[200:])]
    assert distances.kernel(a, b) > 20 * abs(distances.kernel(*same))


def test_kernel_over_blocks_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(800, 5)), random.normal(size=(1000, 5)) + 0.5
    whole = distances.kernel(a, b)
    monkeypatch.setattr(distances, "BLOCK", 100)
    assert distances.kernel(a, b) == pytest.approx(whole, rel=0.25)


def test_kernel_does_not_depend_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "BLOCK", 100)
    a = np.concatenate([sample(100, 5, 1), sample(100, 5, 1, shift=3.0)])  # class after class
    shuffled = np.random.default_rng(0).permutation(a)
    far = distances.kernel(a, a + 1)
    assert abs(distances.kernel(a, shuffled)) < 0.1 * far


def test_proxy_a_distance() -> None:
    same = np.random.default_rng(0).normal(size=(800, 5))
    assert distances.proxy_a(same[:400], same[400:]) < 0.3
    assert distances.proxy_a(same[:400], same[400:] + 10) == 2
    between = distances.proxy_a(same[:400], same[400:] + 0.5)
    assert 0.3 < between < 1.5
    assert distances.proxy_a(same[:50], same[50:] + 10) == 2  # sets of other sizes
    assert distances.proxy_a(same[:400], same[400:] + 0.5) == between  # seeded


@pytest.mark.parametrize(
    ("distance", "least"),
    [(distances.frechet, 2), (distances.kernel, 2), (distances.proxy_a, 4)],
)
def test_distances_need_some_images(
    distance: Callable[[Features, Features], float], least: int
) -> None:
    a = sample(20, 3, 1)
    for few in (0, 1, least - 1):
        for pair in ((a[:few], a), (a, a[:few])):
            with pytest.raises(ValueError, match=rf"needs .* images of each, not {few}"):
                distance(*pair)
    assert np.isfinite(distance(a[:least], a[least : 2 * least]))


# Estimators

QUICK = {"steps": 4, "batch_size": 8, "device": "cpu", "width": 4, "classifier_width": 4}
ESTIMATORS = [Translator, ADAAE]


@pytest.fixture(scope="module")
def source() -> NDArray:
    """Thirty grey images."""
    return np.random.default_rng(0).integers(0, 256, (30, 16, 16), dtype=np.uint8)


@pytest.fixture(scope="module")
def labels() -> NDArray:
    return np.array(["dog", "cat", "owl"] * 10)


@pytest.fixture(scope="module")
def target() -> NDArray:
    """Twenty images in colour."""
    return np.random.default_rng(1).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module", params=ESTIMATORS, ids=lambda kind: kind.__name__)
def model(request, source: NDArray, labels: NDArray, target: NDArray) -> Translator:
    return request.param(**QUICK).fit(source, labels, target)


def test_constructor_only_stores() -> None:
    for kind, method in ((Translator, Adapt), (ADAAE, Translate)):
        model = kind(seed=7, reconstruction=3.0, width=9)
        copied = clone(model.set_params(lr=0.5))
        assert (copied.seed, copied.reconstruction, copied.width, copied.lr) == (7, 3.0, 9, 0.5)
        assert set(runs.field_names(method)) <= set(model.get_params())
        assert "probe" not in model.get_params()
        assert is_classifier(model)
        assert f"{kind.__name__}(" in repr(model)
        with pytest.raises(TypeError, match="no parameter 'target_labels'"):
            kind(target_labels=1)


def test_predictions(model: Translator, target: NDArray, source: NDArray) -> None:
    assert model.classes_.tolist() == ["cat", "dog", "owl"]
    for images in (target, source):  # grey ones are read as colour
        shares = model.predict_proba(images)
        assert shares.shape == (len(images), 3)
        assert np.allclose(shares.sum(1), 1, atol=1e-5)
        assert shares.min() >= 0
        guess = model.predict(images)
        assert guess.tolist() == model.classes_[shares.argmax(1)].tolist()
    alone, among = model.predict_proba(target[3:4])[0], model.predict_proba(target)[3]
    assert np.allclose(alone, among, atol=1e-3)
    right = model.predict(target)
    assert model.score(target, right) == 1
    half = np.where(np.arange(20) % 2, right, "emu")
    assert model.score(target, half) == 0.5


def test_translations_of_estimators(model: Translator, source: NDArray, target: NDArray) -> None:
    made = model.translate(source)
    assert made.shape == (30, 16, 16, 3)  # as the target
    assert made.dtype == np.uint8
    assert np.array_equal(model.translate(source, seed=0), made)
    other = model.translate(source, seed=1)
    assert np.array_equal(other, made) == (type(model) is ADAAE)  # which borrows no style
    assert model.predict(made).shape == (30,)


def test_codes_of_estimators(model: Translator, source: NDArray, target: NDArray) -> None:
    for images in (source, target):
        codes = model.transform(images)
        assert codes.shape == (len(images), 64 if type(model) is ADAAE else 3 * 4 * 16)
        assert codes.dtype == np.float32
        assert codes.std(0).max() > 0


def test_save_and_load(model: Translator, source: NDArray, target: NDArray, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    assert type(loaded) is type(model)
    assert loaded.get_params()["steps"] == 4
    assert loaded.classes_.tolist() == ["cat", "dog", "owl"]
    assert np.array_equal(loaded.predict_proba(target), model.predict_proba(target))
    assert np.array_equal(loaded.translate(source, seed=2), model.translate(source, seed=2))
    assert np.array_equal(loaded.transform(target), model.transform(target))
    with pytest.raises(ValueError, match="exists already"):
        model.save(tmp_path / "saved")


def test_pickle(model: Translator, source: NDArray, target: NDArray) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again.get_params() == model.get_params()
    assert np.array_equal(again.predict_proba(target), model.predict_proba(target))
    assert np.array_equal(again.translate(source), model.translate(source))
    assert pickle.loads(pickle.dumps(Translator(seed=3))).seed == 3


def test_a_pickled_model_outlives_the_first_one(
    source: NDArray, labels: NDArray, target: NDArray
) -> None:
    model = Translator(**QUICK).fit(source, labels, target)
    expected, packed = model.translate(source), pickle.dumps(model)
    del model
    gc.collect()
    assert np.array_equal(pickle.loads(packed).translate(source), expected)


def test_other_sizes_and_channels(labels: NDArray) -> None:
    random = np.random.default_rng(0)
    source = random.random((30, 3, 8, 8), dtype=np.float32)
    target = random.integers(0, 256, (11, 20, 20), dtype=np.uint8)
    with pytest.warns(UserWarning, match="8x8 and target images 20x20: both are brought to 28x28"):
        model = Translator(**QUICK).fit(source, labels, target)
    assert model.image_shape_ == (3, 28, 28)
    made = model.translate(source)
    assert made.shape == (30, 28, 28, 3)
    assert made.dtype == np.uint8
    assert model.predict(target).shape == (11,)
    assert len(model.run_.styles()) == 11


@pytest.mark.parametrize("grey", ["source", "target"])
def test_other_channels_are_told(labels: NDArray, grey: str) -> None:
    random = np.random.default_rng(0)
    one, three = (random.random((30, c, 16, 16), dtype=np.float32) for c in (1, 3))
    pair = (one, three) if grey == "source" else (three, one)
    with pytest.warns(UserWarning, match=f"the grey {grey} images are read as colour"):
        Translator(**QUICK).fit(pair[0], labels, pair[1])


@pytest.mark.parametrize(("low", "shape"), [(0, (12, 3, 16, 16)), (-1, (12, 16, 16, 3))])
def test_translations_have_the_form_of_the_target(
    source: NDArray, labels: NDArray, low: int, shape: tuple[int, ...]
) -> None:
    unit = np.random.default_rng(0).random(shape)
    model = ADAAE(**QUICK).fit(source, labels, unit if low == 0 else 2 * unit - 1)
    made = model.translate(source[:5])
    assert made.shape == (5, *shape[1:])
    assert made.dtype == np.float32
    assert low <= made.min()
    assert made.max() <= 1
    assert (made.min() < 0) == (low < 0)


@pytest.mark.parametrize("target_low", [0, -1])
def test_source_and_target_have_ranges_of_their_own(
    source: NDArray, labels: NDArray, target: NDArray, target_low: int
) -> None:
    unit = target / 255
    seen, told = (unit, 2 * (source / 255) - 1) if target_low == 0 else (2 * unit - 1, source / 255)
    model = ADAAE(**QUICK).fit(told, labels, seen)
    assert np.allclose(model.translate(told), model.translate(source), atol=1e-3)


def test_two_grey_domains(source: NDArray, labels: NDArray) -> None:
    model = ADAAE(**QUICK).fit(source, labels, 255 - source[:15])
    assert model.image_shape_ == (1, 16, 16)
    assert model.translate(source).shape == source.shape


def test_source_images_of_unknown_class_are_left_out(source: NDArray, target: NDArray) -> None:
    y = np.array([4, 7, -1] * 10)
    with pytest.warns(UserWarning, match="10 source images have no label: left out"):
        whole = ADAAE(**QUICK).fit(source, y, target)
    part = ADAAE(**QUICK).fit(source[y >= 0], y[y >= 0], target)
    assert whole.classes_.tolist() == [4, 7]
    assert np.array_equal(whole.predict_proba(target), part.predict_proba(target))
    assert set(whole.predict(target)) <= {4, 7}


def test_the_same_results_as_the_command_line(tmp_path: Path) -> None:
    data = load_data(DomainsConfig(size=16))
    assert isinstance(data, Domains)
    train = data.source.train, data.target.train
    assert train[0].labels is not None
    grey = train[0].images[:, 0].numpy()
    model = Translator(seed=2, **QUICK).fit(grey, train[0].labels.numpy(), train[1].images.numpy())
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    out = ["--out", str(tmp_path / "run"), "--seed", "2", "--size", "16"]
    assert main(["train", "adapt", *out, *flags]) == 0
    loaded = load(tmp_path / "run")
    assert type(loaded) is Translator
    ours, theirs = model.nets_.state_dict(), loaded.nets_.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert loaded.classes_.tolist() == list("0123456789")
    assert loaded.translate(grey[:4]).shape == (4, 16, 16, 3)
    assert torch.equal(model.run_.styles(), loaded.run_.styles())


def test_fit_leaves_the_callers_generator_alone(
    source: NDArray, labels: NDArray, target: NDArray, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    model = ADAAE(out=tmp_path / "run", **QUICK).fit(source, labels, target)
    model.translate(source)
    assert torch.equal(torch.rand(1), expected)
    assert model.run_.path == tmp_path / "run"
    assert main(["evaluate", str(tmp_path / "run")]) == 2  # arrays are not in the run folder


def test_arrays_that_do_not_fit(source: NDArray, labels: NDArray, target: NDArray) -> None:
    model = Translator(**QUICK)
    hidden = np.full(30, -1)
    for arrays, sentence in (
        ((source, None, target), "needs labels of two or more classes"),
        ((source, hidden, target), "needs labels of two or more classes"),
        ((source, np.array(["cat"] * 30), target), "needs labels of two or more classes"),
        ((source, labels[:7], target), r"labels must be of shape \(30,\), not \(7,\)"),
        ((source[:, :, :9], labels, target), "source must be square"),
        ((source, labels, target[:0]), "target is empty"),
        ((source, labels, np.where(target == target[0], np.nan, target)), "target has NaN"),
        ((source, labels, target.astype(int)), "target must be uint8 or floating point"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model.fit(*arrays)
    with pytest.raises(ValueError, match="wants images of 1 channels"):
        ADAAE(**QUICK).fit(source, labels, 255 - source).predict(target)


def test_the_same_arrays_twice(source: NDArray, labels: NDArray) -> None:
    with pytest.raises(ValueError, match="the same images"):
        Translator(**QUICK).fit(source, labels, source)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_translate_before_fit(kind: type[Translator], source: NDArray) -> None:
    with pytest.raises(NotFittedError):
        kind().translate(source)
    with pytest.raises(NotFittedError):
        kind().save("somewhere")


@pytest.mark.parametrize("name", ["predict", "predict_proba", "transform"])
def test_predict_before_fit(name: str, source: NDArray) -> None:
    with pytest.raises(NotFittedError):
        getattr(Translator(), name)(source)


def test_methods_of_two_domains_are_tested_here() -> None:
    assert {m for m in METHODS.values() if m.two_domains} == {type(m) for m in VARIANTS}

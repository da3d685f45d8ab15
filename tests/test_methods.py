"""Every registered method and variant: who moves, what falls, and the textbook step."""

from __future__ import annotations

import copy
import math
from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from resynthesis.methods import ACAI, AE, AMR, METHODS, VAE, ClassAMR, Method, Probed, make, name_of
from resynthesis.mixing import mix, partners
from resynthesis.nets import Nets, build
from resynthesis.train import begin, step

from .conftest import quick

VARIANTS: list[Method] = [
    AE(),
    AE(reconstruction_loss="l2"),
    AE(reconstruction_loss="bce-sum", reconstruction=0.01),
    AE(adversary=True),
    AE(adversary=True, adversarial_loss="ls"),
    ACAI(),
    ACAI(variant="amr"),
    AMR(),
    AMR(parents=3),
    AMR(mixer="channel-mixup", consistency=1.0),
    AMR(mixer="bernoulli", parents=4),
    AMR(mixer="shared-bernoulli", adversarial_loss="ls"),
    AMR(realism=0),
    AMR(mixed=0),
    ClassAMR(),
    ClassAMR(consistency=1.0, adversarial_loss="ls"),
    ClassAMR(head=True),
    VAE(),
    VAE(beta=4.0, reconstruction_loss="l2-sum"),
    Probed(AMR()),
    Probed(AE(), supervision=1.0),
]


def bars(n: int) -> tuple[Tensor, Tensor]:
    """Oriented bars (n, 1, 16, 16) and their orientation in four bins."""
    grid = torch.linspace(-1, 1, 16)
    t = torch.rand(n) * torch.pi
    across = grid[:, None] * t.cos()[:, None, None] + grid * t.sin()[:, None, None]
    return (1 - 6 * across.abs()).clamp(-1, 1)[:, None], (t / torch.pi * 4).long().clamp(max=3)


def nets_for(method: Method, output: str = "linear") -> nn.ModuleDict:
    torch.manual_seed(1)
    config = Nets(
        code=(8, 4, 4),
        width=8,
        output=output,  # type: ignore[arg-type]
        posterior=method.needs_posterior,
    )
    return build(config, method.players, channels=1, size=16, classes=4)


@pytest.mark.parametrize("method", VARIANTS, ids=repr)
def test_terms(method: Method) -> None:
    losses = method.losses(nets_for(method), *bars(8))
    assert set(losses) == set(method.players)
    for player, terms in losses.items():
        for name, value in terms.items():
            assert value.ndim == 0
            assert torch.isfinite(value)
            assert f"{player}/{name}" in method.formulas or name == "classification"


def moved_by(
    method: Method, nets: nn.ModuleDict, optimizers: dict, player: str, x: Tensor, y: Tensor
) -> set[str]:
    """Which nets a step of one player alone changes."""
    before = copy.deepcopy(nets.state_dict())
    step(method, nets, {player: optimizers[player]}, x, y)
    return {
        name.split(".")[0]
        for name, p in nets.named_parameters()
        if not torch.equal(p, before[name])
    }


@pytest.mark.parametrize("method", VARIANTS, ids=repr)
def test_each_player_moves_on_its_own_losses_only(method: Method) -> None:
    nets = nets_for(method)
    state = begin(method, nets, quick())
    for player in method.players:
        assert moved_by(method, nets, state.optimizers, player, *bars(8)) == {player}


@pytest.mark.parametrize("method", VARIANTS, ids=repr)
def test_reconstruction_falls(method: Method) -> None:
    torch.manual_seed(0)
    nets = nets_for(method, "tanh")
    state = begin(method, nets, quick(lr=3e-3))
    seen = []
    for _ in range(60):
        terms = step(method, nets, state.optimizers, *bars(32))
        seen.append(terms["autoencoder/reconstruction"].item())
    assert sum(seen[-5:]) < 0.7 * sum(seen[:5])


def says(logits: Tensor, value: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, value))


def textbook_amr(nets: nn.ModuleDict, x: Tensor, optimizers: dict) -> None:
    """Generator step, then critic step on the fakes made before, each with fresh passes."""
    ae, critic = nets["autoencoder"], nets["critic"]
    z = ae.encode(x)
    z_mix = mix(z[torch.stack([torch.arange(len(x)), torch.randperm(len(x))])], dirichlet(x))
    x_hat, x_mix = ae.decode(z), ae.decode(z_mix)
    critic.eval()  # one power iteration a pass: keep the weights of the passes alike
    loss = 10 * (x - x_hat).abs().mean() + says(critic(x_hat), 1) + says(critic(x_mix), 1)
    loss.backward()
    optimizers["autoencoder"].step()
    critic.zero_grad()
    loss = says(critic(x), 1) + says(critic(x_hat.detach()), 0) + says(critic(x_mix.detach()), 0)
    loss.backward()
    optimizers["critic"].step()


def dirichlet(x: Tensor) -> Tensor:
    e = torch.empty(2, len(x), 1).exponential_()
    return (e / e.sum(0)).reshape(2, len(x), 1, 1, 1)


def textbook_acai(nets: nn.ModuleDict, x: Tensor, optimizers: dict) -> None:
    ae, critic = nets["autoencoder"], nets["critic"]
    critic.eval()
    z = ae.encode(x)
    alpha = torch.rand_like(x[:, 0, 0, 0]) / 2
    a = alpha.view(-1, 1, 1, 1)
    x_hat, x_mix = ae.decode(z), ae.decode(a * z + (1 - a) * z[torch.randperm(len(x))])
    ((x - x_hat).square().mean() + 0.5 * critic(x_mix).square().mean()).backward()
    optimizers["autoencoder"].step()
    critic.zero_grad()
    blend = 0.2 * x + 0.8 * x_hat.detach()
    loss = (critic(x_mix.detach()) - alpha).square().mean() + critic(blend).square().mean()
    loss.backward()
    optimizers["critic"].step()


@pytest.mark.parametrize(("method", "textbook"), [(AMR(), textbook_amr), (ACAI(), textbook_acai)])
def test_simultaneous_step_is_the_textbook_step(method: Method, textbook: object) -> None:
    ours = nets_for(method).double()
    theirs = copy.deepcopy(ours)
    start = copy.deepcopy(ours.state_dict())
    x = bars(16)[0].double()

    def sgd(nets: nn.ModuleDict) -> dict:
        return {p: torch.optim.SGD(nets[p].parameters(), lr=0.1) for p in method.players}

    ours["critic"].eval()
    # The nets give float32 out; in double precision the two orders agree to rounding.
    torch.manual_seed(7)
    with DoubleOutputs():
        step(method, ours, sgd(ours), x)
        torch.manual_seed(7)
        draw_like(method, x, textbook, theirs, sgd(theirs))
    gap = max((a - b).abs().max().item() for a, b in params(ours, theirs))
    moved = max((p - start[name]).abs().max().item() for name, p in ours.named_parameters())
    assert moved > 1e-3
    assert gap < 1e-9


def params(a: nn.ModuleDict, b: nn.ModuleDict) -> list[tuple[Tensor, Tensor]]:
    return list(zip(a.parameters(), b.parameters(), strict=True))


def draw_like(method: Method, x: Tensor, textbook, nets: nn.ModuleDict, optimizers: dict) -> None:
    """The rewrites draw in their own order; give them the method's numbers."""
    if isinstance(method, AMR):
        order = partners(2, x)[1]
        weights = dirichlet(x)
        patch = pytest.MonkeyPatch()
        patch.setitem(globals(), "dirichlet", lambda x: weights)
        patch.setattr(torch, "randperm", lambda n, **_: order)
        textbook(nets, x, optimizers)
        patch.undo()
    else:
        textbook(nets, x, optimizers)


class DoubleOutputs:
    """Inside, Tensor.float() leaves doubles as they are."""

    def __enter__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        plain = Tensor.float
        self.patch.setattr(Tensor, "float", lambda t: t if t.dtype == torch.double else plain(t))

    def __exit__(self, *_: object) -> None:
        self.patch.undo()


def test_amr_without_mixes_is_ae_gan() -> None:
    x, _ = bars(8)
    nets = nets_for(AMR())
    nets.eval()
    ours = AMR(mixed=0).losses(nets, x)
    plain = AE(adversary=True).losses(nets, x)
    for player, terms in plain.items():
        for name, value in terms.items():
            torch.testing.assert_close(ours[player][name], value)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_vae_minimises_the_negative_elbo(beta: float) -> None:
    nets, (x, _) = nets_for(VAE(), "tanh"), bars(8)
    torch.manual_seed(2)
    terms = VAE(beta=beta).losses(nets, x)["autoencoder"]
    q = Normal(*nets["autoencoder"].posterior(x))
    torch.manual_seed(2)
    noise = torch.randn_like(q.mean)
    p = Bernoulli(
        (nets["autoencoder"].decode(q.mean + q.stddev * noise) + 1) / 2, validate_args=False
    )
    said = -p.log_prob((x + 1) / 2).sum((1, 2, 3)).mean()
    apart = kl_divergence(q, Normal(0.0, 1.0)).sum((1, 2, 3)).mean()
    torch.testing.assert_close(terms["reconstruction"], said, rtol=1e-3, atol=0.1)
    torch.testing.assert_close(terms["divergence"], beta * apart)
    torch.testing.assert_close(nets["autoencoder"].encode(x), q.mean)


def test_gaussian_likelihood_of_the_vae() -> None:
    nets, (x, _) = nets_for(VAE()), bars(8)
    torch.manual_seed(2)
    found = VAE(reconstruction_loss="l2-sum").losses(nets, x)["autoencoder"]["reconstruction"]
    torch.manual_seed(2)
    mean, scale = nets["autoencoder"].posterior(x)
    x_hat = nets["autoencoder"].decode(mean + scale * torch.randn_like(mean))
    density = Normal(x_hat, 0.5**0.5).log_prob(x) + 0.5 * math.log(math.pi)
    torch.testing.assert_close(found, -density.sum((1, 2, 3)).mean())


def test_a_probe_leaves_the_method_alone() -> None:
    plain, probed = AMR(), Probed(AMR())
    a, b = nets_for(plain), nets_for(probed)
    x, y = bars(16)
    for method, nets in ((plain, a), (probed, b)):
        state = begin(method, nets, quick())
        torch.manual_seed(3)
        for _ in range(3):
            step(method, nets, state.optimizers, x, y)
    for name in ("autoencoder", "critic"):
        pairs = zip(a[name].parameters(), b[name].parameters(), strict=True)
        assert all(torch.equal(p, q) for p, q in pairs)


def test_supervision_uses_labelled_images_only() -> None:
    method = Probed(AE(), supervision=1.0)
    nets = nets_for(method)
    x, y = bars(16)
    y[8:] = -1
    whole = method.losses(nets, x, y)["autoencoder"]["classification"]
    alone = method.losses(nets, x[:8], y[:8])["autoencoder"]["classification"]
    torch.testing.assert_close(whole, alone)
    assert method.losses(nets, x, torch.full_like(y, -1))["probe"]["classification"] == 0


def test_supervision_reaches_the_encoder() -> None:
    method = Probed(AE(reconstruction=0), supervision=1.0)
    nets = nets_for(method)
    x, y = bars(16)
    method.losses(nets, x, y)["autoencoder"]["classification"].backward()
    assert nets["autoencoder"].encoder[-1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", METHODS)
def test_registry(name: str) -> None:
    method = make(name, {})
    assert name_of(method) == name
    assert isinstance(method, Method)
    assert "min" in (type(method).__doc__ or "")
    assert all(isinstance(f.default, str | int | float | bool) for f in fields(method))


def test_unknown_methods_and_empty_games_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown method"):
        make("gan", {})
    with pytest.raises(ValueError, match="both 0"):
        AMR(realism=0, mixed=0)
    with pytest.raises(ValueError, match="--adversary"):
        AE(autoencoder_every=2)
    for method in (ACAI, AMR):
        with pytest.raises(ValueError, match="at least 1"):
            method(autoencoder_every=0)
    with pytest.raises(ValueError, match="beta must be 0"):
        VAE(beta=-1)
    with pytest.raises(ValueError, match="exactly 2"):
        AMR(mixer="shared-bernoulli", parents=3)
    with pytest.raises(ValueError, match="labels"):
        Probed(AE()).losses(nets_for(Probed(AE())), bars(4)[0])

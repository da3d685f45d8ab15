"""Each method as one writes it down first: a turn per player, with fresh passes of its critic.

float32, eager, plain memory layout, torch's default Adam, whole backward passes. A turn is a
player and what it minimises, made when its turn has come; what earlier turns made is detached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment import augment, turned
from ..losses import RECONSTRUCTIONS, H, agreed, bce_sum, l1, l2, misread
from ..methods import ACAI, AE, AMR, VAE, Adapt, Method, Translate
from ..methods.base import NetDict
from ..mixing import MIXERS, mix, partners
from ..nets import Stem
from ..nets.layers import Halve, InstanceNorm
from ..train import follow

Turns = Iterator[tuple[str, Tensor]]


def ae(m: AE, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    D = n["critic"] if m.adversary else None
    x_hat = n["autoencoder"].decode(n["autoencoder"].encode(x))
    yield "autoencoder", 10 * l1(x, x_hat) + (H(D(x_hat), 1) if D else 0)
    if D:
        yield "critic", H(D(x), 1) + H(D(x_hat.detach()), 0)


def acai(m: ACAI, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    f, g, D = n["autoencoder"].encode, n["autoencoder"].decode, n["critic"]
    z = f(x)
    paper = m.variant == "paper"
    alpha = torch.rand_like(x[:, 0, 0, 0]) / (2 if paper else 1)
    weights = torch.stack([alpha, 1 - alpha])[:, :, None, None, None]
    x_hat, x_mix = g(z), g(mix(z[partners(2, z)], weights))
    d_mix = D(x_mix)
    yield "autoencoder", l2(x, x_hat) + 0.5 * (d_mix.square().mean() if paper else H(d_mix, 0))
    x_hat, d_mix = x_hat.detach(), D(x_mix.detach())
    if paper:
        yield "critic", l2(d_mix, alpha) + D(torch.lerp(x_hat, x, 0.2)).square().mean()
    else:
        mixed = H(d_mix, 2 * torch.minimum(alpha, 1 - alpha))
        yield "critic", mixed + H(D(x), 0) + H(D(x_hat), 0)


def amr(m: AMR, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    f, g, D = n["autoencoder"].encode, n["autoencoder"].decode, n["critic"]
    z = f(x)
    x_hat, x_mix = g(z), g(mix(z[partners(m.parents, z)], MIXERS[m.mixer](m.parents, z)))
    far = RECONSTRUCTIONS[m.reconstruction_loss](x, x_hat)
    yield "autoencoder", m.reconstruction * far + H(D(x_hat), 1) + H(D(x_mix), 1)
    yield "critic", H(D(x), 1) + H(D(x_hat.detach()), 0) + H(D(x_mix.detach()), 0)


def vae(m: VAE, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    mean, scale = n["autoencoder"].posterior(x)
    x_hat = n["autoencoder"].decode(mean + scale * torch.randn_like(scale))
    divergence = (mean.square() + scale.square() - 1) / 2 - scale.log()
    yield "autoencoder", bce_sum(x, x_hat) + divergence.flatten(1).sum(1).mean()


def translate(m: Translate, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    f, g, D, C = n["autoencoder"].encode, n["autoencoder"].decode, n["critic"], n["classifier"]
    x_s, x_t = x
    s_hat, t_hat = g(f(x_s)), g(f(x_t))
    yield "autoencoder", l2(x_t, t_hat) + 5e-4 * (H(D(s_hat), 1) + H(D(t_hat), 1))
    s_hat, t_hat = s_hat.detach(), t_hat.detach()
    yield "critic", H(D(x_t), 1) + H(D(s_hat), 0) + H(D(t_hat), 0) + H(D(x_s), 0)
    yield "classifier", (misread(C.views(x_s), y) + misread(C.views(s_hat), y)).mean()


def adapt(m: Adapt, n: NetDict, x: Tensor, y: Tensor) -> Turns:
    f, g, D = n["autoencoder"].encode, n["autoencoder"].decode, n["critic"]
    C = n["classifier"].views
    x_s, x_t = x
    x_r = turned(x_t)
    z_s, z_r = f(x_s), f(x_r)
    z_m = mix(torch.stack([z_s, z_r]), n["autoencoder"].mask)
    x_m, r_hat = g(z_m), g(z_r)
    reading = misread(C(augment(x_m)), y).mean()
    yield "autoencoder", 10 * l1(x_r, r_hat) - D(x_m).mean() + 3 * reading
    x_m = x_m.detach()
    yield "critic", F.relu(1 - D(x_t)).mean() + F.relu(1 + D(x_m)).mean()
    with torch.no_grad():
        sure, y_t = agreed(n["teacher"].views(x_t)).max(1)
    told = misread(C(augment(x_s)), y).mean() + misread(C(augment(x_m)), y).mean() / 4
    own = (misread(C(augment(x_t)), y_t) * (sure > 0.98)).mean()
    yield "classifier", told + 2 * own


TURNS: dict[type[Method], Callable[..., Turns]] = {
    AE: ae,
    ACAI: acai,
    AMR: amr,
    VAE: vae,
    Translate: translate,
    Adapt: adapt,
}


def plain(nets: nn.ModuleDict) -> nn.ModuleDict:
    """The nets, changed to what the papers draw: the library's own layers, plain memory layout."""
    for net in nets.modules():
        if isinstance(net, nn.Sequential):
            for i, layer in enumerate(net):
                net[i] = _plain(layer)
    return nets.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def _plain(layer: nn.Module) -> nn.Module:
    if isinstance(layer, Stem):
        return nn.Sequential(layer.first, layer.second)
    if isinstance(layer, Halve):
        return nn.AvgPool2d(2)
    if isinstance(layer, InstanceNorm):
        norm = nn.InstanceNorm2d(layer.num_features, affine=True)
        norm.weight, norm.bias = layer.weight, layer.bias
        return norm
    return layer


def textbook_step(
    method: Method, nets: nn.ModuleDict, x: Tensor, y: Tensor
) -> Callable[[int], None]:
    """So many steps of a method with its usual weights; `nets` are made `plain`."""
    nets = plain(nets).train()
    optimizers = {
        player: torch.optim.Adam(
            nets[player].parameters(), lr=1e-3, betas=(0.5, 0.99), weight_decay=1e-5
        )
        for player in method.players
    }
    done = 0

    def run(steps: int) -> None:
        nonlocal done
        for _ in range(steps):
            for player, loss in TURNS[type(method)](method, nets, x, y):
                optimizers[player].zero_grad()
                loss.backward()
                optimizers[player].step()
            done += 1
            for average, (player, decay) in method.averages.items():
                follow(nets[average], nets[player], decay, done)

    return run

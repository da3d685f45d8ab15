"""Class-conditional mixing: the labels that a mix shall have choose what comes from whom."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from ..augment import augment
from ..losses import FORMULAS, RECONSTRUCTIONS, Adversary, H, Reconstruction, l1, together
from ..mixing import as_attributes, mask_weights, mix, wish
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class ClassAMR(Method):
    """Class-conditional AMR (Beckham et al., NeurIPS 2019, section 2.2), two parents.

    For parents with attributes y_1, y_2 each attribute of y_m comes from either (a class comes
    whole), and
    z_m = m z_1 + (1 - m) z_2,   m ~ Bernoulli(p),   p = M(y_m, y_1, y_2),   x_m = g(z_m)

    autoencoder  min  λ |x - x̂| + ρ H(D(x̂), 1) + E + β |f(x_m) - z_m| / |z_m|
    mixer        min  E = μ H(D(x_m), 1) + κ H(A(a(x_m)), y_m)      a(x) a changed copy of x
    critic       min  H(D(x), 1) + H(D(x̂), 0) + H(D(x_m), 0)
    reader       min  H(A(a(x)), y)

    In the paper A is a head of the critic (`head`). Here it is a net of its own that sees changed
    copies: what small changes of pixels can sway is swayed by textures that nobody else reads.
    """

    reconstruction: float = 1000.0
    """λ, weight of the reconstruction."""
    reconstruction_loss: Reconstruction = "l1"
    """How far a reconstruction is from its image."""
    realism: float = 1.0
    """ρ, weight of the critic's opinion of reconstructions."""
    mixed: float = 5.0
    """μ, weight of the critic's opinion of mixes."""
    wishes: float = 5.0
    """κ, weight of the reading of the wanted attributes in mixes."""
    consistency: float = 5.0
    """β, weight of the distance between a mix of codes, held, and the code of its picture."""
    adversarial_loss: Adversary = "bce"
    """H(D, ·), the loss of the critic's answers: cross-entropy or least squares."""

    head: bool = False
    """A is a head of the critic that sees images as they are, as in the paper."""

    mixer = "bernoulli"  # where no wish is told
    needs_labels = True
    vectorises = False
    # Masks that change slower than everything else. Beside λ the terms for mixes are small, so that
    # mixes change slowly too, which the game wants, while reconstructions are learnt at full speed.
    rates = MappingProxyType({"mixer": 0.1})
    # tanh: a judge reads mixes in the range of images, and so must the critic and the reader.
    suited = MappingProxyType({"nets": {"code": (32, 4, 4), "norm": "group", "output": "tanh"}})

    @property
    def players(self) -> tuple[str, ...]:
        return "autoencoder", "mixer", "critic", *(() if self.head else ("reader",))

    @property
    def formulas(self) -> dict[str, str]:
        read = "A({})" if self.head else "A(a({}))"
        wishes = rf"\kappa H({read.format('x_m')}, y_m)"
        return {
            "autoencoder/reconstruction": r"\lambda " + FORMULAS[self.reconstruction_loss],
            "autoencoder/realism": r"\rho H(D(\hat{x}), 1)",
            "autoencoder/mixed": r"\mu H(D(x_m), 1)",
            "autoencoder/wishes": wishes,
            "autoencoder/consistency": r"\beta |f(x_m) - z_m| / |z_m|",
            "mixer/mixed": r"\mu H(D(x_m), 1)",
            "mixer/wishes": wishes,
            "critic/real": r"H(D(x), 1)",
            "critic/fake": r"H(D(\hat{x}), 0)",
            "critic/mixed": r"H(D(x_m), 0)",
            f"{self.players[-1]}/attributes": f"H({read.format('x')}, y)",
        }

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        assert y is not None
        f, g = nets["autoencoder"].encode, nets["autoencoder"].decode
        M, D = nets["mixer"], nets["critic"]
        known, y_1 = as_attributes(y, M.attributes)
        z, codes = f(x), []
        if self.mixed or self.wishes or self.consistency:  # else nobody looks at mixes
            order = torch.randperm(len(y_1), device=x.device)
            y_2 = y_1[order]
            y_m = wish(y_1, y_2, whole=M.whole)
            z_1 = z[known]
            m = mask_weights(M(y_m, y_1, y_2), z_1)
            codes = [mix(torch.stack([z_1, z_1[order]]), m)]
        x_hat, *mixes = together(g, z, *codes)
        fake, *judged = together(D, x_hat, *mixes)

        def read(x: Tensor) -> Tensor:
            logits: Tensor = D.read(x) if self.head else nets["reader"](augment(x))
            return logits

        far, kind = RECONSTRUCTIONS[self.reconstruction_loss], self.adversarial_loss
        losses: Losses = {
            "autoencoder": {
                "reconstruction": self.reconstruction * far(x, x_hat),
                "realism": self.realism * H(fake, 1, kind),
            },
            "critic": {"real": H(D(x), 1, kind), "fake": H(fake, 0, kind)},
        }
        reader = self.players[-1]  # the critic, where it has the head
        losses.setdefault(reader, {})["attributes"] = H(read(x[known]), y_1)
        if codes:
            (z_m,), (x_m,), (mixed,) = codes, mixes, judged
            losses["mixer"] = {
                "mixed": self.mixed * H(mixed, 1, kind),
                "wishes": self.wishes * H(read(x_m), y_m),
            }
            losses["autoencoder"] |= losses["mixer"]
            losses["critic"]["mixed"] = H(mixed, 0, kind)
            if self.consistency:
                aim = z_m.detach()  # held, and its size divided out: else codes would shrink to it
                apart = l1(f(x_m), aim) / aim.abs().mean()
                losses["autoencoder"]["consistency"] = self.consistency * apart
        return losses

"""Adversarial mixup resynthesis: decoded mixes of codes that a critic takes for real images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..losses import FORMULAS, RECONSTRUCTIONS, Adversary, H, Reconstruction, l1, together
from ..mixing import MIXERS, MixerName, check_parents, mix, partners
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class AMR(Method):
    """Adversarial mixup resynthesis (Beckham et al., NeurIPS 2019, equations 2 to 5), k parents.

    autoencoder  min  λ |x - x̂| + ρ H(D(x̂), 1) + μ H(D(x_m), 1) + β |f(x_m) - z_m|   x_m = g(z_m)
    critic       min  H(D(x), 1) + H(D(x̂), 0) + H(D(x_m), 0)
    """

    mixer: MixerName = "mixup"
    """How the codes of the parents are combined."""
    parents: int = 2
    """k, how many images are combined."""
    reconstruction: float = 10.0
    """λ, weight of the reconstruction (the tables use 2 to 50)."""
    reconstruction_loss: Reconstruction = "l1"
    """How far a reconstruction is from its image."""
    realism: float = 1.0
    """ρ, weight of the critic's opinion of reconstructions; 0 takes them out of the game."""
    mixed: float = 1.0
    """μ, weight of the critic's opinion of mixes; 0 takes them out of the game."""
    consistency: float = 0.0
    """β, weight of the distance between a mix of codes and the code of its picture."""
    adversarial_loss: Adversary = "bce"
    """H, the loss of the critic's answers: cross-entropy or least squares."""
    autoencoder_every: int = 1
    """The autoencoder steps once in so many steps of the critic."""

    players = ("autoencoder", "critic")

    @property
    def every(self) -> dict[str, int]:
        return {"autoencoder": self.autoencoder_every}

    @property
    def formulas(self) -> dict[str, str]:
        return {
            "autoencoder/reconstruction": r"\lambda " + FORMULAS[self.reconstruction_loss],
            "autoencoder/realism": r"\rho H(D(\hat{x}), 1)",
            "autoencoder/mixed": r"\mu H(D(x_m), 1)",
            "autoencoder/consistency": r"\beta |f(x_m) - z_m|",
            "critic/real": r"H(D(x), 1)",
            "critic/fake": r"H(D(\hat{x}), 0)",
            "critic/mixed": r"H(D(x_m), 0)",
        }

    def __post_init__(self) -> None:
        if self.autoencoder_every < 1:
            raise ValueError(f"autoencoder_every must be at least 1, not {self.autoencoder_every}")
        check_parents(self.mixer, self.parents)
        if not (self.realism or self.mixed):
            raise ValueError("realism and mixed are both 0: use the method ae, without a critic")

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        f, g, D = nets["autoencoder"].encode, nets["autoencoder"].decode, nets["critic"]
        z = f(x)
        z_mix = mix(z[partners(self.parents, z)], MIXERS[self.mixer](self.parents, z))
        x_hat, x_mix = together(g, z, z_mix)
        d_real = D(x)
        d_hat, d_mix = together(D, x_hat, x_mix)
        far, kind = RECONSTRUCTIONS[self.reconstruction_loss], self.adversarial_loss
        autoencoder = {"reconstruction": self.reconstruction * far(x, x_hat)}
        critic = {"real": H(d_real, 1, kind)}
        if self.realism:
            autoencoder["realism"] = self.realism * H(d_hat, 1, kind)
            critic["fake"] = H(d_hat, 0, kind)
        if self.mixed:
            autoencoder["mixed"] = self.mixed * H(d_mix, 1, kind)
            critic["mixed"] = H(d_mix, 0, kind)
        if self.consistency:
            autoencoder["consistency"] = self.consistency * l1(f(x_mix), z_mix)
        return {"autoencoder": autoencoder, "critic": critic}

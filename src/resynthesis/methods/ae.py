"""The plain autoencoder, and AE + GAN: reconstructions that must also fool a critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..losses import FORMULAS, RECONSTRUCTIONS, Adversary, H, Reconstruction
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class AE(Method):
    """Autoencoder; with --adversary the AE + GAN baseline of Beckham et al., NeurIPS 2019.

    autoencoder  min  λ |x - x̂| + ρ H(D(x̂), 1)
    critic       min  H(D(x), 1) + H(D(x̂), 0)
    """

    adversary: bool = False
    """Train a critic beside the autoencoder (AE + GAN)."""
    reconstruction: float = 10.0
    """λ, weight of the reconstruction."""
    reconstruction_loss: Reconstruction = "l1"
    """How far a reconstruction is from its image."""
    realism: float = 1.0
    """ρ, weight of the critic's opinion of reconstructions."""
    adversarial_loss: Adversary = "bce"
    """H, the loss of the critic's answers: cross-entropy or least squares."""
    autoencoder_every: int = 1
    """The autoencoder steps once in so many steps of the critic."""

    def __post_init__(self) -> None:
        if self.autoencoder_every < 1:
            raise ValueError(f"autoencoder_every must be at least 1, not {self.autoencoder_every}")
        if self.autoencoder_every > 1 and not self.adversary:
            raise ValueError("autoencoder_every counts steps of the critic: add --adversary")

    @property
    def players(self) -> tuple[str, ...]:
        return ("autoencoder", "critic") if self.adversary else ("autoencoder",)

    @property
    def every(self) -> dict[str, int]:
        return {"autoencoder": self.autoencoder_every}

    @property
    def formulas(self) -> dict[str, str]:
        return {
            "autoencoder/reconstruction": r"\lambda " + FORMULAS[self.reconstruction_loss],
            "autoencoder/realism": r"\rho H(D(\hat{x}), 1)",
            "critic/real": r"H(D(x), 1)",
            "critic/fake": r"H(D(\hat{x}), 0)",
        }

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        f, g = nets["autoencoder"].encode, nets["autoencoder"].decode
        x_hat = g(f(x))
        far = RECONSTRUCTIONS[self.reconstruction_loss]
        autoencoder = {"reconstruction": self.reconstruction * far(x, x_hat)}
        if not self.adversary:
            return {"autoencoder": autoencoder}
        kind = self.adversarial_loss
        d_real, d_hat = nets["critic"](x), nets["critic"](x_hat)
        return {
            "autoencoder": {**autoencoder, "realism": self.realism * H(d_hat, 1, kind)},
            "critic": {"real": H(d_real, 1, kind), "fake": H(d_hat, 0, kind)},
        }

"""Adversarially constrained autoencoder interpolation: a critic guesses the mixing coefficient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from ..losses import FORMULAS, RECONSTRUCTIONS, H, Reconstruction, l2, together
from ..mixing import mix, partners
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class ACAI(Method):
    """ACAI (Berthelot et al., ICLR 2019, equations 1 and 2), and the variant in AMR's tables.

    autoencoder  min  λ |x - x̂|² + ω D(x_α)²              x_α = g(α z1 + (1 - α) z2), α ~ U(0, ½)
    critic       min  (D(x_α) - α)² + D(γ x + (1 - γ) x̂)²

    variant amr:
    autoencoder  min  λ |x - x̂|² + ω H(D(x_α), 0)         α ~ U(0, 1)
    critic       min  H(D(x_α), 2 min(α, 1 - α)) + H(D(x), 0) + H(D(x̂), 0)
    """

    variant: Literal["paper", "amr"] = "paper"
    """The paper's squared errors, or the cross-entropies of AMR's tables."""
    reconstruction: float = 1.0
    """λ, weight of the reconstruction."""
    reconstruction_loss: Reconstruction = "l2"
    """How far a reconstruction is from its image."""
    mixed: float = 0.5
    """ω, weight of the critic's opinion of the mixes (λ in the paper)."""
    gamma: float = 0.2
    """γ, share of the image in the blend that the critic must call unmixed (variant paper)."""
    autoencoder_every: int = 1
    """The autoencoder steps once in so many steps of the critic."""

    players = ("autoencoder", "critic")

    def __post_init__(self) -> None:
        if self.autoencoder_every < 1:
            raise ValueError(f"autoencoder_every must be at least 1, not {self.autoencoder_every}")

    @property
    def every(self) -> dict[str, int]:
        return {"autoencoder": self.autoencoder_every}

    @property
    def formulas(self) -> dict[str, str]:
        paper = self.variant == "paper"
        return {
            "autoencoder/reconstruction": r"\lambda " + FORMULAS[self.reconstruction_loss],
            "autoencoder/mixed": r"\omega D(x_\alpha)^2" if paper else r"\omega H(D(x_\alpha), 0)",
            "critic/mixed": r"(D(x_\alpha) - \alpha)^2"
            if paper
            else r"H(D(x_\alpha), 2 \min(\alpha, 1 - \alpha))",
            "critic/real": r"D(\gamma x + (1 - \gamma) \hat{x})^2" if paper else r"H(D(x), 0)",
            "critic/fake": r"H(D(\hat{x}), 0)",
        }

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        f, g, D = nets["autoencoder"].encode, nets["autoencoder"].decode, nets["critic"]
        z = f(x)
        alpha = torch.rand_like(x[:, 0, 0, 0]) / (2 if self.variant == "paper" else 1)
        weights = torch.stack([alpha, 1 - alpha]).reshape(2, len(x), *[1] * (z.ndim - 1))
        z_mix = mix(z[partners(2, z)], weights)
        x_hat, x_mix = together(g, z, z_mix)
        far = RECONSTRUCTIONS[self.reconstruction_loss]
        autoencoder = {"reconstruction": self.reconstruction * far(x, x_hat)}
        if self.variant == "paper":
            d_mix, d_blend = together(D, x_mix, torch.lerp(x_hat, x, self.gamma))
            return {
                "autoencoder": {**autoencoder, "mixed": self.mixed * d_mix.square().mean()},
                "critic": {"mixed": l2(d_mix, alpha), "real": d_blend.square().mean()},
            }
        d_real = D(x)
        d_hat, d_mix = together(D, x_hat, x_mix)
        return {
            "autoencoder": {**autoencoder, "mixed": self.mixed * H(d_mix, 0)},
            "critic": {
                "mixed": H(d_mix, 2 * torch.minimum(alpha, 1 - alpha)),
                "real": H(d_real, 0),
                "fake": H(d_hat, 0),
            },
        }

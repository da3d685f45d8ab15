"""The variational autoencoder, and β-VAE."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import torch

from ..losses import FORMULAS, RECONSTRUCTIONS
from .base import Method

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class VAE(Method):
    """Variational autoencoder (Kingma and Welling, ICLR 2014); β-VAE where β is not 1.

    autoencoder  min  -log p(x | g(z)) + β KL(q(z | x) || N(0, 1))     z ~ q(z | x) = N(f(x), s(x)²)

    Both terms are in nats, summed over dimensions and averaged over the batch.
    """

    beta: float = 1.0
    """β, weight of the divergence (Higgins et al., ICLR 2017, use 4 and more)."""
    reconstruction_loss: Literal["bce-sum", "l2-sum"] = "bce-sum"
    """-log p: pixels as probabilities (bce-sum), or with normal noise of variance ½ (l2-sum)."""

    players = ("autoencoder",)
    needs_posterior = True
    suited = MappingProxyType({"nets": {"posterior": True, "output": "tanh"}})

    @property
    def formulas(self) -> dict[str, str]:
        return {
            "autoencoder/reconstruction": FORMULAS[self.reconstruction_loss],
            "autoencoder/divergence": r"\beta KL(q(z|x) || N(0, 1))",
        }

    def __post_init__(self) -> None:
        if self.beta < 0:
            raise ValueError(f"beta must be 0 or more, not {self.beta}")

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        mean, scale = nets["autoencoder"].posterior(x)
        x_hat = nets["autoencoder"].decode(mean + scale * torch.randn_like(scale))
        divergence = (mean.square() + scale.square() - 1) / 2 - scale.log()
        return {
            "autoencoder": {
                "reconstruction": RECONSTRUCTIONS[self.reconstruction_loss](x, x_hat),
                "divergence": self.beta * divergence.flatten(1).sum(1).mean(),
            }
        }

"""Translation as published: one autoencoder, fooling one critic from both domains."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from ..losses import H, l2, misread, together
from .base import DomainMethod

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class Translate(DomainMethod):
    """Adversarial domain-adaptive autoencoder (ADAAE): labelled source x_s, unlabelled target x_t.

    autoencoder  min  λ |x_t - x̂_t|² + w [H(D(x̂_s), 1) + H(D(x̂_t), 1)]      x̂ = g(f(x))
    critic       min  H(D(x_t), 1) + H(D(x̂_s), 0) + H(D(x̂_t), 0) + H(D(x_s), 0)
    classifier   min  H(C(x_s), y) + H(C(x̂_s), y)

    Nothing holds x̂_s to x_s: its content survives because one autoencoder serves both domains.
    """

    reconstruction: float = 1.0
    """λ, weight of the reconstruction of the target."""
    realism: float = 5e-4
    """w, weight of the critic's opinion."""

    borrows_style = False
    players = ("autoencoder", "critic", "classifier")
    # Adam's 1e-3, 5e-4 and 1e-4, in units of the first.
    rates = MappingProxyType({"critic": 0.5, "classifier": 0.1})
    suited = MappingProxyType(
        {
            "nets": {
                "family": "adaae",
                "code": (64, 1, 1),
                "classifier": "raw",
                "classifier_norm": "none",
            },
            "training": {"batch_size": 128, "betas": (0.9, 0.999), "weight_decay": 0.0},
        }
    )
    formulas = MappingProxyType(
        {
            "autoencoder/reconstruction": r"\lambda |x_t - \hat{x}_t|^2",
            "autoencoder/realism": r"w [H(D(\hat{x}_s), 1) + H(D(\hat{x}_t), 1)]",
            "critic/real": r"H(D(x_t), 1)",
            "critic/translated": r"H(D(\hat{x}_s), 0)",
            "critic/fake": r"H(D(\hat{x}_t), 0)",
            "critic/source": r"H(D(x_s), 0)",
            "classifier/source": r"H(C(x_s), y)",
            "classifier/translated": r"H(C(\hat{x}_s), y)",
        }
    )

    def translate(self, nets: NetDict, x_s: Tensor, style: Tensor) -> Tensor:
        """x̂_s (B, C, H, W); this method takes nothing from the target images `style`."""
        return nets["autoencoder"].decode(nets["autoencoder"].encode(x_s))

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        assert y is not None
        f, g, D = nets["autoencoder"].encode, nets["autoencoder"].decode, nets["critic"]
        x_s, x_t = x
        s_hat, t_hat = g(f(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        d_s, d_t = together(D, x_s, x_t)
        d_s_hat, d_t_hat = together(D, s_hat, t_hat)
        p_s, p_s_hat = nets["classifier"].views(torch.cat([x_s, s_hat])).chunk(2, 1)
        return {
            "autoencoder": {
                "reconstruction": self.reconstruction * l2(x_t, t_hat),
                "realism": self.realism * (H(d_s_hat, 1) + H(d_t_hat, 1)),
            },
            "critic": {
                "real": H(d_t, 1),
                "translated": H(d_s_hat, 0),
                "fake": H(d_t_hat, 0),
                "source": H(d_s, 0),
            },
            "classifier": {
                "source": misread(p_s, y).mean(),
                "translated": misread(p_s_hat, y).mean(),
            },
        }

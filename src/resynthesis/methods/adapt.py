"""Adaptation: content of a source image, style of a target image, and a slow teacher."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from ..augment import augment, turned
from ..losses import agreed, l1, misread
from ..mixing import mix
from .base import DomainMethod

if TYPE_CHECKING:
    from torch import Tensor

    from .base import Losses, NetDict


@dataclass(frozen=True, kw_only=True)
class Adapt(DomainMethod):
    """Mixing across domains: labelled source x_s, unlabelled target x_t, and x_r, a turned x_t.

    Codes have content and style channels, f(x) = (c, s). A translation is a mix of two codes
    under a fixed mask, with one parent from each domain: x_m = g(z_m), z_m = (c(x_s), s(x_r)).

    autoencoder  min  λ |x_r - g(f(x_r))| - ρ D(x_m) + κ H(C(a(x_m)), y)
    critic       min  max(0, 1 - D(x_t)) + max(0, 1 + D(x_m))
    classifier   min  H(C(a(x_s)), y) + μ H(C(a(x_m)), y) + σ [p > τ] H(C(a(x_t)), y_t)
                      p = max q(x_t), y_t = argmax q(x_t); T follows C; a(x) is a changed copy

    q is what the teacher's views say together; the first, which carries over between domains, is
    trusted most, and the other one for as much as it agrees with it (`losses.agreed`).
    """

    reconstruction: float = 10.0
    """λ, weight of the reconstruction of the target."""
    realism: float = 1.0
    """ρ, weight of the critic's opinion of translations."""
    reading: float = 3.0
    """κ, weight of the classifier's reading of translations, for the autoencoder."""
    translated: float = 0.25
    """μ, weight of translations for the classifier, which they carry over where none of its views
    carries over by itself (docs/domains.md); 0 leaves them out."""
    self_labelling: float = 2.0
    """σ, weight of the teacher's labels of target images; 0 leaves them out."""
    confidence: float = 0.98
    """τ, how sure the teacher must be of a label."""
    teacher_decay: float = 0.999
    """How slowly the teacher follows the classifier."""

    players = ("autoencoder", "critic", "classifier")
    needs_divided_codes = True
    augments = True
    rates = MappingProxyType({"critic": 2.0, "classifier": 2.0})
    suited = MappingProxyType({"nets": {"family": "split"}, "training": {"decay": 0.5}})
    formulas = MappingProxyType(
        {
            "autoencoder/reconstruction": r"\lambda |x_r - g(f(x_r))|",
            "autoencoder/realism": r"-\rho D(x_m)",
            "autoencoder/reading": r"\kappa H(C(a(x_m)), y)",
            "critic/real": r"\max(0, 1 - D(x_t))",
            "critic/translated": r"\max(0, 1 + D(x_m))",
            "classifier/source": r"H(C(a(x_s)), y)",
            "classifier/translated": r"\mu H(C(a(x_m)), y)",
            "classifier/target": r"\sigma [p > \tau] H(C(a(x_t)), y_t)",
        }
    )

    @property
    def averages(self) -> dict[str, tuple[str, float]]:
        return {"teacher": ("classifier", self.teacher_decay)}

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence must be from 0 to 1, not {self.confidence}")
        if not 0 <= self.teacher_decay < 1:
            raise ValueError(f"teacher_decay must be in [0, 1), not {self.teacher_decay}")

    def translate(self, nets: NetDict, x_s: Tensor, style: Tensor) -> Tensor:
        """The content of x_s (B, C, H, W) in the style of as many target images."""
        f, g = nets["autoencoder"].encode, nets["autoencoder"].decode
        return g(mix(torch.stack([f(x_s), f(style)]), nets["autoencoder"].mask))

    def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
        assert y is not None
        f, g, D = nets["autoencoder"].encode, nets["autoencoder"].decode, nets["critic"]
        C, T = nets["classifier"].views, nets["teacher"].views
        x_s, x_t = x
        x_r = turned(x_t)
        z_s, z_r = f(torch.cat([x_s, x_r])).chunk(2)
        z_m = mix(torch.stack([z_s, z_r]), nets["autoencoder"].mask)
        x_m, r_hat = g(torch.cat([z_m, z_r])).chunk(2)
        sure, y_t = agreed(T(x_t)).max(1)
        # Passes apart, not together: each player's gradient then takes the shortest way.
        d_m, read = D(x_m), misread(C(augment(x_m)), y).mean()
        p_s, p_t = C(augment(torch.cat([x_s, x_t]))).chunk(2, 1)
        classifier = {
            "source": misread(p_s, y).mean(),
            "target": self.self_labelling * (misread(p_t, y_t) * (sure > self.confidence)).mean(),
        }
        if self.translated:
            classifier["translated"] = self.translated * read
        return {
            "autoencoder": {
                "reconstruction": self.reconstruction * l1(x_r, r_hat),
                "realism": -self.realism * d_m.mean(),
                "reading": self.reading * read,
            },
            "critic": {
                "real": F.relu(1 - D(x_t)).mean(),
                "translated": F.relu(1 + d_m).mean(),
            },
            "classifier": classifier,
        }

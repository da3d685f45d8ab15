"""Estimators of one domain: images to codes and back, and mixes of them.

model = AMR(parents=3, seed=0).fit(images)
codes = model.transform(images)
children = model.mix(images[:8], images[8:16], weight=0.3)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from .. import methods, runs
from ..data import Data, DataConfig, ImageSet, as_images, resize
from ..evaluate import decode, encode
from ..mixing import check_parents, draw_apart
from ..mixing import mix as combine
from ..nets import Nets
from ..train import Training
from .base import Array, Model, fitting_size, form_of, to_labels


class Resynthesizer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    Model,
):
    """What the estimators of one domain share. Fitted, too: n_features_out_."""

    def fit(self, images: object, y: object = None) -> Self:
        """Trains on images; labels y (n,), -1 where unknown, serve the probe alone (and ClassAMR).
        Where nobody learns from them, y may be anything.

        Everything is for training: nothing is held out. Raises ValueError for arrays that are
        no images.
        """
        pixels = as_images(images)
        form = form_of(images, pixels)
        method, probe = self._settings(self.method), self._settings(runs.ProbeConfig)
        try:
            labels, classes = to_labels(y, len(pixels))
        except ValueError:
            if method.needs_labels or probe.probe or probe.supervision:
                raise
            labels, classes = None, []  # targets of what follows in a pipeline
        nets = self._settings(Nets)
        train = ImageSet(resize(pixels, fitting_size(pixels, nets)), labels)
        width = 0 if labels is None or labels.ndim == 1 else labels.shape[1]
        columns = tuple(f"attribute_{i}" for i in range(width))
        names = tuple(map(str, classes))
        data = Data(runs.ARRAYS, train, train, train, names, attributes=columns)
        config = runs.Config(
            method=method,
            data=DataConfig(data=runs.ARRAYS, size=train.shape[1]),
            nets=nets,
            probe=probe,
            training=self._settings(Training),
        )
        return self._train(data, config, {**form, "classes": classes})

    def transform(self, images: object) -> Array:
        """Images (n, ...) to codes (n, d), float32."""
        return self._encode(images).flatten(1).cpu().numpy()

    def inverse_transform(self, codes: object) -> Array:
        """Codes (n, d) to images."""
        check_is_fitted(self)
        z = torch.as_tensor(np.asarray(codes), dtype=torch.float32)
        if z.ndim != 2 or z.shape[1] != self.n_features_out_:
            raise ValueError(
                f"codes must be of shape (n, {self.n_features_out_}), not {tuple(z.shape)}"
            )
        return self._images(decode(self._autoencoder, z.unflatten(1, self.code_shape_)))

    def reconstruct(self, images: object) -> Array:
        """Images to what the autoencoder makes of them."""
        return self._images(decode(self._autoencoder, self._encode(images)))

    def mix(
        self,
        *parents: object,
        weight: float | Sequence[float] | None = None,
        mixer: str | None = None,
        seed: int = 0,
    ) -> Array:
        """Child images of two or more batches of parents, each (n, ...).

        weight: the first parent's share, or one share per parent, summing to one; without it,
        shares are drawn by `mixer` (the method's own where none is named) from `seed`; those of
        ClassAMR for two parents are under labels then, drawn from what `predict` reads in them.
        """
        check_is_fitted(self)
        z = [self._encode(batch) for batch in parents]
        if len(z) < 2 or len({len(codes) for codes in z}) > 1:
            raise ValueError("mix needs two or more batches of equally many images")
        stack = torch.stack(z)
        if weight is None:
            with runs.fixed_seed(seed):
                weights = self._draw_weights(stack, parents, mixer)
        else:
            weights = _shares(weight, len(z)).to(stack.device).reshape(-1, *[1] * (stack.ndim - 1))
        return self._images(decode(self._autoencoder, combine(stack, weights)))

    def _draw_weights(self, z: Tensor, parents: Sequence[object], mixer: str | None) -> Tensor:
        """Weights of random mixes of parents, whose codes are z (k, n, c, h, w)."""
        chosen = mixer or self.run_.config.mixer
        check_parents(chosen, len(z))
        return draw_apart(chosen, len(z), z[0])

    @property
    def _n_features_out(self) -> int:  # scikit-learn's name, for get_feature_names_out
        return self.n_features_out_

    @property
    def _autoencoder(self) -> nn.Module:
        check_is_fitted(self)
        return self.nets_["autoencoder"]

    def _open(self, run: runs.Run) -> Self:
        super()._open(run)
        self.code_shape_ = run.code_shape
        self.n_features_out_ = int(np.prod(self.code_shape_))
        return self

    def _encode(self, images: object) -> Tensor:
        return encode(self._autoencoder, self._pixels(images))


class AE(Resynthesizer):
    """Plain autoencoder, or AE + GAN with adversary=True. See `resynthesis.methods.AE`."""

    method = methods.AE


class ACAI(Resynthesizer):
    """Adversarially constrained interpolation. See `resynthesis.methods.ACAI`."""

    method = methods.ACAI


class AMR(Resynthesizer):
    """Adversarial mixup resynthesis. See `resynthesis.methods.AMR`."""

    method = methods.AMR


class VAE(Resynthesizer):
    """Variational autoencoder; codes are the means. See `resynthesis.methods.VAE`."""

    method = methods.VAE

    def sample(self, n: int, *, seed: int = 0) -> Array:
        """n new images, decoded from codes drawn from the prior N(0, 1)."""
        check_is_fitted(self)
        with runs.fixed_seed(seed):
            z = torch.randn(n, *self.code_shape_)
        return self._images(decode(self._autoencoder, z))


def _shares(weight: float | Sequence[float], k: int) -> Tensor:
    given = np.atleast_1d(np.asarray(weight, dtype=float)).tolist()
    shares = [given[0], 1 - given[0]] if np.ndim(weight) == 0 else given
    if not (len(shares) == k and abs(sum(shares) - 1) <= 1e-6 and min(shares) >= 0):  # nor NaN
        raise ValueError(
            f"weight must be a share in [0, 1] of the first of two parents, or {k} shares that "
            f"sum to one, not {weight}"
        )
    return torch.tensor(shares)

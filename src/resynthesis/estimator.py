"""The methods as scikit-learn estimators: a thin layer over the same loop and run folder.

model = AMR(parents=3, seed=0).fit(images)
codes = model.transform(images)
children = model.mix(images[:8], images[8:16], weight=0.3)
"""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from . import figures, methods, runs
from .data import SIZES, Data, DataConfig, ImageSet, as_images, resize, to_float, to_uint8
from .evaluate import decode, encode
from .mixing import MIXERS, check_parents
from .mixing import mix as combine
from .nets import Nets
from .train import Training, pick_device

Array = NDArray[Any]
PARTS: tuple[type, ...] = (Nets, runs.ProbeConfig, Training)


class Resynthesizer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """What all estimators share. Parameters are the flags of `resynth train METHOD`.

    Images are arrays (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3, uint8 or floats in
    [0, 1] or [-1, 1]. Other sizes than 16, 32, 64 and 128 are resized, bilinearly, to the next
    larger one. What comes back has the layout, dtype and range of what went into `fit`.

    Fitted: run_ (the run folder), nets_, image_shape_ (C, H, W), n_features_out_, classes_.
    """

    method: ClassVar[type]

    def __init__(self, **parameters: Any):
        known = inspect.signature(type(self)).parameters
        for name in parameters:
            if name not in known:
                raise TypeError(f"{type(self).__name__} has no parameter '{name}'")
        for name, parameter in known.items():
            setattr(self, name, parameters.get(name, parameter.default))

    def fit(self, images: object, y: object = None) -> Self:
        """Trains on images; labels y (n,), -1 where unknown, serve the probe alone.

        Everything is for training: nothing is held out. Raises ValueError for arrays that are
        no images.
        """
        pixels = as_images(images)
        form = _form(images, pixels)
        labels, classes = _labels(y, len(pixels))
        train = ImageSet(resize(pixels, _size(pixels)), labels)
        data = Data(runs.ARRAYS, train, train, train, tuple(map(str, classes)))
        out = self.out
        folder = Path(out) if out else Path(tempfile.mkdtemp(prefix="resynthesis-"))
        if not out:  # lives as long as the model; `save` keeps it
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        config = runs.Config(
            method=self._settings(self.method),
            data=DataConfig(data=runs.ARRAYS, size=train.shape[1]),
            nets=self._settings(Nets),
            probe=self._settings(runs.ProbeConfig),
            training=self._settings(Training),
        )
        form["classes"] = classes
        run = runs.start(config, folder, data=data, form=form, paint=figures.training_picture)
        return self._open(run)

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
        return self._images(decode(self._autoencoder, z.unflatten(1, self.nets_code_)))

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
        shares are drawn by `mixer` (the method's own where none is named) from `seed`.
        """
        check_is_fitted(self)
        z = [self._encode(batch) for batch in parents]
        if len(z) < 2 or len({len(codes) for codes in z}) > 1:
            raise ValueError("mix needs two or more batches of equally many images")
        stack = torch.stack(z)
        if weight is None:
            chosen = mixer or str(getattr(self, "mixer", "mixup"))
            check_parents(chosen, len(z))
            with runs.fixed_seed(seed):
                weights = MIXERS[chosen](len(z), stack[0])
        else:
            weights = _shares(weight, len(z)).to(stack.device).reshape(-1, *[1] * (stack.ndim - 1))
        return self._images(decode(self._autoencoder, combine(stack, weights)))

    def save(self, path: str | Path) -> None:
        """Copies the run folder to a new place. `load` and the command line open it."""
        check_is_fitted(self)
        runs.copy(self.run_.path, Path(path))

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and joblib: nets with spectral normalisation travel as their weights."""
        state = dict(super().__getstate__())
        if "nets_" in state:
            state["nets_"] = {k: v.cpu() for k, v in state["nets_"].state_dict().items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "nets_" in state:
            with runs.isolated_random():
                nets = self.run_.build_nets()
            nets.load_state_dict(state["nets_"])
            self.nets_ = nets.to(pick_device(self.device)).eval()

    @property
    def _n_features_out(self) -> int:  # scikit-learn's name, for get_feature_names_out
        return self.n_features_out_

    @property
    def _autoencoder(self) -> nn.Module:
        check_is_fitted(self)
        return self.nets_["autoencoder"]

    def _settings(self, kind: type) -> Any:
        return kind(**{f.name: getattr(self, f.name) for f in fields(kind)})

    def _open(self, run: runs.Run) -> Self:
        self.run_ = run
        self.nets_ = run.load_nets(self.device)
        self.image_shape_ = run.facts.shape
        layout = "nhw" if run.facts.shape[0] == 1 else "nhwc"  # of runs by the command line
        self.layout_ = run.form.get("layout", layout)
        self.range_ = run.form.get("range", "uint8")
        self.classes_ = np.asarray(run.form.get("classes", run.facts.classes))
        self.nets_code_ = run.config.nets.code
        self.n_features_out_ = int(np.prod(self.nets_code_))
        return self

    def _encode(self, images: object) -> Tensor:
        check_is_fitted(self)
        # What floats mean was settled by `fit`: a batch without a dark pixel means the same.
        signed = None if self.range_ == "uint8" else self.range_ == "signed"
        pixels = as_images(images, signed=signed)
        channels, size, _ = self.image_shape_
        if pixels.shape[1] != channels:
            raise ValueError(
                f"the model wants images of {channels} channels, not {pixels.shape[1]}"
            )
        return encode(self._autoencoder, to_float(resize(pixels, size)))

    def _images(self, x: Tensor) -> Array:
        x = x.cpu().clamp(-1, 1)
        x = to_uint8(x) if self.range_ == "uint8" else x if self.range_ == "signed" else (x + 1) / 2
        if self.layout_ == "nhw":
            return x[:, 0].numpy()
        return (x if self.layout_ == "nchw" else x.permute(0, 2, 3, 1)).numpy()


class AE(Resynthesizer):
    """Plain autoencoder, or AE + GAN with adversary=True. See `resynthesis.methods.AE`."""

    method = methods.AE


class ACAI(Resynthesizer):
    """Adversarially constrained interpolation. See `resynthesis.methods.ACAI`."""

    method = methods.ACAI


class AMR(Resynthesizer):
    """Adversarial mixup resynthesis. See `resynthesis.methods.AMR`."""

    method = methods.AMR


ESTIMATORS = {"ae": AE, "acai": ACAI, "amr": AMR}


def load(path: str | Path) -> Resynthesizer:
    """The fitted estimator of a run folder, made here or by `resynth train`.

    Raises ValueError where the folder is no run or has no whole weights.
    """
    run = runs.Run(Path(path))
    config = run.config
    parameters = {
        name: getattr(part, name)
        for part in (config.method, config.nets, config.probe, config.training)
        for name in runs.field_names(type(part))
    }
    model = ESTIMATORS[config.name](**{**parameters, "device": "auto"})
    return model._open(run)


def _signature(kind: type[Resynthesizer]) -> inspect.Signature:
    """Keyword parameters from the dataclasses that the command line is made of."""
    parameters = [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=_default(f), annotation=f.type
        )
        for part in (kind.method, *PARTS)
        for f in fields(part)
    ]
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    return inspect.Signature([*parameters, out])


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


for _kind in ESTIMATORS.values():
    # scikit-learn reads parameters from the signature of __init__; so do help() and editors.
    def _init(self: Resynthesizer, **parameters: Any) -> None:
        Resynthesizer.__init__(self, **parameters)

    _own = _signature(_kind)
    _self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    _init.__signature__ = _own.replace(parameters=[_self, *_own.parameters.values()])  # type: ignore[attr-defined]
    _kind.__init__ = _init  # type: ignore[method-assign]


def _form(images: object, pixels: Tensor) -> dict[str, Any]:
    """Layout and range of the training images, in which images are given back."""
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    layout = "nhw"
    if array.ndim == 4:
        layout = "nchw" if array.shape[1:] == pixels.shape[1:] else "nhwc"
    signed = "signed" if array.min() < 0 else "unit"
    return {"layout": layout, "range": "uint8" if array.dtype == np.uint8 else signed}


def _labels(y: object, n: int) -> tuple[Tensor | None, list[Any]]:
    """Any labels (n,) as 0, 1, ... and the sorted values; integers under 0 are unknown."""
    if y is None:
        return None, []
    values = np.asarray(y)
    if values.shape != (n,):
        raise ValueError(f"labels must be of shape ({n},), not {values.shape}")
    known = values >= 0 if values.dtype.kind in "if" else np.ones(n, dtype=bool)
    classes, inverse = np.unique(values[known], return_inverse=True)
    labels = torch.full((n,), -1)
    labels[torch.from_numpy(known)] = torch.from_numpy(inverse)
    return labels, classes.tolist()


def _size(pixels: Tensor) -> int:
    """The smallest size of the nets that loses nothing, or the largest."""
    return next((size for size in SIZES if size >= pixels.shape[-1]), SIZES[-1])


def _shares(weight: float | Sequence[float], k: int) -> Tensor:
    given = np.atleast_1d(np.asarray(weight, dtype=float)).tolist()
    shares = [given[0], 1 - given[0]] if np.ndim(weight) == 0 else given
    if len(shares) != k or abs(sum(shares) - 1) > 1e-6 or min(shares) < 0:
        raise ValueError(
            f"weight must be a share in [0, 1] of the first of two parents, or {k} shares that "
            f"sum to one, not {weight}"
        )
    return torch.tensor(shares)

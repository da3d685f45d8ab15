"""What all estimators share: parameters, the run folder, arrays in and out."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import weakref
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .. import figures, runs
from ..data import SIZES, Data, as_images, resize, to_float, to_uint8
from ..data.attributes import as_attributes
from ..methods import Method
from ..nets import Nets, code_shape
from ..train import pick_device

Array = NDArray[Any]


class Model(BaseEstimator):  # type: ignore[misc]
    """A method as an estimator. Parameters are the flags of `resynth train METHOD`.

    Images are arrays (n, h, w), (n, h, w, c) or (n, c, h, w) with c 1 or 3, uint8 or floats in
    [0, 1] or [-1, 1]. Sizes that the nets do not take are resized, bilinearly, to the next larger
    one. What comes back has the layout and range of what went into `fit`, as uint8 or float32.

    Fitted: run_ (the run folder), nets_, image_shape_ (C, H, W), classes_.
    """

    method: ClassVar[type[Method]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "method" in vars(cls) and "__init__" not in vars(cls):
            _give_signature(cls)

    def save(self, path: str | Path) -> None:
        """Copies the run folder to a new place. `load` and the command line open it.

        Of a model that was unpickled where the folder is not, there is what predicts, and no log.
        """
        check_is_fitted(self)
        if self.run_.is_there:
            runs.copy(self.run_.path, Path(path))
        else:
            runs.rewrite(self.run_, Path(path), self.nets_, getattr(self, "styles_", None))

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
            try:
                device = pick_device(self.device)
            except ValueError:  # it was trained where there is a GPU
                device = pick_device("auto")
            self.nets_ = nets.to(device).eval()

    def _settings(self, kind: type) -> Any:
        return kind(**{f.name: getattr(self, f.name) for f in fields(kind)})

    def _open(self, run: runs.Run) -> Self:
        self.run_ = run
        self.nets_ = run.load_nets(self.device)
        self.image_shape_ = run.facts.shape
        layout = "nhw" if run.facts.shape[0] == 1 else "nhwc"  # of runs by the command line
        self.layout_ = run.form.get("layout", layout)
        self.range_ = run.form.get("range", "uint8")
        if run.config.method.two_domains:
            self.styles_ = run.styles()
        self.classes_ = np.asarray(run.form.get("classes", run.facts.classes))
        return self

    def _train(self, data: Data, config: runs.Config, form: dict[str, Any]) -> Self:
        """Trains into the folder `out`, or into one that lives as long as the model."""
        folder = Path(self.out) if self.out else Path(tempfile.mkdtemp(prefix="resynthesis-"))
        if not self.out:  # `save` keeps it
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        run = runs.start(config, folder, data=data, form=form, paint=figures.training_picture)
        return self._open(run)

    def _pixels(self, images: object, meaning: str | None = None) -> Tensor:
        """Arrays as the nets want them: (n, C, H, W), in [-1, 1]."""
        check_is_fitted(self)
        # What floats mean was settled by `fit`: a batch without a dark pixel means the same.
        meaning = meaning or self.range_
        signed = None if meaning == "uint8" else meaning == "signed"
        pixels = as_images(images, signed=signed)
        channels, size, _ = self.image_shape_
        if self.method.two_domains and pixels.shape[1] == 1:  # as in training
            pixels = pixels.expand(-1, channels, -1, -1)
        if pixels.shape[1] != channels:
            raise ValueError(
                f"the model wants images of {channels} channels, not {pixels.shape[1]}"
            )
        return to_float(resize(pixels, size))

    def _images(self, x: Tensor) -> Array:
        x = x.cpu().clamp(-1, 1)
        x = to_uint8(x) if self.range_ == "uint8" else x if self.range_ == "signed" else (x + 1) / 2
        if self.layout_ == "nhw":
            return x[:, 0].numpy()
        return (x if self.layout_ == "nchw" else x.permute(0, 2, 3, 1)).numpy()


def _give_signature(kind: type[Model]) -> None:
    """Keyword parameters from the dataclasses that the command line is made of.

    scikit-learn reads parameters from the signature of __init__; so do help() and editors.
    """
    suited = runs.parts(kind.method)
    usual = [suited["nets"](), suited["training"]()]
    if not kind.method.two_domains:
        usual.insert(1, runs.ProbeConfig())
    found = [(f, _default(f)) for f in fields(kind.method)]  # type: ignore[arg-type]
    found += [(f, getattr(part, f.name)) for part in usual for f in fields(part)]
    parameters = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=f.type)
        for f, value in found
    ]
    out = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)

    def __init__(self: Model, **given: Any) -> None:
        for name in given:
            if name not in defaults:
                raise TypeError(f"{type(self).__name__} has no parameter '{name}'")
        for name, default in defaults.items():
            setattr(self, name, given.get(name, default))

    defaults = {p.name: p.default for p in (*parameters, out)}
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([own, *parameters, out])  # type: ignore[attr-defined]
    kind.__init__ = __init__  # type: ignore[method-assign, assignment]


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def form_of(images: object, pixels: Tensor) -> dict[str, Any]:
    """Layout and range of the training images, in which images are given back."""
    array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
    layout = "nhw"
    if array.ndim == 4:
        layout = "nchw" if array.shape[1:] == pixels.shape[1:] else "nhwc"
    signed = "signed" if array.min() < 0 else "unit"
    return {"layout": layout, "range": "uint8" if array.dtype == np.uint8 else signed}


def to_labels(y: object, n: int) -> tuple[Tensor | None, list[Any]]:
    """Any labels (n,) as 0, 1, ... and the sorted values; integers under 0 are unknown.

    A table (n, a) of attributes is read as in files, and has no values: -1 means no in a column
    without any 0, and else unknown.
    """
    if y is None:
        return None, []
    values = np.asarray(y)
    if values.ndim == 2 and len(values) == n and values.shape[1] > 0:
        if values.dtype.kind not in "iufb" or not np.isin(values, (-1, 0, 1)).all():
            raise ValueError("attributes must be 0 or 1, or -1 where unknown")
        return as_attributes(torch.from_numpy(values.astype(np.int64))), []
    if values.shape != (n,):
        raise ValueError(
            f"labels must be of shape ({n},), not {values.shape} (or ({n}, a) for attributes)"
        )
    known = values >= 0 if values.dtype.kind in "if" else np.ones(n, dtype=bool)
    try:
        classes, inverse = np.unique(values[known], return_inverse=True)
    except TypeError as error:
        raise ValueError("labels must be of one kind, such as numbers or texts") from error
    labels = torch.full((n,), -1)
    labels[torch.from_numpy(known)] = torch.from_numpy(inverse)
    return labels, classes.tolist()


def fitting_size(pixels: Tensor, nets: Nets) -> int:
    """The smallest size of the nets that loses nothing, or the largest.

    Raises ValueError where the code fits none.
    """
    fitting = []
    for size in SIZES:
        try:
            code_shape(nets, size)
        except ValueError:
            continue
        fitting.append(size)
    if not fitting:
        code_shape(nets, SIZES[-1])
    return next((size for size in fitting if size >= pixels.shape[-1]), fitting[-1])

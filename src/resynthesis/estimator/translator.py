"""Estimators of two domains: a classifier for a target without labels, and translations into it.

translator = Translator(seed=0).fit(source, source_labels, target)
pictures = translator.translate(source)
classes = translator.predict(target)
"""

from __future__ import annotations

import warnings
from typing import ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .. import methods, runs
from ..data import Data, DomainsConfig, ImageSet, as_images, join, resize
from ..evaluate import content, probabilities, reader, translate
from ..methods import Method
from ..nets import Nets
from ..train import Training
from .base import Array, Model, fitting_size, form_of, to_labels


class Translator(
    ClassifierMixin,  # type: ignore[misc]
    Model,
):
    """Adaptation by mixing across domains. See `resynthesis.methods.Adapt`."""

    method: ClassVar[type[Method]] = methods.Adapt

    def fit(self, source: object, source_labels: object, target: object) -> Self:
        """Trains on source images with labels (n,), and on target images without.

        The two need not be as many, and may differ in size and in their channels. Everything is
        for training: nothing is held out. Grey images are read as colour beside colour ones. Warns
        where the two differ in size or channels, and are brought to one, and where source images
        without a label (-1) are left out. Raises ValueError for arrays that are no images, where
        there are not two classes, and where both are the same images.
        """
        pixels = as_images(source, name="source"), as_images(target, name="target")
        labels, classes = to_labels(source_labels, len(pixels[0]))
        nets = self._settings(Nets)
        size = max(fitting_size(part, nets) for part in pixels)
        _tell_of_shapes(*pixels, size)
        parts = ImageSet(resize(pixels[0], size), labels), ImageSet(resize(pixels[1], size))
        sets = [
            Data(name, part, part, part, names)
            for name, part, names in zip(
                ("source", "target"), parts, (tuple(map(str, classes)), ()), strict=True
            )
        ]
        config = runs.Config(
            method=self._settings(self.method),
            data=DomainsConfig(source=runs.ARRAYS, target=runs.ARRAYS, size=size),
            nets=nets,
            training=self._settings(Training),
        )
        # What comes back looks like the target: that is what translations are.
        form = {**form_of(target, pixels[1]), "classes": classes}
        if pixels[0].shape[1] > pixels[1].shape[1] and form["layout"] == "nhw":
            form["layout"] = "nhwc"  # which has a place for colours
        form["source_range"] = form_of(source, pixels[0])["range"]
        data = join(sets[0], sets[1])
        if hidden := len(pixels[0]) - len(data.source.train):
            warnings.warn(f"{hidden:,} source images have no label: left out", stacklevel=2)
        return self._train(data, config, form)

    def translate(self, source: object, *, seed: int = 0) -> Array:
        """Source images in the target's style, in the target's form; `seed` chooses styles."""
        check_is_fitted(self)
        x = self._pixels(source, self.run_.form.get("source_range"))
        made = translate(self.run_.domain_method, self.nets_, x, self.styles_, seed=seed)
        return self._images(made)

    def predict_proba(self, images: object) -> Array:
        """Probability of each class (n, K), of target images.

        Source images may be given as well; floats mean what they meant in `target`.
        """
        x = self._pixels(images)
        return probabilities(reader(self.nets_), x).numpy()

    def predict(self, images: object) -> Array:
        """The most probable class of each image (n,)."""
        shares = self.predict_proba(images)
        return np.asarray(self.classes_[shares.argmax(1)])

    def transform(self, images: object) -> Array:
        """What of the codes both domains share, (n, d), float32."""
        x = self._pixels(images)
        return content(self.nets_["autoencoder"], x).flatten(1).cpu().numpy()


def _tell_of_shapes(source: Tensor, target: Tensor, size: int) -> None:
    """Warns where images (n, C, H, W) of two sizes or numbers of channels are brought to one."""
    (c_s, h_s, w_s), (c_t, h_t, w_t) = source.shape[1:], target.shape[1:]
    if (h_s, w_s) != (h_t, w_t):
        warnings.warn(
            f"source images are {h_s}x{w_s} and target images {h_t}x{w_t}: both are brought to "
            f"{size}x{size}",
            stacklevel=3,
        )
    if c_s != c_t:
        grey = "source" if c_s < c_t else "target"
        warnings.warn(f"the grey {grey} images are read as colour, like the others", stacklevel=3)


class ADAAE(Translator):
    """Translation as published (ADAAE). See `resynthesis.methods.Translate`."""

    method = methods.Translate

"""The estimator of mixing under labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional as F

from .. import methods, runs
from ..evaluate import draw_weights, grant, read_attributes
from ..mixing import granted
from .base import Array
from .resynthesizer import Resynthesizer


class ClassAMR(Resynthesizer):
    """Mixing under labels. See `resynthesis.methods.ClassAMR`."""

    method = methods.ClassAMR

    def fit(self, images: object, y: object = None) -> Self:
        """Trains on images and labels: classes (n,) or attributes (n, a), 0 or 1.

        -1 is unknown; in a column without any 0 it means no, as in files.
        """
        if y is None:
            raise ValueError(
                "ClassAMR mixes under labels: give y, classes (n,) or attributes (n, a)"
            )
        return super().fit(images, y)

    def predict(self, images: object) -> Array:
        """What the reader reads in images: classes (n,) or attributes (n, a), 0 or 1."""
        read = self._read(self._pixels(images))
        if self.run_.facts.attributes:
            return read.int().numpy()
        return np.asarray(self.classes_)[read.argmax(1).numpy()]

    def mix_as(
        self,
        first: object,
        second: object,
        wanted: object,
        *,
        labels: tuple[object, object] | None = None,
        seed: int = 0,
    ) -> Array:
        """Mixes of two batches of n images that shall have the labels `wanted`.

        wanted: classes (n,) or attributes (n, a), or one for all. labels: what the two batches
        have, in the same form, where it is known; else it is what `predict` reads in them. No mix
        is taught anything that neither of its parents has: raises ValueError for such a wish.
        """
        check_is_fitted(self)
        x = [self._pixels(first), self._pixels(second)]
        if len(x[0]) != len(x[1]):
            raise ValueError(f"{len(x[0])} images cannot be mixed with {len(x[1])}")
        wish = self._attributes(wanted, len(x[0]))
        if labels is None:
            read, source = [self._read(images) for images in x], ", as predict reads them"
        else:
            if len(labels) != 2:
                raise ValueError(f"labels must be those of the two batches, not {len(labels)}")
            read, source = [self._attributes(y, len(x[0]), "labels") for y in labels], ""
        if not (can := granted(wish, *read, whole=not self.run_.facts.attributes)).all():
            refused = (~can).nonzero().flatten().tolist()
            raise ValueError(
                f"{len(refused)} of {len(can)} pairs (the first is number {refused[0]}, from 0) "
                f"cannot grant what is wanted of them: neither parent has it{source}"
            )
        z = torch.stack([self._encode(first), self._encode(second)])
        with runs.fixed_seed(seed):
            return self._images(grant(self.nets_, z, read, wish))

    def _draw_weights(self, z: Tensor, parents: Sequence[object], mixer: str | None) -> Tensor:
        if mixer is not None or len(parents) != 2:
            return super()._draw_weights(z, parents, mixer)
        y = torch.stack([self._read(self._pixels(batch)) for batch in parents])
        return draw_weights(self.nets_, z, self.run_.config.mixer, y)[0]

    def _read(self, x: Tensor) -> Tensor:
        return read_attributes(self.nets_, x, whole=not self.run_.facts.attributes)

    def _attributes(self, told: Any, n: int, name: str = "wanted") -> Tensor:
        """Wishes, or labels, as (n, a), float."""
        values = np.asarray(told)
        a = len(self.run_.facts.wishes)
        if not self.run_.facts.attributes:
            index = [np.flatnonzero(self.classes_ == v) for v in np.broadcast_to(values, (n,))]
            if any(len(i) != 1 for i in index):
                raise ValueError(f"{name} must be of the classes {list(self.classes_)}")
            return F.one_hot(torch.tensor([int(i[0]) for i in index]), a).float()
        if values.shape not in ((a,), (n, a)) or not np.isin(values, (0, 1)).all():
            raise ValueError(f"{name} must be 0 or 1, of shape ({a},) or ({n}, {a})")
        return torch.tensor(np.broadcast_to(values, (n, a)), dtype=torch.float32)

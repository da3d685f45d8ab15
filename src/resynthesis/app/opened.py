"""A run that is open for looking: its newest weights, images to choose from, and their codes."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from ..data import Data, Domains, ImageSet, seeded, to_uint8
from ..data.archives import BROKEN_NPZ
from ..evaluate import content, decode, encode
from ..runs import Run
from .pictures import from_uri

MOST = 2000  # images of a domain to choose from
KEPT = 512  # codes of chosen images that are remembered
OFTEN = 1.0  # seconds between looks for newer weights

computing = threading.Lock()  # one pass through a net at a time: torch's random state is shared


@dataclass(frozen=True)
class Samples:
    """Images that people may choose from: domain -> images; `why` there are none."""

    parts: Mapping[str, ImageSet] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    why: str = ""

    @classmethod
    def of(cls, data: Data) -> Samples:
        """Up to 2,000 test images of a set, or of each of two domains, by seed."""
        sets = [data.source, data.target] if isinstance(data, Domains) else [data]
        return cls(
            {one.name: _some(one.test) for one in sets},
            data.classes,
            data.attributes if data.has_attributes else (),
        )

    @classmethod
    def for_run(cls, run: Run) -> Samples:
        """Those of the run's own data, where they are here."""
        try:
            return cls.of(run.load_data())
        except (ValueError, OSError) as error:
            return cls(why=f"The images that it was trained on are not here: {error}.")

    def to_npz(self) -> bytes:
        """As an .npz, for a place where the data are not."""
        arrays: dict[str, np.ndarray] = {
            "names": np.array(list(self.parts), dtype=str),
            "classes": np.array(self.classes, dtype=str),
            "attributes": np.array(self.attributes, dtype=str),
            "why": np.array(self.why, dtype=str),
        }
        for i, images in enumerate(self.parts.values()):
            x, y = images.take(torch.arange(len(images)))
            arrays[f"images_{i}"] = to_uint8(x).cpu().numpy()
            if y is not None:
                arrays[f"labels_{i}"] = y.cpu().numpy()
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, content: bytes) -> Samples:
        """What `to_npz` made. Raises ValueError where it is something else."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                parts = {}
                for i, name in enumerate(arrays["names"].tolist()):
                    labels = arrays.get(f"labels_{i}")
                    images = torch.from_numpy(arrays[f"images_{i}"])
                    parts[name] = ImageSet(
                        images, None if labels is None else torch.from_numpy(labels)
                    )
                return cls(
                    parts,
                    tuple(arrays["classes"].tolist()),
                    tuple(arrays["attributes"].tolist()),
                    str(arrays["why"]) if "why" in arrays else "",  # old ones have none
                )
        except (*BROKEN_NPZ, KeyError, ValueError) as error:
            raise ValueError("the archive of samples is broken") from error

    def label(self, part: str, at: int) -> str:
        """What an image is, as its labels say; empty where they say nothing."""
        labels = self.parts[part].labels
        if labels is None:
            return ""
        value = labels[at]
        if value.ndim:
            has = [name for name, v in zip(self.attributes, value.tolist(), strict=False) if v == 1]
            return " + ".join(has) if self.attributes else ""
        return self.classes[int(value)] if self.classes and value >= 0 else ""


class Opened:
    """A run, its nets and its samples; while the run trains, its nets follow the weights."""

    def __init__(self, run: Run, *, samples: Samples | None = None, device: str = "auto"):
        """Raises ValueError where the run has no weights, or no code to look into."""
        if "autoencoder" not in run.config.method.players:
            raise ValueError(
                f"{run.path} is a run of {run.config.name}, which has no code to look into"
            )
        self.run, self.device = run, device
        self._weights = run.path / "weights.safetensors"
        self._nets = run.load_nets(device)
        self._stamp, self._looked = self._weights.stat().st_mtime_ns, time.monotonic()
        self._codes: OrderedDict[bytes, Tensor] = OrderedDict()
        self._placed: dict[str, np.ndarray] = {}
        self.placing = 0.0  # the share of a map that is done, while one is drawn
        self.samples = samples or Samples.for_run(run)

    @property
    def two_domains(self) -> bool:
        return self.run.config.method.two_domains

    @property
    def nets(self) -> nn.ModuleDict:
        """The nets, with newer weights where the run has gone on. Call with `computing` held."""
        if time.monotonic() - self._looked > OFTEN:
            self._looked = time.monotonic()
            stamp = self._weights.stat().st_mtime_ns
            if stamp != self._stamp:
                self._nets, self._stamp = self.run.load_nets(self.device), stamp
                self._codes.clear()
                self._placed.clear()
        return self._nets

    @property
    def autoencoder(self) -> nn.Module:
        return self.nets["autoencoder"]

    def images(self, texts: Sequence[object]) -> Tensor:
        """Pictures of the page as images (n, C, H, W) of the run's own size. Raises ValueError."""
        channels, size, _ = self.run.facts.shape
        return torch.stack([from_uri(text, size, channels) for text in texts])

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Codes (n, c, h, w) of pictures of the page; those of the last 512 are remembered.

        The pictures themselves are not: a digest tells whether one was there before.
        """
        autoencoder = self.autoencoder  # first: newer weights forget the codes
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        for key, text in zip(keys, texts, strict=True):
            if key not in self._codes:
                self._codes[key] = encode(autoencoder, self.images([text]))[0]
            self._codes.move_to_end(key)
        found = torch.stack([self._codes[key] for key in keys])
        while len(self._codes) > KEPT:
            self._codes.popitem(last=False)
        return found

    def decode(self, z: Tensor) -> Tensor:
        """Images (n, C, H, W), clipped, on the CPU."""
        return decode(self.autoencoder, z).cpu().clamp(-1, 1)

    def all_codes(self) -> tuple[Tensor, int]:
        """Codes (N, d) of all samples, part after part, and the stamp of the weights they are by.

        Of two domains what they share.
        """
        parts = [
            images.take(torch.arange(len(images)))[0] for images in self.samples.parts.values()
        ]
        with computing:
            autoencoder = self.autoencoder
            z = torch.cat([content(autoencoder, x).flatten(1).cpu() for x in parts])
            return z, self._stamp

    def remembered(self, what: str) -> np.ndarray | None:
        """A map that was drawn before with the newest weights."""
        with computing:
            return self._placed.get(what) if len(self.nets) else None

    def report(self, share: float) -> None:
        """How far a map has come."""
        self.placing = share

    def remember(self, what: str, points: np.ndarray, stamp: int) -> None:
        """Keeps a map, unless newer weights came while it was drawn."""
        with computing:
            if stamp == self._stamp:
                self._placed[what] = points

    def sample(self, at: int) -> tuple[str, int, Tensor]:
        """Sample number `at` of all: its part, its place there and the image (C, H, W)."""
        for part, images in self.samples.parts.items():
            if at < len(images):
                return part, at, images.take(torch.tensor([at]))[0][0]
            at -= len(images)
        raise ValueError("there is no such image on the map")


def _some(images: ImageSet) -> ImageSet:
    order = torch.randperm(len(images), generator=seeded("explorer"))[:MOST]
    x, y = images.take(order)
    return ImageSet(to_uint8(x), None if y is None else y.cpu())

"""Data: named sets, folders of images, .npz archives and IDX files, as three parts of uint8.

data = load(DataConfig(data="digits"))
x, y = data.train.batch(step=0, size=64, seed=0)   # x (64, 1, 32, 32) in [-1, 1]

pair = load(DomainsConfig(source="digits", target="digits-m"))
x, y = pair.train.batch(step=0, size=64, seed=0)   # x (2, 64, 3, 28, 28), y of the source
"""

from __future__ import annotations

from typing import overload

from .archives import read_npz
from .domains import Domains, DomainsConfig, Pair, in_channels, join, load_domains, widened
from .images import SIZES, as_images, check_size, resize, to_uint8
from .lines import Lines
from .named import SETS
from .one import DataConfig, data_dir, full, keep_classes, load_one, read_archive
from .sets import Data, ImageSet, Kind, Part, seeded, to_float
from .sprites import Sprites


@overload
def load(config: DomainsConfig, *, seed: int = 0) -> Domains: ...


@overload
def load(config: DataConfig | DomainsConfig, *, seed: int = 0) -> Data: ...


def load(config: DataConfig | DomainsConfig, *, seed: int = 0) -> Data:
    """The set, or the two domains, that `config` names. `seed` chooses subsets, not the parts.

    Raises ValueError or OSError with one sentence where there is no such set or it is broken.
    """
    if isinstance(config, DomainsConfig):
        return load_domains(config, seed=seed)
    return load_one(config, seed=seed)


__all__ = [
    "SETS",
    "SIZES",
    "Data",
    "DataConfig",
    "Domains",
    "DomainsConfig",
    "ImageSet",
    "Kind",
    "Lines",
    "Pair",
    "Part",
    "Sprites",
    "as_images",
    "check_size",
    "data_dir",
    "full",
    "in_channels",
    "join",
    "keep_classes",
    "load",
    "read_archive",
    "read_npz",
    "resize",
    "seeded",
    "to_float",
    "to_uint8",
    "widened",
]

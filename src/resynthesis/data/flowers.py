"""Oxford Flowers 102: photographs of 102 kinds of flowers, with official parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from .archives import read_mat
from .download import find, obtain
from .folder import gather_parts, notes
from .images import Reading
from .names import Names
from .pictures import Pictures
from .sets import Data

FLOWERS = Pictures(
    archive="102flowers.tgz",
    inside="jpg",
    homes=("flowers102", "flowers", "flowers-102", "."),
    mirrors=("https://www.robots.ox.ac.uk/~vgg/data/flowers/102",),
    check="2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
    files=range(8_189, 8_190),
    total=1 << 30,
)
# Checksums, here and above: as TensorFlow Datasets lists them.
LABELS = "imagelabels.mat"
PARTS = "setid.mat"
CHECKSUMS = {
    LABELS: "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
    PARTS: "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
}
CLASSES = tuple(
    """
    pink primrose, hard-leaved pocket orchid, canterbury bells, sweet pea, english marigold,
    tiger lily, moon orchid, bird of paradise, monkshood, globe thistle, snapdragon, colt's foot,
    king protea, spear thistle, yellow iris, globe-flower, purple coneflower, peruvian lily,
    balloon flower, giant white arum lily, fire lily, pincushion flower, fritillary, red ginger,
    grape hyacinth, corn poppy, prince of wales feathers, stemless gentian, artichoke,
    sweet william, carnation, garden phlox, love in the mist, mexican aster, alpine sea holly,
    ruby-lipped cattleya, cape flower, great masterwort, siam tulip, lenten rose, barbeton daisy,
    daffodil, sword lily, poinsettia, bolero deep blue, wallflower, marigold, buttercup,
    oxeye daisy, common dandelion, petunia, wild pansy, primula, sunflower, pelargonium,
    bishop of llandaff, gaura, geranium, orange dahlia, pink-yellow dahlia, cautleya spicata,
    japanese anemone, black-eyed susan, silverbush, californian poppy, osteospermum,
    spring crocus, bearded iris, windflower, tree poppy, gazania, azalea, water lily, rose,
    thorn apple, morning glory, passion flower, lotus, toad lily, anthurium, frangipani,
    clematis, hibiscus, columbine, desert-rose, tree mallow, magnolia, cyclamen, watercress,
    canna lily, hippeastrum, bee balm, ball moss, foxglove, bougainvillea, camellia, mallow,
    mexican petunia, bromelia, blanket flower, trumpet creeper, blackberry lily
    """.strip()
    .replace("\n    ", " ")
    .split(", ")
)


def load_flowers(folder: Path, how: Reading) -> Data:
    """Oxford Flowers 102 (Nilsback and Zisserman, 2008) in its official parts.

    They have 1,020, 1,020 and 6,149 images: the training part is the small one. Raises
    ValueError where what was found is broken or another set, and DownloadError.
    """
    every = (FLOWERS.archive, LABELS, PARTS)
    places = FLOWERS.places(folder)
    labels, ids = (
        read_mat(obtain(name, FLOWERS.mirrors, CHECKSUMS[name], *places, others=every))
        for name in (LABELS, PARTS)
    )
    jpg = FLOWERS.bring(folder, others=every)
    try:
        kinds = torch.from_numpy(labels["labels"].astype(np.int64).flatten() - 1)
        parts = [ids[name].astype(np.int64).flatten() - 1 for name in ("trnid", "valid", "tstid")]
        chosen = [(Names(f"image_{i + 1:05d}.jpg" for i in part), kinds[part]) for part in parts]
    except (KeyError, IndexError) as error:
        raise ValueError(f"{LABELS} and {PARTS} in {folder} do not fit each other") from error
    (train, valid, test), errors = gather_parts(jpg, chosen, how)
    return Data("flowers102", train, valid, test, CLASSES, notes(errors))


def has_flowers(folder: Path) -> bool:
    """Whether the files are in a data folder."""
    places = FLOWERS.places(folder)
    return FLOWERS.is_here(folder) and all(find(name, *places) for name in CHECKSUMS)

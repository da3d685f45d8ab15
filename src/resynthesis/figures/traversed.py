"""Traversals: what each dimension of a flat code does to the picture."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from ..data import Data, seeded
from ..evaluate import decode, encode
from ..runs import write
from .drawing import filmed, grid, spread_over_classes, to_png

MOST = 32  # dimensions that are drawn
REACH = 2.0  # standard deviations to either side
IMAGES, COLUMNS = 3, 7  # of traversals.png: blocks, and steps of each
FRAMES = 13  # of traversals.gif, forth; every second one is a column
CODES = 2000  # test images whose codes give mean and standard deviation


def traverse(autoencoder: nn.Module, z: Tensor, values: Tensor) -> Tensor:
    """Pictures of codes in which one dimension after the other takes other values.

    z: codes (n, d, 1, 1). values: (d, t), for each dimension. Returns images (d, n, t, C, H, W),
    clipped to [-1, 1], on the CPU.
    """
    (n, d), t = z.shape[:2], values.shape[1]
    moved = z.flatten(1)[None, :, None].repeat(d, 1, t, 1)  # (d, n, t, d)
    moved[torch.arange(d), ..., torch.arange(d)] = values[:, None].to(z).expand(d, n, t)
    x = decode(autoencoder, moved.reshape(-1, d, 1, 1)).cpu()
    return x.clamp(-1, 1).unflatten(0, (d, n, t))


def traversal_pictures(autoencoder: nn.Module, data: Data, folder: Path) -> None:
    """traversals.png and traversals.gif, as `traversals` draws them."""
    sheet, frames = traversals(autoencoder, data)
    write(folder / "traversals.png", to_png(sheet))
    write(folder / "traversals.gif", filmed(frames, ".gif"))


def traversals(autoencoder: nn.Module, data: Data) -> tuple[Image.Image, list[Image.Image]]:
    """A sheet, and the frames of a film, of each dimension from -2 to 2 standard deviations.

    The film goes forth and back. Mean and standard deviation are those of the codes of up to 2,000
    test images; the other dimensions keep the code of the image. The dimension that changes the
    picture most, by its mean absolute deviation along the way, comes first.
    """
    order = torch.randperm(len(data.test), generator=seeded("traversals"))
    codes = encode(autoencoder, data.test.take(order[:CODES])[0]).flatten(1)  # (n, d)
    way = torch.linspace(-REACH, REACH, FRAMES, device=codes.device)
    values = codes.mean(0)[:, None] + codes.std(0, correction=0)[:, None] * way  # (d, t)
    x, _ = data.test.take(spread_over_classes(data, IMAGES))
    moved = traverse(autoencoder, encode(autoencoder, x), values)
    change = (moved - moved.mean(2, keepdim=True)).abs().flatten(1).mean(1)  # (d,)
    ranked = change.argsort(descending=True, stable=True).tolist()

    x = x.cpu()
    blank = torch.ones_like(x[:1])
    middle = [blank] * (COLUMNS // 2)
    top = [torch.cat([*middle, image[None], *middle]) for image in x]
    rows = [_in_blocks(top, blank)]
    rows += [_in_blocks(list(moved[j, :, :: FRAMES // COLUMNS + 1]), blank) for j in ranked]
    captions = [f"z{j + 1}, changes {change[j]:.3f}" for j in ranked]
    frames = [
        grid([torch.cat([x[i : i + 1], moved[ranked, i, t]]) for i in range(len(x))])
        for t in range(FRAMES)
    ]
    return grid(rows, ["input x", *captions]), [*frames, *frames[-2:0:-1]]


def _in_blocks(blocks: list[Tensor], blank: Tensor) -> Tensor:
    """Images of several blocks in a row, with a blank between one block and the next."""
    return torch.cat([part for block in blocks for part in (block, blank)][:-1])

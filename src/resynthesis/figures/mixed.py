"""Pictures of runs that reconstruct and mix: samples during training, and of the test part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Data, ImageSet
from ..evaluate import decode, encode, grant, interpolate, suits
from ..mixing import MIXERS, as_attributes, for_each, mix
from ..runs import Run, fixed_seed
from .drawing import grid, save, spread_over_classes, triangle, triangle_weights
from .plots import codes_picture, labels_picture, loss_picture
from .traversed import MOST, traversal_pictures

STEPS = 11
SHOWN = 10  # images in a row
WISHES = 8  # attributes that are wished for in one picture
REBUILT = ["input x", "reconstruction g(f(x))"]


def training_picture(run: Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
    """Input, reconstruction, partners and mixes of validation images, drawn during training."""
    torch.manual_seed(0)
    path = run.pictures / f"step-{step:07d}.png"
    if "mixer" in nets and len(known := data.valid.known()) > 1:
        shuffled = known.subset(torch.randperm(len(known)))
        save(grid(*_wishes(run, nets, shuffled)), path)
        return
    autoencoder = nets["autoencoder"]
    k, mixer = run.config.parents, run.config.mixer
    x, _ = data.valid.take(torch.randperm(len(data.valid))[:SHOWN])
    z = encode(autoencoder, x)
    # Neighbours as partners: a permutation may pair an image with itself.
    order = torch.stack([torch.arange(len(z), device=z.device).roll(-i) for i in range(k)])
    x_mix = decode(autoencoder, mix(z[order], MIXERS[mixer](k, z)))
    x = x.to(z.device)
    others = [x[index] for index in order[1:]]
    names = [*REBUILT, *["partner"] * len(others), f"mix g(z_m), {mixer}"]
    save(grid([x, decode(autoencoder, z), *others, x_mix], names), path)


def _wishes(run: Run, nets: nn.ModuleDict, images: ImageSet) -> tuple[list[Tensor], list[str]]:
    """Rows and captions: the first labelled images, each with the next as its partner, and mixes
    under wishes: one attribute as the partner has it, others as the image; or either's class."""
    x, y = images.take(torch.arange(len(images))[:SHOWN])
    assert y is not None
    names = run.facts.attributes
    _, y_1 = as_attributes(y.cpu(), len(run.facts.wishes))
    y_2 = y_1.roll(-1, 0)
    if names:
        one = F.one_hot(torch.arange(len(names))).bool()[:WISHES]
        wanted = {f"{n}: as partner": y_1.where(~p, y_2) for n, p in zip(names, one, strict=False)}
    else:
        wanted = {"class of input": y_1, "class of partner": y_2}
    z = encode(nets["autoencoder"], x)
    pair = torch.stack([z, z.roll(-1, 0)])
    mixes = [grant(nets, pair, (y_1, y_2), wish) for wish in wanted.values()]
    rows = [x, decode(nets["autoencoder"], z), x.roll(-1, 0), *mixes]
    return rows, [*REBUILT, "partner", *wanted]


def evaluation_pictures(run: Run, nets: nn.ModuleDict, data: Data) -> None:
    """Reconstructions, interpolations, a triangle and codes of test images; the loss curves.

    Where the code is flat and small, also what each of its dimensions does.
    """
    autoencoder = nets["autoencoder"]
    index = spread_over_classes(data, 16)
    x, _ = data.test.take(index)
    x_hat = decode(autoencoder, encode(autoencoder, x))
    save(
        grid([x[:SHOWN], x_hat[:SHOWN]], REBUILT),
        run.pictures / "reconstructions.png",
    )
    if pairs := min(8, len(x) // 2):
        paths = interpolate(autoencoder, x[:pairs], x[pairs : 2 * pairs], STEPS)
        save(grid(list(paths)), run.pictures / "interpolations.png")
    if len(x) >= 3:
        steps = 7
        weights = torch.tensor([w for row in triangle_weights(steps) for w in row])
        z = encode(autoencoder, x[:3])
        mixes = decode(autoencoder, mix(z[:, None], for_each(weights, z)))
        save(triangle(mixes, steps), run.pictures / "triangle.png")
    channels, height, _ = run.code_shape
    if height == 1 and channels <= MOST:
        traversal_pictures(autoencoder, data, run.pictures)
    codes_picture(autoencoder, data, run.pictures / "codes.png")
    if "mixer" in nets:
        known = data.test.subset(index).known()
        if len(known) > 1 and suits("wishes", data, nets, run.facts):
            with fixed_seed(0):
                save(grid(*_wishes(run, nets, known)), run.pictures / "wishes.png")
        whole = not run.facts.attributes
        labels_picture(nets["mixer"], run.facts.wishes, whole, run.pictures / "labels.png")
    loss_picture(run)

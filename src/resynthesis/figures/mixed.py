"""Pictures of runs that reconstruct and mix: samples during training, and of the test part."""

from __future__ import annotations

import torch
from torch import nn

from ..data import Data
from ..evaluate import decode, encode, interpolate
from ..mixing import MIXERS, for_each, mix
from ..runs import Run
from .drawing import grid, save, spread_over_classes, triangle, triangle_weights
from .plots import codes_picture, labels_picture, loss_picture
from .traversed import MOST, traversal_pictures

STEPS = 11


def training_picture(run: Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
    """Input, reconstruction, partners and mixes of validation images, drawn during training."""
    autoencoder = nets["autoencoder"]
    k, mixer = run.config.parents, run.config.mixer
    n = min(10, len(data.valid))
    torch.manual_seed(0)
    x, _ = data.valid.take(torch.randperm(len(data.valid))[:n])
    z = encode(autoencoder, x)
    # Neighbours as partners: a permutation may pair an image with itself.
    chosen = torch.stack([torch.arange(n, device=z.device).roll(-i) for i in range(k)])
    z_mix = mix(z[chosen], MIXERS[mixer](k, z))
    x = x.to(z.device)
    others = [x[index] for index in chosen[1:]]
    save(
        grid(
            [x, decode(autoencoder, z), *others, decode(autoencoder, z_mix)],
            [
                "input x",
                "reconstruction g(f(x))",
                *["partner"] * len(others),
                f"mix g(z_m), {mixer}",
            ],
        ),
        run.pictures / f"step-{step:07d}.png",
    )


def evaluation_pictures(run: Run, nets: nn.ModuleDict, data: Data) -> None:
    """Reconstructions, interpolations, a triangle and codes of test images; the loss curves.

    Where the code is flat and small, also what each of its dimensions does.
    """
    autoencoder = nets["autoencoder"]
    index = spread_over_classes(data, 16)
    x, _ = data.test.take(index)
    x_hat = decode(autoencoder, encode(autoencoder, x))
    save(
        grid([x[:10], x_hat[:10]], ["input x", "reconstruction g(f(x))"]),
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
        whole = not run.facts.attributes
        labels_picture(nets["mixer"], run.facts.wishes, whole, run.pictures / "labels.png")
    loss_picture(run)

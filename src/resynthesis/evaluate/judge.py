"""A judge trained on real images alone, which no method has seen: what is in a picture?"""

from __future__ import annotations

import torch
from torch import Tensor

from ..data import Data
from ..methods import Read
from ..nets import Judge, Nets, build
from ..runs import fixed_seed
from ..train import Training, begin, loop
from .codes import CHUNK

STEPS, EPOCHS = 2000, 20  # whichever is less


def train_judge(data: Data, device: torch.device) -> Judge:
    """A classifier of the set's attributes, or else classes, from its labelled training images.

    2,000 steps of 64 images, or 20 passes where that is less; Adam at 1e-3, falling to zero over
    the second half. Raises ValueError where the set has no labels.
    """
    known = data.train.known()
    steps = min(STEPS, max(1, EPOCHS * len(known) // 64))
    training = Training.unwatched(steps, decay=0.5)
    method = Read(player="judge")
    channels, size, _ = data.shape
    with fixed_seed(0):
        nets = build(
            Nets(),
            method.players,
            channels=channels,
            size=size,
            classes=len(data.classes),
            attributes=len(data.attributes),
        ).to(device)
        loop(method, begin(method, nets, training), known, training)
    judge: Judge = nets["judge"]  # type: ignore[assignment]
    return judge


@torch.inference_mode()
def opinion(judge: Judge, x: Tensor) -> tuple[Tensor, Tensor]:
    """Of images (n, C, H, W): logits (n, K), and what the last layer sees, averaged over places,
    (n, d); on the CPU. Images are clipped to [-1, 1] first."""
    device = next(judge.parameters()).device
    logits, features = [], []
    for chunk in x.split(CHUNK):
        maps = judge.maps(chunk.to(device).clamp(-1, 1))
        logits.append(judge.linear(maps.flatten(1)).cpu())
        features.append(maps.mean((2, 3)).cpu())
    return torch.cat(logits), torch.cat(features)

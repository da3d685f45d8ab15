"""What a probe that learns along says of the test images, epoch by epoch."""

from __future__ import annotations

import csv
import io

import torch
from torch import nn

from ..data import Data
from ..runs import Run, write
from .codes import encode_set


@torch.inference_mode()
def write_predictions(run: Run, nets: nn.ModuleDict, data: Data, epoch: int) -> None:
    """predictions/epoch-0001.csv: image (its place in the test part), label, predicted, and the
    probability of each class. A label that is unknown is empty."""
    z, y = encode_set(nets["autoencoder"], data.test)
    device = next(nets["probe"].parameters()).device
    shares = nets["probe"](z.to(device)).softmax(1).cpu()
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["image", "label", "predicted", *data.classes])
    labels = [-1] * len(z) if y is None else y.tolist()
    for i, (label, share) in enumerate(zip(labels, shares, strict=True)):
        said = data.classes[int(share.argmax())]
        cells = [f"{p:.6f}" for p in share.tolist()]
        table.writerow([i, data.classes[label] if label >= 0 else "", said, *cells])
    folder = run.path / "predictions"
    folder.mkdir(exist_ok=True)
    write(folder / f"epoch-{epoch:04d}.csv", buffer.getvalue().encode())

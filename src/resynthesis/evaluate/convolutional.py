"""What a small convolutional net reads from frozen codes, for codes that are maps."""

from __future__ import annotations

from torch import Tensor, nn

from ..data import ImageSet
from ..methods import Read
from ..nets import Probe
from ..runs import fixed_seed
from ..train import Training, begin, loop
from .domains import accuracy

BATCH, EPOCHS = 250, 20


def conv_probe_accuracy(
    train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor, *, classes: int
) -> float:
    """Accuracy on the test part of two 3x3 convolutions and a linear layer on codes (n, c, h, w).

    Codes are standardised by the training part, channel by channel; 20 passes in batches of 250,
    Adam at 1e-3, falling to zero over the second half.
    """
    mean = train.mean((0, 2, 3), keepdim=True)
    scale = train.std((0, 2, 3), keepdim=True).clamp(min=1e-6)
    steps = max(1, EPOCHS * len(train) // BATCH)
    training = Training(
        steps=steps,
        batch_size=BATCH,
        decay=0.5,
        log_every=steps,
        checkpoint_every=steps,
        picture_every=steps,
    )
    method = Read(player="probe")
    channels, height, width = train.shape[1:]
    with fixed_seed(0):
        probe = Probe((channels, height, width), classes, convolutional=True)
        nets = nn.ModuleDict({"probe": probe})
        codes = ImageSet((train - mean) / scale, train_labels)
        loop(method, begin(method, nets, training), codes, training)
    return accuracy(probe, ImageSet((test - mean) / scale, test_labels))

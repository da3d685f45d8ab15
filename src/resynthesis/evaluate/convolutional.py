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
    train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], *, classes: int
) -> float:
    """Accuracy of two 3x3 convolutions and a linear layer, from codes (n, c, h, w) to classes (n,).

    They learn from the training part and are asked about the test part. Codes are standardised
    by the training part, channel by channel; 20 passes in batches of 250, Adam at 1e-3, falling
    to zero over the second half.
    """
    z, y = train
    mean, scale = z.mean((0, 2, 3), keepdim=True), z.std((0, 2, 3), keepdim=True).clamp(min=1e-6)
    steps = max(1, EPOCHS * len(z) // BATCH)
    training = Training.unwatched(steps, batch_size=BATCH, decay=0.5)
    method = Read(player="probe")
    channels, height, width = z.shape[1:]
    with fixed_seed(0):
        probe = Probe((channels, height, width), classes, convolutional=True)
        nets = nn.ModuleDict({"probe": probe})
        codes = ImageSet((z - mean) / scale, y)
        loop(method, begin(method, nets, training), codes, training)
    return accuracy(probe, ImageSet((test[0] - mean) / scale, test[1]))

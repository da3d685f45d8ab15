"""What the nets share: the slope of LeakyReLU, the last activation, and how weights begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SLOPE = 0.2


class Tanh(nn.Module):
    """tanh, in float32: in bfloat16 it is 1 from 3.1 on, where its gradient ends for good."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x.float())


def initialise(net: nn.Module) -> None:
    """He's normal initialisation for LeakyReLU, biases zero."""
    for name, parameter in net.named_parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter, a=SLOPE)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)

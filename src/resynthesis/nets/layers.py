"""What the nets share: the slope of LeakyReLU, and how weights begin."""

from __future__ import annotations

from torch import nn

SLOPE = 0.2


def initialise(net: nn.Module) -> None:
    """He's normal initialisation for LeakyReLU, biases zero."""
    for name, parameter in net.named_parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter, a=SLOPE)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)

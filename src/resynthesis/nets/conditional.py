"""For mixing under labels: a net from wishes to masks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import Nets
from .layers import SLOPE, initialise

HIDDEN = 128
SURE = 4.0  # log-odds at which the division of channels begins


class ClassMixer(nn.Module):
    """M: wanted attributes (B, a) -> the probability (B, c) that a channel is the first parent's.

    The mixer of Beckham et al. (2019) knows the wish alone; it cannot know which parent would
    grant it. This one (`informed`) sees the labels of both parents beside the wish. It begins with
    a division of the channels. Each attribute has its share of one half, which comes from the
    first parent where that has the attribute as wanted, and else from the second; the other half
    is the first parent's whatever is wished for. Classes (`whole`) are one attribute, and the
    other half comes from the parent that does not grant it, so that no mix is a copy. Where there
    are more attributes than channels for them, some share a channel.
    """

    def __init__(self, attributes: int, config: Nets, *, whole: bool = False):
        super().__init__()
        self.attributes, self.informed, self.whole = attributes, config.informed, whole
        channels = config.code[0]
        self.embed = nn.Sequential(nn.Linear(attributes, HIDDEN), nn.LeakyReLU(SLOPE))
        self.mask = nn.Sequential(
            nn.Linear(HIDDEN * (3 if config.informed else 1), HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, channels),
        )
        initialise(self)
        if config.informed:
            groups = 1 if whole else attributes
            self.divide = nn.Linear(groups, channels)
            owners = min(groups, (channels + 1) // 2)
            owner = torch.arange(channels) % (2 * owners)  # owners and above: the other half
            with torch.no_grad():
                mine = owner[:, None] == torch.arange(groups) % owners
                share = mine / mine.sum(1, keepdim=True).clamp(min=1)
                others = owner >= owners
                self.divide.weight.copy_(SURE * (share - whole * others[:, None].float()))
                self.divide.bias.copy_(SURE * others * (not whole))

    def forward(self, wanted: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Attributes (B, a), float, of the wish and of both parents -> (B, c) in (0, 1)."""
        seen = [wanted, first, second] if self.informed else [wanted]
        logits = self.mask(torch.cat([self.embed(y) for y in seen], 1)).float()
        if self.informed:
            as_first = wanted == first
            if self.whole:
                as_first = as_first.all(1, keepdim=True)
            logits = logits + self.divide(2.0 * as_first - 1).float()
        return logits.sigmoid()

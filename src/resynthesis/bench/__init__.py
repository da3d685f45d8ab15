"""Speed, measured: the textbook step, ours, a peer's, and the limit, in alternation."""

from __future__ import annotations

from .contest import Found, alternate
from .limit import Limit, Machine, limit_of, machine_speed
from .ours import BENCHED, Setup, loop_steps, nets_step, our_step, seeds_step, setup
from .peer import MISSING, PEER, peer_is_here, peer_step
from .table import HEAD, beside_nets, cells, markdown, parts_of
from .textbook import TURNS, textbook_step

__all__ = [
    "BENCHED",
    "HEAD",
    "MISSING",
    "PEER",
    "TURNS",
    "Found",
    "Limit",
    "Machine",
    "Setup",
    "alternate",
    "beside_nets",
    "cells",
    "limit_of",
    "loop_steps",
    "machine_speed",
    "markdown",
    "nets_step",
    "our_step",
    "parts_of",
    "peer_is_here",
    "peer_step",
    "seeds_step",
    "setup",
    "textbook_step",
]

"""Run folders, and training into them.

    config.json  weights.safetensors  checkpoint/  log.jsonl  metrics.json  pictures/

Every file is written whole or not at all, and nothing in it is pickled.
"""

from __future__ import annotations

from .circumstances import circumstances
from .config import ARRAYS, Config, ProbeConfig, field_names, parts
from .facts import Facts, new_nets
from .files import write
from .folder import STYLES, Run, copy, rewrite
from .random import fixed_seed, isolated_random
from .seeds import start_seeds
from .session import Interrupted, Paint, Report, first_folder, resume, start, stopping

__all__ = [
    "ARRAYS",
    "STYLES",
    "Config",
    "Facts",
    "Interrupted",
    "Paint",
    "ProbeConfig",
    "Report",
    "Run",
    "circumstances",
    "copy",
    "field_names",
    "first_folder",
    "fixed_seed",
    "isolated_random",
    "new_nets",
    "parts",
    "resume",
    "rewrite",
    "start",
    "start_seeds",
    "stopping",
    "write",
]

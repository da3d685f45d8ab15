"""Where to compute, in what precision, and how memory is kept there."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch

BF16 = {"amx_bf16", "avx512_bf16"}  # a processor's instructions: tiles, and dot products


def pick_device(name: str) -> torch.device:
    """`cpu`, `cuda`, `cuda:1`, ...; `auto`: CUDA where there is one, else the CPU.

    Raises ValueError for anything else, and for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise ValueError(f"the device must be cpu or cuda, not '{name}'")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"the device '{name}' cannot be used here") from error
    return device


def use_bf16(precision: str, device: torch.device) -> bool:
    """Whether to autocast to bf16; `auto` asks the hardware whether that is fast."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and not BF16.isdisjoint(_processor_flags())


def _processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """What the processor says that it can do, on Linux."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    found = (line.partition(":")[2].split() for line in lines if line.startswith("flags"))
    return set().union(*found)


def keep_memory(device: torch.device) -> None:
    """Tells glibc to keep freed activations instead of returning them to the kernel each step.

    Without it a fifth of a CPU step is spent in page faults.
    """
    if device.type == "cpu" and sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL("libc.so.6").mallopt
        except (OSError, AttributeError):  # another C library
            return
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD

"""Versions, commit, machine and time."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from .. import parallel

PACKAGES = ("resynthesis", "torch", "numpy", "scikit-learn", "pillow")


def circumstances() -> dict[str, Any]:
    """Versions, commit, machine and time, for the record."""
    return {
        "versions": _versions(),
        "git_commit": _git_commit(),
        "machine": {"processor": _processor(), "threads": torch.get_num_threads()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    } | ({"launch": parallel.launch()} if parallel.size() > 1 else {})


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """The commit of the checkout that this package is run from, where it is one.

    With "+changes" where its files are not those of the commit.
    """
    here = Path(__file__)
    try:
        _git(here.parent, "ls-files", "--error-unmatch", here.name)  # not somebody else's checkout
        commit = _git(here.parent, "rev-parse", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return None
    try:
        changed = _git(here.parents[1], "--no-optional-locks", "status", "--porcelain", "--", ".")
    except (OSError, subprocess.SubprocessError):  # of a checkout that is slow to read
        return commit
    return commit + "+changes" * bool(changed)


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=5, check=True
    )
    return answer.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or sys.platform

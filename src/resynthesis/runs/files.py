"""Files that are written whole or not at all, and tensors in them. Nothing is pickled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all: beside it first, then in its place.

    Makes the folder that it is to be in where there is none.

    Raises OSError, for instance where the disk is full; the file that was there stays.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise OSError(
            error.errno, f"cannot write {path} ({error.strerror}); what was there is kept"
        ) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], about: dict[str, str] | None = None
) -> None:
    """A safetensors file of tensors from any device, and of what is to be said about them."""
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write(path, save(held, metadata=about))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write_tensors` wrote, on the CPU. Raises ValueError where the file is broken."""
    with _opened(path) as file:
        return {k: file.get_tensor(k) for k in file.keys()}, file.metadata() or {}  # noqa: SIM118


def read_about(path: Path) -> dict[str, str]:
    """What such a file says about its tensors. Raises ValueError where it is broken."""
    with _opened(path) as file:
        return dict(file.metadata() or {})


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is broken ({tell(error)})") from error


def tell(error: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return (str(error) or type(error).__name__).splitlines()[0]

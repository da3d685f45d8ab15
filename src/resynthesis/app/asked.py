"""What a page asks for, checked: whatever comes from a browser may be anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Asked = Mapping[str, Any]


def number(asked: Asked, name: str, low: float, high: float) -> float:
    """A number from low to high. Raises ValueError for anything else."""
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number")
    if not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, not {value:g}")
    return float(value)


def whole(asked: Asked, name: str, low: int, high: int) -> int:
    """A whole number from low to high. Raises ValueError for anything else."""
    value = number(asked, name, low, high)
    if value != int(value):
        raise ValueError(f"{name} must be a whole number")
    return int(value)


def choice(asked: Asked, name: str, known: Mapping[str, T]) -> T:
    """What is known under the name that is asked for. Raises ValueError where there is none."""
    value = asked.get(name)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}")
    return known[value]


def choices(asked: Asked, name: str, known: Mapping[str, T]) -> dict[str, T]:
    """The same for a list of names, in the order of what is known."""
    values = listed(asked, name, len(known))
    for value in values:
        choice({name: value}, name, known)
    return {key: value for key, value in known.items() if key in values}


def listed(asked: Asked, name: str, most: int) -> list[Any]:
    """A list of at most so many things. Raises ValueError for anything else."""
    value = asked.get(name)
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{name} must be a list of at most {most}")
    return value


def texts(asked: Asked, name: str, most: int) -> list[str]:
    """A list of at most so many texts. Raises ValueError for anything else."""
    values = listed(asked, name, most)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} must be a list of texts")
    return values


def wholes(asked: Asked, name: str, count: int, high: int) -> list[int]:
    """A list of `count` whole numbers from 0 to high. Raises ValueError for anything else."""
    values = listed(asked, name, count)
    if len(values) != count:
        raise ValueError(f"{name} must be {count} numbers, not {len(values)}")
    return [whole({name: value}, name, 0, high) for value in values]

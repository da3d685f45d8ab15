"""Values of a sweep file as the types of the flags that they are for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from .. import near
from ..shared import short

WANTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    tuple: "a list",
}


def check_choice(
    word: object, choices: Iterable[str], what: str, place: str, otherwise: str = ""
) -> None:
    """Raises ValueError, with the nearest choice or with all of them, where the word is none."""
    known = [str(choice) for choice in choices]
    if word not in known:
        otherwise = otherwise or f" ({what}s: {', '.join(known)})"
        raise ValueError(f"{place}: there is no {what} '{word}'{near(str(word), known, otherwise)}")


def each(kind: Any, value: Any, place: str) -> list[Any]:
    """A flag's values: those of a list, but a flag whose value is a list wants a list of lists."""
    many = isinstance(value, list)
    if many and get_origin(kind) is tuple:
        many = any(isinstance(item, list) for item in value)
    values = value if many else [value]
    if not values:
        raise ValueError(f"{place}: the list is empty")
    return [fitted(kind, item, place) for item in values]


def fitted(kind: Any, value: Any, place: str) -> Any:
    """A value of the file as the type of its flag. Raises ValueError where it does not fit."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return fitted(next(a for a in arguments if a is not NoneType), value, place)
    if origin is Literal:
        check_choice(value, arguments, "value", place)
        return value
    if origin is tuple and isinstance(value, list):
        kinds = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        if len(kinds) != len(value):
            raise ValueError(f"{place}: wants {len(kinds)} numbers, not {len(value)}")
        pairs = zip(kinds, value, strict=True)  # of texts, a number is one, as on the command line
        told = ((k, str(v) if k is str and type(v) is int else v) for k, v in pairs)
        return tuple(fitted(k, v, place) for k, v in told)
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if type(value) is not kind:
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        raise ValueError(f"{place}: wants {WANTED[origin or kind]}, not {shown}")
    return value


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def text(value: object) -> str:
    """A value as it stands in the name of a run."""
    if isinstance(value, tuple):
        return "x".join(map(text, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path) or (isinstance(value, str) and "/" in value):
        return short(str(value))
    return f"{value:g}" if isinstance(value, float) else str(value)

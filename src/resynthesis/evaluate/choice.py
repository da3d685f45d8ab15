"""Which metrics somebody wants, by their names or by their family's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def choose(only: Sequence[str], families: Mapping[str, Sequence[str]]) -> set[str]:
    """The metrics named in `only`, singly or by family; all where it is empty.

    Raises ValueError where a name is unknown.
    """
    every = {metric for metrics in families.values() for metric in metrics}
    found: set[str] = set()
    for name in only:
        if name not in families and name not in every:
            raise ValueError(f"unknown metric '{name}': choose from {', '.join(families)}")
        found |= set(families.get(name, (name,)))
    return found if only else every

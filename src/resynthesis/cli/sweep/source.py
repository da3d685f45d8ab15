"""A sweep file as it is written, and where in it something stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .values import check_choice

PARTS = {  # of a file: their type, and how they are written
    "evaluate": (list, 'evaluate = ["probe"]'),
    "common": (dict, "[common]"),
    "runs": (list, "[[runs]]"),
    "slurm": (dict, "[slurm]"),
}
Given = dict[str, tuple[Any, str]]  # flag -> its value, and where it stands


class Source:
    """A TOML file with no part that a sweep does not know."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.text = path.read_text()
            self.tree = tomllib.loads(self.text)
        except ValueError as error:
            raise ValueError(f"{path} is not TOML: {error}") from error
        known = f" (parts: {', '.join(PARTS)}; flags stand in [common] or [[runs]])"
        for name, value in self.tree.items():
            place = self.place("", key=name)
            check_choice(name, PARTS, "part", place, known)
            kind, form = PARTS[name]
            entries = value if name == "runs" and isinstance(value, list) else []
            if not isinstance(value, kind) or not all(isinstance(e, dict) for e in entries):
                raise ValueError(f"{place}: '{name}' is written {form}")

    def place(self, part: str, number: int = 0, key: str = "") -> str:
        """`FILE, [[runs]] 2, line 9`; without the line where a key cannot be found."""
        here, seen, lines = "", 0, []
        for i, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([a-z]\w*)\s*\]+\s*(#|$)", line):
                here = header[1]
                seen += here == "runs"
            inside = here == part and (part != "runs" or seen == number)
            if inside and (re.match(rf"\s*{re.escape(key)}\s*=", line) if key else header):
                lines.append(i)
        named = {"": "", "runs": f", [[runs]] {number}"}.get(part, f", [{part}]")
        return f"{self.path}{named}" + (f", line {lines[0]}" if lines else "")

    def given(self, entry: Mapping[str, Any], part: str, number: int = 0) -> Given:
        """What an entry of the file says, by names with underscores."""
        found: Given = {}
        for key, value in entry.items():
            place, name = self.place(part, number, key), key.replace("-", "_")
            if name in found:
                raise ValueError(f"{place}: '{key}' is given twice")
            found[name] = value, place
        return found

"""What the parser of flags has to say, in one sentence.

tyro frames what is wrong and repeats the help below it. Here it is read again.
"""

from __future__ import annotations

import re

KINDS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path"}
COLOURS = re.compile(r"\x1b\[[\d;]*m")
RULES = ("─", "--")


def sentence(box: str, command: str) -> str:
    """One sentence for a box of tyro's about a command, as `train amr`.

    Where it is a box that we do not know, its first paragraph on one line.
    """
    lines = COLOURS.sub("", box).splitlines()
    lines = lines[1:] if box.count("╭") else lines[2:]  # where there are no frames, a rule
    lines = [line[2:].rstrip("│ ") for line in lines]
    ends = (i for i, line in enumerate(lines) if not line or line.startswith(RULES))
    first = lines[: next(ends, len(lines))]
    said = " ".join(line.strip() for line in first)
    if found := re.match(r"Unrecognized options: (.+)", said):
        words = found[1].split(", ")
        word = next((word for word in words if word.startswith("-")), words[0])
        ask = f"resynth {command} --help"
        if not word.startswith("-"):
            return f"{command} has no place for '{word}' ({ask} says what it takes)"
        near = re.search(r"meant:\s+(--\S+)", " ".join(lines))
        more = f": did you mean {near[1]}?" if near else f" ({ask} lists its flags)"
        return f"{command} has no flag {word}{more}"
    if found := re.match(r"Error parsing (\S+): (.+)", said):
        flag, value = found[1], re.search(r"'([^']*)'\]?\.?$", found[2])
        usage = re.search(rf"{re.escape(flag)} (.+)", "\n".join(lines[len(first) :]))
        kind = next((what for k, what in KINDS.items() if usage and k in usage[1]), "")
        if value and kind:
            return f"{flag} must be {kind}, not '{value[1]}'"
        if usage:
            return f"{flag} wants {usage[1]}"
    if found := re.match(r"invalid choice '(.*)' for argument '(.+)'\. .* one of \((.+)\)", said):
        wrong, flag, choices = found.groups()
        known = ", ".join(re.findall(r"'(.*?)'", choices))
        return f"{flag} must be one of {known}, not '{wrong}'"
    if found := re.match(r"Missing value for argument '(.+)'\. Expected (\d+)", said):
        flag, count = found.groups()
        if not flag.startswith("--"):
            return f"{command} needs {flag}"
        return f"{flag} wants {'a value' if count == '1' else f'{count} values'}"
    if said.startswith("Missing from"):
        return f"{command} needs {'; '.join(_needed(first[1:]))}"
    return said or " ".join(box.split())


def _needed(lines: list[str]) -> list[str]:
    """Every flag that is missing, and for a place without a flag what belongs there."""
    found: list[str] = []
    for line in lines:
        words = line.strip()
        if not line.startswith(" " * 8):
            found.append(words)
        elif found[-1].isupper():  # the name of a kind tells nothing: its help does
            found[-1] = words[0].lower() + words[1:].removesuffix(" (required)").rstrip(".")
    return found

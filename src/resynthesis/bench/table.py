"""What was measured, as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .contest import Found

NETS, LOOP = ", nets alone", ", whole loop"
HEAD = ("step", "batch", "images/s", "spread", "ratio", "system", "of the limit")


def markdown(report: Mapping[str, Any]) -> str:
    """The table, and a line of hardware and versions. report: what `resynth bench` writes."""
    lines = [HEAD, ("---",) * len(HEAD), *(cells(row) for row in report["rows"])]
    body = ["| " + " | ".join(line) + " |" for line in lines]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    machine = report["machine"]
    reached = "; ".join(
        f"{name}: {m['flops'] / 1e9:,.0f} GFLOP/s in a large product, {m['bytes'] / 1e9:.1f} GB/s "
        "in a large copy"
        for name, m in report["reached"].items()
    )
    return "\n".join(
        [
            *body,
            "",
            f"{machine['processor']}, {machine['device']}, {machine['threads']} threads, load "
            f"{machine['load']:.1f} before; {versions}. {reached}. Medians of {report['rounds']} "
            f"rounds of {report['steps']} steps in alternation, images of size {report['size']}; "
            "spread: from slowest to fastest round, of the median; ratio: to the textbook step "
            "of the same method and batch; of the limit: the time that the products alone would "
            "take at the machine's speed, of the time taken.",
            *(
                f"Not the nets' own work in {row['name']} at {row['batch']}: "
                f"{row['beside_nets']:.1%} of its time."
                for row in report["rows"]
                if "beside_nets" in row
            ),
        ]
    )


def parts_of(label: str) -> tuple[str, str]:
    """What the nets' own work in a step, and the whole loop, are called beside that step."""
    return label + NETS, label + LOOP


def beside_nets(label: str, found: Mapping[str, Found]) -> dict[str, float]:
    """Of a whole loop, the share of its time that is not the nets' own work; else nothing."""
    nets = found.get(label.removesuffix(LOOP) + NETS)
    return {"beside_nets": 1 - found[label].ratio(nets)} if nets and label.endswith(LOOP) else {}


def cells(row: Mapping[str, Any]) -> Sequence[str]:
    """One row, as it is shown."""
    share = row.get("share_of_limit")
    return (
        row["name"],
        str(row["batch"]),
        f"{row['images_per_second']:,.0f}",
        f"{row['spread']:.0%}",
        f"{row['ratio']:.2f}",
        f"{row['system']:.1%}",
        "" if share is None else f"{share:.0%}",
    )

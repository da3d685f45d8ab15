"""Pieces of a page in HTML: figures with captions, tables, and the page itself with its style.

A page needs nothing from outside: pictures are in it, and it has no scripts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from PIL import Image

from .. import figures
from ..figures import chart, legend, line_colours
from ..runs import Run


def uri(content: bytes, kind: str = "image/png") -> str:
    """The bytes of a file as a data: address."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def picture(drawn: Image.Image | bytes, caption: str, *, kind: str = "image/png") -> str:
    """A figure: a picture, or the bytes of one, whose caption is its description as well."""
    content = drawn if isinstance(drawn, bytes) else figures.to_png(drawn)
    said = escape(caption)
    return (
        f'<figure><img src="{uri(content, kind)}" alt="{said}">'
        f"<figcaption>{said}</figcaption></figure>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; of each row the first cell is its name."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def metrics_table(runs: Mapping[str, Run]) -> str:
    """What `resynth evaluate` measured; one column a run."""
    found = {name: run.metrics() for name, run in runs.items()}
    names = list(dict.fromkeys(metric for one in found.values() for metric in one))
    if not names:
        return "<p>Not measured yet: <code>resynth evaluate</code> does that.</p>"
    rows = [
        [m.replace("_", " "), *(number(one[m]) if m in one else "" for one in found.values())]
        for m in names
    ]
    return table(["measured on test images", *found], rows)


def loss_charts(logs: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Every logged term over images seen: a chart a term, a line a run."""
    terms = list(
        dict.fromkeys(k for log in logs.values() for line in log for k in line if "/" in k)
    )
    drawn = [
        chart(
            {
                name: [(line["images"], line[term]) for line in log if term in line]
                for name, log in logs.items()
            },
            term.replace("/", ": "),
            x="images seen",
        )
        for term in terms
    ]
    if not drawn:
        return "<p>Nothing is logged yet.</p>"
    several = legend(line_colours(list(logs))) if len(logs) > 1 else ""
    return f'{several}<div class="charts">{"".join(drawn)}</div>'


def style() -> str:
    """The style of charts, tables and figures, for any page that shows them."""
    return (files(__package__) / "style.css").read_text()


def page(title: str, body: str) -> str:
    """A whole page, in light or dark as the reader has it, and fit to be printed."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style()}</style>\n</head>\n"
        f'<body class="report">\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )

"""Line charts as SVG text: small, sharp at any size, in the colours of the page around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 26, 34
COLOURS = ("#3b74c4", "#d9722e", "#2f9e62", "#b8408f", "#8a6d1f", "#5b5bd6", "#c0392b", "#1f8a99")
MANY = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
)
SQUARE = 520
MOST = 400  # points of a line

Points = Sequence[tuple[float, float]]


def chart(lines: Mapping[str, Points], title: str, *, x: str = "") -> str:
    """An <svg> of lines over x, name -> points; text and axes take the page's own colour.

    Points that are not finite are left out. Of long lines, evenly chosen points are drawn.
    """
    known = {name: _thin([p for p in points if _finite(p)]) for name, points in lines.items()}
    every = [p for points in known.values() for p in points]
    head = f'<title>{escape(title)}</title><text x="{LEFT}" y="16" class="t">{escape(title)}</text>'
    if every:
        right, left = _ticks([p[0] for p in every]), _ticks([p[1] for p in every])
        to_x = _scale(right[0], right[-1], LEFT, WIDTH - RIGHT)
        to_y = _scale(left[0], left[-1], HEIGHT - BOTTOM, TOP)
        body = "".join(_rule(to_y(v), v) for v in left) + "".join(
            f'<text x="{to_x(v):.1f}" y="{HEIGHT - 19}" text-anchor="middle">{_say(v)}</text>'
            for v in right
        )
        for i, points in enumerate(known.values()):
            way = " ".join(f"{to_x(a):.1f},{to_y(b):.1f}" for a, b in points)
            colour = COLOURS[i % len(COLOURS)]
            body += f'<polyline points="{way}" stroke="{colour}"/>'
            if len(points) == 1:  # of which a line would show nothing
                x_1, y_1 = way.split(",")
                body += f'<circle cx="{x_1}" cy="{y_1}" r="3" fill="{colour}"/>'
    else:
        body = f'<text x="{LEFT}" y="{HEIGHT / 2:.0f}">no values yet</text>'
    foot = f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(x)}</text>'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{head}{body}{foot}</svg>'
    )


def scatter(groups: Mapping[tuple[str, str], Points], title: str, *, hollow: str = "") -> str:
    """An <svg> of points by (kind, domain): a colour a kind, rings in the domain `hollow`."""
    every = [p for points in groups.values() for p in points]
    columns = [[p[i] for p in every] for i in (0, 1)]
    to_x = _scale(min(columns[0]), max(columns[0]), 6, SQUARE - 6)
    to_y = _scale(min(columns[1]), max(columns[1]), SQUARE - 6, 6)
    body, marks = "", colours(kind for kind, _ in groups)
    for (kind, domain), points in groups.items():
        ring = hollow and domain == hollow
        look = f'fill="none" stroke="{marks[kind]}"' if ring else f'fill="{marks[kind]}"'
        dots = "".join(f'<circle cx="{to_x(a):.0f}" cy="{to_y(b):.0f}" r="3"/>' for a, b in points)
        body += f"<g {look}>{dots}</g>"
    return (
        f'<svg class="scatter" viewBox="0 0 {SQUARE} {SQUARE}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{body}</svg>'
    )


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, no two alike: ten that are well known, for more names all hues."""
    each = list(dict.fromkeys(names))
    if len(each) <= len(MANY):
        return dict(zip(each, MANY, strict=False))
    return {
        name: f"hsl({360 * i / len(each):.0f} {70 - 25 * (i % 2)}% {62 - 10 * (i % 3)}%)"
        for i, name in enumerate(each)
    }


def legend(marks: Mapping[str, str]) -> str:
    """What colours stand for: name -> colour."""
    items = [
        f'<span><i style="background:{colour}"></i>{escape(name)}</span>'
        for name, colour in marks.items()
    ]
    return f'<p class="legend">{"".join(items)}</p>'


def line_colours(names: Sequence[str]) -> dict[str, str]:
    """The colours of a chart's lines, in their order."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def _finite(point: tuple[float, float]) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _thin(points: Points) -> Points:
    if len(points) <= MOST:
        return points
    return [points[round(i * (len(points) - 1) / (MOST - 1))] for i in range(MOST)]


def _ticks(values: Sequence[float]) -> list[float]:
    """Some four round numbers that span the values."""
    low, high = min(values), max(values)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 3
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, last + 1)]


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (end - start) * (value - low) / ((high - low) or 1.0)


def _rule(y: float, value: float) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_say(value)}</text>'
    )


def _say(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value / 1e3:g}k" if abs(value) >= 1e4 else f"{value:.4g}"

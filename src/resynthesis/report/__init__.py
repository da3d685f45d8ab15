"""One self-contained page about one or several runs: to be read, mailed and printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from ..compare import differing
from ..data import Domains
from ..runs import Run
from .about import data_name, is_training, reproduce, summary
from .looks import one_domain, training_pictures, two_domains
from .page import loss_charts, metrics_table, page, picture, style, table, uri


def report(
    runs: Sequence[Run], *, device: str = "auto", note: Callable[[str], None] = lambda text: None
) -> str:
    """The page as HTML text, with everything in it.

    Pictures of a run whose data are not here are left out, and `note` gets the reason. Raises
    ValueError where a run has no weights.
    """
    named = names(runs)
    title = f"resynthesis: {', '.join(named)}"
    parts = [f"<h1>{escape(title)}</h1>"]
    if len(named) > 1:
        rows = [[name, *values] for name, values in differing(list(named.values())).items()]
        logs = {name: run.log() for name, run in named.items()}
        parts += ["<h2>Side by side</h2>", table(["differs in", *named], rows)]
        parts += [metrics_table(named), loss_charts(logs)]
    for name, run in named.items():
        parts += [
            f"<h2>{escape(name)}</h2>",
            summary(run),
            "<h3>Figures</h3>",
            metrics_table({name: run}),
            "<h3>Losses</h3>",
            loss_charts({name: run.log()}),
            _pictures(run, device, note),
            "<h3>During training</h3>",
            training_pictures(run),
            "<h3>To do it again</h3>",
            reproduce(run),
        ]
    return page(title, "\n".join(parts))


def names(runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the names of their folders; where one is taken, with the folder around it."""
    named: dict[str, Run] = {}
    for run in runs:
        path = run.path.resolve()
        name, i = path.name, 2
        while name in named:
            name = f"{path.parent.name}-{path.name}" if i == 2 else f"{path.name}-{i}"
            i += 1
        named[name] = run
    return named


def _pictures(run: Run, device: str, note: Callable[[str], None]) -> str:
    nets = run.load_nets(device)
    try:
        data = run.load_data()
    except (ValueError, OSError) as error:
        note(f"{run.path}: pictures of its data are left out: {error}")
        return f'<p class="note">No pictures of test images: {escape(str(error))}.</p>'
    if isinstance(data, Domains):
        return two_domains(run, nets, data)
    return one_domain(run, nets, data)


__all__ = [
    "data_name",
    "is_training",
    "loss_charts",
    "metrics_table",
    "names",
    "page",
    "picture",
    "report",
    "style",
    "table",
    "uri",
]

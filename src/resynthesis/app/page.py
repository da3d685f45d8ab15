"""The page: which tabs there are, what each may ask the server, and the scripts that draw them.

The scripts ask with everything that they need and the server keeps nothing of anybody, so that
several people may use it at once, and a page goes on after the server was started again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from importlib.resources import files
from typing import Any

from ..figures.projected import has_tsne
from ..mixing import MIXERS
from ..report import style
from . import choose, map, mix, runs, translate
from .asked import Asked
from .opened import Opened

Tab = Callable[[Mapping[str, Opened], Asked], dict[str, Any]]
TABS: dict[str, tuple[Tab, ...]] = {
    "Mix": (mix.mixed, mix.saved, mix.read, mix.granted, choose.offered, choose.uploaded),
    "Translate": (translate.redrawn, choose.offered, choose.uploaded),
    "Map": (map.placed, map.placing, map.seen, map.walked),
    "Runs": (runs.compared, runs.sampled),
}
BAR = '<div class="rs-top"><h1>resynthesis</h1><div class="rs-runs"></div></div>'
log = logging.getLogger(__name__)


def build(opened: Mapping[str, Opened]) -> Any:
    """The page as gradio Blocks. Raises ValueError where gradio is not installed."""
    gradio = import_gradio()
    about = [_about(name, one) for name, one in opened.items()]
    translates = all(one.two_domains for one in opened.values())
    with gradio.Blocks(title="resynthesis", analytics_enabled=False) as page:
        gradio.HTML(
            html_template=BAR,
            js_on_load=_web("bar.js"),
            apply_default_css=False,
            runs=about,
        )
        with gradio.Tabs(selected="Translate" if translates else "Mix"):
            for name, functions in TABS.items():
                with gradio.Tab(name, id=name):
                    gradio.HTML(
                        html_template='<div class="rs-tab"></div>',
                        js_on_load=_web(f"{name.lower()}.js"),
                        server_functions=[answering(function, opened) for function in functions],
                        apply_default_css=False,
                        elem_id=f"rs-{name.lower()}",
                        runs=about,
                        mixers=list(MIXERS),
                        kinds=list(mix.KINDS),
                        projections=_projections(),
                    )
    return page


def answering(function: Tab, opened: Mapping[str, Opened]) -> Callable[[Any], dict[str, Any]]:
    """A function of a tab for the server: what a person can mend comes back as a sentence."""

    @wraps(function)
    def answer(asked: Any) -> dict[str, Any]:
        try:
            if not isinstance(asked, dict):
                raise ValueError("a question must be an object")
            return function(opened, asked)
        except (ValueError, OSError) as error:
            return {"error": str(error)}
        except Exception:
            log.exception("%s failed", function.__name__)
            return {"error": "Something went wrong here: the terminal of the explorer says what."}

    # `wraps` keeps the name that the page calls; gradio must not look behind it.
    del answer.__wrapped__
    answer.__annotations__ = {}
    return answer


def head() -> str:
    """Scripts and style of the page, all of its own: nothing comes from another place."""
    scripts = "\n".join(_web(name) for name in ("shared.js", "weights.js"))
    return f"<style>{style()}{_web('explorer.css')}</style>\n<script>{scripts}</script>"


def import_gradio() -> Any:
    """gradio, without its statistics. Raises ValueError, which names the extra, without it."""
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as error:
        raise ValueError(
            "the explorer needs the extra 'app': pip install 'resynthesis[app]'"
        ) from error
    return gradio


def _about(name: str, one: Opened) -> dict[str, Any]:
    config = one.run.config
    return {
        "name": name,
        "said": f"{config.name}, code {'x'.join(str(n) for n in one.run.code_shape)}",
        "two_domains": one.two_domains,
        "wishes": "mixer" in config.method.players,
    }


def _projections() -> list[tuple[str, str]]:
    return [("pca", "PCA"), *([("tsne", "t-SNE")] if has_tsne() else [])]


def _web(name: str) -> str:
    return (files(__package__) / "web" / name).read_text()

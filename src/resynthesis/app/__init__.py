"""The explorer: look into runs in the browser. Needs the extra `app`.

Computation is in plain functions of what a page asks (mix, translate, map, runs), which need no
browser and no server; `page` puts them on a page, `guard` stands before it, `server` serves it.
"""

from __future__ import annotations

from .opened import Opened, Samples
from .page import import_gradio
from .server import serve_forever, serving

__all__ = ["Opened", "Samples", "import_gradio", "serve_forever", "serving"]

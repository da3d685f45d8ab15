"""How long a person waits for the explorer: from a slider's move to the picture, and at the start.

    python benchmarks/explorer.py RUN --out benchmarks/results/explorer.json

Real pages in headless Chromium (extras `app` and `browser`; CHROMIUM may say where it is), one and
four of them at once, each in a context of its own. A move is an input event of the slider of the
tab Mix, as dragging makes them; the time ends when the new picture is decoded and the page's next
frame begins. Browser and server share the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from resynthesis.report import report
from resynthesis.runs import Run, circumstances, write

MOVES, PAUSE = 80, 60  # moves of each person, and ms between a picture and the next move
SETTLE = 10  # first moves that do not count
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
MEASURE = """
([moves, pause]) => {
  const slider = document.querySelector('.rs-weights input');
  const picture = document.querySelector('#rs-mix img.rs-large');
  const next = () => new Promise((done) => {
    const watcher = new MutationObserver(() => { watcher.disconnect(); done(); });
    watcher.observe(picture, { attributes: true, attributeFilter: ['alt'] });
  });
  window.times = [];
  (async () => {
    for (let i = 1; i <= moves; i++) {
      const begun = performance.now();
      const changed = next();
      slider.value = (i * 37) % 101;
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      await changed;
      await picture.decode();
      await new Promise(requestAnimationFrame);
      window.times.push(performance.now() - begun);
      await new Promise((done) => setTimeout(done, pause));
    }
  })();
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--port", type=int, default=7990)
    told = parser.parse_args()
    run = Run(told.run)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(told.run, told.port, Path(folder) / "log")
    tree = {
        **found,
        "report_bytes": len(report([run]).encode()),
        "run": {"method": run.config.name, "shape": run.facts.shape, "code": run.code_shape},
        "load_average": os.getloadavg(),
        "cores": os.cpu_count(),
        **circumstances(),
    }
    print(json.dumps(found, indent=1))
    if told.out:
        write(told.out, (json.dumps(tree, indent=1) + "\n").encode())


def measure(run: Path, port: int, log: Path) -> dict[str, Any]:
    """Latencies in ms with one and four people, and seconds until the page is there."""
    command = [sys.executable, "-m", "resynthesis", "explore", str(run), "--no-browser"]
    begun = time.perf_counter()
    with log.open("w") as out:
        process = subprocess.Popen([*command, "--port", str(port)], stdout=out, stderr=out)
    try:
        while not (address := re.search(r"explorer: (\S+)", log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.02)
        started = time.perf_counter() - begun
        with sync_playwright() as driver:
            path = os.environ.get("CHROMIUM") or shutil.which("chromium")
            browser = driver.chromium.launch(executable_path=path, args=FLAGS)
            pages, first = [], 0.0
            latency = {}
            for people in (1, 4):
                while len(pages) < people:
                    page = browser.new_context().new_page()
                    begun = time.perf_counter()
                    page.goto(address[1])
                    page.wait_for_selector("#rs-mix .rs-thumb")
                    first = first or time.perf_counter() - begun
                    for place in (len(pages), 9 + len(pages)):
                        page.locator("#rs-mix .rs-thumb").nth(place).click()
                    page.wait_for_selector("#rs-mix img.rs-large[src^=data]")
                    pages.append(page)
                latency[str(people)] = together(pages)
            browser.close()
    finally:
        process.terminate()
        process.wait(20)
    return {
        "slider_to_picture_ms": latency,
        "start_seconds": round(started, 2),
        "page_seconds": round(first, 2),
    }


def together(pages: list[Any]) -> dict[str, float]:
    """Median and 95 % of the moves of all people, who move at the same time."""
    for page in pages:
        page.evaluate(MEASURE, [MOVES, PAUSE])
    times = []
    for page in pages:
        page.wait_for_function("moves => window.times.length === moves", arg=MOVES, timeout=600_000)
        times += page.evaluate("window.times")[SETTLE:]
    return {
        "median": round(float(np.median(times)), 1),
        "p95": round(float(np.percentile(times, 95)), 1),
        "moves": len(times),
    }


if __name__ == "__main__":
    main()

"""How far a sweep is: bars on a terminal, a line for every beginning and end elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..shared import clock

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Screen:
    """Runs done of all, their shares, and the time left."""

    def __init__(self, total: int, bars: Progress | None = None):
        self.total, self.ends, self.bars = total, 0, bars
        self.start = time.monotonic()
        self.first: dict[str, float] = {}  # of every run, the share that it began with
        self.share: dict[str, float] = {}
        self.tasks: dict[str, TaskID] = {}
        self.all = bars.add_task("all runs", total=total) if bars else None

    def begun(self, name: str) -> None:
        if self.bars:
            self.tasks[name] = self.bars.add_task(name, total=1.0)
        else:
            print(f"[{self.ends}/{self.total}] {name}: begun", flush=True)

    def at(self, name: str, share: float) -> None:
        """A run has done so much of its training, from 0 to 1."""
        self.first.setdefault(name, share)
        self.share[name] = share
        self._draw(name)

    def ended(self, name: str, how: str) -> None:
        self.ends += 1
        self.share[name] = 1.0
        print(f"[{self.ends}/{self.total}] {name}: {how}{self._left()}", flush=True)
        self._draw(name)
        if self.bars and name in self.tasks:
            self.bars.remove_task(self.tasks.pop(name))

    def _left(self) -> str:
        done = sum(self.share.values())
        gained = done - sum(self.first.values())
        if gained <= 0 or self.ends == self.total:
            return ""
        rate = gained / (time.monotonic() - self.start)
        return f", about {clock((self.total - done) / rate)} left"

    def _draw(self, name: str) -> None:
        if self.bars and self.all is not None:
            left = f"{self.ends}/{self.total} runs{self._left()}"
            self.bars.update(self.all, completed=sum(self.share.values()), description=left)
            if name in self.tasks:
                self.bars.update(self.tasks[name], completed=self.share[name])


@contextmanager
def progress(total: int) -> Iterator[Screen]:
    if not sys.stderr.isatty():
        yield Screen(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (BarColumn(16), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as bars:
        yield Screen(total, bars)

"""Several runs side by side, each in a process of its own.

A child holds its run's lock, tells how far it is on its standard output, and prints into a log. Its
standard input is its line to the parent: when that closes, by intent or because the parent was
killed, it makes a checkpoint and stops.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

from filelock import Timeout

from ...data.download import lock
from ...runs import stopping
from ...train import pick_device
from .. import ending_well, explain
from .one import Job, finish, stands
from .progress import progress

POLL = 0.5  # seconds between looks at signals, and at locks that others hold
Events = queue.SimpleQueue[tuple[Job, dict[str, Any]]]


def work(jobs: Sequence[Job], *, at_once: int) -> dict[str, str]:
    """Finishes all runs; returns {name: sentence} of those that failed.

    Runs that another sweep is at are waited for. Raises KeyboardInterrupt when asked to stop, after
    every child has made its checkpoint; a second request kills them.
    """
    devices = {pick_device(job.config.training.device).type for job in jobs}
    one_thread = at_once > 1 and "cpu" in devices
    waiting, running, failed = list(jobs), dict[str, subprocess.Popen[str]](), dict[str, str]()
    last: dict[str, dict[str, Any]] = {}  # of every child, what it said last
    events: Events = queue.SimpleQueue()
    patient = False
    with stopping() as stopped, progress(len(jobs)) as screen:
        try:
            while running or (waiting and not stopped):
                if stopped:
                    for process in running.values():
                        _let_go(process)
                elif len(running) < at_once and (job := _first_free(waiting)):
                    waiting.remove(job)
                    if stands(job) == "finished":
                        screen.ended(job.name, "done by another sweep")
                    else:
                        running[job.name] = _launch(job, events, one_thread=one_thread)
                        screen.begun(job.name)
                    continue
                elif not running and not patient:
                    patient = True
                    print("waiting for runs that another sweep is at", flush=True)
                try:
                    job, event = events.get(timeout=POLL)
                except queue.Empty:
                    continue
                if event:
                    last[job.name] = event
                    if "step" in event:
                        screen.at(job.name, event["step"] / event["total"])
                    continue
                status = _end(running.pop(job.name))
                end = last.pop(job.name, {})
                if status == 0:
                    screen.ended(job.name, "done")
                elif "busy" in end:  # another sweep was faster
                    waiting.append(job)
                elif not stopped:
                    failed[job.name] = end.get("failed") or _death(status)
                    screen.ended(job.name, f"failed: {failed[job.name]}")
        finally:
            for process in running.values():
                process.kill()
                _end(process)
    if stopped:
        print("stopped: the same command goes on")
        raise KeyboardInterrupt
    return failed


def _first_free(jobs: Sequence[Job]) -> Job | None:
    for job in jobs:
        with suppress(Timeout), lock(job.path).acquire(timeout=0):
            return job
    return None


def _launch(job: Job, events: Events, *, one_thread: bool) -> subprocess.Popen[str]:
    """Starts a child. Its group is its own: what a terminal interrupts is the parent alone."""
    logs = job.path.parent / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / f"{job.name}.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", __package__, json.dumps(job.to_json(), default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"} if one_thread else None,
            start_new_session=True,
        )
    threading.Thread(target=_listen, args=(job, process.stdout, events), daemon=True).start()
    return process


def _listen(job: Job, lines: IO[str], events: Events) -> None:
    with lines:
        for line in lines:
            with suppress(ValueError):  # the last line of a child that was killed
                events.put((job, json.loads(line)))
    events.put((job, {}))


def _let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()


def _end(process: subprocess.Popen[str]) -> int:
    status = process.wait()
    _let_go(process)  # not before: a child that is about to end well would take it for its orders
    return status


def _death(status: int) -> str:
    if status < 0:
        return f"ended by signal {-status} ({signal.Signals(-status).name}): run the sweep again"
    return f"ended with status {status}, see its log"


def child() -> None:
    """What a child does; its job is its argument."""
    tell = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed goes into the log

    def say(**event: object) -> None:
        with suppress(OSError):  # the parent is gone
            print(json.dumps(event), file=tell, flush=True)

    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        with ending_well():
            job = Job.from_json(json.loads(sys.argv[1]))
            finish(job, lambda line, total: say(step=line["step"], total=total))
    except Timeout:
        say(busy=True)
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        say(failed=explain(error) or f"{type(error).__name__}: {error}, see its log")
        sys.exit(1)


def _follow_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

"""The command line: one file per command, found here by its name.

A command's module has a dataclass, whose fields are its flags, and `main(arguments)`. Nothing
heavy is imported before the command is known: `resynth --help` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

COMMANDS = {
    "train": "train a method on a set of images, or go on with a run",
    "evaluate": "measure a run: a table, metrics.json and pictures",
    "compare": "one table of several runs; seeds become mean ± std",
    "sweep": "all runs of a table, method x data x seed, from one file",
    "mix": "interpolate image files, or make a folder of mixes with soft labels",
    "translate": "redraw a folder of source images in the style of the target",
    "classify": "classes and probabilities of a folder of target images",
    "encode": "the codes of a set as .npz or .tsv",
    "data": "list the sets, or fetch, check and show one",
    "explore": "look into runs in the browser: mix, translate, wander through codes",
    "report": "one page about runs, to be read, mailed and printed",
    "export": "a run for use elsewhere: a folder for a host of Gradio apps, or ONNX files",
    "bench": "measure training steps: textbook, ours, a peer's, and the limit",
    "demo": "the main job on a bundled set, in a few minutes",
}
USAGE = "usage: resynth COMMAND ...   (resynth COMMAND --help says more)"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. Returns 0; 2 for what the user can mend; 130 where it was stopped."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print("Adversarial autoencoders that mix images in code space.\n\n" + USAGE + "\n")
        print("\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items()))
        return 0 if arguments else 2
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may be no text in any encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    command, *rest = arguments
    if command == "--version":
        from importlib.metadata import version

        print(version("resynthesis"))
        return 0
    if command not in COMMANDS:
        known = f" (commands: {', '.join(COMMANDS)})"
        return _fail(f"there is no command '{command}'{near(command, COMMANDS, known)}")
    from ..runs import Interrupted

    try:
        with ending_well():
            import_module(f".{command}", __name__).main(rest)
    except Interrupted as stop:
        return _fail(f"{stop}: go on with resynth train --resume {stop.run}{stop.others}", 130)
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except Exception as error:
        said = explain(error)
        if said is None or os.environ.get("RESYNTH_DEBUG"):
            raise
        return _fail(said)
    except SystemExit as stop:  # of ending_well; or tyro has printed the help
        return int(stop.code or 0)
    return 0


@contextmanager
def ending_well() -> Iterator[None]:
    """SIGTERM unwinds what was begun, as Ctrl-C does, so that nothing is left half done.

    Training has a way of its own. Does nothing outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def near(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """ ": did you mean X?" where a choice is near the word, else what `otherwise` says."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(choices), 1)
    return f": did you mean {found[0]}?" if found else otherwise


def explain(error: Exception) -> str | None:
    """The one sentence for what a user can mend; None for anything else."""
    import torch

    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "out of memory on the device: try a smaller --batch-size, --width or --size"
    if isinstance(error, MemoryError):
        return "out of memory: try a smaller --memory, --size or set"
    if not isinstance(error, (ValueError, OSError, ArithmeticError)):
        return None
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return " ".join(str(error).split())


def _fail(sentence: str, status: int = 2) -> int:
    print(f"resynth: {sentence}", file=sys.stderr)
    return status

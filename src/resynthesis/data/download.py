"""Downloads: several mirrors, resumed where they broke off, checked, written whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

TIMEOUT = 30.0  # seconds without an answer
TRIES = 3  # in a row at each mirror that bring nothing
CHUNK = 1 << 20


class DownloadError(OSError):
    """No mirror gave the file; the message says which, and where to put it by hand."""


Check = str | Callable[[Path], bool]
"""What a file must be: its SHA-256 in hexadecimal, "md5:" and its MD5 where only that has been
published, or a function that tells whether it is right, for one whose content is known but not
its packing."""


def digest(path: Path, kind: str) -> str:
    """SHA-256 or MD5 ("sha256", "md5") of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def is_right(path: Path, check: Check) -> bool:
    """Whether a file is what it must be."""
    if callable(check):
        return check(path)
    kind, _, expected = check.rpartition(":")
    return digest(path, kind or "sha256") == expected


def find(name: str, *folders: Path) -> Path | None:
    """The file `name` in the first of the folders that has it."""
    return next((f / name for f in folders if (f / name).is_file()), None)


def lock(path: Path) -> FileLock:
    """What the process that works on `path` holds; the kernel frees it when the process dies."""
    folder = path.parent / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / path.name)


def obtain(
    name: str, mirrors: Sequence[str], check: Check, *folders: Path, others: Sequence[str] = ()
) -> Path:
    """The file `name` in the first of the folders that has it, else fetched into the first.

    Raises ValueError where it is there and is not right, and DownloadError as `fetch` does.
    """
    path = find(name, *folders)
    if path is None:
        return fetch(name, mirrors, check, folders[0], others=others)
    if not is_right(path, check):
        raise ValueError(f"{path} is not the official one, or not whole: remove it to fetch it")
    return path


def address(mirror: str, name: str) -> str:
    """Where a mirror has a file: in the folder that it is, unless it has a query of its own."""
    return mirror if "?" in mirror else f"{mirror.rstrip('/')}/{name}"


def fetch(
    name: str,
    mirrors: Sequence[str],
    check: Check,
    folder: Path,
    *,
    others: Sequence[str] = (),
    tries: int = TRIES,
    timeout: float = TIMEOUT,
    pause: float = 1.0,
) -> Path:
    """The file `name` in `folder`, downloaded from the first mirror that gives the right bytes.

    mirrors: addresses of folders, or, where they have a query, of the file; tried in order, each
    until `tries` in a row, with growing pauses, brought nothing. What has come stays in
    `name.part` and is resumed, also by a later call; where that ends in wrong bytes, the mirror
    is asked for the whole. One process at a time works on it. others: what else the set wants, so
    that the message names all that has to be put there by hand. Raises DownloadError.
    """
    path, part = folder / name, folder / f"{name}.part"
    if path.exists():
        return path
    with lock(path):
        if path.exists():
            return path
        reasons = []
        for mirror in mirrors:
            at = address(mirror, name)
            why = _bring(at, part, check, tries=tries, timeout=timeout, pause=pause)
            if not why:
                os.replace(part, path)
                return path
            reasons += [f"{mirror}: {reason}" for reason in why]
    missing = [other for other in others if other != name and not (folder / other).exists()]
    what = f"it, and {', '.join(missing)}, into" if missing else "it into"
    raise DownloadError(
        f"cannot download {name} ({'; '.join(dict.fromkeys(reasons))}): put {what} {folder} by "
        f"hand, or point --data-dir at a folder that has {'them' if missing else 'it'}"
    )


def _bring(
    address: str, part: Path, check: Check, *, tries: int, timeout: float, pause: float
) -> list[str]:
    """Fills `part` from one address; returns why not, or nothing where it has the right bytes."""
    reasons = []
    left, pieced, again = tries, False, False
    while left:
        had = _size(part)
        pieced |= had > 0  # of an earlier call, another mirror, or a file that has changed since
        try:
            _continue(address, part, timeout)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reasons.append(str(getattr(error, "reason", error)))
            if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410):
                break
            left = tries if _size(part) > had else left - 1
            if left:
                time.sleep(pause * 2 ** (tries - left) / 2)
            continue
        if is_right(part, check):
            return []
        reasons.append("wrong bytes")
        part.unlink()
        if again or not pieced:
            break
        again = True
    return reasons


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _continue(address: str, part: Path, timeout: float) -> None:
    """Appends what is missing to `part`; raises OSError where the connection ends too early."""
    have = _size(part)
    request = urllib.request.Request(address, headers={"User-Agent": "resynthesis"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing, or the part is not of this file
            return
        raise
    with answer:
        resumed = answer.status == 206
        expected = int(answer.headers.get("Content-Length") or -1)
        got = 0
        with part.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                got += len(chunk)
                _show(part, have * resumed + got, have * resumed + expected)
    if 0 <= got < expected:
        raise OSError(f"the connection broke off after {got:,} of {expected:,} bytes")


def _show(part: Path, done: int, total: int) -> None:
    if sys.stderr.isatty():
        share = f"{done / total:6.1%}" if total > 0 else f"{done / 2**20:.0f} MiB"
        print(f"\r{part.stem} {share}", end="\n" if done == total else "", file=sys.stderr)

"""Archives of images: read, or unpacked once, with distrust.

A member that would leave its folder, that is a link, or that is larger than anything in the
official archive ends it all; whatever else an archive holds beside the wanted files is passed
over. A folder appears whole or not at all.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from .images import SUFFIXES

MOST = 1000  # members that are read into memory
LARGEST = 1 << 26  # bytes of a member; images of the sets here have a hundredth of that
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # where it is encrypted, or compressed in an unknown way
)
BROKEN = (*BROKEN_ZIP, tarfile.TarError, gzip.BadGzipFile)


@dataclass(frozen=True)
class Member:
    """One entry of an archive. kind: "file", "folder", or "other" for links and devices."""

    name: str
    size: int
    kind: str
    read: Callable[[], bytes]


def members(archive: Path) -> Iterator[Member]:
    """The entries of a .zip or of a tar of any compression; each is read before the next one.

    Raises ValueError where the archive is broken.
    """
    with _whole(archive):
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as packed:
                for info in packed.infolist():
                    mode = stat.S_IFMT(info.external_attr >> 16)
                    plain = "file" if mode in (0, stat.S_IFREG) else "other"
                    read = partial(_read_zipped, packed, info)
                    kind = "folder" if info.is_dir() else plain
                    yield Member(info.filename, info.file_size, kind, read)
            return
        with tarfile.open(archive, "r|*") as stream:
            for entry in stream:
                plain = "file" if entry.isreg() else "other"
                kind = "folder" if entry.isdir() else plain
                yield Member(entry.name, entry.size, kind, partial(_read_tarred, stream, entry))


def read_members(
    archive: Path, wanted: Callable[[str], bool], *, largest: int = LARGEST, most: int = MOST
) -> dict[str, bytes]:
    """Names and contents of the wanted files of an archive; nothing is written anywhere.

    Whatever is no plain file, or larger than `largest` bytes, is passed over. Raises ValueError
    where the archive is broken, or has more than `most` of them.
    """
    files: dict[str, bytes] = {}
    for member in members(archive):
        if wanted(member.name) and member.kind == "file" and member.size <= largest:
            if len(files) == most:
                raise ValueError(f"{archive} has more than the {most} files that are wanted of it")
            with _whole(archive):
                files[member.name] = member.read()
    return files


def unpack(
    archive: Path,
    folder: Path,
    *,
    inside: str,
    files: range,
    total: int,
    wanted: Callable[[str], bool] | None = None,
) -> Path:
    """Unpacks what an archive has below `inside` into a new folder.

    files: how many wanted files there may be. total: bytes that all members together may have.
    wanted: which files, by their names below `inside`; images where not told otherwise. Raises
    ValueError where the archive is broken or not what it should be, and OSError.
    """
    if sys.stderr.isatty():
        print(f"unpacking {archive} into {folder}, which is done once", file=sys.stderr)
    wanted = wanted or is_image
    bytes_left, count = total, 0
    with whole_folder(folder) as beside:
        for member in members(archive):
            _check(archive, member)
            bytes_left -= member.size
            below, _, name = member.name.removeprefix("./").partition(f"{inside}/")
            if member.kind == "file" and not below and wanted(name):
                assert not PurePosixPath(name).is_absolute()
                count += 1
                if bytes_left >= 0 and count < files.stop:
                    with _whole(archive):
                        content = member.read()
                    (beside / name).parent.mkdir(parents=True, exist_ok=True)
                    (beside / name).write_bytes(content)
            if bytes_left < 0 or count >= files.stop:
                raise ValueError(
                    f"{archive} has more in it than the official one, and was not unpacked: "
                    "remove it"
                )
        if count not in files:
            raise ValueError(
                f"{archive} has {count:,} of the {files.start:,} files below {inside}/ that the "
                "official one has: remove it"
            )
    return folder


def is_image(name: str) -> bool:
    """Whether a file is an image, by its name; other systems leave hidden files beside them."""
    hidden = any(part.startswith(".") and part != "." for part in name.split("/"))
    return os.path.splitext(name)[1].lower() in SUFFIXES and not hidden


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, to be filled, which takes its place at the end, or vanishes.

    Where `path` is an empty folder, or a link to one, that is what is filled at the end.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield beside
        beside.chmod(0o755)
        if path.is_dir() and not any(path.iterdir()):  # it may be somebody's working directory
            for made in beside.iterdir():
                shutil.move(made, path / made.name)
            beside.rmdir()
        else:
            os.replace(beside, path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _check(archive: Path, member: Member) -> None:
    if "\\" in member.name or {"", ".."} & set(member.name.removesuffix("/").split("/")):
        raise ValueError(
            f"{archive} has a member that leads out of its folder, and was not unpacked: "
            f"'{member.name}'"
        )
    if member.kind == "other":
        raise ValueError(
            f"{archive} has a link or a device in it, and was not unpacked: '{member.name}'"
        )
    if member.size > LARGEST:
        raise ValueError(
            f"{archive} has a member of {member.size:,} bytes, and was not unpacked: "
            f"'{member.name}'"
        )


def _read_zipped(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with packed.open(info) as file:
        # With a number of bytes, no more than those are ever inflated; then the CRC is checked.
        return file.read(info.file_size + 1)


def _read_tarred(stream: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    content = stream.extractfile(entry)
    assert content is not None
    return content.read()


@contextmanager
def _whole(archive: Path) -> Iterator[None]:
    """What a broken archive raises, as a sentence."""
    try:
        yield
    except BROKEN as error:
        raise ValueError(
            f"{archive} is broken or cut short: remove it to fetch it again"
        ) from error

"""Archives: what is wanted comes out whole, and a hostile or broken one leaves nothing behind."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from resynthesis.app.opened import Samples
from resynthesis.data import read_npz, sprites
from resynthesis.data import unpack as unpacking
from resynthesis.data.celeba import CELEBA
from resynthesis.data.unpack import read_members, unpack
from resynthesis.data.zappos import is_zappos

GOOD = {f"set/{c}/{i}.png": f"{c}{i}".encode() * 9 for c in "ab" for i in range(3)}
Change = Callable[[zipfile.ZipFile | tarfile.TarFile], None]


def zipped(path: Path, files: dict[str, bytes], change: Change = lambda archive: None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        change(archive)
    return path


def tarred(path: Path, files: dict[str, bytes], change: Change = lambda archive: None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        change(archive)
    return path


def pack(folder: Path, kind: str, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    return (zipped if kind == "zip" else tarred)(folder / f"set.{kind}", files)


def bring(archive: Path, folder: Path, **other: object) -> Path:
    settings = {"inside": "set", "files": range(6, 7), "total": 10_000, **other}
    return unpack(archive, folder / "set", **settings)  # type: ignore[arg-type]


def refused(archive: Path, folder: Path, says: str, **other: object) -> None:
    """Nothing is there afterwards that was not there before."""
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(ValueError, match=says) as caught:
        bring(archive, folder, **other)
    assert str(archive) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(p for p in folder.parent.rglob("*") if p != folder) == [
        p for p in before if p != folder
    ]
    assert not folder.exists() or not any(folder.iterdir())


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_what_is_wanted_comes_out(tmp_path: Path, kind: str) -> None:
    others = {
        "set/readme.txt": b"no image",
        "set/a/._0.png": b"of another system",
        "set/.hidden/0.png": b"hidden",
        "__MACOSX/set/a/0.png": b"beside",
        "other/set/a/0.png": b"elsewhere",
        "settings/a.png": b"another name",
    }
    archive = pack(tmp_path / "from", kind, {**others, **GOOD})
    folder = bring(archive, tmp_path / "to")
    found = {f"set/{p.relative_to(folder)}": p for p in folder.rglob("*") if p.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == GOOD
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["set"]
    assert folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", ["zip", "tgz"])
@pytest.mark.parametrize(
    "name",
    [
        *("../evil.png", "/tmp/evil.png", "set/../../evil.png", "set\\..\\evil.png"),
        *("set/a/../../../e", "set//{outside}/evil.png", "./set//{outside}/e.png"),
    ],
)
def test_paths_that_lead_out(tmp_path: Path, kind: str, name: str) -> None:
    name = name.format(outside=tmp_path / "outside")
    archive = pack(tmp_path / "from", kind, {**dict(list(GOOD.items())[1:]), name: b"evil"})
    refused(archive, tmp_path / "to", "leads out of its folder")


@pytest.mark.parametrize(
    "type_", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar(tmp_path: Path, type_: bytes) -> None:
    def add(archive: tarfile.TarFile) -> None:
        member = tarfile.TarInfo("set/a/link.png")
        member.type, member.linkname = type_, "/etc/passwd"
        archive.addfile(member)

    refused(tarred(tmp_path / "set.tgz", GOOD, add), tmp_path / "to", "a link or a device")


def test_links_in_a_zip(tmp_path: Path) -> None:
    def add(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("set/a/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")

    refused(zipped(tmp_path / "set.zip", GOOD, add), tmp_path / "to", "a link or a device")


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_bombs(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large = pack(tmp_path / "from", kind, {**GOOD, "set/large.png": bytes(5_000)})
    refused(large, tmp_path / "to", "more in it than the official one", total=4_000)
    many = pack(tmp_path / "from", kind, {**GOOD, "set/more.png": b"1", "set/most.png": b"2"})
    refused(many, tmp_path / "to", "more in it than the official one")
    monkeypatch.setattr(unpacking, "LARGEST", 4_999)
    refused(
        pack(tmp_path / "from", kind, {**GOOD, "other.bin": bytes(5_000)}),
        tmp_path / "to",
        "a member of 5,000 bytes",
    )


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    """A megabyte of zeros that claims to be ten bytes: no more than those are ever inflated."""
    archive = zipped(tmp_path / "set.zip", {**GOOD, "set/bomb.png": bytes(1 << 20)})
    raw = bytearray(archive.read_bytes())
    size = (1 << 20).to_bytes(4, "little")
    assert raw.count(size) == 2  # before the member, and in the list at the end
    archive.write_bytes(bytes(raw.replace(size, (10).to_bytes(4, "little"))))
    refused(archive, tmp_path / "to", "broken or cut short", files=range(7, 8))


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_too_few_files(tmp_path: Path, kind: str) -> None:
    files = dict(list(GOOD.items())[:5])
    refused(
        pack(tmp_path / "from", kind, files), tmp_path / "to", "has 5 of the 6 files below set/"
    )


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_broken_archives(tmp_path: Path, kind: str) -> None:
    """Cut off anywhere, or with any byte changed, all comes out right or nothing does."""
    whole = pack(tmp_path / "from", kind, GOOD).read_bytes()
    archive = tmp_path / f"broken.{kind}"
    damaged = [whole[:at] for at in range(0, len(whole), 37)]
    damaged += [
        whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(0, len(whole), 7)
    ]
    said = []
    for i, raw in enumerate(damaged):
        archive.write_bytes(raw)
        folder = tmp_path / f"to-{i}"
        try:
            bring(archive, folder)
        except ValueError as error:
            said.append(str(error))
        left = {str(p.relative_to(folder)): p for p in folder.rglob("*.png")}
        assert not left or {name: p.read_bytes() for name, p in left.items()} == GOOD
    assert len(said) > len(whole) // 37
    assert all(f"broken.{kind}" in words and len(words.splitlines()) == 1 for words in said)


def test_reading_without_unpacking(tmp_path: Path) -> None:
    for kind in ("zip", "tgz"):
        archive = pack(tmp_path / kind, kind, {**GOOD, "set/large.png": bytes(500)})
        before = sorted(tmp_path.rglob("*"))
        assert read_members(archive, lambda name: name.startswith("set/"), largest=400) == GOOD
        with pytest.raises(ValueError, match="more than the 1 files"):
            read_members(archive, lambda name: name.startswith("set/"), most=1)
        assert sorted(tmp_path.rglob("*")) == before


def with_heads(path: Path, at: int, content: bytes) -> None:
    """Writes into the head of each member of a .zip, and into its copy at the archive's end."""
    raw = bytearray(path.read_bytes())
    for head, start in ((b"PK\x03\x04", at), (b"PK\x01\x02", at + 2)):
        found = raw.find(head)
        while found >= 0:
            raw[found + start : found + start + len(content)] = content
            found = raw.find(head, found + 1)
    path.write_bytes(raw)


def encrypted(path: Path) -> None:
    with_heads(path, 6, b"\x01")


def in_an_unknown_compression(path: Path) -> None:
    with_heads(path, 8, b"\x63")


def of_a_later_version(path: Path) -> None:
    with_heads(path, 4, b"\xff")


def damaged(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    raw = bytearray(path.read_bytes())
    for info in archive.infolist():
        start = info.header_offset + 30 + len(info.filename) + 9
        raw[start : start + 8] = b"\xff" * 8
    path.write_bytes(raw)


@pytest.mark.parametrize(
    "spoil", [encrypted, in_an_unknown_compression, of_a_later_version, damaged]
)
def test_archives_that_cannot_be_read_are_refused(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    archive = zipped(tmp_path / "set.zip", GOOD)
    spoil(archive)
    refused(archive, tmp_path / "to", "broken or cut short")
    assert not is_zappos(archive)
    arrays = tmp_path / "arrays.npz"
    np.savez(arrays, images=np.zeros((3, 8, 8), np.uint8), latents_classes=np.zeros(9))
    spoil(arrays)
    with pytest.raises(ValueError, match=r"arrays\.npz is not a readable \.npz archive"):
        read_npz(arrays)
    with pytest.raises(ValueError, match=r"arrays\.npz is broken, or not dSprites"):
        sprites.unpack(arrays)
    arrays.write_bytes(Samples({}).to_npz())
    spoil(arrays)
    with pytest.raises(ValueError, match="the archive of samples is broken"):
        Samples.from_npz(arrays.read_bytes())


def test_images_that_are_there_are_not_written_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder may be read-only, so nothing is locked in it."""
    monkeypatch.setattr("resynthesis.data.pictures.lock", None)
    there = tmp_path / CELEBA.homes[0] / CELEBA.inside
    there.mkdir(parents=True)
    assert CELEBA.bring(tmp_path) == there

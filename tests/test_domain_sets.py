"""Sets for translation: the recipe of MNIST-M, its photographs, its official files, USPS, SVHN."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from resynthesis.data import DataConfig, blended, load, numerals, photographs
from resynthesis.data.archives import read_mat
from resynthesis.data.blended import HALF, blend, halves
from resynthesis.data.digits import read_digits
from resynthesis.data.download import DownloadError, digest
from resynthesis.data.folder import Folder
from resynthesis.data.photographs import BSDS_INSIDE, checksum, read_archive, read_bsds

from .conftest import left_in

# Of pixels and labels: every build, on every machine, gives these bytes.
CHECKSUMS = {
    ("mnist-m", 28): "26087e93cc239c7bae3c8167f457d9b1386f410b230a0c5af6cef2f2bf87386d",
    ("mnist-m", 32): "a456d76f9a802e369c77cdff26ed49f67a54327ed89da98d64cfe1ebfd96afb0",
    ("mnist-m-unseen", 28): "494ad89aae61285e89119cab92901c738ac436da4516a85b790f682b7b22c8e2",
    ("mnist-m-unseen", 32): "ef0057603ad9430b10e026965be9058c23837cccc16edecf803e0aa0d7dfa05e",
    ("digits-m", 28): "796989977eb4cba5948d77f7a1d7339f4edd5ffae04402f8b464e5d8e14efde2",
    ("digits-m", 32): "453fbb87a1cb63dcdf7cdb84a3039d2feb9ede80ec18c6548ec02060e3adbf2d",
}


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


# The recipe


def noise(random: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(random.integers(0, 256, shape, dtype=np.uint8))


def where() -> torch.Tensor:
    """A photograph (3, 20, 30) whose pixels say in which row and column they are."""
    row, column = torch.meshgrid(torch.arange(20), torch.arange(30), indexing="ij")
    return torch.stack([row, column, row * 0]).byte()


def test_blend_is_the_difference_to_a_crop(random: np.random.Generator) -> None:
    digits = torch.from_numpy(random.random((50, 1, 8, 8)) < 0.4)
    pictures = [noise(random, 3, 12, 11), noise(random, 3, 8, 8)]
    for image, digit in zip(blend(digits, pictures, "key").numpy(), digits.numpy(), strict=True):
        crops = [
            picture[:, top : top + 8, left : left + 8].numpy().astype(int)
            for picture in pictures
            for top in range(picture.shape[1] - 7)
            for left in range(picture.shape[2] - 7)
        ]
        assert sum(np.array_equal(image, np.abs(c - digit * 255)) for c in crops) == 1


def test_crops_lie_anywhere_inside() -> None:
    empty = torch.zeros(5000, 1, 8, 8, dtype=torch.bool)
    crops = blend(empty, [where()], 0)
    top, left = crops[:, 0, 0, 0], crops[:, 1, 0, 0]
    assert sorted(top.unique().tolist()) == list(range(13))
    assert sorted(left.unique().tolist()) == list(range(23))
    assert torch.equal(crops[:, 0, 7, 7], top + 7)
    assert torch.equal(crops[:, 1, 7, 7], left + 7)


def test_blending_depends_on_the_key_alone() -> None:
    empty = torch.zeros(40, 1, 8, 8, dtype=torch.bool)
    a, b, c = (blend(empty, [where(), where()], "name", key) for key in ("x", "x", "y"))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_a_photograph_must_be_large_enough() -> None:
    with pytest.raises(ValueError, match="at least 24x24"):
        blend(torch.zeros(1, 1, 24, 24, dtype=torch.bool), [where()])


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128])
def test_digits_m_has_the_parts_and_strokes_of_digits(size: int) -> None:
    ours, grey = (load(DataConfig(data=name, size=size)) for name in ("digits-m", "digits"))
    assert ours.checksum == CHECKSUMS.get(("digits-m", size), ours.checksum)
    assert ours.shape == (3, size, size)
    for a, b in zip(ours.parts.values(), grey.parts.values(), strict=True):
        assert torch.equal(a.labels, b.labels)
    shades, labels = read_digits(size)
    flat = blended.blend(shades > HALF, [torch.zeros(3, 128, 128, dtype=torch.uint8)])
    assert torch.equal(flat[:, :1] == 255, shades > HALF)
    assert (shades - HALF).abs().min() > 1e-5  # so that rounding decides over no pixel
    assert len(labels) == sum(map(len, ours.parts.values()))


def test_mnist_m_of_real_photographs(shared_data: Path) -> None:
    if not (shared_data / "bsds500").is_dir():
        pytest.skip("the photographs are not beside this checkout (shared/data/bsds500)")
    ours, grey = (
        load(DataConfig(data=name, data_dir=shared_data, size=28)) for name in ("mnist-m", "mnist")
    )
    for (name, size), expected in CHECKSUMS.items():
        if name.startswith("mnist-m"):
            built = load(DataConfig(data=name, data_dir=shared_data, size=size))
            assert built.checksum == expected
    for a, b in zip(ours.parts.values(), grey.parts.values(), strict=True):
        assert torch.equal(a.labels, b.labels)
    backgrounds = read_bsds(shared_data)
    key = ("mnist-m", "test")
    there = blend(torch.zeros(10_000, 1, 28, 28, dtype=torch.bool), backgrounds, *key)
    difference = (there.int() - (grey.test.images > 0) * 255).abs()
    assert torch.equal(ours.test.images.int(), difference)


def test_unseen_photographs_are_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [torch.full((3, 30, 30), i, dtype=torch.uint8) for i in range(200)]
    blank = torch.zeros(1200, 1, 28, 28, dtype=torch.uint8), torch.arange(1200) % 10
    monkeypatch.setattr(blended, "read_bsds", lambda folder: plain)
    monkeypatch.setattr(blended, "read_mnist", lambda folder: (blank, blank))
    data = load(DataConfig(data="mnist-m-unseen", data_dir=tmp_path, size=28))
    train, valid, test = ({int(v) for v in p.images.unique()} for p in data.parts.values())
    assert not (train | valid) & test
    assert len(train | valid) == len(test) == 100
    assert test == {int(p[0, 0, 0]) for p in halves(plain)[1]}
    whole = load(DataConfig(data="mnist-m", data_dir=tmp_path, size=28))
    assert len(whole.test.images.unique()) > 190


# The photographs


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, random: np.random.Generator) -> dict[str, bytes]:
    """Three small photographs that are taken for the official 200."""
    files = {}
    for i in range(3):
        file = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (40, 30 + i, 3), dtype=np.uint8)).save(file, "JPEG")
        files[f"{i}.jpg"] = file.getvalue()
    monkeypatch.setattr(photographs, "BSDS_CHECKSUM", checksum(files))
    return files


def pack(path: Path, files: dict[str, bytes], *, also: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    """An archive like the official one, with members `also` in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    members = [tarfile.TarInfo(BSDS_INSIDE + name) for name in files]
    content = {BSDS_INSIDE + name: raw for name, raw in files.items()}
    with tarfile.open(path, "w:gz") as archive:
        for member in (*members[:1], *also, *members[1:]):
            raw = content.get(member.name, b"evil" * 10)
            member.size = (member.size or len(raw)) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(raw.ljust(member.size)) if member.isreg() else None)
    return path


def unpack(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return folder


@pytest.mark.parametrize(
    "place",
    ["bsds500/train", BSDS_INSIDE, "bsds500/BSR_bsds500.tgz", "BSR_bsds500.tgz"],
)
def test_photographs_are_found(tmp_path: Path, official: dict[str, bytes], place: str) -> None:
    if place.endswith(".tgz"):
        pack(tmp_path / place, official)
    else:
        folder = unpack(tmp_path / place, official)
        (folder / "Thumbs.db").write_bytes(b"left by another system")
        (folder / "._0.jpg").write_bytes(b"and by yet another")
    found = read_bsds(tmp_path)
    assert [tuple(p.shape) for p in found] == [(3, 40, 30 + i) for i in range(3)]
    expected = np.asarray(Image.open(io.BytesIO(official["2.jpg"]))).transpose(2, 0, 1)
    assert np.array_equal(found[2].numpy(), expected)


def test_photographs_are_fetched(
    tmp_path: Path, official: dict[str, bytes], serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(tmp_path / "mirror" / "wrong" / "BSR_bsds500.tgz", {"0.jpg": official["0.jpg"]})
    pack(tmp_path / "mirror" / "right" / "BSR_bsds500.tgz", official)
    (tmp_path / "mirror" / "page").mkdir()
    (tmp_path / "mirror" / "page" / "BSR_bsds500.tgz").write_text("<html>")
    mirrors = tuple(f"{serve}/{name}" for name in ("wrong", "page", "right"))
    monkeypatch.setattr(photographs, "BSDS_MIRRORS", mirrors)
    assert len(read_bsds(tmp_path / "cache")) == 3
    kept = left_in(tmp_path / "cache", "**/*")
    assert kept == {"bsds500", "bsds500/BSR_bsds500.tgz"}
    monkeypatch.setattr(photographs, "BSDS_MIRRORS", mirrors[:2])
    with pytest.raises(DownloadError, match="cannot download BSR_bsds500"):
        read_bsds(tmp_path / "other")
    with pytest.raises(DownloadError, match=r"BSR_bsds500.*; and train-images-idx3-ubyte\.gz, "):
        load(DataConfig(data="mnist-m", data_dir=tmp_path / "other"))


def test_other_photographs_are_refused(tmp_path: Path, official: dict[str, bytes]) -> None:
    official.pop("1.jpg")
    unpack(tmp_path / "a" / "bsds500" / "train", official)
    pack(tmp_path / "b" / "BSR_bsds500.tgz", official)
    pack(tmp_path / "c" / "BSR_bsds500.tgz", {})
    for name in "abc":
        with pytest.raises(ValueError, match=f"{name}/.*does not hold the 200 official"):
            read_bsds(tmp_path / name)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-200], lambda raw: b"none", lambda raw: b""])
def test_a_broken_archive_is_named(tmp_path: Path, official: dict[str, bytes], damage) -> None:
    path = pack(tmp_path / "BSR_bsds500.tgz", official)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"BSR_bsds500\.tgz (is broken|does not hold)"):
        read_bsds(tmp_path)


def test_an_archive_cannot_write(tmp_path: Path, official: dict[str, bytes]) -> None:
    evil = []
    for name in (
        "../../evil.jpg",
        str(tmp_path / "evil.jpg"),
        BSDS_INSIDE + "../../evil.jpg",
        BSDS_INSIDE + "below/evil.jpg",
        BSDS_INSIDE + "/evil.jpg",
        BSDS_INSIDE + ".jpg",
        "evil/" + BSDS_INSIDE + "evil.jpg",
        "evil.jpg",
    ):
        evil.append(tarfile.TarInfo(name))
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        member = tarfile.TarInfo(BSDS_INSIDE + "link.jpg")
        member.type, member.linkname = kind, "/etc/passwd"
        evil.append(member)
    large = tarfile.TarInfo(BSDS_INSIDE + "large.jpg")
    large.size = photographs.LARGEST + 1
    pack(tmp_path / "set" / "deep" / "BSR_bsds500.tgz", official, also=(*evil, large))
    before = sorted(tmp_path.rglob("*"))
    assert read_archive(tmp_path / "set" / "deep" / "BSR_bsds500.tgz") == official
    assert len(read_bsds(tmp_path / "set" / "deep")) == 3
    assert sorted(tmp_path.rglob("*")) == before


def test_the_real_photographs_are_official(shared_data: Path) -> None:
    if not (shared_data / "bsds500").is_dir():
        pytest.skip("the photographs are not beside this checkout (shared/data/bsds500)")
    found = read_bsds(shared_data)
    assert len(found) == 200
    assert {tuple(p.shape) for p in found} == {(3, 321, 481), (3, 481, 321)}


# The official MNIST-M


@pytest.fixture
def pngs(tmp_path: Path, random: np.random.Generator) -> Path:
    """Eighteen training and five test images, with lists of their labels."""
    folder = tmp_path / "mnist_m"
    for part, n in (("mnist_m_train", 18), ("mnist_m_test", 5)):
        (folder / part).mkdir(parents=True)
        for i in range(n):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            pixels[..., 0] = i
            Image.fromarray(pixels).save(folder / part / f"{i:08d}.png")
        lines = [f"{i:08d}.png {i % 10}\n" for i in reversed(range(n))]
        (folder / f"{part}_labels.txt").write_text("".join(lines))
    return folder


@pytest.mark.parametrize("memory", [2.0, 1e-9])
def test_official_mnist_m(pngs: Path, memory: float) -> None:
    data = load(DataConfig(data=str(pngs), memory=memory, strict=True))
    assert isinstance(data.train, Folder) == (memory < 1)
    assert [len(part) for part in data.parts.values()] == [15, 3, 5]
    assert (data.name, data.shape, data.notes) == ("mnist_m", (3, 32, 32), ())
    assert data.classes == tuple("0123456789")
    for part in data.parts.values():
        x, y = part.take(torch.arange(len(part)))
        number = ((x[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(number % 10, y)
    assert data.test.labels.tolist() == [4, 3, 2, 1, 0]  # as they are listed


def test_official_mnist_m_by_class(pngs: Path) -> None:
    data = load(DataConfig(data=str(pngs), classes=("3", "1")))
    assert data.classes == ("3", "1")
    assert data.test.labels.tolist() == [0, 1]


def add_line(line: str):
    def change(folder: Path) -> None:
        with (folder / "mnist_m_train_labels.txt").open("a") as file:
            file.write(line)

    return change


def halve(folder: Path) -> None:
    path = folder / "mnist_m_test" / "00000001.png"
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "mnist_m_train" / "00000002.png").unlink(), "00000002.png, which is not"),
        (halve, "00000001.png is broken"),
        (add_line("00000003.png 3\n"), "line 19 of .* names 00000003.png again"),
        (add_line("00000099.png 3\n"), "line 19 of .* names 00000099.png, which is not there"),
        (add_line("00000003.png\n"), "is no file name and digit: '00000003.png'"),
        (add_line("00000003.png 10\n"), "is no file name and digit"),
        (add_line("7\n"), "is no file name and digit"),
        (add_line(".. 7\n"), "names .., which is not there"),
        (add_line("\x00\xff 7 \n"), "which is not there"),
        (lambda f: Image.new("RGB", (9, 9)).save(f / "mnist_m_train" / "a.png"), "a.png has no"),
    ],
)
def test_flaws_of_mnist_m_are_noted_or_refused(pngs: Path, change, says: str) -> None:
    change(pngs)
    data = load(DataConfig(data=str(pngs)))
    assert len(data.notes) == 1
    assert data.notes[0].startswith("skipped 1 of the files: ")
    assert sum(map(len, data.parts.values())) in (22, 23)
    with pytest.raises(ValueError, match=f"{says}.*leave out --strict") as caught:
        load(DataConfig(data=str(pngs), strict=True))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/b.png", "..\\secret.png"])
def test_a_list_cannot_lead_out_of_its_folder(pngs: Path, name: str) -> None:
    Image.new("RGB", (32, 32)).save(pngs / "secret.png")
    add_line(f"{name} 3\n")(pngs)
    with pytest.raises(ValueError, match="leads out of its folder"):
        load(DataConfig(data=str(pngs)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "mnist_m_test_labels.txt").unlink(), "has no mnist_m_test_labels.txt"),
        (lambda f: (f / "mnist_m_test").rename(f / "elsewhere"), "has no mnist_m_test,"),
        (lambda f: (f / "mnist_m_train").rename(f / "elsewhere"), "has no mnist_m_train,"),
        (lambda f: (f / "mnist_m_train_labels.txt").write_text("\n"), "names no image"),
        (lambda f: (f / "mnist_m_train_labels.txt").write_bytes(b"\xff\x00\n"), "names no image"),
        (lambda f: (f / "mnist_m_train_labels.txt").write_text("00000000.png 0"), "at least 6"),
    ],
)
def test_half_an_mnist_m_is_refused(pngs: Path, change, says: str) -> None:
    change(pngs)
    with pytest.raises(ValueError, match=says):
        load(DataConfig(data=str(pngs)))


# USPS


def digits_of_usps(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 256) in [-1, 1], in steps of 1/4, some of them 0, and digits (n,)."""
    return random.integers(-4, 5, (n, 256)) / 4, np.arange(n) % 10


def libsvm(pixels: np.ndarray, digits: np.ndarray) -> bytes:
    lines = [
        " ".join([f"{d + 1}", *(f"{i}:{v:g}" for i, v in enumerate(row, 1) if v)]) + " \n"
        for row, d in zip(pixels, digits, strict=True)
    ]
    return bz2.compress("".join(lines).encode())


def zipped(pixels: np.ndarray, digits: np.ndarray) -> bytes:
    lines = [
        " ".join([f"{d:.4f}", *(f"{v:.4f}" for v in row)]) + " \n"
        for row, d in zip(pixels, digits, strict=True)
    ]
    return gzip.compress("".join(lines).encode())


@pytest.mark.parametrize("place", ["usps", "."])
@pytest.mark.parametrize(
    ("names", "write"),
    [(("usps.bz2", "usps.t.bz2"), libsvm), (("zip.train.gz", "zip.test.gz"), zipped)],
)
def test_usps(tmp_path: Path, random: np.random.Generator, place: str, names, write) -> None:
    parts = [digits_of_usps(random, n) for n in (30, 12)]
    (tmp_path / place).mkdir(exist_ok=True)
    for name, part in zip(names, parts, strict=True):
        (tmp_path / place / name).write_bytes(write(*part))
    data = load(DataConfig(data="usps", data_dir=tmp_path, size=16))
    assert [len(part) for part in data.parts.values()] == [25, 5, 12]
    assert data.classes == tuple("0123456789")
    pixels, digits = parts[1]
    expected = np.rint((pixels.astype(np.float32) + 1) * np.float32(127.5)).reshape(-1, 1, 16, 16)
    assert np.array_equal(data.test.images.numpy(), expected)
    assert data.test.labels.tolist() == digits.tolist()
    training = torch.cat([data.train.labels, data.valid.labels])
    assert torch.bincount(training).tolist() == [3] * 10


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"hello\n", "is broken"),
        (b"3 0:1\n", "is broken"),
        (b"3 257:1\n", "is broken"),
        (b"3 2:1 1:1\n", "is broken"),
        (b"3 99999999999999999999:1\n", "is broken"),
        (b"11 2:1\n", "labels that are no digits"),
        (b"0 2:1\n", "labels that are no digits"),
        (b"nan 2:1\n", "labels that are no digits"),
        (b"3 2:1.5\n", r"not in \[-1, 1\]"),
        (b"3 2:nan\n", r"not in \[-1, 1\]"),
        (b"", "at least 6"),
    ],
)
def test_broken_usps_of_libsvm(tmp_path: Path, text: bytes, says: str) -> None:
    for name in ("usps.bz2", "usps.t.bz2"):
        (tmp_path / name).write_bytes(bz2.compress(text))
    with pytest.raises(ValueError, match=f"usps.*{says}"):
        load(DataConfig(data="usps", data_dir=tmp_path))


LINE = b"6.0 " + b"-1.0 " * 256


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"hello\n", "is broken"),
        (LINE + b"0.5\n", "is broken"),
        (LINE + b"\n" + LINE[:-5], "is broken"),
        (b"\xff" + LINE, "is broken"),
        (LINE.replace(b"6.0", b"6.5"), "labels that are no digits"),
        (LINE.replace(b"6.0", b"10"), "labels that are no digits"),
        (LINE[:-5] + b"-7.0", r"not in \[-1, 1\]"),
        (LINE[:-5] + b"nan", r"not in \[-1, 1\]"),
        (b"", "at least 6"),
    ],
)
def test_broken_usps_of_text(tmp_path: Path, text: bytes, says: str) -> None:
    for name in ("zip.train.gz", "zip.test.gz"):
        (tmp_path / name).write_bytes(gzip.compress(text))
    with pytest.raises(ValueError, match=f"(zip|usps).*{says}"):
        load(DataConfig(data="usps", data_dir=tmp_path))


@pytest.mark.parametrize("damage", [lambda raw: raw[:-30], lambda raw: b"no archive"])
@pytest.mark.parametrize(
    ("names", "write"),
    [(("usps.bz2", "usps.t.bz2"), libsvm), (("zip.train.gz", "zip.test.gz"), zipped)],
)
def test_usps_cut_short(tmp_path: Path, random: np.random.Generator, names, write, damage) -> None:
    raw = write(*digits_of_usps(random, 12))
    (tmp_path / names[0]).write_bytes(raw)
    (tmp_path / names[1]).write_bytes(damage(raw))
    with pytest.raises(ValueError, match=f"{names[1]} is broken"):
        load(DataConfig(data="usps", data_dir=tmp_path))


def test_usps_is_fetched(
    tmp_path: Path, random: np.random.Generator, serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {}
    for name, (_, other) in numerals.USPS_FILES.items():
        (tmp_path / "mirror" / name).write_bytes(libsvm(*digits_of_usps(random, 12)))
        files[name] = (digest(tmp_path / "mirror" / name, "sha256"), other)
    monkeypatch.setattr(numerals, "USPS_MIRRORS", (serve,))
    monkeypatch.setattr(numerals, "USPS_FILES", files)
    data = load(DataConfig(data="usps", data_dir=tmp_path / "cache"))
    assert [len(part) for part in data.parts.values()] == [10, 2, 12]
    assert left_in(tmp_path / "cache" / "usps") == set(files)


# SVHN


def svhn(path: Path, n: int, random: np.random.Generator, *, compressed: bool = True, **other):
    arrays = {
        "X": random.integers(0, 256, (32, 32, 3, n), dtype=np.uint8),
        "y": (np.arange(n) % 10 + 1).astype(np.uint8)[:, None],
        **other,
    }
    path.parent.mkdir(exist_ok=True, parents=True)
    scipy.io.savemat(path, arrays, do_compression=compressed)
    return arrays["X"]


@pytest.mark.parametrize("place", ["svhn", "."])
@pytest.mark.parametrize("compressed", [True, False])
def test_svhn(tmp_path: Path, random: np.random.Generator, place: str, compressed: bool) -> None:
    svhn(tmp_path / place / "train_32x32.mat", 40, random, compressed=compressed)
    x = svhn(
        tmp_path / place / "test_32x32.mat",
        20,
        random,
        compressed=compressed,
        a_cell=np.array([{"x": 1}, "more"], dtype=object),
        text="ignored",
        y=(np.arange(20) % 10 + 1.0)[:, None],
    )
    data = load(DataConfig(data="svhn", data_dir=tmp_path))
    assert [len(part) for part in data.parts.values()] == [36, 4, 20]
    assert np.array_equal(data.test.images.numpy(), x.transpose(3, 2, 0, 1))
    assert data.test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2
    training = torch.cat([data.train.labels, data.valid.labels])
    assert torch.bincount(training).tolist() == [4] * 10


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"X": np.zeros((32, 32, 3, 20))}, "has no X"),
        ({"X": np.zeros((20, 32, 32, 3), dtype=np.uint8)}, "has no X"),
        ({"X": np.zeros((32, 32, 3), dtype=np.uint8)}, "has no X"),
        ({"X": np.array([{}] * 3, dtype=object)}, "has no X"),
        ({"y": np.ones((19, 1), dtype=np.uint8)}, "has no X"),
        ({"y": np.ones((20, 2), dtype=np.uint8)}, "has no X"),
        ({"y": np.ones((20, 1), dtype=complex)}, "has no X"),
        ({"y": np.array([{}] * 20, dtype=object)[:, None]}, "has no X"),
        ({"y": "labels"}, "has no X"),
        ({"y": np.zeros((20, 1), dtype=np.uint8)}, "not from 1 to 10"),
        ({"y": np.full((20, 1), 11, dtype=np.uint8)}, "not from 1 to 10"),
        ({"y": np.full((20, 1), 1.5)}, "not from 1 to 10"),
        ({"y": np.full((20, 1), np.nan)}, "not from 1 to 10"),
    ],
)
def test_other_arrays_than_svhns(
    tmp_path: Path, random: np.random.Generator, other: dict, says: str
) -> None:
    svhn(tmp_path / "train_32x32.mat", 20, random, **other)
    with pytest.raises(ValueError, match=f"train_32x32.mat .*{says}"):
        load(DataConfig(data="svhn", data_dir=tmp_path))


@pytest.mark.parametrize("compressed", [True, False])
def test_broken_mat(tmp_path: Path, random: np.random.Generator, compressed: bool) -> None:
    path = tmp_path / "train_32x32.mat"
    svhn(path, 3, random, compressed=compressed)
    whole = path.read_bytes()
    broken = [whole[:at] for at in range(0, len(whole), 131)]
    for at in [*range(120, 260), *range(260, len(whole), 97), *range(len(whole) - 40, len(whole))]:
        broken.append(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    said = []
    for raw in broken:
        path.write_bytes(raw)
        try:
            numerals.read_svhn(path)  # a changed pixel is no error
        except ValueError as error:
            said.append(str(error))
    assert len(said) > len(whole) // 131
    assert all("train_32x32.mat" in words and len(words.splitlines()) == 1 for words in said)


def test_mat_is_what_scipy_wrote(tmp_path: Path, random: np.random.Generator) -> None:
    kinds = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
    arrays = {f"of_{kind}": (random.random((3, 2, 4)) * 100).astype(kind) for kind in kinds}
    arrays |= {"a": np.array([[1, 2]], dtype=np.uint8), "empty": np.zeros((0, 3))}
    for compressed in (True, False):
        scipy.io.savemat(tmp_path / "a.mat", arrays, do_compression=compressed)
        read = read_mat(tmp_path / "a.mat")
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            assert np.array_equal(read[name], array)


def test_svhn_is_fetched(
    tmp_path: Path, random: np.random.Generator, serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {}
    for name in numerals.SVHN_FILES:
        svhn(tmp_path / "mirror" / name, 20, random)
        files[name] = digest(tmp_path / "mirror" / name, "sha256")
    monkeypatch.setattr(numerals, "SVHN_MIRRORS", (serve,))
    monkeypatch.setattr(numerals, "SVHN_FILES", files)
    data = load(DataConfig(data="svhn", data_dir=tmp_path / "cache", size=16))
    assert [len(part) for part in data.parts.values()] == [18, 2, 20]
    assert left_in(tmp_path / "cache" / "svhn") == set(files)

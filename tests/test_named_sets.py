"""Named sets on tiny files in their official formats, right and wrong, fetched and found."""

from __future__ import annotations

import io
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from resynthesis.data import (
    SETS,
    DataConfig,
    celeba,
    cifar,
    download,
    flowers,
    load,
    mnist,
    numerals,
    photographs,
    sprites,
    tiny_imagenet,
    zappos,
)
from resynthesis.data.download import DownloadError, digest
from resynthesis.data.folder import Folder
from resynthesis.data.mnist import IdxSet
from resynthesis.data.pictures import Pictures

from .conftest import left_in
from .test_data import write_idx
from .test_domain_sets import svhn
from .test_download import registered
from .test_unpack import tarred, zipped


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may leave this machine."""

    def open_here(request: object, **settings: object) -> object:
        if "127.0.0.1" not in request.full_url:  # type: ignore[attr-defined]
            raise OSError("no network")
        return real(request, **settings)

    real = download.urllib.request.urlopen
    monkeypatch.setattr(download.urllib.request, "urlopen", open_here)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)


def picture(number: int, size: tuple[int, int] = (20, 16)) -> bytes:
    """A small PNG of one colour, whatever its name says."""
    file = io.BytesIO()
    Image.new("RGB", size, (number % 256, number // 256, 99)).save(file, "PNG")
    return file.getvalue()


def numbers(part: torch.utils.data.Dataset) -> list[int]:
    """What `picture` was given for each image of a part."""
    x, _ = part.take(torch.arange(len(part)))
    values = ((x[:, :, 0, 0] + 1) * 127.5).round().long()
    return (values[:, 0] + 256 * values[:, 1]).tolist()


# MNIST's format


def idx_files(folder: Path, *, suffix: str = ".gz", each: tuple[int, int] = (6, 1)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for part, n in zip(("train", "t10k"), each, strict=True):
        labels = np.arange(10 * n) % 10
        images = random.integers(0, 256, (10 * n, 28, 28))
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels)
    return folder


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "BALANCED", (6, 1))


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("kmnist", "kmnist"),
        ("kmnist", "KMNIST/raw"),
        ("fashion-mnist", "fashion-mnist"),
        ("fashion-mnist", "FashionMNIST/raw"),
    ],
)
@pytest.mark.parametrize("suffix", [".gz", ""])
def test_sets_in_mnists_format(few: None, tmp_path: Path, name: str, home: str, suffix) -> None:
    assert not SETS[name].here(tmp_path)
    idx_files(tmp_path / home, suffix=suffix)
    assert SETS[name].here(tmp_path)
    data = load(DataConfig(data=name, data_dir=tmp_path, size=28))
    assert [len(part) for part in data.parts.values()] == [50, 10, 10]
    assert (data.name, data.shape, len(set(data.classes))) == (name, (1, 28, 28), 10)
    assert data.test.labels.tolist() == list(range(10))


@pytest.mark.parametrize("name", ["kmnist", "fashion-mnist"])
def test_other_files_of_the_same_names(few: None, tmp_path: Path, name: str) -> None:
    idx_files(tmp_path)  # those of MNIST, which lie there bare
    with pytest.raises(DownloadError, match=r"put it, and train-labels.* into .*mnist by hand"):
        load(DataConfig(data=name, data_dir=tmp_path))
    idx_files(tmp_path / name, each=(5, 1))
    with pytest.raises(ValueError, match=r"train-labels.* is not the official one of"):
        load(DataConfig(data=name, data_dir=tmp_path))


def test_kmnist_is_fetched(
    few: None, tmp_path: Path, serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    idx_files(tmp_path / "mirror")
    wrong = idx_files(tmp_path / "mirror" / "wrong", each=(7, 2))
    sums = {
        name: digest(tmp_path / "mirror" / f"{name}.gz", "sha256") for name in mnist.KMNIST.archived
    }
    one = replace(mnist.KMNIST, mirrors=(f"{serve}/{wrong.name}", serve), archived=sums)
    monkeypatch.setattr(mnist, "KMNIST", one)
    data = load(DataConfig(data="kmnist", data_dir=tmp_path / "cache"))
    assert [len(part) for part in data.parts.values()] == [50, 10, 10]
    there = left_in(tmp_path / "cache" / "kmnist")
    assert there == {f"{name}.gz" for name in sums}


# SVHN with its extra part


def test_svhn_extra(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    svhn(tmp_path / "svhn" / "train_32x32.mat", 40, random)
    svhn(tmp_path / "svhn" / "test_32x32.mat", 20, random)
    assert not SETS["svhn-extra"].here(tmp_path)
    assert SETS["svhn"].here(tmp_path)
    with pytest.raises(DownloadError, match=r"extra_32x32\.mat \(.*: put it into .*svhn by hand"):
        load(DataConfig(data="svhn-extra", data_dir=tmp_path))
    x = svhn(tmp_path / "svhn" / "extra_32x32.mat", 60, random)
    data = load(DataConfig(data="svhn-extra", data_dir=tmp_path))
    assert [len(part) for part in data.parts.values()] == [90, 10, 20]
    both = torch.cat([data.train.images, data.valid.images])
    wanted = torch.from_numpy(x.transpose(3, 2, 0, 1).copy())
    assert all(bool((both == image).flatten(1).all(1).any()) for image in wanted)
    assert SETS["svhn-extra"].here(tmp_path)
    assert numerals.SVHN_FILES.keys().isdisjoint(numerals.SVHN_EXTRA_FILES)


# CIFAR-10


def cifar_files(n: int = 10) -> dict[str, bytes]:
    """The six files, whose images say which they are, and what else the archive has."""
    files = {"cifar-10-batches-bin/readme.html": b"<html>"}
    for f, name in enumerate((*cifar.TRAIN_FILES, *cifar.TEST_FILES)):
        records = np.zeros((n, cifar.RECORD), dtype=np.uint8)
        records[:, 0] = np.arange(n) % 10
        records[:, 1:1025], records[:, 1025:2049] = np.arange(n)[:, None], f
        files[f"cifar-10-batches-bin/{name}"] = records.tobytes()
    return files


@pytest.fixture
def tiny_cifar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar, "RECORDS", 10)


def cifar_archive(path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tarred(path, files)
    monkeypatch.setattr(cifar, "CIFAR_CHECKSUM", digest(path, "sha256"))


@pytest.mark.parametrize("packed", [True, False])
def test_cifar10(tiny_cifar: None, tmp_path: Path, packed: bool, monkeypatch) -> None:
    assert not SETS["cifar10"].here(tmp_path)
    for name, raw in ({} if packed else cifar_files()).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    if packed:
        cifar_archive(tmp_path / "cifar10" / cifar.CIFAR_ARCHIVE, cifar_files(), monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    data = load(DataConfig(data="cifar10", data_dir=tmp_path))
    assert [len(part) for part in data.parts.values()] == [45, 5, 10]
    assert data.classes[:2] == ("airplane", "automobile")
    assert data.test.labels.tolist() == list(range(10))
    assert data.test.images[:, 0, 5, 7].tolist() == list(range(10))
    assert data.test.images[:, 1].unique().tolist() == [5]
    assert not data.test.images[:, 2].any()
    assert sorted(tmp_path.rglob("*")) == before  # nothing is extracted
    assert SETS["cifar10"].here(tmp_path)


def drop(name: str) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.pop(f"cifar-10-batches-bin/{name}")


def swap(name: str, raw: bytes) -> Callable[[dict[str, bytes]], object]:
    return lambda files: files.update({f"cifar-10-batches-bin/{name}": raw})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("data_batch_3.bin"), r"data_batch_3\.bin in .* is missing or broken: it has 0 bytes"),
        (swap("test_batch.bin", bytes(cifar.RECORD * 9)), r"test_batch\.bin in .* is missing or"),
        (swap("test_batch.bin", b"\xff" * cifar.RECORD * 10), "labels that are not from 0 to 9"),
    ],
)
def test_broken_cifar10(tiny_cifar: None, tmp_path: Path, change, says: str, monkeypatch) -> None:
    files = cifar_files()
    change(files)
    cifar_archive(tmp_path / cifar.CIFAR_ARCHIVE, files, monkeypatch)
    with pytest.raises(ValueError, match=says):
        load(DataConfig(data="cifar10", data_dir=tmp_path))
    (tmp_path / cifar.CIFAR_ARCHIVE).write_bytes(b"another file")
    with pytest.raises(ValueError, match=r"binary\.tar\.gz is not the official one"):
        load(DataConfig(data="cifar10", data_dir=tmp_path))


def test_a_cifar10_archive_cannot_write(tiny_cifar: None, tmp_path: Path, monkeypatch) -> None:
    def add(archive: tarfile.TarFile) -> None:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../../evil"))

    path = tmp_path / "deep" / "er" / cifar.CIFAR_ARCHIVE
    path.parent.mkdir(parents=True)
    tarred(path, cifar_files(), add)
    monkeypatch.setattr(cifar, "CIFAR_CHECKSUM", digest(path, "sha256"))
    assert len(load(DataConfig(data="cifar10", data_dir=path.parent)).test) == 10
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


# CelebA

NAMES = [f"{i:06d}.jpg" for i in range(1, 13)]
COLUMNS = ["Bald", "Smiling", "Young"]


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A CelebA of twelve faces and three attributes, in its archive and its lists."""
    monkeypatch.setattr(celeba, "COLUMNS", 3)
    folder = tmp_path / "celeba"
    folder.mkdir()
    images = {f"img_align_celeba/{name}": picture(i, (18, 22)) for i, name in enumerate(NAMES)}
    archive = zipped(folder / "img_align_celeba.zip", images)
    one = replace(celeba.CELEBA, check=digest(archive, "sha256"), files=range(12, 13))
    monkeypatch.setattr(celeba, "CELEBA", one)
    rows = [f"{n} {' '.join(f'{2 * (i >> b & 1) - 1:2d}' for b in range(3))}\n" for i, n in rows_()]
    (folder / celeba.ATTRIBUTES).write_text(f"12\n{' '.join(COLUMNS)} \n" + "".join(rows))
    parts = [f"{name} {min(i // 4, 2)}\n" for i, name in rows_()]
    (folder / celeba.PARTS).write_text("".join(parts))
    return folder


def rows_() -> list[tuple[int, str]]:
    return list(enumerate(NAMES))


@pytest.mark.parametrize("memory", [2.0, 1e-9])
def test_celeba(faces: Path, memory: float) -> None:
    for _ in range(2):  # unpacked first, found then
        data = load(DataConfig(data="celeba", data_dir=faces.parent, size=16, memory=memory))
        assert isinstance(data.train, Folder) == (memory < 1)
        assert (data.classes, data.attributes, data.notes) == ((), tuple(COLUMNS), ())
        assert [numbers(part) for part in data.parts.values()] == [
            list(range(at, at + 4)) for at in (0, 4, 8)
        ]
        bits = [[i >> b & 1 for b in range(3)] for i in range(4, 8)]
        assert data.valid.labels.tolist() == bits
        assert data.valid.labels.dtype == torch.int64
        assert len(list((faces / "img_align_celeba").iterdir())) == 12
    (faces / "img_align_celeba.zip").unlink()  # no longer needed
    assert SETS["celeba"].here(faces.parent)
    assert len(load(DataConfig(data="celeba", data_dir=faces)).train) == 4  # pointed at itself


@pytest.fixture
def drive(faces: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A drive that gives files by the name in its query, from a folder that is empty at first."""
    shelf = faces.parent / "drive"
    shelf.mkdir()

    class Drive(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = shelf / parse_qs(urlsplit(self.path).query)["id"][0]
            if not wanted.exists():
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(wanted.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Drive) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/download?confirm=t&id="
        monkeypatch.setattr(celeba, "DRIVE", address)
        one = replace(celeba.CELEBA, mirrors=(f"{address}{celeba.CELEBA.archive}",))
        monkeypatch.setattr(celeba, "CELEBA", one)
        lists = {name: (name, digest(faces / name, "md5")) for name in celeba.LISTS}
        monkeypatch.setattr(celeba, "LISTS", lists)
        yield shelf
        server.shutdown()


def test_celeba_from_its_drive(faces: Path, drive: Path) -> None:
    for file in list(faces.iterdir()):
        file.rename(drive / file.name)
    assert not SETS["celeba"].here(faces.parent)
    data = load(DataConfig(data="celeba", data_dir=faces.parent, size=16))
    assert [len(part) for part in data.parts.values()] == [4, 4, 4]
    assert SETS["celeba"].here(faces.parent)


def test_celeba_says_what_to_put_where(faces: Path, drive: Path) -> None:
    (faces / "img_align_celeba.zip").unlink()
    (faces / celeba.PARTS).unlink()
    assert not SETS["celeba"].here(faces.parent)
    with pytest.raises(DownloadError) as caught:
        load(DataConfig(data="celeba", data_dir=faces.parent))
    said = str(caught.value)
    assert "cannot download list_eval_partition.txt" in said
    assert f"put it, and img_align_celeba.zip, into {faces} by hand" in said
    assert "list_attr" not in said


def rewrite(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


def test_a_face_that_is_missing_is_noted_or_refused(faces: Path) -> None:
    load(DataConfig(data="celeba", data_dir=faces.parent))
    (faces / "img_align_celeba" / NAMES[0]).unlink()
    data = load(DataConfig(data="celeba", data_dir=faces.parent))
    assert numbers(data.train) == [1, 2, 3]
    assert "skipped 1 of the files" in data.notes[0]
    with pytest.raises(ValueError, match=NAMES[0]):
        load(DataConfig(data="celeba", data_dir=faces.parent, strict=True))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (rewrite(celeba.ATTRIBUTES, lambda t: t.replace("12\n", "13\n", 1)), "promises 13 rows"),
        (rewrite(celeba.ATTRIBUTES, lambda t: t.replace("Bald ", "", 1)), "line 3 .* 4 cells"),
        (rewrite(celeba.ATTRIBUTES, lambda t: t.replace("12\n", "", 1)), "does not begin with"),
        (rewrite(celeba.ATTRIBUTES, lambda t: ""), "is empty"),
        (rewrite(celeba.ATTRIBUTES, lambda t: t.replace("000012", "000013")), "the same images"),
        (rewrite(celeba.ATTRIBUTES, lambda t: t.replace("000012", "../evil")), "not in its folder"),
        (rewrite(celeba.PARTS, lambda t: t.replace(" 2", " 3")), "line 9 of .*part"),
        (rewrite(celeba.PARTS, lambda t: t + t), "line 13 of .*no new image"),
        (rewrite(celeba.PARTS, lambda t: t[:-20]), "(line 11|do not name the same)"),
        (
            lambda f: (f / "img_align_celeba.zip").write_bytes(b"none"),
            r"img_align_celeba\.zip is not the official one",
        ),
    ],
)
def test_broken_celeba(faces: Path, change, says: str) -> None:
    change(faces)
    with pytest.raises(ValueError, match=says) as caught:
        load(DataConfig(data="celeba", data_dir=faces.parent))
    assert len(str(caught.value).splitlines()) == 1
    assert not (faces / "img_align_celeba").exists()


# UT Zappos50K


@pytest.fixture
def shoes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(zappos, "FILES", range(40, 41))
    monkeypatch.setattr(zappos, "ZAPPOS", replace(zappos.ZAPPOS, files=range(40, 41)))
    files = {
        f"{zappos.INSIDE}/{category}/Type {i % 2}/Brand No. {i}./{i}.jpg": picture(16 * i + c)
        for c, category in enumerate(zappos.CATEGORIES)
        for i in range(10)
    }
    (tmp_path / "zappos").mkdir()
    return zipped(tmp_path / "zappos" / "ut-zap50k-images-square.zip", files)


def test_zappos(shoes: Path, tmp_path: Path) -> None:
    data = load(DataConfig(data="zappos", data_dir=tmp_path, size=16))
    assert data.classes == ("Boots", "Sandals", "Shoes", "Slippers")
    assert [len(part) for part in data.parts.values()] == [32, 4, 4]
    for part in data.parts.values():
        assert [n % 16 for n in numbers(part)] == part.labels.tolist()
    again = load(DataConfig(data="zappos", data_dir=tmp_path, size=16, memory=1e-9))
    assert numbers(again.test) == numbers(data.test)


def test_zappos_is_fetched_and_known_by_what_is_in_it(
    shoes: Path, tmp_path: Path, serve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mirror" / "page").mkdir(parents=True)
    (tmp_path / "mirror" / "page" / shoes.name).write_text("<html>")
    shutil.move(shoes, tmp_path / "mirror" / shoes.name)
    mirrors = (f"{serve}/page", serve)
    monkeypatch.setattr(zappos, "ZAPPOS", replace(zappos.ZAPPOS, mirrors=mirrors))
    data = load(DataConfig(data="zappos", data_dir=tmp_path / "cache"))
    assert len(data.train) == 32


def test_a_part_of_zappos_is_refused(shoes: Path, tmp_path: Path) -> None:
    load(DataConfig(data="zappos", data_dir=tmp_path))
    shutil.rmtree(shoes.parent / zappos.INSIDE / "Shoes" / "Type 0")
    with pytest.raises(ValueError, match="has 35 images in 4 folders, and UT Zappos50K"):
        load(DataConfig(data="zappos", data_dir=tmp_path))


# Oxford Flowers 102


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty flowers, whose images are numbered from 1."""
    folder = tmp_path / "flowers102"
    folder.mkdir()
    images = {f"jpg/image_{i:05d}.jpg": picture(i) for i in range(1, 21)}
    archive = tarred(folder / "102flowers.tgz", images)
    kinds = (np.arange(20) % 102 + 1).astype(np.uint8)
    scipy.io.savemat(folder / flowers.LABELS, {"labels": kinds[None]})
    order = np.arange(20, 0, -1, dtype=np.uint16)[None]
    parts = {"trnid": order[:, :5], "valid": order[:, 5:9], "tstid": order[:, 9:]}
    scipy.io.savemat(folder / flowers.PARTS, parts)
    monkeypatch.setattr(
        flowers,
        "FLOWERS",
        replace(flowers.FLOWERS, check=digest(archive, "sha256"), files=range(20, 21)),
    )
    sums = {name: digest(folder / name, "sha256") for name in flowers.CHECKSUMS}
    monkeypatch.setattr(flowers, "CHECKSUMS", sums)
    return folder


def test_flowers(garden: Path) -> None:
    assert SETS["flowers102"].here(garden.parent)
    data = load(DataConfig(data="flowers102", data_dir=garden.parent, size=16))
    assert [len(part) for part in data.parts.values()] == [5, 4, 11]
    for part in data.parts.values():
        assert [n - 1 for n in numbers(part)] == part.labels.tolist()
    assert numbers(data.train) == [20, 19, 18, 17, 16]
    assert len(data.classes) == len(set(data.classes)) == 102
    assert (data.classes[0], data.classes[-1]) == ("pink primrose", "blackberry lily")
    assert "tiger lily" in data.classes
    assert all(name == " ".join(name.split()) for name in data.classes)


def test_other_flowers_are_refused(garden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scipy.io.savemat(garden / flowers.LABELS, {"labels": np.ones((1, 7), dtype=np.uint8)})
    with pytest.raises(ValueError, match=r"imagelabels\.mat is not the official one"):
        load(DataConfig(data="flowers102", data_dir=garden.parent))
    sums = {name: digest(garden / name, "sha256") for name in flowers.CHECKSUMS}
    monkeypatch.setattr(flowers, "CHECKSUMS", sums)
    with pytest.raises(ValueError, match="do not fit each other"):
        load(DataConfig(data="flowers102", data_dir=garden.parent))
    (garden / flowers.LABELS).unlink()
    (garden / "102flowers.tgz").unlink()
    with pytest.raises(DownloadError, match=r"imagelabels.* put it, and 102flowers\.tgz, into"):
        load(DataConfig(data="flowers102", data_dir=garden.parent))


# Tiny ImageNet

WNIDS = {"n02": "crane", "n01": "crane, bird", "n03": "goldfish, Carassius auratus"}


def tiny_files() -> dict[str, bytes]:
    files = {"wnids.txt": "\n".join(WNIDS).encode()}
    words = [f"{wnid}\t{name}" for wnid, name in {"n00": "thing", **WNIDS}.items()]
    files["words.txt"] = "\n".join(words).encode()
    for c, wnid in enumerate(WNIDS):
        for i in range(4):
            files[f"train/{wnid}/images/{wnid}_{i}.JPEG"] = picture(16 * i + c)
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b"boxes"
        files[f"val/images/val_{c}.JPEG"] = picture(c)
        files[f"test/images/test_{c}.JPEG"] = picture(c)
    lines = [f"val_{c}.JPEG\t{wnid}\t0\t0\t9\t9\n" for c, wnid in enumerate(WNIDS)]
    files["val/val_annotations.txt"] = "".join(lines).encode()
    return {f"tiny-imagenet-200/{name}": raw for name, raw in files.items()}


def tiny(folder: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    archive = zipped(folder / "tiny-imagenet-200.zip", files)
    one = replace(tiny_imagenet.TINY, check=f"md5:{digest(archive, 'md5')}", files=range(18, 19))
    monkeypatch.setattr(tiny_imagenet, "TINY", one)
    monkeypatch.setattr(tiny_imagenet, "PER_CLASS", 4)
    return folder


def test_tiny_imagenet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(tmp_path / "tiny-imagenet", tiny_files(), monkeypatch)
    data = load(DataConfig(data="tiny-imagenet", data_dir=tmp_path, size=16))
    assert [len(part) for part in data.parts.values()] == [11, 1, 3]
    assert data.classes == ("crane (n02)", "crane (n01)", "goldfish")
    assert numbers(data.test) == data.test.labels.tolist() == [0, 1, 2]
    for part in data.parts.values():
        assert [n % 16 for n in numbers(part)] == part.labels.tolist()
    assert not list(tmp_path.rglob("test_*"))


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("wnids.txt", b"../../n02\nn01\nn03", r"wnids\.txt is broken at '\.\./\.\./n02'"),
        ("wnids.txt", b"n02\nn01\nn03\nn04", "has 12 training images of 4 classes"),
        ("val/val_annotations.txt", b"../../evil.png\tn01\n", "annotations.txt is broken at"),
        ("val/val_annotations.txt", b"val_0.JPEG\tn77\n", "annotations.txt is broken at"),
        ("val/val_annotations.txt", b"val_0.JPEG n01\n", "annotations.txt is broken: remove"),
        ("words.txt", b"\xff\xfe", r"words\.txt is missing or broken"),
    ],
)
def test_broken_tiny_imagenet(
    tmp_path: Path, name: str, raw: bytes, says: str, monkeypatch
) -> None:
    files = {**tiny_files(), f"tiny-imagenet-200/{name}": raw}
    tiny(tmp_path / "tiny-imagenet", files, monkeypatch)
    with pytest.raises(ValueError, match=says):
        load(DataConfig(data="tiny-imagenet", data_dir=tmp_path))


# The list of sets


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_described_and_offline_says_what_to_do(name: str, tmp_path: Path) -> None:
    one = SETS[name]
    assert all((one.summary, one.images, one.licence, one.citation, one.download))
    assert one.here(tmp_path) == (one.download == "none")
    if one.download != "none" and name != "dsprites":  # which is then drawn here
        with pytest.raises(DownloadError, match="by hand") as caught:
            load(DataConfig(data=name, data_dir=tmp_path))
        assert str(tmp_path) in str(caught.value)


# The hosts that are asked without TLS; what comes from them is known by its checksum.
PLAIN = {
    "codh.rois.ac.jp",
    "cs231n.stanford.edu",
    "fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "ufldl.stanford.edu",
    "www.eecs.berkeley.edu",
}


def wanted() -> list[tuple[str, tuple[str, ...]]]:
    """Every file that a set fetches, and its mirrors."""
    archives: tuple[Pictures, ...] = (
        celeba.CELEBA,
        flowers.FLOWERS,
        tiny_imagenet.TINY,
        zappos.ZAPPOS,
    )
    idx: tuple[IdxSet, ...] = (mnist.MNIST, mnist.KMNIST, mnist.FASHION_MNIST)
    svhn_files = [*numerals.SVHN_FILES, *numerals.SVHN_EXTRA_FILES]
    return [
        *((one.archive, one.mirrors) for one in archives),
        *((f"{name}.gz", one.mirrors) for one in idx for name in one.archived),
        *((name, (celeba.DRIVE + at,)) for name, (at, _) in celeba.LISTS.items()),
        *((name, flowers.FLOWERS.mirrors) for name in flowers.CHECKSUMS),
        *((name, numerals.USPS_MIRRORS) for name in numerals.USPS_FILES),
        *((name, numerals.SVHN_MIRRORS) for name in svhn_files),
        (cifar.CIFAR_ARCHIVE, cifar.CIFAR_MIRRORS),
        (photographs.BSDS_ARCHIVE, photographs.BSDS_MIRRORS),
        (sprites.FILE, sprites.MIRRORS),
    ]


def test_every_address_ends_in_its_file() -> None:
    files = wanted()
    assert registered() <= {mirror for _, mirrors in files for mirror in mirrors}
    plain = set()
    for name, mirrors in files:
        for mirror in mirrors:
            address = urlsplit(download.address(mirror, name))
            if address.query:  # the file by its number
                assert parse_qs(address.query)["id"]
                assert name not in address.geturl()
            else:
                assert address.path.endswith(f"/{name}")
                assert address.geturl().count(name) == 1
            if address.scheme != "https":
                assert address.scheme == "http"
                plain.add(address.netloc)
    assert plain == PLAIN

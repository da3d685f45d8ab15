"""Folders of images, also larger than memory: their order, what they take, what a step takes."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resynthesis.cli import main
from resynthesis.data import DataConfig, ImageSet, load, to_uint8
from resynthesis.data import folder as folders
from resynthesis.data.folder import Folder, find, gather
from resynthesis.data.images import SUFFIXES, BadImage, Reading, decode
from resynthesis.data.names import Names
from resynthesis.data.sets import split
from resynthesis.data.unpack import is_image

IN_ORDER = [  # folder by folder, then by code points: as paths are sorted
    *("B/1.pgm", "B/2.pgm", "B/é.pgm", "B/ü1.pgm", "b/10.ppm", "b/9.ppm", "b/A.pgm"),
    *("b/a/10.pgm", "b/a-b/9.pgm", "b/a.pgm", "b/z.pgm", "b-c/0.pgm", "b-c/00.pgm", "b-c/1.PGM"),
    *("b-c/x/y/3.pgm", "b.d/0.pgm", "b.d/1.pgm", "b.d/2.pgm"),
]


def portable(i: int, *, colour: bool) -> bytes:
    """A file of 16x16 pixels, in a format that no library compresses; its size tells i."""
    head = b"P6 16 16 255\n" if colour else b"P5 16 16 255\n"
    return head + bytes((i * 13 + k) % 256 for k in range(768 if colour else 256)) + b"x" * i


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Four classes, with subfolders of their own; written in another order than they are read."""
    for i in np.random.default_rng(0).permutation(len(IN_ORDER)):
        path = tmp_path / "tree" / IN_ORDER[i]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(portable(i, colour=path.suffix == ".ppm"))
    return tmp_path / "tree"


def files(part: ImageSet) -> list[str]:
    assert isinstance(part, Folder)
    return [part.path(i) for i in range(len(part))]


# Order


def by_paths(folder: Path) -> list[str]:
    """The images in a folder, by objects of pathlib and their order."""
    found = [
        p.relative_to(folder) for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES
    ]
    return [p.as_posix() for p in found if not any(part.startswith(".") for part in p.parts)]


def test_images_are_in_the_order_of_paths(tree: Path) -> None:
    names, labels, classes = find(tree)
    assert list(names) == IN_ORDER == by_paths(tree)
    assert classes == ("B", "b", "b-c", "b.d")
    assert [classes[c] for c in labels] == [name.split("/")[0] for name in names]


NAME = st.text("aAé0-._ ", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))


@given(st.lists(st.lists(NAME, min_size=1, max_size=3), max_size=12))
def test_any_tree_is_in_the_order_of_paths(
    tmp_path_factory: pytest.TempPathFactory, places: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for place in places:
        path = folder.joinpath("class", *place).with_name(f"{place[-1]}.png")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError:  # a file and a folder of one name
            continue
    assert list(find(folder)[0]) == by_paths(folder)


def test_a_set_has_the_checksum_that_runs_of_earlier_versions_have(tree: Path) -> None:
    for memory, checksum in (
        (2.0, "113c610aea4c3bc60ce7eb0d5faecc33150614629e1421783be5c91ceb00d051"),
        (0.0, "5bdb82b48d436cbf00c639827fdcbf136c7f95dc883e15a76aa2a61d4d6c1939"),
    ):
        data = load(DataConfig(data=str(tree), size=16, memory=memory))
        assert data.checksum == checksum
        assert [part.labels.tolist() for part in data.parts.values()] == [
            [0, 0, 1, 1, 1, 1, 1, 2, 2, 3],
            [0, 1, 2, 3],
            [0, 1, 2, 3],
        ]
    assert [os.path.relpath(path, tree) for path in files(data.train)] == [
        *("B/2.pgm", "B/é.pgm", "b/10.ppm", "b/a/10.pgm", "b/a-b/9.pgm", "b/a.pgm", "b/z.pgm"),
        *("b-c/00.pgm", "b-c/1.PGM", "b.d/2.pgm"),
    ]


def test_what_is_no_image_and_where_links_lead(tree: Path, tmp_path: Path) -> None:
    before = list(find(tree)[0])
    for name in (".hidden/1.pgm", "b/.hidden/1.pgm", "b/.1.pgm", "b/notes.txt", "README"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(portable(0, colour=False))
    (tree / "empty").mkdir()
    (tree / "b" / "link").symlink_to(tree / "B", target_is_directory=True)
    (tree / "nowhere.pgm").symlink_to(tmp_path / "nowhere")
    assert list(find(tree)[0]) == before
    (tree / "c").symlink_to(tree / "B", target_is_directory=True)  # a class may be elsewhere
    names, _, classes = find(tree)
    assert classes == ("B", "b", "b-c", "b.d", "c")
    assert list(names) == [*before, "c/1.pgm", "c/2.pgm", "c/é.pgm", "c/ü1.pgm"]
    (tree / "0.pgm").write_bytes(portable(0, colour=False))
    with pytest.raises(ValueError, match="beside subfolders"):
        find(tree)


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    for name in (b"a.pgm", b"\xff.pgm", b"\xc3\xa9.pgm", b"b.pgm"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(portable(1, colour=False))
    streamed, *_ = folders.read(tmp_path, Reading(size=16, memory=0))
    assert [os.fsencode(os.path.basename(path)) for path in files(streamed)] == [
        *(b"a.pgm", b"b.pgm", b"\xc3\xa9.pgm", b"\xff.pgm")
    ]
    assert len(streamed.take(torch.arange(4))[0]) == 4
    assert len(load(DataConfig(data=str(tmp_path), size=16, memory=0)).checksum) == 64


@given(st.text("a./ÄPnpgG", max_size=8))
def test_an_image_is_known_by_its_name(name: str) -> None:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    assert is_image(f"{name}.png") == (
        not any(p.startswith(".") for p in PurePosixPath(f"{name}.png").parts)
        and PurePosixPath(f"{name}.png").suffix == ".png"
    )
    assert is_image(f"{name}/x.PNG") == (not hidden)
    assert not is_image(f"{name}.pn")


# Memory


def test_names_take_their_letters_and_four_bytes_each() -> None:
    told = [f"{i % 7}/é{i:06d}.png" for i in range(3000)]
    names = Names(iter(told))
    assert len(names) == 3000
    assert list(names) == told
    assert [names[i] for i in (0, 7, 2999)] == [told[0], told[7], told[2999]]
    with pytest.raises(IndexError):
        names[3000]
    assert len(pickle.dumps(names)) < sum(len(name) + 1 + 4 for name in told) + 1000
    assert list(Names()) == []


def test_parts_of_a_stream_share_the_names_and_hold_no_object_per_image() -> None:
    n = 50_000
    tracemalloc.start()
    names = Names(f"{i:07d}.png" for i in range(n))
    whole = Folder(Path("nowhere"), names, torch.arange(n) % 10, 32, 3)
    parts = split(whole, classes=tuple("0123456789"))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {id(part.names) for part in parts} == {id(names)}
    assert held < 16 * n + 100_000  # of which the letters and their ends are 15
    assert sum(part.index.nbytes for part in parts) == 4 * n


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No files: pixels come at once, and this list has the paths that were asked for."""
    asked: list[str] = []

    def draw(path: str, size: int, channels: int) -> np.ndarray:
        asked.append(path)
        return np.zeros((channels, size, size), np.uint8)

    monkeypatch.setattr(folders, "decode", draw)
    return asked


@pytest.mark.parametrize("labelled", [False, True])
def test_a_step_takes_no_more_of_a_large_set(drawn: list[str], labelled: bool) -> None:
    """Python's memory at its highest within a step, which no list over all images may raise."""
    most = []
    for n in (1000, 300_000):
        labels = torch.where(torch.arange(n) % 3 == 0, torch.arange(n) % 10, -1)
        names = Names(f"{i:07d}.png" for i in range(n))
        streamed = Folder(Path("nowhere"), names, labels if labelled else None, 16, 1)
        streamed.batch(0, 8, 0)
        tracemalloc.start()
        for step in range(1, 40):
            streamed.batch(step, 8, 0)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 2 * most[0] + 50_000


def test_labels_stay_with_the_workers(drawn: list[str]) -> None:
    labels = torch.arange(20)
    streamed = Folder(Path("nowhere"), Names(f"{i}.png" for i in range(20)), labels, 16, 1)
    assert streamed.to(torch.device("meta")) is streamed
    x, y = streamed.batch(0, 8, 0)
    assert x.device.type == y.device.type == "meta"
    assert streamed.labels.device.type == "cpu"


# Streams


def test_a_stream_can_be_copied_while_it_runs(tree: Path) -> None:
    streamed = load(DataConfig(data=str(tree), size=16, memory=0)).train
    expected = [streamed.batch(step, 4, 0) for step in range(3)]
    copy = pickle.loads(pickle.dumps(streamed))
    for step, (x, y) in enumerate(expected):
        again = copy.batch(step, 4, 0)
        assert torch.equal(again[0], x)
        assert torch.equal(again[1], y)
    assert files(copy) == files(streamed)


def test_parts_and_views_of_a_stream(tree: Path) -> None:
    whole, *_ = folders.read(tree, Reading(size=16, memory=0))
    assert isinstance(whole, Folder)
    names = [os.path.relpath(path, tree) for path in files(whole)]
    part = whole.subset(torch.tensor([5, 2, 11])).subset(torch.tensor([2, 0]))
    assert [os.path.relpath(path, tree) for path in files(part)] == [names[11], names[5]]
    assert part.labels.tolist() == whole.labels[[11, 5]].tolist()
    other = part.with_labels(torch.tensor([7, 8]))
    assert files(other) == files(part)
    assert other.take(torch.tensor([1]))[1].tolist() == [8]
    grey = whole.in_channels(1)
    assert grey.shape == (1, 16, 16)
    assert files(grey) == files(whole)
    x, _ = grey.take(torch.tensor([3]))
    assert np.array_equal(to_uint8(x)[0].numpy(), decode(whole.path(3), 16, 1))


@pytest.mark.parametrize("memory", [2.0, 0.0])
def test_broken_files_are_left_out_and_noted_in_order(tmp_path: Path, memory: float) -> None:
    """More files than the workers have ahead of them, so that they do not end in order."""
    broken = {0, 3, 64, 65, 128, 511, 599}
    for i in range(600):
        content = b"no image" if i in broken else portable(i % 7, colour=False)
        (tmp_path / f"{i:03d}.pgm").write_bytes(content)
    names, labels = Names(f"{i:03d}.pgm" for i in range(600)), torch.arange(600)
    images, errors = gather(tmp_path, names, labels, Reading(size=16, memory=memory))
    assert [error.split("/")[-1][:3] for error in errors] == [f"{i:03d}" for i in sorted(broken)]
    assert images.labels.tolist() == [i for i in range(600) if i not in broken]
    x, _ = images.take(torch.arange(len(images)))
    shades = ((x[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
    assert shades == [13 * (i % 7) for i in range(600) if i not in broken]
    with pytest.raises(ValueError, match=r"000\.pgm is not a readable image: mend or remove"):
        gather(tmp_path, names, labels, Reading(size=16, memory=memory, strict=True))


def test_a_stream_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.pgm").write_bytes(portable(i, colour=False))
    streamed, *_ = folders.read(tmp_path, Reading(size=16, memory=0))
    for path in files(streamed)[1:]:
        Path(path).write_bytes(b"no image any more")
    _, y = streamed.with_labels(torch.arange(3)).take(torch.tensor([1, 2, 0]))
    assert y.tolist() == [0, 0, 0]  # the next good one, from the end on to the beginning
    Path(files(streamed)[0]).write_bytes(b"neither")
    with pytest.raises(BadImage, match="none of the images"):
        streamed.take(torch.tensor([0]))


def test_predictions_of_a_name_that_is_no_text(kinds: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with open(os.path.join(os.fsencode(tmp_path), b"in/caf\xe9.pgm"), "wb") as file:
        file.write(portable(1, colour=False))
    out = tmp_path / "p.csv"
    assert main(["classify", str(kinds["adapt"]), str(tmp_path / "in"), "--out", str(out)]) == 0
    assert b"caf\xe9.pgm," in out.read_bytes()

"""dSprites: what is drawn here, by its factors, and the reader of the official file."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib import format as npy

from resynthesis.cli.shared import other_data
from resynthesis.compare import compare
from resynthesis.data import DataConfig, DomainsConfig, Sprites, load, resize, sprites, to_float
from resynthesis.data.sprites import FACTORS, FILE, GRID, factors_of, places_of, render, unpack
from resynthesis.methods import AE
from resynthesis.runs import Config, Run, start

from .conftest import quick

TINY = (3, 2, 2, 3, 4)


def centroids(images: torch.Tensor) -> torch.Tensor:
    """(column, row) of each image's centroid, (n, 2)."""
    ink = images[:, 0].double() / 255
    at = torch.arange(64.0, dtype=torch.float64)
    return torch.stack([ink.sum(1) @ at, ink.sum(2) @ at], 1) / ink.sum((1, 2))[:, None]


def test_the_grid() -> None:
    assert int(np.prod(GRID)) == 737_280
    factors = factors_of(torch.tensor([0, 1, 32, 32 * 32, 737_279]))
    assert factors.tolist() == [
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1],  # y moves fastest
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [2, 5, 39, 31, 31],
    ]
    some = torch.randint(737_280, (1000,))
    assert torch.equal(places_of(factors_of(some)), some)


def test_bytes_are_the_same_everywhere() -> None:
    expected = "c4f97bebc9218d937cc3d56af366101194d7603b48161d592fed7d1eb3d7ceae"
    assert sprites.rendered().checksum == expected
    factors = factors_of(torch.randint(737_280, (64,)))
    images = render(factors)
    assert images.shape == (64, 1, 64, 64)
    assert images.dtype == torch.uint8
    assert images.unique().tolist() == [0, 255]
    assert torch.equal(images, render(factors))
    assert torch.equal(images[5:6], render(factors[5:6]))


def test_centroids_follow_the_position() -> None:
    for shape, scale, orientation in ((0, 0, 0), (0, 5, 7), (1, 5, 13), (2, 1, 3), (2, 5, 20)):
        along = torch.tensor([[shape, scale, orientation, i, 31 - i] for i in range(32)])
        found = centroids(render(along))
        steps = torch.arange(32.0, dtype=torch.float64)
        assert torch.allclose(found - found[:1], torch.stack([steps, -steps], 1))
        expected = torch.tensor([[16.0, 47.0]], dtype=torch.float64)
        assert (found[:1] - expected).abs().max() < 0.35  # pixels


def test_areas_follow_the_scale() -> None:
    for shape in range(3):
        area = torch.stack(
            [
                render(torch.tensor([[shape, s, o, 9, 30] for o in range(40)])).bool().sum()
                for s in range(6)
            ]
        )
        expected = 294 * np.linspace(0.5, 1, 6) ** 2
        assert (area / 40).numpy() == pytest.approx(expected, rel=0.02)


def test_the_mean_pixel_is_that_of_the_official_set() -> None:
    grid = torch.cartesian_prod(*(torch.arange(n) for n in GRID[:3]))
    images = render(torch.nn.functional.pad(grid, (0, 2), value=16))
    assert float(images.float().mean() / 255) == pytest.approx(0.042494, rel=0.005)


def same_after(shape: int, turn: float) -> bool:
    return bool((sprites.stamp(shape, 1, 0.3) == sprites.stamp(shape, 1, 0.3 + turn)).all())


def test_symmetry() -> None:
    quarter = np.pi / 2
    assert [same_after(0, k * quarter) for k in (1, 2, 3, 4)] == [True] * 4
    assert not same_after(0, quarter / 2)
    assert [same_after(1, k * quarter) for k in (1, 2, 3, 4)] == [False, True, False, True]
    assert [same_after(2, k * quarter) for k in (1, 2, 3, 4)] == [False, False, False, True]
    turned = sprites.stamp(2, 1, 0.3 + quarter)
    assert (turned == np.rot90(sprites.stamp(2, 1, 0.3), -1)).all()  # clockwise


def test_first_and_last_orientation_are_the_same_and_hearts_no_others() -> None:
    for scale in range(6):
        hearts = render(torch.tensor([[2, scale, o, 3, 4] for o in range(40)])).flatten(1)
        assert torch.equal(hearts[0], hearts[39])
        assert len(hearts.unique(dim=0)) == 39


@pytest.mark.parametrize(
    "factors",
    [
        torch.zeros(2, 4, dtype=torch.long),
        torch.zeros(5, dtype=torch.long),
        torch.zeros(2, 5),
        torch.tensor([[0, 0, 0, 0, 32]]),
        torch.tensor([[-1, 0, 0, 0, 0]]),
    ],
)
def test_factors_outside_the_grid_are_refused(factors: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="factors must be"):
        render(factors)


@pytest.mark.parametrize("size", [64, 32, 16])
def test_the_set(size: int) -> None:
    data = load(DataConfig(data="dsprites-rendered", size=size))
    assert [len(part) for part in data.parts.values()] == [717_280, 10_000, 10_000]
    assert data.attributes == tuple(FACTORS)
    assert data.classes == ()
    assert "not the official" in data.notes[0]
    x, y = data.train.batch(7, 64, 0)
    assert torch.equal(x, to_float(resize(render(y), size)))
    assert torch.equal(x, data.train.batch(7, 64, 0)[0])
    assert not torch.equal(x, data.train.batch(7, 64, 1)[0])
    assert torch.equal(x, data.train.draw(y))


def test_parts_are_the_whole_grid_once() -> None:
    data = load(DataConfig(data="dsprites-rendered"))
    places = torch.cat([part.places for part in data.parts.values()])
    assert torch.equal(places.sort().values, torch.arange(737_280))
    for part in data.parts.values():
        assert torch.equal(part.labels, factors_of(part.places))


def test_subsets_labels_and_channels() -> None:
    train = load(DataConfig(data="dsprites-rendered", size=16, train_size=100), seed=3).train
    assert isinstance(train, Sprites)
    assert len(train) == 100
    index = torch.tensor([5, 2])
    x, y = train.take(index)
    assert torch.equal(y, train.labels[index])
    assert torch.equal(train.subset(index).take(torch.arange(2))[0], x)
    bare = train.with_labels(None)
    assert bare.take(index)[1] is None
    assert torch.equal(bare.batch(1, 8, 0)[0], train.batch(1, 8, 0)[0])
    colour = train.in_channels(3).take(index)[0]
    assert torch.equal(colour, x.expand(-1, 3, -1, -1))


def test_the_checksum_tells_sets_apart() -> None:
    configs = [
        DataConfig(data="dsprites-rendered", size=size, train_size=n)
        for size, n in ((64, None), (32, None), (64, 100))
    ]
    assert len({load(config).checksum for config in configs}) == 3
    assert load(configs[2]).checksum != load(configs[2], seed=1).checksum


def test_classes_and_hidden_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="has no classes to choose from"):
        load(DataConfig(data="dsprites-rendered", classes=("heart",)))
    with pytest.raises(ValueError, match="no classes, of which"):
        load(DataConfig(data="dsprites-rendered", labels=100))


def test_as_a_target_domain_it_has_no_labels() -> None:
    pair = load(DomainsConfig(source="digits-m", target="dsprites-rendered", size=16))
    assert pair.shape == (3, 16, 16)
    assert not pair.target.test.has_labels
    assert pair.train.batch(0, 4, 0)[0].shape == (2, 4, 3, 16, 16)


def official(
    path: Path,
    grid: tuple[int, ...] = TINY,
    *,
    images: np.ndarray | None = None,
    factors: np.ndarray | None = None,
    metadata: object = None,
) -> Path:
    """A file in the official format, of a small grid."""
    places = torch.arange(int(np.prod(grid)))
    if images is None:
        images = render(factors_of(places, grid))[:, 0].numpy() // 255
    if factors is None:
        factors = np.insert(factors_of(places, grid).numpy(), 0, 0, axis=1)
    values = factors.astype(float)
    about = np.array({"title": "dSprites"} if metadata is None else metadata, dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.savez_compressed(
            path, metadata=about, imgs=images, latents_classes=factors, latents_values=values
        )
    return path


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (str(self.path), os.O_CREAT)


def test_the_official_format(tmp_path: Path) -> None:
    trap = tmp_path / "unpickled"
    path = official(tmp_path / "set.npz", metadata={"title": Hostile(trap)})
    packed = unpack(path, TINY)
    pixels = np.unpackbits(packed, axis=1).reshape(-1, 64, 64)
    expected = render(factors_of(torch.arange(len(pixels)), TINY))[:, 0].numpy()
    assert (pixels * 255 == expected).all()
    assert not trap.exists()
    assert not sprites._is_official(path)  # the whole grid is not there


def header(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    buffer = io.BytesIO()
    npy.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["short", "long", "shape", "huge", "objects", "no array", "empty"])
def test_broken_arrays_are_refused(tmp_path: Path, kind: str) -> None:
    path = official(tmp_path / "set.npz")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    imgs = members["imgs.npy"]
    members["imgs.npy"] = {
        "short": imgs[:-1],
        "long": imgs + b"\0",
        "shape": header((144, 64, 32)) + imgs,
        "huge": header((10**12, 64, 64)),
        "objects": header((144, 64, 64), "|O") + b"cos\nsystem\n",
        "no array": b"nothing",
        "empty": b"",
    }[kind]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=r"set\.npz is broken, or not dSprites as published"):
        unpack(path, TINY)


def test_other_content_is_refused(tmp_path: Path) -> None:
    whole = official(tmp_path / "whole.npz").read_bytes()
    grey = np.full((144, 64, 64), 2, dtype=np.uint8)
    turned = np.insert(factors_of(torch.arange(144), TINY).numpy()[::-1], 0, 0, axis=1)
    bad = [
        official(tmp_path / "grey.npz", images=grey),
        official(tmp_path / "floats.npz", images=np.zeros((144, 64, 64))),
        official(tmp_path / "turned.npz", factors=turned),
        official(tmp_path / "few.npz", images=grey[:100] // 2),
    ]
    np.savez(tmp_path / "other.npz", images=grey)
    middle = len(whole) // 2
    for name, content in (
        ("cut.npz", whole[:middle]),
        ("text.npz", b"<html>not found</html>"),
        ("flipped.npz", whole[:middle] + bytes(b ^ 255 for b in whole[middle : middle + 64])),
    ):
        rest = whole[middle + 64 :] if name == "flipped.npz" else b""
        (tmp_path / name).write_bytes(content + rest)
        bad.append(tmp_path / name)
    for path in [*bad, tmp_path / "other.npz"]:
        with pytest.raises(ValueError, match=f"{path.name} is broken, or not dSprites"):
            unpack(path, TINY)


def test_offline_it_is_drawn_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sprites, "MIRRORS", ("http://127.0.0.1:9/nobody",))
    data = load(DataConfig(data="dsprites", data_dir=tmp_path))
    assert data.name == "dsprites-rendered"
    assert "not the official" in data.notes[0]
    assert "cannot download" in data.notes[0]
    assert data.checksum == load(DataConfig(data="dsprites-rendered")).checksum


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "dsprites").write_text("a file where the folder should be")
    data = load(DataConfig(data="dsprites", data_dir=tmp_path))
    assert data.name == "dsprites-rendered"
    assert "not the official ones: " in data.notes[0]


def test_a_broken_file_is_not_replaced_in_silence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"broken")
    with pytest.raises(ValueError, match="is broken, or not dSprites"):
        load(DataConfig(data="dsprites", data_dir=tmp_path))


def test_runs_on_the_official_and_the_drawn_set_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sprites, "MIRRORS", ("http://127.0.0.1:9/nobody",))
    runs = []
    for seed, name in enumerate(("dsprites", "dsprites", "dsprites-rendered")):
        config = Config(
            method=AE(),
            data=DataConfig(data="dsprites", data_dir=tmp_path, size=16, train_size=40),
            training=quick(2, seed=seed),
        )
        drawn = load(config.data, seed=seed)
        data = replace(drawn, name=name)  # as if the official file had been there
        run = start(config, tmp_path / str(seed), data=data)
        run.save_metrics({"mig": 0.1 * seed})
        runs.append(run)
    rows = compare(runs)
    assert [(row.label, row.seeds) for row in rows] == [
        ("ae data=dsprites", 2),
        ("ae data=dsprites-rendered", 1),
    ]
    called = {run.path: "plain" for run in runs}
    labels = [row.label for row in compare(runs, labels=called)]
    assert labels == ["plain", "plain on dsprites-rendered"]
    # A set that was drawn is drawn again, though the official one is there now.
    (tmp_path / FILE).write_bytes(b"broken")
    assert Run(runs[2].path).load_data().name == "dsprites-rendered"
    assert runs[2].is_own(other_data(runs[2], None, tmp_path))
    assert not runs[2].is_own(other_data(runs[2], "dsprites", None))
    with pytest.raises(ValueError, match="is broken"):
        Run(runs[0].path).load_data()
    path = runs[2].path / "config.json"
    tree = json.loads(path.read_text())
    del tree["facts"]["names"]  # of an older version
    path.write_text(json.dumps(tree))
    assert Run(runs[2].path).trained_on == runs[2].config.data


@pytest.mark.slow
def test_a_file_of_the_official_size(tmp_path: Path) -> None:
    """Written image by image: nothing holds 3 GB here, either."""
    places = torch.arange(737_280)
    factors = np.insert(factors_of(places).numpy(), 0, 0, axis=1)
    with zipfile.ZipFile(tmp_path / FILE, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("latents_classes.npy", header(factors.shape, "<i8") + factors.tobytes())
        with archive.open("imgs.npy", "w", force_zip64=True) as file:
            file.write(header((737_280, 64, 64)))
            for part in places.split(4096):
                file.write((render(factors_of(part)) // 255).numpy().tobytes())
    data = load(DataConfig(data="dsprites", data_dir=tmp_path, size=64))
    drawn = load(DataConfig(data="dsprites-rendered", size=64))
    assert data.name == "dsprites"
    assert data.checksum != drawn.checksum
    for a, b in zip(data.train.batch(3, 64, 0), drawn.train.batch(3, 64, 0), strict=True):
        assert torch.equal(a, b)

"""Every reader on tiny files in its official format, splits, subsets, streams."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resynthesis.data import (
    SETS,
    DataConfig,
    as_images,
    keep_classes,
    load,
    resize,
    seeded,
    to_float,
    to_uint8,
)
from resynthesis.data.archives import read_idx
from resynthesis.data.folder import Folder
from resynthesis.data.images import decode
from resynthesis.data.sets import ImageSet, choose, from_train_test, hide_labels, shuffled, split


def write_idx(path: Path, array: np.ndarray) -> Path:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    raw = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def idx_folder(path: Path, *, test: bool = True, suffix: str = ".gz") -> Path:
    path.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for part, n in (("train", 60), ("t10k", 20))[: 1 + test]:
        images = random.integers(0, 256, (n, 28, 28))
        write_idx(path / f"{part}-images-idx3-ubyte{suffix}", images)
        write_idx(path / f"{part}-labels-idx1-ubyte{suffix}", np.arange(n) % 3)
    return path


@pytest.mark.parametrize("name", [n for n, s in SETS.items() if s.download == "none"])
def test_bundled_sets(name: str) -> None:
    data = load(DataConfig(data=name))
    again = load(DataConfig(data=name))
    assert data.checksum == again.checksum
    channels = 3 if "colour" in SETS[name].images else 1
    assert data.shape == (channels, 32, 32)
    x, y = data.train.batch(0, 16, 0)
    assert x.shape == (16, channels, 32, 32)
    assert x.dtype == torch.float32
    assert -1 <= x.min() < x.max() <= 1
    assert (y is None) == (not data.classes and not data.attributes)


def test_real_mnist(shared_data: Path) -> None:
    data = load(DataConfig(data="mnist", data_dir=shared_data))
    assert [len(part) for part in data.parts.values()] == [50_000, 10_000, 10_000]
    assert data.shape == (1, 32, 32)
    labels = torch.cat([part.labels for part in data.parts.values()])
    # Class counts of LeCun's 60,000 + 10,000 digits.
    counts = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    assert torch.bincount(labels).tolist() == counts
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_idx_folder_with_a_test_part(tmp_path: Path, suffix: str) -> None:
    data = load(DataConfig(data=str(idx_folder(tmp_path / "set", suffix=suffix))))
    assert [len(part) for part in data.parts.values()] == [50, 10, 20]
    assert data.classes == ("0", "1", "2")
    assert data.test.labels.tolist() == (np.arange(20) % 3).tolist()


def test_idx_folder_without_a_test_part(tmp_path: Path) -> None:
    data = load(DataConfig(data=str(idx_folder(tmp_path / "set", test=False))))
    assert [len(part) for part in data.parts.values()] == [48, 6, 6]


def test_idx_bytes(tmp_path: Path) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    assert read_idx(write_idx(tmp_path / "a", array)).tolist() == array.tolist()


def test_idx_images_that_are_not_square_are_cut(tmp_path: Path) -> None:
    images = np.zeros((40, 16, 30), dtype=np.uint8)
    images[:, :, 7:23] = 200
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.arange(40, dtype=np.uint8) % 2)
    data = load(DataConfig(data=str(tmp_path), size=16))
    assert data.shape == (1, 16, 16)
    assert (data.train.images == 200).all()


def test_mnist_is_found_where_torchvision_puts_it(tmp_path: Path, shared_data: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in (shared_data / "mnist").iterdir():
        (raw / path.name).symlink_to(path)
    assert len(load(DataConfig(data="mnist", data_dir=tmp_path)).test) == 10_000


def test_a_false_mnist_is_refused(tmp_path: Path) -> None:
    idx_folder(tmp_path / "mnist")
    with pytest.raises(ValueError, match="not the official train-images"):
        load(DataConfig(data="mnist", data_dir=tmp_path))


@pytest.mark.parametrize("shape", [(30, 20, 20), (30, 32, 32, 3), (30, 3, 40, 40), (30, 1, 8, 8)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_npz(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    random = np.random.default_rng(0)
    unit = random.random(shape)
    images = (unit * 255).astype("uint8") if dtype == "uint8" else unit.astype(dtype)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(30) % 2 * 5 + 3)
    data = load(DataConfig(data=str(tmp_path / "set.npz"), size=16))
    assert data.shape == (3 if 3 in shape else 1, 16, 16)
    assert data.classes == ("3", "8")
    assert sum(map(len, data.parts.values())) == 30
    assert data.train.take(torch.arange(4))[0].abs().max() <= 1


def test_npz_with_unknown_labels(tmp_path: Path) -> None:
    labels = np.where(np.arange(60) % 3, -1, np.arange(60) % 2 + 7)
    images = np.arange(60, dtype=np.uint8)[:, None, None] * np.ones((1, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=labels)
    data = load(DataConfig(data=str(tmp_path / "set.npz"), size=16))
    assert data.classes == ("7", "8")
    assert (data.test.labels >= 0).all()
    assert (data.valid.labels >= 0).all()
    assert int((data.train.labels < 0).sum()) == 40
    assert sum(map(len, data.parts.values())) == 60


def test_npz_without_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.zeros((10, 32, 32), dtype=np.uint8))
    data = load(DataConfig(data=str(tmp_path / "set.npz")))
    assert data.classes == ()
    assert data.train.batch(0, 4, 0)[1] is None


def test_folder_with_classes_sizes_and_modes(folder: Path) -> None:
    data = load(DataConfig(data=str(folder)))
    assert data.classes == ("cat", "dog")
    assert data.shape == (3, 32, 32)
    assert [len(part) for part in data.parts.values()] == [20, 2, 2]


def test_folder_of_grey_images_stays_grey(tmp_path: Path) -> None:
    for i in range(4):
        Image.new("L", (20, 20), 60 * i).save(tmp_path / f"{i}.png")
    data = load(DataConfig(data=str(tmp_path), size=16))
    assert data.shape == (1, 16, 16)
    assert data.classes == ()


def test_hidden_labels_give_the_same_batches_in_a_stream(folder: Path) -> None:
    resident = load(DataConfig(data=str(folder), labels=4)).train
    streamed = load(DataConfig(data=str(folder), labels=4, memory=1e-9)).train
    for step in range(4):
        for a, b in zip(resident.batch(step, 8, 0), streamed.batch(step, 8, 0), strict=True):
            assert torch.equal(a, b)


def test_a_class_too_small_to_split_can_be_left_out(folder: Path) -> None:
    for path in sorted((folder / "dog").iterdir())[:-1]:
        path.unlink()
    (folder / "fox").mkdir()
    for i in range(4):
        Image.new("RGB", (20, 20), (60 * i, 0, 0)).save(folder / "fox" / f"{i}.png")
    data = load(DataConfig(data=str(folder), classes=("fox", "cat")))
    assert data.classes == ("fox", "cat")
    assert torch.bincount(data.train.labels).tolist() == [2, 10]


def test_streamed_folder_gives_the_same_images(folder: Path) -> None:
    resident = load(DataConfig(data=str(folder)))
    streamed = load(DataConfig(data=str(folder), memory=1e-9))
    assert isinstance(streamed.train, Folder)
    for step in (0, 1, 5, 2):
        for a, b in zip(
            resident.train.batch(step, 8, 3), streamed.train.batch(step, 8, 3), strict=True
        ):
            assert torch.equal(a, b)
    index = torch.tensor([3, 0])
    assert torch.equal(resident.test.take(index[1:])[0], streamed.test.take(index[1:])[0])


def test_a_broken_file_in_a_stream_is_replaced_and_named(folder: Path) -> None:
    streamed = load(DataConfig(data=str(folder), memory=1e-9)).train
    path = Path(streamed.path(4))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    x, y = streamed.take(torch.tensor([4]))
    assert torch.equal(x, streamed.take(torch.tensor([5]))[0])
    assert y.item() == streamed.labels[5]
    assert "broken" in streamed.bad[4]


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 100, 100),
        ("1", 1, 255),
        ("I;16", 25700, 100),
        ("I", 25700, 100),
        ("LA", (0, 0), 255),  # transparent: the white behind it
        ("LA", (80, 255), 80),
        ("RGBA", (10, 10, 10, 255), 10),
        ("RGB", (50, 50, 50), 50),
        ("P", 0, 0),
        ("CMYK", (0, 0, 0, 255), 0),
    ],
)
def test_modes(tmp_path: Path, mode: str, value: object, expected: int) -> None:
    suffix = "tif" if mode in ("CMYK", "I") else "png"
    path = tmp_path / f"x.{suffix}"
    Image.new(mode, (20, 20), value).save(path)  # type: ignore[arg-type]
    for channels in (1, 3):
        array = decode(path, 16, channels)
        assert array.shape == (channels, 16, 16)
        assert (array == expected).all()


def test_centre_square_and_orientation(tmp_path: Path) -> None:
    array = np.zeros((20, 60), dtype=np.uint8)
    array[:, 20:40] = 200
    Image.fromarray(array).save(tmp_path / "wide.png")
    assert (decode(tmp_path / "wide.png", 16, 1) == 200).all()
    tall = Image.fromarray(np.array([[0] * 8 + [255] * 8] * 16, dtype=np.uint8))
    exif = tall.getexif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show
    tall.save(tmp_path / "turned.png", exif=exif)
    shown = decode(tmp_path / "turned.png", 16, 1)[0]
    assert shown[0].max() == 0
    assert shown[-1].min() == 255


@pytest.mark.filterwarnings("ignore")  # Pillow's own, about metadata
def test_a_broken_exif_block_is_passed_over(tmp_path: Path) -> None:
    image = Image.new("L", (16, 16), 80)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.jpg", exif=exif, quality=100)
    raw = (tmp_path / "x.jpg").read_bytes()
    at = raw.index(b"\x01\x12") + 2  # behind the tag: its type, how many values, and they
    for wrong in range(128):
        kind, count = bytes([0, wrong % 16]), bytes([0, 0, 0, wrong // 16])
        (tmp_path / "x.jpg").write_bytes(raw[:at] + kind + count + raw[at + 6 :])
        assert abs(int(decode(tmp_path / "x.jpg", 16, 1).mean()) - 80) < 3


def test_resize_is_pillows() -> None:
    array = np.random.default_rng(0).integers(0, 256, (1, 28, 28), dtype=np.uint8)
    ours = resize(torch.tensor(array)[None], 32)[0, 0].numpy().astype(int)
    theirs = np.asarray(Image.fromarray(array[0]).resize((32, 32), Image.Resampling.BILINEAR))
    assert np.abs(ours - theirs.astype(int)).max() <= 1


def test_uint8_round_trip() -> None:
    x = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    assert torch.equal(to_uint8(to_float(x)), x)


def test_float_ranges() -> None:
    assert as_images(np.array([[[0.0, 1.0], [0.5, 1.0]]])).flatten().tolist() == [-1, 1, 0, 1]
    assert as_images(np.array([[[-1.0, 1.0], [0.5, 0]]])).flatten().tolist() == [-1, 1, 0.5, 0]


def test_split_is_seeded_disjoint_and_stratified() -> None:
    images = ImageSet(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1))
    labelled = images.with_labels(torch.arange(100) % 4)
    parts = split(labelled, classes=("a", "b", "c", "d"))
    assert [len(part) for part in parts] == [84, 8, 8]
    seen = torch.cat([part.images.flatten() for part in parts])
    assert sorted(seen.tolist()) == list(range(100))
    assert torch.bincount(parts[2].labels).tolist() == [2, 2, 2, 2]
    again = split(labelled, classes=("a", "b", "c", "d"))
    assert torch.equal(parts[2].images, again[2].images)
    other = split(labelled, classes=("a", "b", "c", "d"), seed=1)
    assert not torch.equal(parts[2].images, other[2].images)


def test_parts_are_those_of_sorted_permutations() -> None:
    images = ImageSet(torch.arange(97, dtype=torch.uint8).reshape(97, 1, 1, 1))
    order = torch.randperm(97, generator=seeded("split", 0))
    wanted = [order[:77], order[77:87], order[87:]]
    found = [part.images.flatten().tolist() for part in split(images)]
    assert found == [sorted(part.tolist()) for part in wanted]
    data = from_train_test("some", images, images, ())
    found = [part.images.flatten().tolist() for part in (data.train, data.valid)]
    assert found == [sorted(order[16:].tolist()), sorted(order[:16].tolist())]


def test_images_of_unknown_class_are_for_training() -> None:
    labels = torch.where(torch.arange(100) < 40, -1, torch.arange(100) % 2)
    images = ImageSet(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1), labels)
    train, valid, test = split(images, classes=("a", "b"))
    assert [len(train), len(valid), len(test)] == [88, 6, 6]
    assert set(range(40)) < set(train.images.flatten().tolist())


def test_classes_are_kept_in_the_order_wanted() -> None:
    labels = torch.tensor([2, -1, 0, 1, 2, 0, -1])
    images = ImageSet(torch.arange(7, dtype=torch.uint8).reshape(7, 1, 1, 1), labels)
    kept = keep_classes(images, ("a", "b", "c"), ("c", "a"), "some")
    assert kept.images.flatten().tolist() == [0, 2, 4, 5]
    assert kept.labels.tolist() == [0, 1, 0, 1]


def test_subsets_are_seeded_and_not_the_first_ones() -> None:
    images = ImageSet(torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1))
    a, b, c = (choose(images, 10, seed=s).images.flatten().tolist() for s in (0, 0, 1))
    assert a == b
    assert a != c
    assert a != list(range(10))
    with pytest.raises(ValueError, match="cannot choose 101"):
        choose(images, 101, seed=0)


def test_train_size_and_classes() -> None:
    data = load(DataConfig(data="digits", train_size=50, classes=("7", "1")), seed=3)
    assert len(data.train) == 50
    assert data.classes == ("7", "1")
    whole = load(DataConfig(data="digits"))
    ones = int((whole.test.labels == 1).sum())
    assert int((data.test.labels == 1).sum()) == ones  # now class 1 is the digit 1


def test_shuffled_is_a_row_of_permutations() -> None:
    row = torch.cat([shuffled(7, start, 5, 0) for start in range(0, 35, 5)])
    for epoch in row.split(7):
        assert sorted(epoch.tolist()) == list(range(7))
    assert not torch.equal(row[:7], row[7:14])
    assert torch.equal(
        shuffled(3, 4, 10, 0), torch.cat([shuffled(3, i, 1, 0) for i in range(4, 14)])
    )


def test_permutations_in_32_bits_are_those_in_64() -> None:
    for n, seed in ((1, 0), (1000, 3), (70_000, 1)):
        expected = torch.randperm(n, generator=seeded("epoch", n, seed, 2))
        found = shuffled(n, 2 * n, n, seed)
        assert found.dtype == torch.int64
        assert torch.equal(found, expected)


def test_hidden_labels_are_balanced_and_fill_a_quarter_of_each_batch() -> None:
    images = ImageSet(
        torch.arange(200, dtype=torch.uint8).reshape(200, 1, 1, 1), torch.arange(200) % 5
    )
    part = hide_labels(images, 20, classes=5, seed=0)
    known = part.labels[part.labels >= 0]
    assert torch.bincount(known).tolist() == [4] * 5
    for step in range(20):
        _, y = part.batch(step, 16, 0)
        assert (y[:4] >= 0).all()
    seen = torch.cat([part.batch(step, 16, 0)[0][4:] for step in range(17)])
    assert len(seen.unique()) == 200  # every image also comes in its turn
    for size in (1, 2, 3):
        assert len(part.batch(5, size, 0)[0]) == size
    with pytest.raises(ValueError, match="one a class"):
        hide_labels(images, 4, classes=5, seed=0)


def test_labels_are_kept_of_those_that_are_known() -> None:
    known = torch.where(torch.arange(200) % 5 == 0, torch.arange(200) // 5 % 4, -1)
    images = ImageSet(torch.zeros(200, 1, 1, 1, dtype=torch.uint8), known)
    part = hide_labels(images, 12, classes=4, seed=0)
    kept = part.labels >= 0
    assert torch.equal(part.labels[kept], known[kept])
    assert torch.bincount(part.labels[kept]).tolist() == [3] * 4
    with pytest.raises(ValueError, match="to 40"):
        hide_labels(images, 41, classes=4, seed=0)

"""Tables of attributes: beside images, in archives, in the built-in set, and in what uses them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resynthesis.cli import main
from resynthesis.data import SETS, Data, DataConfig, DomainsConfig, ImageSet, load
from resynthesis.data import painted as painting
from resynthesis.data.attributes import as_attributes, read_table
from resynthesis.data.digits import read_digits
from resynthesis.data.folder import Folder
from resynthesis.data.painted import AROUND, palette, thinned
from resynthesis.evaluate import evaluate, kind, labels, suits
from resynthesis.figures import contact_sheet, spread_over_classes
from resynthesis.figures.drawing import rows_of_labels

from .test_cli import QUICK
from .test_evaluate import Identity

# Of pixels and labels: every build, on every machine, gives these bytes.
CHECKSUMS = {
    16: "9b424d2ddf90a72fdbdac33c64159d3120b70b2d67ef54fdc891387ee76facc2",
    28: "4deced5b283f192ce84365c4aacd4cd227eeae9a8899c9c8ce333598637bdb76",
    32: "0cb08c19055d60d7a252455b05715d83820be9262fc17c53a2a29c01d3f8e717",
}
N = 30


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Images 00.png, ..., whose brightness is 8 times their number."""
    folder = tmp_path / "set" / "images"
    folder.mkdir(parents=True)
    for i in range(N):
        Image.new("L", (20, 20), 8 * i).save(folder / f"{i:02d}.png")
    return folder


def bits(i: int) -> list[int]:
    return [i & 1, i >> 1 & 1, i >> 2 & 1]


def as_csv(low: int = 0) -> str:
    """Attributes of the images, with `low` for no, in an order of its own."""
    rows = [f"{i:02d}.png," + ",".join(str(b or low) for b in bits(i)) for i in reversed(range(N))]
    return "\n".join(["file,odd,second,third", *rows]) + "\n"


def as_text() -> str:
    rows = [f"{i:02d}.png  " + "  ".join(str(2 * b - 1) for b in bits(i)) for i in range(N)]
    return "\n".join([str(N), "odd second third", *rows]) + "\n"


def check(data: Data, low: int = 0) -> None:
    assert data.classes == ()
    assert data.attributes == ("odd", "second", "third")
    assert sum(map(len, data.parts.values())) == N
    for part in data.parts.values():
        x, y = part.take(torch.arange(len(part)))
        number = ((x[:, 0, 0, 0] + 1) * 127.5 / 8).round().long().tolist()
        assert y.tolist() == [[b or low for b in bits(i)] for i in number]
        assert y.dtype == torch.int64


@pytest.mark.parametrize("memory", [2.0, 1e-9])
@pytest.mark.parametrize("place", ["images/attributes.csv", "attributes.csv"])
def test_csv_in_the_folder_or_beside_it(images: Path, place: str, memory: float) -> None:
    (images.parent / place).write_text(as_csv())
    data = load(DataConfig(data=str(images), size=16, memory=memory))
    assert isinstance(data.train, Folder) == (memory < 1)
    check(data)


@pytest.mark.parametrize("text", ["file,a\nelsewhere.png,1\n", "no table, at all", "0\n\n"])
def test_a_table_of_other_images_beside_the_folder_does_not_count(images: Path, text: str) -> None:
    (images.parent / "attributes.csv").write_text(text)
    data = load(DataConfig(data=str(images), size=16))
    assert (data.train.labels, data.attributes) == (None, ())
    (images.parent / "attributes.txt").write_text(as_text())
    check(load(DataConfig(data=str(images), size=16)))
    (images / "attributes.csv").write_text(text)
    with pytest.raises(ValueError, match="attributes"):
        load(DataConfig(data=str(images), size=16))


@pytest.mark.parametrize("name", ["attributes.txt", "list_attr_celeba.txt"])
def test_text_in_celebas_format(images: Path, name: str) -> None:
    (images.parent / name).write_text(as_text())
    check(load(DataConfig(data=str(images), size=16)))


def test_a_relative_path_and_a_byte_order_mark(images: Path) -> None:
    (images / "attributes.csv").write_text(as_csv(-1).replace("\n", "\r\n"), encoding="utf-8-sig")
    check(load(DataConfig(data="set/images", size=16)))


def test_minus_one_is_no_unless_there_is_a_zero() -> None:
    values = torch.tensor([[-1, -1, 0, 1], [1, 0, 1, 1], [-1, 1, 0, 1]])
    assert as_attributes(values).tolist() == [[0, -1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 1]]


def test_unknown_attributes_stay_unknown(images: Path) -> None:
    text = as_csv().replace("05.png,1,0,1", "05.png,-1,0,1")
    (images / "attributes.csv").write_text(text)
    data = load(DataConfig(data=str(images), size=16))
    table = torch.cat([part.labels for part in data.parts.values()])
    assert int((table < 0).sum()) == 1
    assert sum(len(part.known()) for part in data.parts.values()) == N - 1


def test_a_single_column_gives_classes(images: Path) -> None:
    names = ["", "fox", "cat"]
    rows = [f"{i:02d}.png, {names[i % 3]}" for i in range(N)]
    (images / "attributes.csv").write_text("\n".join(["name,Class", *rows]))
    data = load(DataConfig(data=str(images), size=16))
    assert (data.classes, data.attributes) == (("cat", "fox"), ())
    for part in data.parts.values():
        x, y = part.take(torch.arange(len(part)))
        number = ((x[:, 0, 0, 0] + 1) * 127.5 / 8).round().long() % 3
        assert torch.equal(y, torch.tensor([-1, 1, 0])[number])
    assert (data.test.labels >= 0).all()  # what is unknown is for training
    assert load(DataConfig(data=str(images), size=16, classes=("fox",))).classes == ("fox",)


def test_a_table_has_the_say_over_subfolders(folder: Path) -> None:
    paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    rows = [f"{path},{i % 2}" for i, path in enumerate(paths)]
    (folder / "attributes.csv").write_text("\n".join(["file,even", *rows]))
    data = load(DataConfig(data=str(folder)))
    assert (data.classes, data.attributes) == ((), ("even",))
    assert sum(int(part.labels.sum()) for part in data.parts.values()) == 12


def edit(before: str, after: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after, 1))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit("05.png,1,0,1\n", ""), "1 images have no row (05.png)"),
        (lambda p: (p.parent / "05.png").unlink(), "1 rows no image (05.png)"),
        (edit("05.png", "5.png"), "1 images have no row (05.png) and 1 rows no image (5.png)"),
        (edit("05.png", "04.png"), "two rows of '04.png'"),
        (edit("05.png", "../05.png"), "not in its folder: '../05.png'"),
        (edit("05.png", "/etc/x.png"), "not in its folder: '/etc/x.png'"),
        (edit("odd,second", "odd,odd"), "names two columns 'odd'"),
        (edit("odd,", ","), "a column without a name"),
        (edit("05.png,1,0,1", "05.png,1,0"), "line 26 of"),
        (edit("05.png,1,0,1", "05.png,1,0,1,1"), "5 cells, and 4 are wanted"),
        (edit("05.png,1,0,1", "05.png,1,0,2"), "has '2', and an attribute is -1, 0 or 1"),
        (edit("05.png,1,0,1", "05.png,1,0,"), "has '', and an attribute"),
        (edit("05.png,1,0,1", "05.png,yes,0,1"), "a single column named class"),
        (lambda p: p.write_text(""), "is empty"),
        (lambda p: p.write_text("\n\n"), "is empty"),
        (lambda p: p.write_text("file,odd\n"), "has no rows"),
        (lambda p: p.write_text(p.read_text().replace(",", ";")), "one column only"),
        (lambda p: p.write_bytes(p.read_text().encode("utf-16")), "is not text in UTF-8"),
        (lambda p: p.write_bytes(b"file,odd\n\xe9.png,1\n"), "is not text in UTF-8"),
        (lambda p: p.with_suffix(".txt").write_text(as_text()), "are two tables: keep one"),
    ],
)
def test_tables_that_do_not_fit(refused, images: Path, change, says: str) -> None:
    path = images / "attributes.csv"
    path.write_text(as_csv())
    change(path)
    said = refused("data", str(images))
    assert says in said
    assert "attributes.csv" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (as_text().replace(f"{N}\n", f"{N + 1}\n", 1), "promises 31 rows, and has 30"),
        (as_text().split("\n", 1)[1], "does not begin with the number of images"),
        (f"{N}\n", "does not begin with"),
        ("many\nodd\n", "does not begin with"),
        (as_text().replace("odd second third", "odd second"), "line 3 of"),
        (as_text().replace("07.png  1", "07.png  one"), "line 10 of"),
    ],
)
def test_texts_that_are_not_celebas(refused, images: Path, text: str, says: str) -> None:
    (images / "attributes.txt").write_text(text)
    assert says in refused("data", str(images))


def test_a_large_table_is_quick(tmp_path: Path) -> None:
    """As wide as CelebA's, and a tenth as long: under a second, so that CelebA takes seconds."""
    row = " ".join(["-1", " 1"] * 20)
    lines = [f"{i:06d}.jpg {row}" for i in range(20_000)]
    head = ["20000", " ".join(f"c{i}" for i in range(40))]
    (tmp_path / "attributes.txt").write_text("\n".join(head + lines))
    table = read_table(tmp_path / "attributes.txt")
    assert table.labels.shape == (20_000, 40)
    assert table.labels.sum(1).unique().tolist() == [20]


# In .npz


def pixels() -> np.ndarray:
    return np.repeat(np.arange(N, dtype=np.uint8) * 8, 256).reshape(N, 16, 16)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_npz(dtype: str) -> None:
    table = np.array([bits(i) for i in range(N)]).astype(dtype)
    names = np.array(["odd", "second", "third"])
    np.savez("set.npz", images=pixels(), attributes=table, attribute_names=names)
    check(load(DataConfig(data="set.npz", size=16)))
    np.savez("set.npz", images=pixels(), attributes=table)
    data = load(DataConfig(data="set.npz", size=16))
    assert data.attributes == ("attribute_0", "attribute_1", "attribute_2")


TABLE = np.array([bits(i) for i in range(N)])


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"attributes": TABLE[1:]}, "integers of shape (30, a)"),
        ({"attributes": TABLE[:, 0]}, "integers of shape (30, a)"),
        ({"attributes": TABLE[:, :0]}, "integers of shape (30, a)"),
        ({"attributes": TABLE / 2}, "integers of shape (30, a)"),
        ({"attributes": TABLE * 2}, "must be -1, 0 or 1"),
        ({"attributes": TABLE.astype(object)}, "never loaded"),
        ({"attributes": TABLE, "labels": np.arange(N)}, "both labels and attributes"),
        ({"attributes": TABLE, "attribute_names": ["a", "b"]}, "must be 3 different names"),
        ({"attributes": TABLE, "attribute_names": ["a", "b", "a"]}, "must be 3 different names"),
        ({"attributes": TABLE, "attribute_names": ["a", "b", ""]}, "must be 3 different names"),
    ],
)
def test_bad_npz(refused, arrays: dict, says: str) -> None:
    np.savez("set.npz", images=pixels(), **arrays)
    assert says in refused("data", "set.npz")


# The built-in set


@pytest.mark.parametrize("size", CHECKSUMS)
def test_digits_attributes_are_the_same_bytes_everywhere(size: int) -> None:
    data = load(DataConfig(data="digits-attributes", size=size))
    assert data.checksum == CHECKSUMS[size]
    assert data.shape == (3, size, size)
    assert data.attributes == ("inverted", "coloured", "thick", "turned")


@pytest.fixture(scope="module")
def painted() -> Data:
    return load(DataConfig(data="digits-attributes"))


def test_attributes_are_balanced_and_independent(painted: Data) -> None:
    assert sum(map(len, painted.parts.values())) == 4 * 1797
    everything = torch.cat([part.labels for part in painted.parts.values()])
    number = (everything << torch.arange(4)).sum(1)
    counts = torch.bincount(number, minlength=16)
    assert len(counts) == 16
    assert counts.max() - counts.min() <= 4
    for part in painted.parts.values():
        assert (part.labels.float().mean(0) == 0.5).all()
        off_diagonal = torch.corrcoef(part.labels.T.float()) - torch.eye(4)
        assert off_diagonal.abs().max() < 0.1


def test_a_digits_copies_are_in_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts are those of digits: here each image is painted as the number of its digit."""
    number = torch.arange(1797).reshape(-1, 1, 1, 1)
    monkeypatch.setattr(painting, "distances_to_stroke", lambda ink: number)
    monkeypatch.setattr(painting, "paint", lambda distances, *_: distances)
    data = load(DataConfig(data="digits-attributes"))
    _, digits = read_digits(8)
    seen = []
    for part, plain in zip(data.parts.values(), load(DataConfig()).parts.values(), strict=True):
        which = part.images.flatten()
        assert torch.equal(digits[which[::4]], plain.labels)
        assert all(torch.equal(which[::4], which[i::4]) for i in range(4))
        seen.append(which[::4])
    assert torch.cat(seen).sort().values.tolist() == list(range(1797))


def test_no_two_images_are_the_same(painted: Data) -> None:
    images = torch.cat([part.images for part in painted.parts.values()])
    assert len({image.numpy().tobytes() for image in images}) == 4 * 1797


def test_every_attribute_can_be_seen(painted: Data) -> None:
    x, y = painted.train.take(torch.arange(1000))
    border = torch.cat([x[:, :, 0], x[:, :, -1]], 2).mean((1, 2))
    inverted, coloured, thick, turned = y.bool().T
    assert border[inverted].min() > border[~inverted].max()
    saturation = (x.amax(1) - x.amin(1)).mean((1, 2))
    assert saturation[coloured].min() > 0.2
    assert saturation[~coloured].max() == 0
    ink = ((x[:, 0] - x[:, 0, :1, :1]).abs() > 0.5).float().mean((1, 2))
    for mode in ((~inverted & ~coloured), (inverted & ~coloured)):
        assert ink[mode & thick].mean() > 2 * ink[mode & ~thick].mean()
    flat = x.mean(1)[~coloured & ~inverted] > 0
    rows, columns = flat.any(2).sum(1), flat.any(1).sum(1)
    tall = (rows > columns).float()
    some = turned[~coloured & ~inverted]
    assert tall[~some].mean() > 0.9  # digits are upright
    assert tall[some].mean() < 0.8


def test_thinning() -> None:
    bar = np.zeros((2, 15, 15), dtype=bool)
    bar[0, 2:13, 5:10] = True
    bar[1, 3:12, 3:12] = True
    bar[1, 6:9, 6:9] = False
    line, ring = thinned(bar)
    assert line.any()
    assert line.sum(1).max() <= 2
    assert line[:, 7].sum() >= 5
    assert ring.sum() < 30
    for row, column in np.argwhere(ring):  # a ring has no end
        assert sum(ring[row + r, column + c] for r, c in AROUND) >= 2


def test_palette() -> None:
    assert palette()[[0, 4, 8]].tolist() == torch.eye(3).tolist()
    assert (palette().amax(1) == 1).all()
    assert (palette().amin(1) == 0).all()
    assert len({tuple(colour) for colour in palette().tolist()}) == 12


# What uses them


def tabled(n: int = 200) -> Data:
    """Attributes that are the signs of three pixels, and one that has nothing to do with them."""
    random = torch.Generator().manual_seed(0)
    x = torch.rand(n, 1, 16, 16, generator=random) * 2 - 1
    y = torch.cat([(x[:, 0, 0, :3] > 0), torch.rand(n, 1, generator=random) > 0.5], 1).long()
    parts = [ImageSet(x[i::2], y[i::2]) for i in (0, 1)]
    return Data("tabled", parts[0], parts[1], parts[1], attributes=("a", "b", "c", "noise"))


def test_metrics_are_means_over_attributes() -> None:
    data = tabled()
    nets = torch.nn.ModuleDict({"autoencoder": Identity()})
    metrics = evaluate(nets, data)
    assert set(metrics) == {
        "reconstruction_l1",
        "reconstruction_psnr",
        "probe_accuracy",
        "knn_accuracy",
        *(f"{d}_distance{of}" for d in ("frechet", "kernel") for of in ("", "_pixels", "_real")),
    }
    x, x2 = (part.images.flatten(1).numpy() for part in (data.train, data.test))
    y, y2 = (part.labels.numpy() for part in (data.train, data.test))
    for measure, name in ((labels.probe_accuracy, "probe"), (labels.knn_accuracy, "knn")):
        each = [measure(x, y[:, i], x2, y2[:, i]) for i in range(4)]
        assert metrics[f"{name}_accuracy"] == pytest.approx(np.mean(each))
    assert not suits("clustering", data, torch.nn.ModuleDict())
    for name in ("clustering", "classifier_score"):
        with pytest.raises(ValueError, match="cannot be measured"):
            evaluate(nets, data, [name])


def test_unknown_values_have_no_part_in_metrics() -> None:
    data = tabled()
    for part in (data.train, data.test):
        part.labels[::3, 0] = -1
        part.labels[:, 3] = -1
    metrics = evaluate(torch.nn.ModuleDict({"autoencoder": Identity()}), data, ["probe", "knn"])
    x, x2 = (part.images.flatten(1).numpy() for part in (data.train, data.test))
    y, y2 = (part.labels.numpy() for part in (data.train, data.test))
    for measure, name in ((labels.probe_accuracy, "probe"), (labels.knn_accuracy, "knn")):
        each = []
        for i in range(3):
            k, k2 = y[:, i] >= 0, y2[:, i] >= 0
            each.append(measure(x[k], y[k, i], x2[k2], y2[k2, i]))
        assert metrics[f"{name}_accuracy"] == pytest.approx(np.mean(each))


def test_nothing_known_is_said() -> None:
    data = tabled()
    data.train.labels[:] = -1
    with pytest.raises(ValueError, match="no known labels"):
        evaluate(torch.nn.ModuleDict({"autoencoder": Identity()}), data, ["probe"])


def test_a_probe_of_one_value_answers_with_it() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    y = np.arange(20) % 4 == 0
    assert labels.probe_accuracy(x, np.zeros(20, dtype=int), x, y.astype(int)) == 0.75


def test_factors_are_no_attributes() -> None:
    x = torch.rand(40, 1, 16, 16)
    part = ImageSet(x, torch.stack([torch.arange(40) % 3, torch.arange(40) % 2], 1))
    data = Data("factors", part, part, part, attributes=("shape", "side"))
    assert not any(
        suits(family, data, torch.nn.ModuleDict()) for family in ("probe", "knn", "clustering")
    )
    assert contact_sheet(data).height > 5 * 64
    assert len(spread_over_classes(data, 5)) == 5


def test_a_contact_sheet_shows_the_classes_that_are_there() -> None:
    part = ImageSet(torch.rand(6, 1, 16, 16), torch.tensor([25, 25, 28, 29, 29, 29]))
    data = Data("late", part, part, part, tuple(f"c{i}" for i in range(30)))
    assert list(rows_of_labels(data)) == ["c25", "c28", "c29"]
    assert contact_sheet(data).height > 3 * 64


@pytest.mark.parametrize(
    "name", ["digits", "digits-attributes", "dsprites-rendered", "lines", "digits-m"]
)
def test_the_kind_of_a_set_is_known_by_its_name(name: str) -> None:
    assert kind(load(DataConfig(data=name))) == SETS[name].kind


TRAIN = ["train", "amr", "--data", "digits-attributes", "--train-size", "300", "--out", "run"]
TRAIN += QUICK


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(TRAIN) == 0
    assert "4 attributes" in capsys.readouterr().out
    assert main(["evaluate", "run"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert 0.5 < metrics["probe_accuracy"] <= 1
    assert "clustering_accuracy" not in metrics
    assert Path("run/pictures/codes.png").exists()
    assert main(["compare", "run"]) == 0
    data = load(DataConfig(data="digits-attributes", size=16, train_size=300))

    assert main(["mix", "run", "--count", "20", "--out", "new"]) == 0
    for row in csv.DictReader(Path("new/labels.csv").read_text().splitlines()):
        share = [
            sum(
                float(row[f"weight_{i}"]) * int(data.train.labels[int(row[f"parent_{i}"]), a])
                for i in (1, 2)
            )
            for a in range(4)
        ]
        assert [float(row[name]) for name in data.attributes] == pytest.approx(share, abs=1e-5)

    assert main(["encode", "run", "--out", "codes.npz", "--part", "test"]) == 0
    archive = np.load("codes.npz", allow_pickle=False)
    assert np.array_equal(archive["labels"], data.test.labels.numpy())
    assert archive["attributes"].tolist() == list(data.attributes)
    assert main(["encode", "run", "--out", "codes.tsv", "--part", "test"]) == 0
    about = [line.split("\t") for line in Path("codes.labels.tsv").read_text().splitlines()]
    assert about[0] == [*data.attributes, "part"]
    assert [[int(cell) for cell in row[:-1]] for row in about[1:]] == data.test.labels.tolist()
    capsys.readouterr()

    assert main(["data", "digits-attributes", "--out", "sheet.png"]) == 0
    assert "inverted 2,878 of 5,756, coloured 2,878" in capsys.readouterr().out
    with Image.open("sheet.png") as sheet:
        assert sheet.height > 8 * 64


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--labels", "20"], "no classes, of which some labels"),
        (["--classes", "thick"], "has no classes to choose from, but attributes"),
        (["--probe"], "at least two classes"),
        (["--supervision", "1"], "at least two classes"),
    ],
)
def test_what_wants_classes_refuses_attributes(refused, flags: list[str], says: str) -> None:
    assert says in refused(*TRAIN, *flags)


def test_attributes_across_domains(refused) -> None:
    said = refused("train", "adapt", "--source", "digits-attributes", "--target", "digits")
    assert "has attributes instead; digits has them: turn the two round" in said
    pair = load(DomainsConfig(source="digits", target="digits-attributes"))
    assert pair.target.train.labels is None
    assert pair.target.attributes == ()
    assert not pair.target.test.has_labels


def test_mixes_of_unknown_attributes_have_no_soft_label() -> None:
    np.savez("set.npz", images=pixels(), attributes=np.where(TABLE, TABLE, [-1, 0, 0]))
    assert main(["train", "ae", "--data", "set.npz", "--out", "run", *QUICK]) == 0
    assert main(["mix", "run", "--count", "4", "--out", "new"]) == 0
    assert "attribute_0" in Path("new/labels.csv").read_text()


def test_the_list_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cache/svhn").mkdir(parents=True)
    for name in ("train_32x32.mat", "test_32x32.mat"):
        Path("cache/svhn", name).write_bytes(b"")
    assert main(["data", "--data-dir", "cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines[0].index("here")
    here = {line.split()[0]: line[at : at + 4].strip() for line in lines[2:-2]}
    assert [here[n] for n in ("digits", "svhn", "svhn-extra", "celeba")] == [
        "yes",
        "yes",
        "no",
        "no",
    ]
    assert "cache" in lines[-2]
    assert "Netzer et al." in "".join(lines)


def test_a_table_names_images_beside_subfolders(folder: Path) -> None:
    (folder / "cat" / "00.png").rename(folder / "a.png")
    paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.png"))
    rows = [f"{path},{i % 2}" for i, path in enumerate(paths)]
    (folder / "attributes.csv").write_text("\n".join(["file,even", *rows]))
    data = load(DataConfig(data=str(folder)))
    assert sum(map(len, data.parts.values())) == 24

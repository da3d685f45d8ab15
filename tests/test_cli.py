"""Every command in-process, as a user types it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resynthesis.cli import COMMANDS, main
from resynthesis.methods import METHODS
from resynthesis.runs import Run

QUICK = ["--size", "16", "--steps", "4", "--batch-size", "8", "--device", "cpu"]
QUICK += ["--log-every", "2", "--checkpoint-every", "2", "--width", "4"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def picture(path: str | Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image.copy()


def frames(path: str) -> int:
    with Image.open(path) as image:
        return image.n_frames


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    random = np.random.default_rng(0)
    names = ["a.png", "b.png", "c.jpg"]
    for name in names:
        Image.fromarray(random.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(tmp_path / name)
    return names


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)
    assert main([]) == 2
    assert main(["--version"]) == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "usage: resynth" in capsys.readouterr().out


@pytest.mark.parametrize("method", METHODS)
def test_help_of_each_method_lists_its_settings(
    method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", method, "--help"]) == 0
    out = capsys.readouterr().out
    assert "min" in out
    own = ("--source", "--target") if METHODS[method].two_domains else ("--data", "--probe")
    for flag in ("--reconstruction", "--seed", "--code", "--train-size", *own):
        assert flag in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["ae"],
        ["ae", "--adversary"],
        ["acai", "--variant", "amr"],
        ["amr", "--parents", "3", "--mixer", "bernoulli", "--probe"],
        ["amr", "--labels", "40", "--supervision", "1.0"],
        ["amr", "--data", "lines", "--size", "32"],
    ],
)
def test_train_and_evaluate(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", arguments[0], "--out", "run", *QUICK, *arguments[1:]]) == 0
    for name in ("config.json", "weights.safetensors", "log.jsonl", "checkpoint"):
        assert Path("run", name).exists()
    assert list(Path("run/pictures").glob("step-*.png"))
    assert main(["evaluate", "run"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert all(np.isfinite(value) for value in metrics.values())
    wanted = {"lines_distance", "lines_smoothness"} if "lines" in arguments else {"probe_accuracy"}
    assert wanted | {"reconstruction_l1", "reconstruction_psnr"} <= set(metrics)
    for name in ("losses", "codes", "triangle", "interpolations", "reconstructions"):
        assert picture(f"run/pictures/{name}.png").size > (100, 100)
    assert "reconstruction_l1" in capsys.readouterr().out


def test_train_has_a_folder_of_its_own_for_each_run() -> None:
    assert main(["train", "ae", *QUICK]) == 0
    assert main(["train", "ae", *QUICK]) == 0
    assert sorted(p.name for p in Path("runs").iterdir()) == [
        "ae-digits-seed0",
        "ae-digits-seed0-2",
    ]


def test_resume(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "ae", "--out", "run", *QUICK])
    assert main(["train", "--resume", "run"]) == 0
    assert "nothing left to train" in capsys.readouterr().out
    assert main(["train", "ae", "--resume", "run"]) == 0
    assert [line["step"] for line in Run(Path("run")).log()] == [2, 4]
    assert main(["train", "amr", "--resume", "run"]) == 2
    assert "a run of ae, not of amr" in capsys.readouterr().err


def test_evaluate_other_data_and_only(trained: Path, tmp_path: Path) -> None:
    main(["train", "ae", "--out", "run", *QUICK])
    assert main(["evaluate", "run", "--only", "reconstruction"]) == 0
    assert set(json.loads(Path("run/metrics.json").read_text())) == {
        "reconstruction_l1",
        "reconstruction_psnr",
    }
    assert main(["evaluate", "run", "--data", "digits", "--only", "knn_accuracy"]) == 0
    assert len(json.loads(Path("run/metrics.json").read_text())) == 3  # its own data by name
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.savez("mine.npz", images=images, labels=np.arange(40) % 2)
    assert main(["evaluate", "run", "--data", "mine.npz"]) == 0
    assert "knn_accuracy" in json.loads(Path("run/metrics.mine.json").read_text())


def test_compare(capsys: pytest.CaptureFixture[str]) -> None:
    for name, arguments in {
        "a": ["ae", "--seed", "0"],
        "b": ["ae", "--seed", "1"],
        "c": ["amr", "--parents", "3"],
    }.items():
        main(["train", arguments[0], "--out", name, *QUICK, *arguments[1:]])
    assert main(["compare", "a"]) == 2  # not yet evaluated
    assert "resynth evaluate a" in capsys.readouterr().err
    for name in "abc":
        main(["evaluate", name, "--only", "reconstruction"])
    Path("logs").mkdir()
    assert main(["compare", "logs"]) == 2
    assert main(["compare", "a", "logs"]) == 0
    assert "note: left out logs, which is no run folder" in capsys.readouterr().out
    assert main(["compare", "a", "a"]) == 0  # counts once
    assert "±" not in capsys.readouterr().out
    for suffix in ("md", "csv", "json"):
        assert main(["compare", "a", "b", "c", "--out", f"table.{suffix}"]) == 0
    out = capsys.readouterr().out
    assert "±" in out
    rows = json.loads(Path("table.json").read_text())
    assert [(row["run"], row["n"]) for row in rows] == [("ae", 2), ("amr parents=3", 1)]
    l1 = [json.loads(Path(n, "metrics.json").read_text())["reconstruction_l1"] for n in "ab"]
    cell = rows[0]["metrics"]["reconstruction_l1"]
    assert cell["mean"] == pytest.approx(np.mean(l1))
    assert cell["std"] == pytest.approx(np.std(l1, ddof=1))
    assert Path("table.md").read_text().count("|") > 10
    table = list(csv.DictReader(Path("table.csv").read_text().splitlines()))
    assert float(table[0]["reconstruction_l1_mean"]) == pytest.approx(np.mean(l1))
    assert [row["images"] for row in table] == ["32", "32"]
    main(["evaluate", "b", "--only", "knn"])
    capsys.readouterr()
    assert main(["compare", "a", "b", "c"]) == 0
    assert "note: ae without knn_accuracy, which not all its runs have" in capsys.readouterr().out
    for name, metric in (("a", "reconstruction_l1"), ("b", "knn_accuracy")):
        Path(name, "metrics.json").write_text(json.dumps({metric: 0.5}))
    assert main(["compare", "a", "b", "--out", "table.png"]) == 2
    assert "nothing to draw in table.png" in capsys.readouterr().err
    Path("e").mkdir()
    main(["train", "ae", "--out", "e/run", *QUICK, "--seed", "2"])
    main(["evaluate", "e/run", "--only", "reconstruction"])
    tree = json.loads(Path("e/run/config.json").read_text())
    for name in ("a", "e/run"):  # as if more had been asked for, and one were there already
        tree = json.loads(Path(name, "config.json").read_text())
        tree["training"]["steps"] *= 1 + ("run" in name)
        Path(name, "config.json").write_text(json.dumps(tree))
    assert main(["compare", "e/run", "--out", "table.json"]) == 0
    (row,) = json.loads(Path("table.json").read_text())
    assert row["run"] == "ae (step 4 of 8)"
    capsys.readouterr()
    main(["train", "acai", "--out", "d", *QUICK])
    assert main(["compare", "a", "d"]) == 0
    assert "left out d" in capsys.readouterr().out


@pytest.mark.parametrize("space", ["codes", "pixels"])
def test_mix_two_files(trained: Path, pair: list[str], space: str) -> None:
    arguments = ["--steps", "5", "--space", space]
    assert main(["mix", str(trained), *pair[:2], "--out", "x.png", *arguments]) == 0
    strip = np.asarray(picture("x.png").convert("L")).astype(int)
    assert strip.shape[1] > 5 * 64
    first, last = strip[68:132, -5 * 66 : -5 * 66 + 64], strip[68:132, -66:-2]
    assert np.abs(first - last).mean() > 5


def test_mix_in_pixels_starts_and_ends_with_the_files(trained: Path, pair: list[str]) -> None:
    main(["mix", str(trained), *pair[:2], "--out", "x.png", "--steps", "3", "--space", "pixels"])
    from resynthesis.data.images import decode

    strip = np.asarray(picture("x.png").convert("L")).astype(int)
    left = strip.shape[1] - 3 * 66
    cells = [strip[68:132, left + i * 66 : left + 64 + i * 66][::4, ::4] for i in range(3)]
    inputs = [strip[2:66, left + i * 66 : left + 64 + i * 66][::4, ::4] for i in range(2)]
    a, b = (decode(Path(name), 16, 1)[0].astype(int) for name in pair[:2])
    assert np.array_equal(cells[0], a)
    assert np.array_equal(cells[2], b)
    assert np.array_equal(inputs, [a, b])
    assert np.abs(cells[1] - (a + b) / 2).max() <= 1


def test_mix_three_files_is_a_triangle(trained: Path, pair: list[str]) -> None:
    assert main(["mix", str(trained), *pair, "--out", "x.png", "--steps", "4"]) == 0
    width, height = picture("x.png").size
    assert width == height


@pytest.mark.parametrize("mixer", ["channel-mixup", "bernoulli", "shared-bernoulli"])
def test_mix_with_other_mixers(trained: Path, pair: list[str], mixer: str) -> None:
    assert main(["mix", str(trained), *pair[:2], "--out", "x.png", "--mixer", mixer]) == 0
    assert picture("x.png").size[0] > 11 * 64


def test_mix_to_gif(trained: Path, pair: list[str]) -> None:
    assert main(["mix", str(trained), *pair, "--out", "x.gif", "--steps", "4"]) == 0
    assert frames("x.gif") == 9
    assert main(["mix", str(trained), *pair[:2], "--out", "x.gif", "--steps", "4"]) == 0
    assert frames("x.gif") == 6


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio's reader
def test_mix_to_mp4(trained: Path, pair: list[str]) -> None:
    pytest.importorskip("imageio_ffmpeg")
    import imageio.v3 as imageio

    assert main(["mix", str(trained), *pair[:2], "--out", "x.mp4", "--steps", "4"]) == 0
    shown = list(imageio.imiter("x.mp4"))
    assert len(shown) == 6
    assert shown[0].shape == (256, 256, 3)
    assert np.abs(shown[0].astype(int) - shown[3].astype(int)).mean() > 1


def test_mix_count_writes_soft_labels(trained: Path) -> None:
    assert main(["mix", str(trained), "--count", "30", "--parents", "3", "--out", "new"]) == 0
    rows = list(csv.DictReader(Path("new/labels.csv").read_text().splitlines()))
    assert len(rows) == 30
    data = Run(trained).load_data()
    for row in rows:
        assert picture(Path("new", row["file"])).size == (16, 16)
        soft = np.array([float(row[c]) for c in data.classes])
        assert soft.sum() == pytest.approx(1, abs=1e-4)
        expected = np.zeros(10)
        for i in (1, 2, 3):
            label = data.train.labels[int(row[f"parent_{i}"])]
            expected[label] += float(row[f"weight_{i}"])
        assert np.allclose(soft, expected, atol=1e-5)
    assert len({row["file"] for row in rows}) == 30
    main(["mix", str(trained), "--count", "30", "--parents", "3", "--out", "again"])
    assert Path("new/labels.csv").read_text() == Path("again/labels.csv").read_text()
    assert Path("new/000007.png").read_bytes() == Path("again/000007.png").read_bytes()


def test_mix_count_does_not_reveal_hidden_labels() -> None:
    main(["train", "ae", "--labels", "20", "--supervision", "1", "--out", "run", *QUICK])
    assert main(["mix", "run", "--count", "20", "--out", "new"]) == 0
    rows = list(csv.DictReader(Path("new/labels.csv").read_text().splitlines()))
    labels = Run(Path("run")).load_data().train.labels
    assert all(labels[int(row[f"parent_{i}"])] >= 0 for row in rows for i in (1, 2))
    assert all(
        sum(float(row[str(c)]) for c in range(10)) == pytest.approx(1, abs=1e-4) for row in rows
    )


def test_shared_bernoulli_draws_its_p_for_each_new_image(trained: Path) -> None:
    main(["mix", str(trained), "--count", "60", "--mixer", "shared-bernoulli", "--out", "new"])
    rows = csv.DictReader(Path("new/labels.csv").read_text().splitlines())
    weights = np.array([float(row["weight_1"]) for row in rows])
    assert 0.3 < weights.mean() < 0.7


def test_encode(trained: Path) -> None:
    assert main(["encode", str(trained), "--out", "codes.npz"]) == 0
    archive = np.load("codes.npz", allow_pickle=False)
    assert archive["codes"].shape == (1797, 32)
    assert set(archive["part"]) == {"train", "valid", "test"}
    assert archive["labels"].max() == 9
    assert main(["encode", str(trained), "--out", "codes.tsv", "--part", "test"]) == 0
    table = np.loadtxt("codes.tsv", delimiter="\t")
    assert np.allclose(table, archive["codes"][archive["part"] == "test"], rtol=1e-4, atol=1e-5)
    about = Path("codes.labels.tsv").read_text().splitlines()
    assert about[0] == "label\tpart"
    assert len(about) == len(table) + 1
    assert main(["encode", str(trained), "--out", "some.npz", "--count", "50"]) == 0
    some = np.load("some.npz", allow_pickle=False)
    assert [list(some["part"]).count(part) for part in ("train", "valid", "test")] == [50] * 3
    all_of_them = {code.tobytes() for code in archive["codes"]}
    assert {code.tobytes() for code in some["codes"]} <= all_of_them


def test_data(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert main(["data"]) == 0
    assert "mnist" in capsys.readouterr().out
    for name, sheet in (("digits", "digits.png"), ("lines", "lines.png"), (str(folder), "my.png")):
        assert main(["data", name, "--out", sheet]) == 0
        assert "sha256" in capsys.readouterr().out
        assert picture(sheet).width > 300
    assert main(["data", "digits"]) == 0  # digits.png is taken
    assert Path("digits-2.png").exists()


def test_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--steps", "6", "--adapt-steps", "4"]) == 0
    out = capsys.readouterr().out
    for name in ("line.png", "line-in-pixels.png", "triangle.png", "loop.gif", "mixes/labels.csv"):
        assert Path("demo", name).exists()
    assert len(list(Path("demo/domains/translated").glob("*.png"))) == 9
    assert len(Path("demo/domains/predictions.csv").read_text().splitlines()) == 10
    assert Path("demo/domains/run/pictures/translations.png").exists()
    assert "Translations" in Path("demo/report.html").read_text()
    assert "Everything is in demo" in out
    assert main(["demo"]) == 2

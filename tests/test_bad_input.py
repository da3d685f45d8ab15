"""Whatever a user can get wrong: one sentence, exit status 2, and nothing lost or half-written."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resynthesis import runs
from resynthesis.cli import main, usage
from resynthesis.data import DataConfig
from resynthesis.mixes import mix_set

from .test_cli import QUICK
from .test_data import idx_folder, write_idx


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def train(*arguments: str) -> list[str]:
    return ["train", "ae", "--out", "run", *QUICK, *arguments]


def test_no_such_command(refused) -> None:
    assert "did you mean train?" in refused("trian")
    assert "commands: train" in refused("sing")


def test_no_such_method(refused) -> None:
    assert "choose from ae, acai, amr" in refused("train", "gan")
    assert "needs a method first" in refused("train", "--data", "digits")


def test_path_that_is_not_there(refused) -> None:
    assert "no data set and no path 'nowhere'" in refused(*train("--data", "nowhere"))
    assert "no run folder nowhere" in refused("evaluate", "nowhere")
    assert "no run folder nowhere" in refused("train", "--resume", "nowhere")


def test_empty_folder(refused) -> None:
    Path("empty").mkdir()
    assert "empty has no images" in refused(*train("--data", "empty"))
    assert "not a run folder" in refused("evaluate", "empty")


def test_a_file_that_is_no_set(refused) -> None:
    Path("notes.txt").write_text("hello")
    assert "no .npz archive" in refused(*train("--data", "notes.txt"))


def test_one_image_in_a_class(refused, folder: Path) -> None:
    for path in sorted((folder / "dog").iterdir())[1:]:
        path.unlink()
    said = refused(*train("--data", str(folder)))
    assert re.search("class 'dog' of [a-z]+ has 1 image,", said)
    assert "leave the class out" in said


def test_hidden_files_are_no_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cat" / "._00.png").write_bytes(b"of another system")
    (folder / "._01.png").write_bytes(b"of another system")
    assert main(["data", str(folder), "--strict", "--out", "sheet.png"]) == 0
    assert "skipped" not in capsys.readouterr().out


def test_images_beside_class_folders(refused, folder: Path) -> None:
    shutil.copy(folder / "cat" / "00.png", folder / "stray.png")
    assert "or none" in refused(*train("--data", str(folder)))


@pytest.mark.parametrize("memory", ["2.0", "1e-9"])
def test_truncated_png_is_named_and_skipped(
    folder: Path, memory: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "cat" / "03.png"
    path.write_bytes(path.read_bytes()[:100])
    (folder / "cat" / "04.png").write_bytes(b"no picture at all")
    assert main(train("--data", str(folder), "--memory", memory)) == 0
    said = capsys.readouterr().out
    assert "04.png" in said
    assert "skipped" in said
    if memory == "2.0":
        assert "skipped 2 of the files" in said
        assert "03.png" in said


def test_truncated_png_is_refused_with_strict(refused, folder: Path) -> None:
    path = folder / "cat" / "03.png"
    path.write_bytes(path.read_bytes()[:100])
    said = refused(*train("--data", str(folder), "--strict"))
    assert "03.png" in said
    assert "leave out --strict" in said


def test_truncated_png_in_a_stream_is_refused_with_strict(folder: Path, capsys) -> None:
    for path in (folder / "cat").iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    flags = ["--data", str(folder), "--strict", "--memory", "1e-9"]
    assert main(train(*flags)) == 2
    assert "is broken" in capsys.readouterr().err


def test_a_folder_of_broken_images_only(refused) -> None:
    Path("broken").mkdir()
    for i in range(3):
        Path("broken", f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "none of the 3 images" in refused(*train("--data", "broken"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda raw: raw[: len(raw) // 2], "cut short"),
        (lambda raw: raw[:3], "not an IDX file"),
        (lambda raw: b"\x00\x00\x0d" + raw[3:], "not an IDX file of unsigned bytes"),
        (lambda raw: raw + b"more", "too long"),
        (lambda raw: b"", "not an IDX file"),
    ],
)
def test_broken_idx(refused, damage, says: str) -> None:
    path = idx_folder(Path("set"), suffix="") / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    said = refused(*train("--data", "set"))
    assert says in said
    assert "train-images" in said


def test_a_tiny_idx_set(refused) -> None:
    path = idx_folder(Path("set"), suffix="")
    random = np.random.default_rng(0)
    write_idx(path / "train-images-idx3-ubyte", random.integers(0, 256, (5, 28, 28)))
    write_idx(path / "train-labels-idx1-ubyte", np.arange(5))
    assert "at least 6 and 1 are needed" in refused(*train("--data", "set"))


def test_truncated_gz(refused) -> None:
    path = idx_folder(Path("set")) / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    assert "broken or cut short" in refused(*train("--data", "set"))


def test_idx_without_or_with_other_labels(refused) -> None:
    labels = idx_folder(Path("set"), suffix="") / "train-labels-idx1-ubyte"
    labels.write_bytes((labels.parent / "t10k-labels-idx1-ubyte").read_bytes())
    assert "do not fit" in refused(*train("--data", "set"))
    labels.unlink()
    assert "no label file" in refused(*train("--data", "set"))


GOOD = np.zeros((20, 16, 16), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"pictures": GOOD}, "no array 'images' (it has: pictures)"),
        ({"images": GOOD[0]}, "of shape (n, h, w)"),
        ({"images": np.zeros((20, 16, 16, 4), dtype=np.uint8)}, "of shape (n, h, w)"),
        ({"images": np.zeros((20, 16, 20), dtype=np.uint8)}, "must be square"),
        ({"images": GOOD[:0]}, "is empty"),
        ({"images": GOOD.astype(np.int64)}, "uint8 or floating point"),
        ({"images": GOOD.astype(complex)}, "uint8 or floating point"),
        ({"images": GOOD + 300.0}, "must be in [0, 1] or [-1, 1]"),
        ({"images": np.where(np.arange(256).reshape(16, 16), GOOD, np.nan)}, "NaN"),
        ({"images": GOOD, "labels": np.arange(19)}, "must be 20 integers"),
        ({"images": GOOD, "labels": np.arange(20) / 2}, "must be 20 integers"),
        ({"images": np.array([{}] * 20, dtype=object)}, "never loaded"),
        ({"images": GOOD, "labels": np.array([None] * 20)}, "never loaded"),
        ({"images": np.array(["x"] * 20)}, "images"),
    ],
)
def test_bad_npz(refused, arrays: dict, says: str) -> None:
    np.savez("set.npz", **arrays)
    assert says in refused(*train("--data", "set.npz"))


def test_npz_with_a_flipped_byte(capsys: pytest.CaptureFixture[str]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    np.savez_compressed("whole.npz", images=images)
    raw = bytearray(Path("whole.npz").read_bytes())
    for at in range(40, len(raw), len(raw) // 40):
        broken = bytearray(raw)
        broken[at] ^= 0xFF
        Path("set.npz").write_bytes(broken)
        status = main(["data", "set.npz", "--out", "sheet.png"])
        said = capsys.readouterr().err
        assert status in (0, 2)  # some bytes of the container do not matter
        assert "Traceback" not in said
        assert status == 0 or said.startswith("resynth: ")


def test_npz_that_is_none(refused) -> None:
    Path("set.npz").write_bytes(b"PK\x03\x04 not really")
    assert "not a readable .npz" in refused(*train("--data", "set.npz"))


def test_nan_in_arrays() -> None:
    from resynthesis import AE

    with pytest.raises(ValueError, match="NaN or infinite values in 1 of 4 images"):
        AE().fit(np.where(np.arange(4)[:, None, None] == 2, np.inf, np.zeros((4, 16, 16))))


def test_mixed_images_work(folder: Path) -> None:
    """Alpha, palettes, one bit and grey are in `folder`; 16 bits come on top."""
    deep = np.linspace(0, 65535, 900).reshape(30, 30).astype(np.uint16)
    Image.fromarray(deep).save(folder / "cat" / "deep.png")
    assert main(train("--data", str(folder))) == 0


@pytest.mark.parametrize("size", ["48", "8", "256"])
def test_sizes_that_are_no_power_of_two_or_too_small(refused, size: str) -> None:
    assert "must be one of 16, 28, 32, 64, 128" in refused(*train("--size", size))


def test_codes_that_do_not_fit(refused) -> None:
    assert "the code 2x3x3 does not fit" in refused(*train("--code", "2", "3", "3"))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--classes", "0", "x"], "unknown class 'x'"),
        (["--classes", "3", "5", "3"], "a class is given twice: 3, 5, 3"),
        (["--train-size", "99999"], "cannot choose 99999"),
        (["--labels", "5"], "one a class"),
        (["--reconstruction-loss", "bce"], "--output tanh"),
        (["--device", "cuda:77"], "cannot be used"),
        (["--steps", "0"], "must be positive"),
        (["--batch-size", "0"], "at least 1"),
        (["--width", "0"], "at least 1"),
        (["--betas", "1.5", "0.9"], "betas must be"),
        (["--epochs", "inf", "--steps", "None"], "must be positive"),
        (["--autoencoder-every", "0"], "at least 1"),
        (["--data", "lines", "--size", "32", "--train-size", "9"], "endless"),
        (["--data", "lines", "--size", "32", "--probe"], "two classes"),
        (["--data", "lines", "--size", "16"], "size 32"),
    ],
)
def test_settings_that_do_not_fit(refused, flags: list[str], says: str) -> None:
    assert says in refused(*train(*flags))


def test_offline(refused, monkeypatch: pytest.MonkeyPatch) -> None:
    from resynthesis.data import download, mnist

    offline = replace(mnist.MNIST, mirrors=("http://127.0.0.1:9/mnist",))
    monkeypatch.setattr(mnist, "MNIST", offline)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    Path("cache/mnist").mkdir(parents=True)
    said = refused(*train("--data", "mnist", "--data-dir", "cache"))
    assert "cannot download train-images-idx3-ubyte.gz" in said
    wanted = "put it, and train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels"
    assert wanted in said
    assert "cache/mnist by hand" in said


def test_run_folder_that_exists(refused) -> None:
    assert main(train()) == 0
    log = Path("run/log.jsonl").read_bytes()
    said = refused("train", "amr", "--out", "run", *QUICK)
    assert "exists already and holds a run of ae" in said
    assert Path("run/log.jsonl").read_bytes() == log
    Path("other").mkdir()
    Path("other/thesis.tex").write_text("years of work")
    assert "exists already" in refused("train", "amr", "--out", "other", *QUICK)


def test_run_folder_that_is_incomplete(refused) -> None:
    assert main(train()) == 0
    Path("run/weights.safetensors").rename("weights")
    assert "has no weights yet" in refused("evaluate", "run")
    Path("run/weights.safetensors").write_bytes(Path("weights").read_bytes()[:-50])
    assert "weights.safetensors is broken" in refused("evaluate", "run")
    shutil.rmtree("run/checkpoint")
    assert "no checkpoint to go on from" in refused("train", "--resume", "run")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update(format=99), "format 99"),
        (lambda t: t.update(method="gan"), "unknown method 'gan'"),
        (lambda t: t.pop("nets"), "lacks 'nets'"),
        (lambda t: t["training"].update(speed=9), "speed"),
        (lambda t: t["nets"].update(code=[2, 2, 2]), "does not fit the nets"),
        (lambda t: t.update(facts=None), "cannot be read"),
    ],
)
def test_run_folder_with_a_foreign_config(refused, change, says: str) -> None:
    assert main(train()) == 0
    tree = json.loads(Path("run/config.json").read_text())
    change(tree)
    Path("run/config.json").write_text(json.dumps(tree))
    assert says in refused("evaluate", "run")


def test_run_of_another_method(refused) -> None:
    assert main(train()) == 0
    assert "a run of ae, not of amr" in refused("train", "amr", "--resume", "run")
    amr = ["train", "amr", "--out", "amr", *QUICK]
    assert main(amr) == 0
    shutil.copy("run/weights.safetensors", "amr/weights.safetensors")
    assert "does not fit the nets" in refused("evaluate", "amr")


def test_data_that_changed_since(refused, folder: Path) -> None:
    assert main(train("--data", str(folder))) == 0
    (folder / "cat" / "00.png").unlink()
    assert "checksum differs" in refused("train", "--resume", "run")


def test_data_of_another_shape(refused, folder: Path) -> None:
    assert main(train()) == 0
    assert "want images of shape" in refused("evaluate", "run", "--data", str(folder))


def test_mix_refusals(refused, trained: Path) -> None:
    Image.new("L", (20, 20)).save("a.png")
    Path("b.png").write_text("no image")
    run = str(trained)
    assert "needs --out" in refused("mix", run, "a.png", "a.png")
    assert "no file c.png" in refused("mix", run, "a.png", "c.png", "--out", "x.png")
    assert "b.png is broken" in refused("mix", run, "a.png", "b.png", "--out", "x.png")
    assert "two or more" in refused("mix", run, "a.png", "--out", "x.png")
    assert "end in .png" in refused("mix", run, "a.png", "a.png", "--out", "x.bmp")
    assert "exactly 2" in refused(
        *("mix", run, "a.png", "a.png", "a.png", "--mixer", "shared-bernoulli", "--out", "x.png")
    )
    assert "at least 1" in refused("mix", run, "--count", "0", "--out", "new")
    Path("full").mkdir()
    Path("full/file").write_text("mine")
    assert "exists already" in refused("mix", run, "--count", "3", "--out", "full")
    assert "is a folder" in refused("mix", run, "--count", "3", "--out", "x.png")
    assert "go with --count" in refused(
        "mix", run, "a.png", "a.png", "--parents", "3", "--out", "x.png"
    )
    assert "not both" in refused("mix", run, "a.png", "a.png", "--count", "3", "--out", "new")


def test_two_runs_of_one_seed(refused) -> None:
    for name in ("a", "b"):
        main(["train", "ae", "--out", name, *QUICK])
        main(["evaluate", name, "--only", "reconstruction"])
    assert "the seed of another run" in refused("compare", "a", "b")


def test_other_refusals(refused, trained: Path) -> None:
    assert ".npz or .tsv" in refused("encode", str(trained), "--out", "codes.csv")
    few = ["--out", "codes.tsv", "--count", "0"]
    assert "--count must be at least 1" in refused("encode", str(trained), *few)
    assert "unknown metric" in refused("evaluate", str(trained), "--only", "beauty")
    assert "no metrics yet" in refused("compare", str(trained))
    assert "no data set" in refused("data", "nowhere")


def test_unknown_flags_exit_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "amr", "--sped", "3"]) == 2
    assert "--sped" in capsys.readouterr().err


def test_full_disk_keeps_the_old_checkpoint() -> None:
    """A limit on file sizes stands in for a full disk: writing fails in the kernel, mid-file."""
    assert main(train("--steps", "2", "--picture-every", "9")) == 0
    before = {p: p.read_bytes() for p in Path("run").rglob("*.safetensors")}
    tree = json.loads(Path("run/config.json").read_text())
    tree["training"]["steps"] = 6
    Path("run/config.json").write_text(json.dumps(tree))
    limit = min(map(len, before.values())) // 2

    answer = subprocess.run(
        [sys.executable, "-m", "resynthesis", "train", "--resume", "run"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert answer.returncode == 2
    assert "cannot write run/weights.safetensors" in answer.stderr
    assert "what was there is kept" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert {p: p.read_bytes() for p in Path("run").rglob("*.safetensors")} == before
    assert not list(Path("run").rglob("*.part"))
    assert main(["train", "--resume", "run"]) == 0
    assert runs.Run(Path("run")).log()[-1]["step"] == 6


def test_out_may_be_the_empty_folder_where_one_is(trained: Path) -> None:
    Path("real").mkdir()
    Path("link").symlink_to("real")
    assert main(["mix", str(trained), "--count", "2", "--out", "link"]) == 0
    assert sorted(path.name for path in Path("real").iterdir()) == [
        *("000000.png", "000001.png", "labels.csv")
    ]
    Path("here").mkdir()
    os.chdir("here")
    assert main(["mix", str(trained), "--count", "2", "--out", "."]) == 0
    assert Path("labels.csv").read_text().count("\n") == 3
    assert not [path for path in Path("..").iterdir() if path.name.startswith(".")]


def test_own_data_that_changed_is_refused_however_it_is_named(refused, folder: Path) -> None:
    assert main(train("--data", str(folder))) == 0
    (folder / "cat" / "00.png").unlink()
    for flags in ([], ["--data-dir", "elsewhere"], ["--data", str(folder)]):
        assert "checksum differs" in refused("evaluate", "run", *flags)


def test_a_home_that_is_nobodys(refused) -> None:
    assert "no path '~nobody-here/x'" in refused("data", "~nobody-here/x")
    assert "no path '~nobody-here/x'" in refused(*train("--data", "~nobody-here/x"))


def test_members_of_an_npz_that_are_no_arrays(refused) -> None:
    np.savez("good.npz", images=GOOD)
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n"
    huge, odd = head % "(1000000000, 1000000, 1000)", head % "((3,"
    for name, content in {
        "labels": b"no header at all",
        "attributes": _npy(huge),
        "attribute_names": _npy(odd),
    }.items():
        shutil.copy("good.npz", "set.npz")
        with zipfile.ZipFile("set.npz", "a") as file:
            file.writestr(f"{name}.npy", content)
        assert "set.npz is not a readable .npz archive" in refused("data", "set.npz")
    np.savez("flat.npz", images=np.zeros((30, 0, 0), dtype=np.uint8))
    assert "is empty" in refused("data", "flat.npz")


def _npy(head: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode()


def test_out_of_memory_is_one_sentence(refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("resynthesis.data.one.read_npz", full)
    np.savez("set.npz", images=GOOD)
    assert "out of memory" in refused("data", "set.npz")


def test_sigterm_leaves_nothing_half_done(trained: Path) -> None:
    command = [sys.executable, "-m", "resynthesis", "mix", str(trained), "--count", "100000"]
    with subprocess.Popen([*command, "--out", "new"]) as process:
        deadline = time.monotonic() + 60
        while not [*Path().glob(".new.*/*.png")]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 143
    assert not [path for path in Path().iterdir() if path.name.startswith(".new")]


def test_labels_of_mixes_where_files_turn_out_to_be_broken(trained: Path) -> None:
    for name, grey in (("black", 0), ("white", 255)):
        Path("images", name).mkdir(parents=True)
        for i in range(40):
            noise = np.random.default_rng(i).integers(0, 20, (16, 16)).astype(np.uint8)
            Image.fromarray(grey - noise if grey else noise).save(f"images/{name}/{i:02}.png")
    for path in sorted(Path("images/black").iterdir())[::2]:
        path.write_bytes(path.read_bytes()[:-60])
    run = runs.Run(trained)
    data = run.load_data(DataConfig(data="images", size=16, memory=0))
    for number, seed in enumerate((0, 1)):
        mix_set(
            *(run, data, Path(f"new{number}")),
            count=40,
            mixer="mixup",
            parents=2,
            space="pixels",
            seed=seed,
        )
        with open(f"new{number}/labels.csv") as file:
            for row in csv.DictReader(file):
                grey = np.asarray(Image.open(f"new{number}/{row['file']}")).mean() / 255
                assert abs(grey - float(row["white"])) < 0.06


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("train class-amr --wish 3", "train class-amr has no flag --wish: did you mean --wishes?"),
        ("train ae --zzz", "has no flag --zzz (resynth train ae --help lists its flags)"),
        ("train ae extra", "train ae has no place for 'extra'"),
        ("train amr --steps x", "--steps must be a whole number, not 'x'"),
        ("train amr --lr=x", "--lr must be a number, not 'x'"),
        ("train ae --norm batch", "--norm must be one of instance, group, none, not 'batch'"),
        ("train ae --code 1 2", "--code wants 3 values"),
        ("train ae --code 1 2 x", "--code wants INT INT INT"),
        ("train ae --seed", "--seed wants a value"),
        ("mix", "mix needs the run folder"),
        (
            "classify",
            "target images: a folder, flat or with subfolders, or a set by name; --out PATH",
        ),
    ],
)
def test_flags_that_are_off(refused, command: str, says: str) -> None:
    said = refused(*command.split())
    assert says in said
    assert not any(mark in said for mark in "│╭─")


def test_a_box_of_another_kind_is_still_one_line() -> None:
    box = "╭─ New ────╮\n│ Something │\n│ is off.   │\n│ ───────── │\n│ More      │\n╰──────────╯"
    assert usage.sentence(box, "train ae") == "Something is off."
    box = "\x1b[31m╭─ New ──╮\x1b[0m\n\x1b[31m│\x1b[0m It is off. \x1b[31m│\x1b[0m\n╰───────╯"
    assert usage.sentence(box, "train ae") == "It is off."
    assert usage.sentence("no box\nat all", "train ae") == "no box at all"


def test_flags_that_are_off_on_a_screen(refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tyro._fmtlib._FORCE_UTF8_BOXES", True)
    monkeypatch.setattr("tyro._fmtlib._FORCE_ANSI", True)
    assert "has no flag --wish: did you mean --wishes?" in refused("train", "class-amr", "--wish")
    assert "mix needs the run folder" in refused("mix")

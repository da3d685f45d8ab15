"""The explorer without a browser: what the page may ask, bad uploads, the guard, the command."""

from __future__ import annotations

import base64
import io
import json
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from resynthesis import runs
from resynthesis.app import Opened, Samples
from resynthesis.app import page as pages
from resynthesis.app.choose import offered, uploaded
from resynthesis.app.guard import ASK, READ
from resynthesis.app.map import placed, placing, seen, walked
from resynthesis.app.mix import granted, mixed, read, saved
from resynthesis.app.page import answering
from resynthesis.app.pictures import PIXELS, accept, from_uri, to_uri
from resynthesis.app.runs import compared, sampled
from resynthesis.app.server import free_port
from resynthesis.app.translate import redrawn
from resynthesis.cli import main
from resynthesis.data import DataConfig
from resynthesis.figures import training_picture
from resynthesis.methods import AE, METHODS, Classify
from resynthesis.runs import Run

from .conftest import quick
from .serving import a_free_port, ask, explorer, send


@pytest.fixture(scope="module")
def some(kinds: dict[str, Path]) -> dict[str, Opened]:
    """Runs of four kinds, open."""
    return {name: Opened(Run(path), device="cpu") for name, path in kinds.items()}


@pytest.fixture(scope="module")
def pictures(some: dict[str, Opened]) -> list[str]:
    """Three images as the page has them."""
    answer = offered(some, {"run": "run", "part": 0, "seed": 0})
    return [image["picture"] for image in answer["images"][:3]]


def pixels(uri: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_pictures_go_to_the_page_and_back() -> None:
    image = torch.rand(3, 16, 16) * 2 - 1
    assert (from_uri(to_uri(image), 16, 3) - image).abs().max() < 0.005
    assert from_uri(to_uri(image[:1]), 32, 3).shape == (3, 32, 32)


def mix(some: dict[str, Opened], parents: list[str], **asked: Any) -> list[dict[str, Any]]:
    usual = {"runs": ["run"], "mixer": "mixup", "seed": 0, "weights": [1.0] * len(parents)}
    return mixed(some, {**usual, "parents": parents, **asked})["shown"]


def test_the_ends_of_the_slider_are_the_parents(
    some: dict[str, Opened], pictures: list[str]
) -> None:
    for place, weights in enumerate(([1, 0], [0, 1])):
        (shown,) = mix(some, pictures[:2], weights=weights)
        assert np.array_equal(pixels(shown["pixels"]), pixels(pictures[place]))
        x = some["run"].images([pictures[place]])
        again = some["run"].decode(some["run"].encode([pictures[place]]))
        assert shown["mix"] == to_uri(again[0])
        assert x.shape == again.shape
    (half,) = mix(some, pictures[:2], weights=[1, 1])
    mean = (pixels(pictures[0]) + pixels(pictures[1])) / 2
    assert np.abs(pixels(half["pixels"]) - mean).max() <= 1
    assert half["shares"] == [0.5, 0.5]


def test_channels_by_hand(some: dict[str, Opened], pictures: list[str]) -> None:
    (drawn,) = mix(some, pictures, mixer="bernoulli", seed=3)
    assert len(drawn["parent_of"]) == 2
    (same,) = mix(some, pictures, mixer="bernoulli", seed=9, parent_of={"run": drawn["parent_of"]})
    assert same["mix"] == drawn["mix"]
    (first,) = mix(some, pictures, mixer="bernoulli", parent_of={"run": [0, 0]})
    (alone,) = mix(some, pictures, weights=[1, 0, 0])
    assert first["mix"] == alone["mix"]
    with pytest.raises(ValueError, match="parent_of must be from 0 to 2"):
        mix(some, pictures, mixer="bernoulli", parent_of={"run": [0, 3]})


def test_several_runs_of_all_kinds_side_by_side(
    some: dict[str, Opened], pictures: list[str]
) -> None:
    for mixer in ("mixup", "channel-mixup", "bernoulli"):
        shown = mix(some, pictures, mixer=mixer, runs=list(some))
        assert [one["run"] for one in shown] == list(some)
        assert [len(pixels(one["mix"])) for one in shown] == [16] * 4
        assert all(sum(one["shares"]) == pytest.approx(1, abs=1e-5) for one in shown)
    assert mix(some, pictures, mixer="channel-mixup") == mix(some, pictures, mixer="channel-mixup")


@pytest.mark.parametrize("kind", [".png", ".gif", ".webp", ".mp4"])
@pytest.mark.parametrize("mixer", ["mixup", "bernoulli"])
def test_saved_files(some: dict[str, Opened], pictures: list[str], kind: str, mixer: str) -> None:
    if kind == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    answer = saved(
        some,
        {
            "run": "run",
            "parents": pictures,
            "mixer": mixer,
            "seed": 0,
            "kind": kind,
            "steps": 4,
            "speed": "code",
            "space": "codes",
        },
    )
    assert answer["name"] == f"run-{mixer}{kind}"
    content = base64.b64decode(answer["file"].split(",")[1])
    if kind == ".mp4":
        assert content[4:8] == b"ftyp"
        return
    with Image.open(io.BytesIO(content)) as image:
        frames = getattr(image, "n_frames", 1)
        if mixer == "mixup" or kind == ".png":
            assert frames == (1 if kind == ".png" else 9)
        else:  # pictures alike become one that stays
            assert 3 <= frames <= 9


def test_wishes(some: dict[str, Opened]) -> None:
    offer = offered(some, {"run": "class", "part": 0, "seed": 1})["images"]
    for other in offer[1:]:
        asked = {"run": "class", "parents": [offer[0]["picture"], other["picture"]], "seed": 0}
        has = read(some, asked)
        if has["has"][0] != has["has"][1]:
            break
    answer = granted(some, {**asked, "wish": has["has"][1]})
    assert len(answer["pictures"]) == len(answer["read"]) == 6
    assert answer["wish"] == has["told"][1]
    neither = [1 - v if v == has["has"][1][i] else v for i, v in enumerate(has["has"][0])]
    with pytest.raises(ValueError, match="as one of the two images"):
        granted(some, {**asked, "wish": neither})
    with pytest.raises(ValueError, match="only class-amr"):
        read(some, {**asked, "run": "run"})


def test_translations_and_what_the_classifier_says(
    some: dict[str, Opened], pictures: list[str]
) -> None:
    asked = {"runs": list(some), "images": pictures[:2], "styles": 3, "seed": 0}
    (shown,) = redrawn(some, asked)["shown"]
    assert shown["run"] == "adapt"
    assert len(shown["rows"]) == 2
    for row in shown["rows"]:
        assert len({made["picture"] for made in row["made"]}) == 3  # other styles
        for shares in (row["before"], *(made["after"] for made in row["made"])):
            values = [p for _, p in shares]
            assert values == sorted(values, reverse=True)
            assert 0 < sum(values) <= 1.0001
    one = redrawn(some, {**asked, "style": [pictures[2]]})["shown"][0]
    assert one["rows"][0]["made"][0]["picture"] != shown["rows"][0]["made"][0]["picture"]
    with pytest.raises(ValueError, match="none of the chosen runs"):
        redrawn(some, {**asked, "runs": ["run"]})


def test_map(some: dict[str, Opened]) -> None:
    answer = placed(some, {"run": "run", "how": "pca"})
    points = np.array(answer["points"])
    assert len(points) == len(answer["group_of"]) == 179
    assert points.min() == 0
    assert points.max() == 1
    assert [group["name"] for group in answer["groups"]] == list("0123456789")
    codes = some["run"].all_codes()[0].numpy()
    spread = np.linalg.svd(codes - codes.mean(0), compute_uv=False)[:2]
    sides = np.linalg.norm(points - points.mean(0), axis=0)
    assert sides[1] / sides[0] == pytest.approx(spread[1] / spread[0], rel=1e-3)

    two = placed(some, {"run": "adapt", "how": "pca"})
    assert {group["ring"] for group in two["groups"]} == {True, False}
    assert "3, digits-m" in [group["name"] for group in two["groups"]]
    by = placed(some, {"run": "class", "how": "pca", "by": "thick"})
    assert [group["name"] for group in by["groups"]] == ["not thick", "thick"]

    last = len(two["points"]) - 1
    assert "digits-m" in seen(some, {"run": "adapt", "at": last})["said"]
    assert "3 (digits," in seen(some, {"run": "run", "at": answer["group_of"].index(3)})["said"]
    way = walked(some, {"run": "run", "first": 0, "second": 5})["pictures"]
    assert way[0] == seen(some, {"run": "run", "at": 0})["again"]
    assert way[-1] == seen(some, {"run": "run", "at": 5})["again"]
    with pytest.raises(ValueError, match="no such image"):
        seen(some, {"run": "run", "at": 179})


def test_map_by_tsne_or_a_sentence(
    some: dict[str, Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resynthesis.figures.projected.has_tsne", lambda: False)
    with pytest.raises(ValueError, match=r"resynthesis\[tsne\]"):
        placed(some, {"run": "run", "how": "tsne"})
    monkeypatch.undo()
    pytest.importorskip("openTSNE")
    shares: list[float] = []
    monkeypatch.setattr(some["run"], "report", shares.append)
    points = np.array(placed(some, {"run": "run", "how": "tsne"})["points"])
    assert points.shape == (179, 2)
    assert shares == sorted(shares)
    assert len(shares) > 20
    assert shares[-1] == 1
    assert placing(some, {"run": "run"}) == {"share": 0.0}  # what the report was told elsewhere


def test_runs_follow_training(some: dict[str, Opened], tmp_path: Path) -> None:
    config = runs.Config(method=AE(), data=DataConfig(data="digits", size=16), training=quick(4))
    run = runs.start(config, tmp_path / "run", paint=training_picture)
    opened = {"one": Opened(run, device="cpu"), **some}
    answer = compared(opened, {"runs": ["one", "vae"]})
    assert not answer["training"]
    assert "Settings that differ" in answer["html"]
    assert "<svg" in answer["html"]
    lines = (run.path / "log.jsonl").read_text().splitlines(keepends=True)
    (run.path / "log.jsonl").write_text(lines[0])
    assert compared(opened, {"runs": ["one"]})["training"] == ["one"]
    assert "still training" in compared(opened, {"runs": ["one"]})["html"]
    step = compared(opened, {"runs": ["one"]})["pictures"]["one"][0]
    assert sampled(opened, {"run": "one", "step": step})["picture"].startswith("data:image/png")
    with pytest.raises(ValueError, match="no picture"):
        sampled(opened, {"run": "one", "step": step + 1})


def test_newer_weights_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = runs.Config(method=AE(), data=DataConfig(data="digits", size=16), training=quick(4))
    run = runs.start(config, tmp_path / "run")
    one = Opened(run, device="cpu")
    picture = offered({"one": one}, {"run": "one", "part": 0, "seed": 0})["images"][0]["picture"]
    before = one.encode([picture])
    nets = run.load_nets("cpu")
    with torch.no_grad():
        for parameter in nets["autoencoder"].parameters():
            parameter.add_(0.1)
    run.save_weights(nets, run.steps)
    monkeypatch.setattr("resynthesis.app.opened.OFTEN", 0.0)
    assert not torch.allclose(one.encode([picture]), before)


def test_samples_travel_as_an_archive(some: dict[str, Opened]) -> None:
    for one in some.values():
        again = Samples.from_npz(one.samples.to_npz())
        assert list(again.parts) == list(one.samples.parts)
        assert (again.classes, again.attributes) == (one.samples.classes, one.samples.attributes)
        for part, images in one.samples.parts.items():
            there = again.parts[part]
            assert torch.equal(there.images, images.images)
            assert torch.equal(there.labels, images.labels)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="broken"):
        Samples.from_npz(np.random.default_rng(0).bytes(100))


def test_a_run_whose_data_are_gone(tmp_path: Path, folder: Path) -> None:
    config = runs.Config(method=AE(), data=DataConfig(data=str(folder), size=16), training=quick(2))
    run = runs.start(config, tmp_path / "run")
    folder.rename(tmp_path / "elsewhere")
    one = {"one": Opened(run, device="cpu")}
    answer = offered(one, {"run": "one", "part": 0, "seed": 0})
    assert answer["images"] == []
    assert "not here" in answer["why"]
    with pytest.raises(ValueError, match="not here"):
        placed(one, {"run": "one", "how": "pca"})


def photograph(width: int, height: int, kind: str = "JPEG") -> bytes:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height // 2), fill="blue")
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def bad_uploads() -> dict[str, tuple[bytes, str]]:
    """Name -> bytes that are no good image, and what the sentence has to say."""
    good = photograph(60, 40, "PNG")
    tiff = io.BytesIO()
    Image.new("L", (8, 8)).save(tiff, "TIFF")
    return {
        "empty.png": (b"", "empty"),
        "broken.png": (good[: len(good) // 2], "broken"),
        "broken.jpg": (photograph(600, 400)[:400], "broken"),
        "text.png": (b"once upon a time there was no image " * 40, "no image"),
        "page.svg": (b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>", "no image"),
        "program.gif": (b"GIF89a" + bytes(20), "no image"),
        "scan.tif": (tiff.getvalue(), "no image"),
        "huge.png": (_bomb(), "megapixels"),
        "heavy.png": (bytes(21 << 20), "too large"),
    }


def _bomb() -> bytes:
    """A PNG that says it is 30,000 pixels wide and high; there is next to nothing in it."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("name", list(bad_uploads()))
def test_bad_uploads_get_a_sentence(name: str) -> None:
    content, says = bad_uploads()[name]
    answer = answering(uploaded, {})({"name": name, "data": base64.b64encode(content).decode()})
    assert list(answer) == ["error"]
    assert says in answer["error"]
    assert name in answer["error"]
    assert len(answer["error"].splitlines()) == 1


def test_good_uploads_are_made_small() -> None:
    photo = photograph(8000, 5000)  # 40 megapixels
    assert 40_000_000 <= 8000 * 5000 <= PIXELS
    shown = pixels(accept("photo.jpg", base64.b64encode(photo).decode()))
    assert shown.shape == (256, 256, 3)
    assert shown[96, 77, 2] > shown[96, 77, 0] + 100  # the blue disc is where it was
    for kind in ("PNG", "GIF", "BMP", "WEBP", "PPM"):
        text = base64.b64encode(photograph(50, 30, kind)).decode()
        assert pixels(accept("x", text)).shape == (30, 30, 3)
    with pytest.raises(ValueError, match="arrived broken"):
        accept("x", "not base64!")


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"runs": "run"},
        {"runs": ["../elsewhere"]},
        {"runs": ["run"], "parents": ["/etc/passwd", "/etc/passwd"]},
        {"runs": ["run"], "parents": ["http://example.com/a.png"] * 2},
        {"runs": ["run"], "parents": ["data:image/png;base64,AAAA"] * 2},
        {"runs": ["run"], "parents": [7, 8]},
        {"runs": ["run"], "parents": "x" * 9},
        {"runs": ["run"], "weights": [float("nan"), 1]},
        {"runs": ["run"], "weights": [0, 0]},
        {"runs": ["run"], "weights": [-1, 2]},
        {"runs": ["run"], "weights": [1]},
        {"runs": ["run"], "mixer": "blend"},
        {"runs": ["run"], "mixer": ["mixup"]},
        {"runs": ["run"], "mixer": "bernoulli", "seed": 1e30},
        {"runs": ["run"], "mixer": "bernoulli", "seed": 0.5},
        {"runs": ["run"], "mixer": "bernoulli", "seed": True},
        {"runs": ["run"], "mixer": "bernoulli", "parent_of": {"run": "xy"}},
    ],
)
def test_bad_questions_get_a_sentence(
    some: dict[str, Opened], pictures: list[str], bad: Any
) -> None:
    usual = {"parents": pictures[:2], "mixer": "mixup", "seed": 0, "weights": [1, 1]}
    asked = {**usual, **bad} if isinstance(bad, dict) and bad else bad
    answer = answering(mixed, some)(asked)
    assert list(answer) == ["error"]
    assert len(answer["error"].splitlines()) == 1
    assert "went wrong" not in answer["error"]


def test_failures_of_our_own_are_logged_not_told(caplog: pytest.LogCaptureFixture) -> None:
    def fails(opened: object, asked: object) -> dict[str, Any]:
        raise RuntimeError("/secret/path")

    answer = answering(fails, {})({})
    assert "secret" not in answer["error"]
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/file=config.json"),
        *("/gradio_api/proxy=http://example.com/", "/gradio_api/upload", "/gradio_api/queue/join"),
        *("/gradio_api/run/predict", "/gradio_api/call/x", "/static/../../etc/passwd", "/docs"),
        *("/assets/%2e%2e/x", "/monitoring", "/gradio_api/stream/a/b/c/playlist.m3u8", "//etc"),
    ],
)
def test_the_guard_knows_no_such_path(path: str) -> None:
    assert not ASK.fullmatch(path)
    assert ".." in path or not READ.fullmatch(path)


def test_the_server_gives_away_nothing(some: dict[str, Opened], tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    own = tmp_path / "own"
    own.mkdir()
    run = some["run"].run.path
    with explorer([run], a_free_port(), own) as (address, process):
        status, front = send(address, "")
        assert status == 200
        assert b"fonts.googleapis" not in front
        for path in (
            f"gradio_api/file={secret}",
            f"gradio_api/file={run}/config.json",
            f"gradio_api/file={os.getcwd()}/pyproject.toml",
            f"file={secret}",
            f"static/../../../../../../..{secret}",
            f"static/%2e%2e/%2e%2e/%2e%2e{secret}",
            "gradio_api/proxy=http://example.com/",
            "gradio_api/queue/data?session_hash=x",
        ):
            status, content = send(address, path)
            assert status == 404, path
            assert b"secret" not in content
        assert send(address, "gradio_api/upload", b"x")[0] == 404
        assert send(address, "gradio_api/run/predict", b"{}")[0] == 404
        assert send(address, "gradio_api/component_server/", bytes(33 << 20))[0] in (0, 413)
        assert send(address, "", host="evil.example")[0] == 403

        good = {"name": "x.png", "data": base64.b64encode(photograph(40, 40, "PNG")).decode()}
        status, answer = ask(address, "rs-mix", "uploaded", good)
        assert status == 200
        assert answer["picture"].startswith("data:image/png")
        for function in ("get_config", "postprocess", "__init__", "load"):
            assert ask(address, "rs-mix", function, {})[0] in (404, 500)
        for name, (data, says) in bad_uploads().items():
            bad = {"name": name, "data": base64.b64encode(data).decode()}
            status, answer = ask(address, "rs-mix", "uploaded", bad)
            assert status == 200
            assert says in answer["error"]
        assert not [p for p in own.rglob("*") if p.is_file() and p.suffix != ".log"]
        process.terminate()
        process.wait(20)
    assert not [p for p in own.iterdir() if p.is_dir()]  # its folder is gone with it


def test_a_port_in_use_gives_the_next() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) > port
    with pytest.raises(ValueError, match="--port"):
        free_port("127.0.0.1", 70_000)
    with pytest.raises(ValueError, match="no address of this machine"):
        free_port("192.0.2.1", 7860)


def test_the_command(
    some: dict[str, Opened], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio")
    launched: dict[str, Any] = {}

    class Page:
        def launch(self, **settings: Any) -> None:
            launched.update(settings)

        def close(self, verbose: bool) -> None:
            launched["closed"] = True

    monkeypatch.setattr("resynthesis.app.server.build", lambda opened: Page())
    monkeypatch.setattr("resynthesis.cli.explore.serve_forever", lambda: None)
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    run = str(some["run"].run.path)
    assert main(["explore", run]) == 0
    said = capsys.readouterr().out
    assert launched["server_name"] == "127.0.0.1"
    assert "password" not in said
    assert f"no browser was found here: open http://127.0.0.1:{launched['server_port']}/" in said
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["explore", run, run, "--port", str(port), "--host", "0.0.0.0"]) == 0
    said = capsys.readouterr().out
    assert launched["server_port"] > port
    assert f"port {port} is in use" in said
    assert "everybody who can reach this machine" in said
    assert launched["closed"]
    assert not launched["share"]


def test_without_gradio(some: dict[str, Opened], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gradio", None)
    with pytest.raises(ValueError, match=r"extra 'app': pip install 'resynthesis\[app\]'"):
        pages.build(some)


def test_runs_that_cannot_be_explored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Any, trained: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "at least one run folder" in refused("explore")
    assert "no run folder nowhere" in refused("explore", "nowhere")
    runs.copy(trained, Path("old"))
    tree = json.loads(Path("old/config.json").read_text())
    Path("old/config.json").write_text(json.dumps({**tree, "format": 99}))
    assert "format 99" in refused("explore", "old")
    runs.copy(trained, Path("bare"))
    Path("bare/weights.safetensors").unlink()
    assert "no weights yet" in refused("explore", "bare")
    runs.copy(trained, Path("codeless"))
    settings = {"augmented": False, "teacher_decay": 0.0}
    Path("codeless/config.json").write_text(
        json.dumps({**tree, "method": "classify", "settings": settings})
    )
    monkeypatch.setitem(METHODS, "classify", Classify)
    assert "no code to look into" in refused("explore", "codeless")


def test_a_space_without_images_says_why(some: dict[str, Opened]) -> None:
    why = "The images that it was trained on are not here."
    samples = Samples.from_npz(Samples(why=why).to_npz())
    one = {"one": Opened(some["run"].run, samples=samples, device="cpu")}
    assert offered(one, {"run": "one", "part": 0, "seed": 0})["why"] == why
    with pytest.raises(ValueError, match="are not here"):
        placed(one, {"run": "one", "how": "pca"})


def test_pictures_themselves_are_not_remembered(
    some: dict[str, Opened], pictures: list[str]
) -> None:
    one = some["run"]
    one.encode(pictures)
    assert one._codes
    assert all(len(key) == 32 for key in one._codes)


def test_a_map_of_old_weights_is_not_kept(some: dict[str, Opened]) -> None:
    one = some["run"]
    codes, stamp = one.all_codes()
    one.remember("old", codes.numpy(), stamp - 1)
    one.remember("new", codes.numpy(), stamp)
    assert one.remembered("old") is None
    assert one.remembered("new") is not None


def test_a_picture_has_a_number_of_steps_that_can_be_seen(
    some: dict[str, Opened], pictures: list[str]
) -> None:
    asked = {"run": "run", "parents": pictures[:2], "mixer": "mixup", "kind": ".png"}
    asked |= {"space": "codes", "speed": "steps", "seed": 0}
    assert saved(some, {**asked, "steps": 20})["file"]
    with pytest.raises(ValueError, match="20 steps at most"):
        saved(some, {**asked, "steps": 21})

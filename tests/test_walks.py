"""Walks from image to image: their ends, their speed, what other mixers do on the way, films."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from resynthesis.cli import main
from resynthesis.figures import FILMS, animated
from resynthesis.mixing import MIXERS
from resynthesis.walks import walk

SPEEDS = ("steps", "code", "pixels")


def same(z: Tensor) -> Tensor:
    return z


def codes(k: int = 3, c: int = 8) -> Tensor:
    return torch.randn(k, c, 2, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("mixer", MIXERS)
def test_walks_begin_and_end_at_their_images(mixer: str, speed: str) -> None:
    z = codes(2 if mixer == "shared-bernoulli" else 3)
    stops = [0, 1, 0] if len(z) == 2 else [0, 1, 2, 0]
    frames = walk(z, stops, same, mixer=mixer, steps=6, speed=speed)  # type: ignore[arg-type]
    assert len(frames) == (len(stops) - 1) * 5 + 1
    assert torch.equal(frames[0], z[0])
    assert torch.equal(frames[-1], z[0])
    if speed == "steps":
        assert torch.allclose(frames[5], z[1], atol=1e-6)
    again = walk(z, stops, same, mixer=mixer, steps=6, speed=speed)  # type: ignore[arg-type]
    assert torch.equal(frames, again)


def test_mixup_walks_straight() -> None:
    z = codes(2)
    for i, frame in enumerate(walk(z, (0, 1), same, steps=5)):
        assert torch.allclose(frame, torch.lerp(z[0], z[1], i / 4), atol=1e-6)


@pytest.mark.parametrize("mixer", ["bernoulli", "shared-bernoulli"])
def test_channels_change_one_after_the_other(mixer: str) -> None:
    z = codes(2, 8)
    frames = walk(z, (0, 1), same, mixer=mixer, steps=9)
    second = (frames == z[1]).flatten(2).all(2)  # (9, 8)
    assert ((frames == z[0]).flatten(2).all(2) | second).all()  # every channel is whole
    assert second.sum(1).tolist() == list(range(9))
    assert (second[1:] >= second[:-1]).all()  # and stays
    other = walk(z, (0, 1), same, mixer=mixer, steps=9, seed=1)
    assert not torch.equal(other, frames)


def test_every_channel_has_its_own_pace() -> None:
    z = torch.stack([torch.zeros(8, 1, 1), torch.ones(8, 1, 1)])
    frames = walk(z, (0, 1), same, mixer="channel-mixup", steps=7).flatten(1)
    assert (frames[1:] >= frames[:-1]).all()
    assert len(frames[3].unique()) == 8


def ways(points: Tensor) -> np.ndarray:
    return (points[1:] - points[:-1]).flatten(1).norm(dim=1).numpy()


def test_speed_is_even_in_code_or_in_pixels() -> None:
    z = torch.tensor([0.0, 1.0, 10.0])[:, None, None, None]  # the second leg is nine times longer

    def curved(path: Tensor) -> Tensor:
        return path**3

    by_steps = ways(walk(z, (0, 1, 2), same, steps=11))
    assert by_steps.max() / by_steps.min() == pytest.approx(9, rel=1e-3)
    in_code = ways(walk(z, (0, 1, 2), same, steps=11, speed="code"))
    assert in_code.max() / in_code.min() < 2.5  # places on the way are eight a frame
    in_pixels = ways(walk(z, (0, 1, 2), curved, steps=11, speed="pixels"))
    uneven = ways(walk(z, (0, 1, 2), curved, steps=11, speed="code"))
    assert in_pixels.std() / in_pixels.mean() < 0.5 * uneven.std() / uneven.mean()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"steps": 1}, "2 steps"),
        ({"stops": (0,)}, "2 stops"),
        ({"mixer": "blend"}, "unknown mixer"),
        ({"mixer": "shared-bernoulli"}, "exactly 2"),
    ],
)
def test_walks_that_make_no_sense(asked: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        walk(codes(3), **{"stops": (0, 1), "to_images": same, **asked})


@pytest.mark.parametrize("suffix", FILMS)
def test_films(suffix: str) -> None:
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    images = torch.linspace(-1, 1, 5)[:, None, None, None].expand(5, 3, 16, 16)
    content = animated(images, suffix)
    if suffix == ".mp4":
        assert content[4:8] == b"ftyp"
        return
    with Image.open(io.BytesIO(content)) as film:
        assert film.n_frames == 8  # forth and back
        assert film.info["loop"] == 0
        film.seek(4)
        assert np.asarray(film.convert("RGB")).min() >= 250
    with Image.open(io.BytesIO(animated(images, suffix, closed=True))) as film:
        assert film.n_frames == 4  # around, and the last is the first


def test_other_suffixes_are_refused() -> None:
    with pytest.raises(ValueError, match="a film ends in"):
        animated(torch.zeros(2, 1, 16, 16), ".avi")


@pytest.mark.parametrize("speed", SPEEDS)
def test_films_of_files_at_every_speed(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for i, name in enumerate("abc"):
        Image.new("L", (20, 20), 80 * i).save(f"{name}.png")
    files = ["a.png", "b.png", "c.png"]
    told = ["mix", str(trained), *files, "--steps", "4", "--speed", speed]
    for mixer in ("mixup", "bernoulli"):
        assert main([*told, "--mixer", mixer, "--out", f"{mixer}.webp"]) == 0
    with Image.open("mixup.webp") as film:
        assert film.n_frames <= 9
        assert film.size == (256, 256)

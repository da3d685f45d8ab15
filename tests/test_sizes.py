"""The benchmark of what an image costs by the size of its folder, on folders of a few."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)  # where its processes find it, too
    return importlib.import_module("sizes")


def test_a_file_has_the_pixels(sizes: ModuleType, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(256, size=(32, 20), dtype=np.uint8)
    (tmp_path / "a.png").write_bytes(sizes.png(image))
    with Image.open(tmp_path / "a.png") as found:
        assert found.mode == "L"
        assert np.array_equal(np.asarray(found), image)


def test_images_are_made_once_and_differ(
    sizes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "CHUNK", 50)
    for name in ("a", "b"):
        sizes.make(tmp_path / name, 120)
    one, other = (
        {p.relative_to(tmp_path / n).as_posix(): p.read_bytes() for p in files}
        for n in "ab"
        for files in [sorted((tmp_path / n).glob("*/*.png"))]
    )
    assert one == other
    assert len(one) == len(set(one.values())) == 120
    assert {name.split("/")[0] for name in one} == set("0123456789")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_what_is_measured(sizes: ModuleType, tmp_path: Path) -> None:
    sizes.make(tmp_path / "images", 80)
    found = sizes.measure(tmp_path / "images", 4, 1, 1)
    assert found.keys() == {*sizes.COLUMNS, "load_average"} - {"relative_cost"}
    assert all(found[name] > 0 for name in found.keys() - {"ready", "load_average"})
    assert 0 <= found["ready"] <= 1
    assert found["peak_mib"] >= found["open_mib"] > 20
    assert found["wait_ms"] < 1e3 * sizes.BATCH / found["images_per_second"]


def test_rows_are_medians(sizes: ModuleType) -> None:
    def told(value: float) -> dict[str, float]:
        return dict.fromkeys(sizes.COLUMNS, value)

    rows = sizes.summary([{10: told(v), 2000: told(2 * v)} for v in (3.0, 1000.0, 5.0)])
    assert [(row["images"], row["wait_ms"], len(row["rounds"])) for row in rows] == [
        (10, 5.0, 3),
        (2000, 10.0, 3),
    ]
    head, _, *body = sizes.markdown(rows).splitlines()
    assert head.startswith("| images | open, s |")
    assert body[1] == "| 2,000 | 10.0 | 10.0 | 10 | 10.00 | 10 | 10.00 | 10.000 | 10 | 10 |"


@pytest.mark.slow
def test_the_whole_of_it(
    sizes: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--sizes", "120", "60", "--steps", "4", "--warm", "1", "--rounds", "2"]
    told = [*few, "--folder", str(tmp_path / "images"), "--out", str(tmp_path / "sizes.json")]
    sizes.main([*told, "--keep"])
    assert "60 images made" in capsys.readouterr().out
    sizes.main(told)
    said = capsys.readouterr().out
    assert "made" not in said
    assert "| 120 |" in said
    assert list((tmp_path / "images").iterdir()) == []
    tree = json.loads((tmp_path / "sizes.json").read_text())
    assert [row["images"] for row in tree["rows"]] == [60, 120]
    assert tree["rows"][0]["relative_cost"] == 1
    assert {"versions", "machine", "steps", "warm"} < tree.keys()

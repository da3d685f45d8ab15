"""`resynth report`: one file with everything in it, and the command that makes the run again."""

from __future__ import annotations

import base64
import io
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from resynthesis import runs
from resynthesis.cli import main
from resynthesis.cli.shared import as_any, parse
from resynthesis.cli.train import command as flags
from resynthesis.cli.train import settled
from resynthesis.compare import differing
from resynthesis.data import DataConfig
from resynthesis.figures import chart, colours, scatter
from resynthesis.methods import ACAI, AE, METHODS, ClassAMR, Method
from resynthesis.report import names, report
from resynthesis.report.about import command
from resynthesis.report.looks import convincing
from resynthesis.runs import Run

from .conftest import quick


class Parts(HTMLParser):
    """Tags that are open, images with their descriptions, and everything that leads elsewhere."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.elsewhere: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        found = dict(attributes)
        if tag == "img":
            self.images.append(found)
        for name in ("src", "href", "srcset", "action"):
            if name in found and not found[name].startswith("data:"):
                self.elsewhere.append(found[name])
        if tag not in ("img", "meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_one_file_with_everything_in_it(
    kinds: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.html"
    assert main(["report", *map(str, kinds.values()), "--out", str(out)]) == 0
    text = out.read_text()
    parts = Parts(text)
    assert parts.open == []
    assert parts.elsewhere == []
    assert "<script" not in text
    assert "url(" not in text
    assert all(image["alt"] for image in parts.images)
    for image in parts.images:
        content = base64.b64decode(image["src"].split(",")[1])  # type: ignore[union-attr]
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
    for said in (
        *(
            "Side by side",
            "mixer",
            "Mixes of three",
            "Mixes under labels",
            "random mixes (under labels)",
            "Dimensions of the code",
        ),
        *("Translations", "Map of codes", "Failures", "convince the critic least", "@media print"),
        *("There is no critic in this run", "misread", "resynth train class-amr"),
    ):
        assert said in text
    assert len(text) < 6e6
    assert "4 runs" in capsys.readouterr().out


@pytest.mark.parametrize("method", METHODS)
def test_the_command_makes_the_same_config(method: str, tmp_path: Path) -> None:
    told = {
        "amr": ["--parents", "3", "--probe", "--code", "8", "4", "4", "--classes", "0", "a b"],
        "class-amr": ["--no-informed", "--seed", "5"],
        "acai": ["--variant", "amr", "--lr", "0.0003"],
        "vae": ["--beta", "4", "--betas", "0.9", "0.999"],
        "adapt": ["--source", "mnist", "--target", "mnist-m", "--confidence", "0.9"],
    }.get(method, ["--steps", "7"])
    config = settled(as_any(parse(flags(method), told, "train", "")))
    facts = runs.Facts("", (1, 32, 32), tuple("0123456789"), 100)
    run = runs.Run.create(tmp_path / "run", config, facts)
    words = shlex.split(command(run))
    assert words[:3] == ["resynth", "train", method]
    assert settled(as_any(parse(flags(method), words[3:], "train", ""))) == config


def test_without_its_data_a_report_says_so(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = runs.Config(method=AE(), data=DataConfig(data=str(folder), size=16), training=quick(2))
    run = runs.start(config, tmp_path / "run")
    folder.rename(tmp_path / "elsewhere")
    out = tmp_path / "r.html"
    assert main(["report", str(run.path), "--out", str(out)]) == 0
    assert "No pictures of test images" in out.read_text()
    assert "are left out" in capsys.readouterr().out


def test_text_of_users_is_escaped(tmp_path: Path, folder: Path) -> None:
    folder.rename(tmp_path / "<b>&x")
    config = runs.Config(
        method=AE(), data=DataConfig(data=str(tmp_path / "<b>&x"), size=16), training=quick(2)
    )
    text = report([runs.start(config, tmp_path / "<i>run")])
    assert "<b>&x" not in text
    assert "<i>run" not in text
    assert "&lt;i&gt;run" in text


def test_bad_reports(trained: Path, tmp_path: Path, refused: Any) -> None:
    import os

    os.chdir(tmp_path)
    assert "at least one run" in refused("report")
    assert "must end in .html" in refused("report", str(trained), "--out", "x.pdf")
    runs.copy(trained, Path("bare"))
    Path("bare/weights.safetensors").unlink()
    assert "no weights yet" in refused("report", "bare")


def test_names_are_told_apart(trained: Path, tmp_path: Path) -> None:
    runs.copy(trained, tmp_path / "other" / "run")
    found = names([Run(trained), Run(tmp_path / "other" / "run"), Run(trained), Run(trained)])
    assert list(found)[:2] == ["run", "other-run"]
    assert len(found) == 4


def test_settings_that_differ(kinds: dict[str, Path]) -> None:
    found = differing([Run(kinds["run"]), Run(kinds["vae"])])
    assert found["method"] == ["amr", "vae"]
    assert found["mixer"] == ["mixup", ""]
    assert "seed" not in found
    assert "size" not in found


class Whole(torch.nn.Module):
    """A critic whose patches are pixels: (n, 1, h, w) to (n, h * w)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) * self.weight


def convinces(method: Method, x: torch.Tensor, **others: torch.nn.Module) -> list[float]:
    run = type("Run", (), {"config": type("Config", (), {"method": method})})
    nets = torch.nn.ModuleDict({"critic": Whole(), **others})
    return convincing(run, nets, x).tolist()


def test_the_critic_of_acai_is_read_the_other_way_round() -> None:
    x = torch.arange(6.0).reshape(3, 1, 1, 2)
    assert convinces(AE(adversary=True), x) == [0.5, 2.5, 4.5]
    assert convinces(ACAI(), x) == [-0.5, -2.5, -4.5]


def test_every_patch_counts_for_how_convincing_an_image_is() -> None:
    x = torch.zeros(2, 1, 2, 2)
    x[0, 0, 0, 0] = 4.0
    assert convinces(ClassAMR(), x, mixer=torch.nn.Identity()) == [1.0, 0.0]


def test_charts_are_whole_svg_with_round_ticks() -> None:
    drawn = chart({"a": [(0, 1.0), (100, 3.0), (200, float("nan"))]}, "loss <1>", x="images")
    assert drawn.startswith("<svg")
    assert "loss &lt;1&gt;" in drawn
    assert "nan" not in drawn
    (way,) = re.findall(r'points="([^"]+)"', drawn)
    points = np.array([[float(v) for v in p.split(",")] for p in way.split()])
    assert points.shape == (2, 2)
    assert points[1, 0] > points[0, 0]
    assert points[1, 1] < points[0, 1]  # up is more
    assert "no values yet" in chart({"a": []}, "x")
    for values in ([5.0, 5.0], [1e-9, 2e-9], [0, 1e9]):
        assert "<polyline" in chart({"a": list(enumerate(values))}, "x")


def test_what_a_strangers_run_brings_along_is_not_read(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (tmp_path / "private").write_bytes(b"a secret that lies elsewhere")
    (run / "pictures").mkdir(exist_ok=True)
    (run / "pictures" / "step-0000001.png").symlink_to(tmp_path / "private")
    (run / "pictures" / "step-best.png").write_bytes(b"no picture of a step")
    out = tmp_path / "r.html"
    assert main(["report", str(run), "--out", str(out)]) == 0
    assert base64.b64encode(b"a secret")[:10].decode() not in out.read_text()
    assert not Run(run).samples
    shutil.rmtree(run / "pictures")
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "step-2.png").write_bytes(b"a secret that lies elsewhere")
    (run / "pictures").symlink_to(tmp_path / "album", target_is_directory=True)
    assert not Run(run).samples


def test_codes_that_are_all_alike_have_a_map() -> None:
    drawn = scatter({("a", ""): [(1.0, 0.0)] * 3}, "equal codes")
    assert drawn.count("<circle") == 3
    assert "nan" not in drawn


def test_colours_of_a_map_tell_classes_apart() -> None:
    for n in (3, 10, 11, 102):
        names = [f"class {i}, a kind" for i in range(n)]
        assert len(set(colours(names).values())) == n
    groups = {(kind, part): [(0.0, 1.0)] for kind in ("crane, bird", "crane") for part in "st"}
    drawn = scatter(groups, "two domains", hollow="t")
    assert drawn.count('fill="none"') == 2
    for colour in colours(["crane, bird", "crane"]).values():
        assert drawn.count(f'"{colour}"') == 2


def test_a_single_point_of_a_line_is_seen() -> None:
    assert "<circle" in chart({"a": [(0, 1.0)]}, "x")
    assert "<circle" not in chart({"a": [(0, 1.0), (1, 2.0)]}, "x")

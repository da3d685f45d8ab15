"""`resynth export --to space`: a folder that runs by itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from resynthesis import runs
from resynthesis.cli import main
from resynthesis.data import DataConfig
from resynthesis.methods import AE
from resynthesis.space import export_space, requirements

from .conftest import quick
from .serving import ask


def test_the_folder_runs_by_itself(
    kinds: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gradio")
    out = tmp_path / "space"
    assert (
        main(["export", str(kinds["run"]), str(kinds["adapt"]), "--to", "space", "--out", str(out)])
        == 0
    )
    assert "try it with" in capsys.readouterr().out
    card = (out / "README.md").read_text()
    assert 'title: "resynthesis: run, adapt"' in card
    assert "license: mit" in card
    assert "digits: BSD-3-Clause" in card
    assert "FILL IN" not in card
    assert any(line.startswith("gradio") for line in requirements())
    assert not [line for line in requirements() if "pytest" in line]
    assert not (out / "runs" / "run" / "checkpoint").exists()

    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=out, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(600):
            if found := re.search(r"http://\S+", log.read_text()):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        for run, part in (("run", 0), ("adapt", 1)):
            asked = {"run": run, "part": part, "seed": 0}
            status, answer = ask(found[0], "rs-mix", "offered", asked)  # type: ignore[index]
            assert status == 200
            assert len(answer["images"]) == 24
    finally:
        process.terminate()
        process.wait(20)


def test_no_path_of_the_machine_goes_along(tmp_path: Path, folder: Path) -> None:
    pytest.importorskip("gradio")
    config = runs.Config(method=AE(), data=DataConfig(data=str(folder), size=16), training=quick(2))
    run = runs.start(config, tmp_path / "run")
    export_space([run], tmp_path / "space")
    for path in (tmp_path / "space").rglob("*"):
        if path.suffix in (".json", ".md", ".py", ".txt"):
            assert str(tmp_path) not in path.read_text(), path
    there = runs.Run(tmp_path / "space" / "runs" / "run")
    assert json.loads((there.path / "config.json").read_text())["data"]["data"] == "images"
    assert "images: FILL IN" in (tmp_path / "space" / "README.md").read_text()


def test_bad_exports(trained: Path, tmp_path: Path, refused: Any) -> None:
    import os

    os.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    assert "exists already" in refused("export", str(trained), "--to", "space", "--out", "taken")
    assert "at least one run" in refused("export", "--to", "space", "--out", "new")
    assert "no run folder" in refused("export", "nowhere", "--to", "space", "--out", "new")


def test_links_in_a_strangers_run_do_not_go_along(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    private = tmp_path / "private"
    private.write_text('{"token": 1}')
    (run / "pictures").mkdir(exist_ok=True)
    for name in ("metrics.json", "log.jsonl", "styles.npz", "pictures/step-0000001.png"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(private)
    export_space([runs.Run(run)], tmp_path / "space")
    there = tmp_path / "space" / "runs" / "run"
    found = sorted(path.name for path in there.rglob("*") if path.is_file())
    assert found == ["config.json", "samples.npz", "weights.safetensors"]

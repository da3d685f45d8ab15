"""`resynth export --to onnx`: files that answer as the run does, in another program."""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resynthesis import onnx, runs
from resynthesis.cli import main
from resynthesis.evaluate import decode, encode, probabilities
from resynthesis.evaluate import translate as redraw
from resynthesis.mixing import mix
from resynthesis.runs import Run

ort = pytest.importorskip("onnxruntime")
Ask = Callable[..., torch.Tensor]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def opened(folder: Path) -> dict[str, Ask]:
    """The files of a folder as functions of tensors."""

    def function(path: Path) -> Ask:
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        told = json.loads((folder / "about.json").read_text())["files"][path.name]
        names = [one.name for one in session.get_inputs()]
        assert names == list(told["inputs"])

        def ask(*inputs: torch.Tensor) -> torch.Tensor:
            given = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
            return torch.from_numpy(session.run([told["output"]], given)[0])

        return ask

    return {path.stem: function(path) for path in folder.glob("*.onnx")}


def images(run: Run, n: int) -> torch.Tensor:
    return torch.rand(n, *run.facts.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1


def near(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_mixes_are_those_of_the_run(
    kinds: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(kinds["run"]), "--to", "onnx", "--out", str(out)]) == 0
    assert "encoder.onnx, images nx" in capsys.readouterr().out
    run, ask = Run(kinds["run"]), opened(out)
    assert set(ask) == {"encoder", "decoder"}
    autoencoder = run.load_nets("cpu")["autoencoder"]
    x = images(run, 6)
    z = encode(autoencoder, x)
    near(ask["encoder"](x), z)
    mixed = mix(z.unflatten(0, (2, 3)), torch.tensor([0.3, 0.7]).reshape(2, 1, 1, 1, 1))
    near(ask["decoder"](mixed), decode(autoencoder, mixed).cpu().clamp(-1, 1))
    assert ask["decoder"](50 * z).abs().max() == 1


def test_two_domains_translate_and_classify(kinds: dict[str, Path], tmp_path: Path) -> None:
    onnx.export_onnx([Run(kinds["adapt"])], tmp_path / "out")
    run, ask = Run(kinds["adapt"]), opened(tmp_path / "out")
    assert set(ask) == {"encoder", "decoder", "translator", "classifier"}
    nets, x = run.load_nets("cpu"), images(run, 5)
    styles = torch.from_numpy(np.load(tmp_path / "out" / "styles.npy"))
    near(styles, run.styles())
    given = ask["translator"](x, styles[:5])
    method: Any = run.config.method
    with torch.inference_mode():
        near(given, method.translate(nets, x, styles[:5]).clamp(-1, 1))
    assert given.shape == redraw(method, nets, x, styles).shape
    near(ask["classifier"](x), probabilities(nets["teacher"], x))


def test_several_runs_have_a_folder_each(kinds: dict[str, Path], tmp_path: Path) -> None:
    told = onnx.export_onnx([Run(kinds["class"]), Run(kinds["vae"])], tmp_path / "out")
    assert [line.split(",")[0] for line in told] == [
        "class: encoder.onnx",
        "class: decoder.onnx",
        "class: mixer.onnx",
        "vae: encoder.onnx",
        "vae: decoder.onnx",
    ]
    run, ask = Run(kinds["class"]), opened(tmp_path / "out" / "class")
    y = torch.randint(2, (3, 4, len(run.facts.attributes))).float()
    with torch.inference_mode():
        near(ask["mixer"](*y), run.load_nets("cpu")["mixer"](*y))
    about = json.loads((tmp_path / "out" / "class" / "about.json").read_text())
    assert about["labels"] == list(run.facts.attributes)
    run, ask = Run(kinds["vae"]), opened(tmp_path / "out" / "vae")
    near(
        ask["encoder"](images(run, 3)), encode(run.load_nets("cpu")["autoencoder"], images(run, 3))
    )


def test_a_mixer_that_sees_the_parents(kinds: dict[str, Path], tmp_path: Path) -> None:
    made = Run(kinds["class"])
    config = replace(made.config, nets=replace(made.config.nets, informed=True))
    run = runs.start(config, tmp_path / "run")
    onnx.export_onnx([run], tmp_path / "out")
    mixer = run.load_nets("cpu")["mixer"]
    first, second = torch.eye(4)[[0, 1, 2]], torch.eye(4)[[1, 1, 3]]
    for wanted in (first, second, torch.zeros(3, 4)):
        with torch.inference_mode():
            near(
                opened(tmp_path / "out")["mixer"](wanted, first, second),
                mixer(wanted, first, second),
            )


def test_no_path_of_this_machine_goes_with_it(kinds: dict[str, Path], tmp_path: Path) -> None:
    onnx.export_onnx([Run(kinds["run"])], tmp_path / "out")
    here = [str(Path(onnx.__file__).parent), str(Path(torch.__file__).parent), os.getcwd()]
    for path in (tmp_path / "out").iterdir():
        assert not [place for place in here if place.encode() in path.read_bytes()]


def test_a_file_that_answers_otherwise_is_not_handed_out(
    kinds: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:
    known = onnx._try

    def tried(function: onnx.Function, path: Path) -> None:
        known(replace(function, call=lambda x: function.call(x) + 0.1), path)

    monkeypatch.setattr(onnx, "_try", tried)
    said = refused("export", str(kinds["run"]), "--to", "onnx", "--out", str(tmp_path / "out"))
    assert "encoder.onnx answers otherwise than the run, by 0.1" in said
    assert not (tmp_path / "out").exists()


def test_without_the_extra(
    kinds: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused
) -> None:
    known = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("onnxscript"):
            raise ImportError(name)
        return known(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    said = refused("export", str(kinds["run"]), "--to", "onnx", "--out", str(tmp_path / "out"))
    assert "needs the extra 'onnx'" in said

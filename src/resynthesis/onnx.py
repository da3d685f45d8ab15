"""A run as ONNX files, for whatever runs without PyTorch: a browser, a telephone, C++.

A file is a function of images, codes or labels, for batches of any size. Each is asked the same
as the run before it is handed out, and has to give the same answers.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .data.unpack import whole_folder
from .evaluate import reader
from .methods import DomainMethod
from .report import names
from .runs import Run, fixed_seed

BATCH, OTHER = 2, 5  # images that a net is traced with, and those that it is tried with
CLOSE = 1e-3  # of 1, or of the largest answer where that is larger


@dataclass(frozen=True)
class Function:
    """What becomes a file: its inputs by name with their shapes, and its one output."""

    call: Callable[..., Tensor]
    inputs: dict[str, tuple[int, ...]]
    output: str
    what: str
    labels: bool = False

    def draw(self, n: int) -> list[Tensor]:
        """Inputs drawn at random, (n, ...) each: from -1 to 1, or of labels 0 and 1."""
        drawn = [torch.rand(n, *shape) * 2 - 1 for shape in self.inputs.values()]
        if not self.labels:
            return drawn
        drawn = [(x > 0).float() for x in drawn]
        drawn[0][: n // 2] = drawn[1][: n // 2]  # what a parent has, or neither
        return drawn


def export_onnx(runs: Sequence[Run], out: Path) -> tuple[str, ...]:
    """Writes a folder with the functions of a run as .onnx files, whole or not at all.

    Of several runs each has a folder of its own in it. about.json says what goes in and comes
    out; beside a run that borrows styles lie styles.npy, target images (n, C, H, W) in [-1, 1].
    Returns what was written, a line each. Raises ValueError where the extra is not installed, and
    ArithmeticError where a file answers otherwise than its run.
    """
    _check_installed()
    written = []
    with whole_folder(out) as beside:
        named = names(runs)
        for name, run in named.items():
            place = beside / name if len(named) > 1 else beside
            place.mkdir(exist_ok=True)
            written += [f"{name}: {line}" for line in _export(run, place)]
    return tuple(written)


def functions(run: Run, nets: nn.ModuleDict) -> dict[str, Function]:
    """What a run can do, by name."""
    method, facts = run.config.method, run.facts
    autoencoder: Any = nets["autoencoder"]
    image, code = facts.shape, run.code_shape
    kinds = len(facts.wishes)
    found = {
        "encoder": Function(autoencoder.encode, {"images": image}, "codes", "codes of images"),
        "decoder": Function(
            lambda z: autoencoder.decode(z).clamp(-1, 1),
            {"codes": code},
            "images",
            "images of codes: of a code's own image, or of a mix, as a weighted mean of codes",
        ),
    }
    if isinstance(method, DomainMethod):
        styles = {"styles": image} if method.borrows_style else {}
        found["translator"] = Function(
            lambda *x: method.translate(nets, x[0], x[-1]).clamp(-1, 1),
            {"images": image, **styles},
            "translations",
            "source images in the target's style"
            + ", each in that of a target image" * bool(styles),
        )
        found["classifier"] = Function(
            lambda x: reader(nets)(x).softmax(1),
            {"images": image},
            "probabilities",
            "class probabilities of target images",
        )
    if "mixer" in nets:
        found["mixer"] = Function(
            lambda *y: nets["mixer"](*y),
            {"wanted": (kinds,), "first": (kinds,), "second": (kinds,)},
            "probabilities",
            "of labels, 0 or 1, of a mix and of its parents: the probability that a channel of "
            "its code is the first parent's",
            labels=True,
        )
    return found


class _Net(nn.Module):
    """A function with the nets that it calls, as torch.onnx wants it."""

    def __init__(self, nets: nn.ModuleDict, call: Callable[..., Tensor]):
        super().__init__()
        self.nets, self.call = nets, call

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.call(*inputs)


def _export(run: Run, place: Path) -> Iterator[str]:
    nets = run.load_nets("cpu")
    about = functions(run, nets)
    for name, function in about.items():
        path = place / f"{name}.onnx"
        with fixed_seed(0):
            _write(_Net(nets, function.call).eval(), function, path)
            _try(function, path)
        shapes = ", ".join(f"{k} {_shape(v)}" for k, v in function.inputs.items())
        yield f"{path.name}, {shapes} to {function.output}, {path.stat().st_size / 1e6:.1f} MB"
    if "styles" in about.get("translator", about["encoder"]).inputs:
        np.save(place / "styles.npy", run.styles().numpy())
        yield f"styles.npy, {len(run.styles())} target images"
    (place / "about.json").write_text(json.dumps(_about(run, about), indent=1) + "\n")


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, ("n", *shape)))


def _about(run: Run, about: dict[str, Function]) -> dict[str, Any]:
    facts = run.facts
    return {
        "method": run.config.name,
        "made_by": f"resynthesis {metadata.version('resynthesis')}",
        "images": "channels first, from -1 (black) to 1 (white)",
        "labels": list(facts.wishes),
        "labels_are": "attributes" if facts.attributes else "classes" if facts.classes else "none",
        "files": {
            f"{name}.onnx": {
                "what": function.what,
                "inputs": {key: ["n", *shape] for key, shape in function.inputs.items()},
                "output": function.output,
            }
            for name, function in about.items()
        },
    }


def _write(net: nn.Module, function: Function, path: Path) -> None:
    batch = torch.export.Dim("n")
    inputs = function.draw(BATCH)
    with _silence():
        torch.onnx.export(
            net,
            tuple(inputs),
            path,
            input_names=list(function.inputs),
            output_names=[function.output],
            dynamic_shapes=(({0: batch},) * len(inputs),),  # of *inputs
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _forget_origins(path)


def _forget_origins(path: Path) -> None:
    """Takes out where in whose files each operation was written, which the exporter notes."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    parts = (*graph.node, *graph.value_info, *graph.input, *graph.output, graph, model)
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


@torch.inference_mode()
def _try(function: Function, path: Path) -> None:
    """Raises ArithmeticError where the file answers otherwise than the run."""
    import onnxruntime

    inputs = function.draw(OTHER)
    wanted = function.call(*inputs)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    told = {name: x.numpy() for name, x in zip(function.inputs, inputs, strict=True)}
    (given,) = session.run([function.output], told)
    apart = float((wanted - torch.from_numpy(given)).abs().max())
    if not apart <= CLOSE * max(1.0, float(wanted.abs().max())):
        raise ArithmeticError(f"{path.name} answers otherwise than the run, by {apart:.3g}")


@contextmanager
def _silence() -> Iterator[None]:
    """Without the exporter's notes on itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _check_installed() -> None:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "export --to onnx needs the extra 'onnx': pip install 'resynthesis[onnx]'"
        ) from error
    onnxruntime.set_default_logger_severity(3)

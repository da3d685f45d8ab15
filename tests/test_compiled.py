"""Compiled nets: equal to the others within rounding, and a loop that knows when to compile."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from resynthesis import runs
from resynthesis.data import ImageSet
from resynthesis.methods import ACAI, AE, AMR, Method
from resynthesis.nets import Nets, build, cannot_compile, compile_nets, count_kernels
from resynthesis.nets.compiled import Chain
from resynthesis.train import OutOfMemory, Training, begin, compiling, loop, step

from .conftest import quick
from .test_methods import bars, nets_for
from .test_train import config, terms, weights

Compile = Callable[..., Callable]


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions that would be compiled are called as they are."""
    plain: Compile = lambda function, **_: function  # noqa: E731
    monkeypatch.setattr(torch, "compile", plain)


@pytest.fixture
def compiler() -> None:
    if why := cannot_compile(torch.device("cpu")):
        pytest.skip(f"nothing can be compiled here: {why}")


def images() -> ImageSet:
    return ImageSet(torch.randint(0, 256, (40, 1, 16, 16), dtype=torch.uint8))


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("norm", ["instance", "group", "none"])
def test_what_is_compiled_equals_the_layers(norm: str) -> None:
    torch.manual_seed(0)
    settings = Nets(norm=norm, width=8, code=(8, 4, 4))  # type: ignore[arg-type]
    plain = build(settings, ("autoencoder", "critic"), channels=1, size=32).double().train()
    for parameter in plain.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 1.0)
    fused = copy.deepcopy(plain)
    assert bool(count_kernels(fused)) == (norm == "instance")
    compile_nets(fused)
    assert list(fused.state_dict()) == list(plain.state_dict())
    x = torch.rand(3, 1, 32, 32, dtype=torch.double) * 2 - 1

    def gradients(nets: torch.nn.ModuleDict) -> list[torch.Tensor]:
        nets["critic"].eval()  # no power iteration
        x_hat = nets["autoencoder"].decode(nets["autoencoder"].encode(x).double())
        (x_hat.square().mean() + nets["critic"](x_hat.double()).mean()).backward()
        return [p.grad for p in nets.parameters() if p.grad is not None]

    for a, b in zip(gradients(plain), gradients(fused), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)  # codes and images are float32


def test_evaluation_does_not_wait_for_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr(torch, "compile", lambda function, **_: refuse)
    nets = nets_for(AMR())
    compile_nets(nets)
    x, _ = bars(4)
    with torch.no_grad():
        nets["autoencoder"].encode(x)
    nets.eval()
    nets["autoencoder"].encode(x)
    nets.train()
    with pytest.raises(AssertionError, match="compiled"):
        nets["autoencoder"].encode(x)


@pytest.mark.usefixtures("uncompiled")
def test_a_run_that_compiles(tmp_path: Path) -> None:
    """Checkpoints have the same names, and resuming goes on as ever."""
    settings = config(AMR(), quick(9, checkpoint_every=5, compile="on"))
    whole = runs.start(settings, tmp_path / "whole")
    plain = runs.start(config(AMR(), quick(9)), tmp_path / "plain")
    a = weights(whole)
    assert a.keys() == weights(plain).keys()
    # Not the weights: a bias before a norm has no gradient but rounding, of which Adam makes steps.
    assert terms(whole)[-1] == pytest.approx(terms(plain)[-1], rel=1e-2)

    class Killed(Exception):
        pass

    def die(line: dict, total: int) -> None:
        if line["step"] == 6:
            raise Killed

    with pytest.raises(Killed):
        runs.start(settings, tmp_path / "broken", report=die)
    resumed = runs.resume(tmp_path / "broken")
    assert terms(resumed) == terms(whole)
    c = weights(resumed)
    assert all(torch.equal(a[name], c[name]) for name in a)


def compiles(monkeypatch: pytest.MonkeyPatch, training: Training) -> list[int]:
    """The steps before which a session's nets are compiled."""
    found: list[int] = []
    method = AE()
    torch.manual_seed(0)
    state = begin(method, nets_for(method), training)
    monkeypatch.setattr(compiling, "compile_nets", lambda nets: found.append(state.step))
    monkeypatch.setattr(compiling, "cannot_compile", lambda device: "")
    loop(method, state, images(), training)
    return found


def test_when_it_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "WARM", 1)
    monkeypatch.setattr(compiling, "TIMED", 2)
    assert compiles(monkeypatch, quick(6)) == []
    assert compiles(monkeypatch, quick(6, compile="on")) == [0]
    assert compiles(monkeypatch, quick(6, compile="auto")) == []  # it would not pay
    monkeypatch.setattr(compiling, "COST", 0.0)
    assert compiles(monkeypatch, quick(6, compile="auto")) == [3]


def test_without_a_compiler_it_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Callable:
        raise RuntimeError("No working C++ compiler found\nin a long trace")

    monkeypatch.setattr(torch, "compile", broken)
    said: list[str] = []
    method = AE()
    state = begin(method, nets_for(method), quick())
    assert loop(method, state, images(), quick(4, compile="on"), say=said.append)
    assert said == [
        "note: nothing can be compiled here (No working C++ compiler found): "
        "the run goes on without"
    ]


@pytest.mark.usefixtures("uncompiled")
def test_chains_join_norms_and_activations() -> None:
    nets = nets_for(AMR())
    kinds = [type(part).__name__ for part in Chain(nets["autoencoder"].encoder).parts]
    assert kinds[:5] == ["Stem", "Normed", "Conv2d", "Normed", "Halve"]
    assert count_kernels(nets["critic"]) == 0


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="compile must be"):
        Training(compile="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="precision must be"):
        Training(precision="fp8")  # type: ignore[arg-type]


def test_out_of_memory_says_what_would_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hungry(AE):
        def losses(self, nets: object, x: torch.Tensor, y: torch.Tensor | None = None) -> dict:
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().losses(nets, x, y)

    method = Hungry()
    nets = nets_for(method)
    state = begin(method, nets, quick())
    with pytest.raises(OutOfMemory, match="batch of 16 images: a batch of 2 would fit"):
        step(method, nets, state.optimizers, bars(16)[0])
    monkeypatch.setattr("resynthesis.parallel.size", lambda: 4)  # of which this has its part
    with pytest.raises(OutOfMemory, match="batch of 64 images: a batch of 8 would fit"):
        step(method, nets, state.optimizers, bars(16)[0])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # which the compiler looks at
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("method", [AMR(), ACAI()], ids=repr)
def test_a_compiled_step_is_the_step(method: Method) -> None:
    found = []
    for compiled in (False, True):
        nets = nets_for(method)
        state = begin(method, nets, quick())
        if compiled:
            compile_nets(nets)
        torch.manual_seed(2)
        for _ in range(3):
            seen = step(method, nets, state.optimizers, bars(8)[0])
        found.append({name: value.item() for name, value in seen.items()})
    assert found[1] == pytest.approx(found[0], rel=1e-3)

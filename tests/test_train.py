"""The loop: intervals, resume, divergence, interruption, precision."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from resynthesis import runs
from resynthesis.data import DataConfig, ImageSet, load
from resynthesis.methods import ACAI, AE, AMR, Method, Probed
from resynthesis.nets import Nets
from resynthesis.runs.files import write_tensors
from resynthesis.train import (
    Diverged,
    Training,
    begin,
    devices,
    loop,
    pick_device,
    step,
    use_bf16,
)

from .conftest import quick
from .test_methods import nets_for


def config(method: Method, training: Training, **settings: object) -> runs.Config:
    return runs.Config(
        method=method,
        data=DataConfig(data="digits", size=16),
        nets=Nets(code=(2, 4, 4), width=8),
        training=training,
        **settings,  # type: ignore[arg-type]
    )


def weights(run: runs.Run) -> dict[str, torch.Tensor]:
    return run.load_nets("cpu").state_dict()


def terms(run: runs.Run) -> list[dict]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in run.log()]


@pytest.mark.parametrize("bf16", [False, True])
def test_a_step_has_one_power_iteration_in_single_precision(bf16: bool) -> None:
    nets = nets_for(AMR())
    once = copy.deepcopy(nets["critic"])
    x = torch.randn(4, 1, 16, 16)
    once(x)
    step(AMR(), nets, begin(AMR(), nets, quick()).optimizers, x, bf16=bf16)
    for (name, a), b in zip(nets["critic"].named_buffers(), once.buffers(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", [AMR(parents=3), ACAI(), AMR(autoencoder_every=3)], ids=repr)
def test_resume_goes_on_bit_for_bit(tmp_path: Path, method: Method, precision: str) -> None:
    settings = config(
        method,
        quick(17, log_every=4, checkpoint_every=5, precision=precision),
        probe=runs.ProbeConfig(probe=True),
    )
    whole = runs.start(settings, tmp_path / "whole")

    class Killed(Exception):
        pass

    def die(line: dict, total: int) -> None:
        if line["step"] == 12:  # after the checkpoint at 10: two steps and a line are done again
            raise Killed

    with pytest.raises(Killed):
        runs.start(settings, tmp_path / "broken", report=die)
    resumed = runs.resume(tmp_path / "broken")
    assert terms(resumed) == terms(whole)
    a, b = weights(whole), weights(resumed)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert resumed.log()[-1]["seconds"] > 0


def test_resuming_removes_metrics_of_other_weights(tmp_path: Path) -> None:
    run = runs.start(config(AE(), quick(4)), tmp_path / "run")
    run.save_metrics({"reconstruction_l1": 0.5})
    assert runs.resume(run.path).metrics() == {"reconstruction_l1": 0.5}  # it was finished
    tree = json.loads((run.path / "config.json").read_text())
    tree["training"]["steps"] = 6
    (run.path / "config.json").write_text(json.dumps(tree))
    assert runs.resume(run.path).metrics() == {}


def test_a_run_that_ends_between_its_two_files_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(AE(), quick(4, checkpoint_every=2))
    whole = runs.start(settings, tmp_path / "whole")
    real = write_tensors
    for written in (1, 3):  # the first weights, after a checkpoint; and the second checkpoint
        left = [written]

        def until_full(path: Path, *told: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError("no room")
            real(path, *told)  # type: ignore[arg-type]

        path = tmp_path / str(written)
        with monkeypatch.context() as full:
            full.setattr("resynthesis.runs.folder.write_tensors", until_full)
            full.setattr("resynthesis.runs.checkpoint.write_tensors", until_full)
            with pytest.raises(OSError, match="no room"):
                runs.start(settings, path)
        run = runs.Run(path)
        assert run.weights.exists() == (written == 3)
        assert run.steps == (2 if written == 3 else 0)  # of the weights, where there are some
        again = weights(runs.resume(path))
        assert all(torch.equal(a, again[name]) for name, a in weights(whole).items())


def test_log_lines(tmp_path: Path) -> None:
    run = runs.start(config(AMR(), quick(5)), tmp_path / "run")
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 5]
    assert [line["images"] for line in lines] == [16, 32, 40]
    assert lines[0]["seconds"] < lines[1]["seconds"] < lines[2]["seconds"]
    assert {"autoencoder/reconstruction", "autoencoder/mixed", "critic/real"} <= set(lines[0])


def test_logged_terms_are_means_over_the_interval() -> None:
    logs: list[list[dict]] = []
    for every in (1, 3):
        method = AE()
        torch.manual_seed(0)
        state = begin(method, nets_for(method), quick())
        images = ImageSet(torch.randint(0, 256, (40, 1, 16, 16), dtype=torch.uint8))
        logs.append([])
        loop(method, state, images, quick(7, log_every=every), on_log=logs[-1].append)
    single, triple = ([line["autoencoder/reconstruction"] for line in log] for log in logs)
    expected = [sum(single[:3]) / 3, sum(single[3:6]) / 3, single[6]]
    assert triple == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("wrap", [lambda method: method, Probed, lambda m: Probed(m, 1.0)])
def test_autoencoder_every(wrap: Callable[[Method], Method]) -> None:
    method = wrap(AMR(autoencoder_every=3))
    nets = nets_for(method)
    state = begin(method, nets, quick())
    pixels = torch.randint(0, 256, (40, 1, 16, 16), dtype=torch.uint8)
    images = ImageSet(pixels, torch.arange(40) % 4)
    moves: dict[str, list[bool]] = {"autoencoder": [], "critic": []}
    before = {k: p.clone() for k, p in nets.named_parameters()}
    for total in range(1, 8):
        loop(method, state, images, quick(total))
        for player, moved in moves.items():
            names = [k for k, _ in nets.named_parameters() if k.startswith(player)]
            now = dict(nets.named_parameters())
            moved.append(any(not torch.equal(now[k], before[k]) for k in names))
        before = {k: p.clone() for k, p in nets.named_parameters()}
    assert moves["critic"] == [True] * 7
    assert moves["autoencoder"] == [True, False, False, True, False, False, True]


def test_divergence_keeps_the_last_good_weights(tmp_path: Path) -> None:
    path = tmp_path / "run"
    good: dict[str, torch.Tensor] = {}

    def poison(run: runs.Run, nets: torch.nn.ModuleDict, data: object, step: int) -> None:
        if step == 4:
            good.update(weights(run))
            with torch.no_grad():
                next(nets["autoencoder"].parameters()).fill_(float("nan"))

    with pytest.raises(Diverged, match=r"became nan near step 6.*last good weights.*--lr"):
        runs.start(config(AMR(), quick(20)), path, paint=poison)
    kept = weights(runs.Run(path))
    assert all(torch.equal(kept[name], good[name]) for name in good)
    assert all(torch.isfinite(value).all() for value in kept.values())
    assert runs.resume(path).log()[-1]["step"] == 20  # from the good checkpoint


def test_divergence_at_once_keeps_the_first_weights(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="last good weights"):
        runs.start(config(AE(), quick(40, lr=1e30)), tmp_path / "run")
    kept = weights(runs.Run(tmp_path / "run"))
    assert all(torch.isfinite(value).all() for value in kept.values())


def test_a_signal_stops_after_a_checkpoint(tmp_path: Path) -> None:
    settings = ["--size", "16", "--steps", "100000", "--log-every", "1", "--device", "cpu"]
    run = subprocess.Popen(
        [sys.executable, "-m", "resynthesis", "train", "ae", "--out", "run", *settings],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.stdout
    while "step" not in run.stdout.readline():
        pass
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "--resume run" in errors
    assert "Traceback" not in errors
    stopped = runs.Run(tmp_path / "run")
    state = begin(stopped.config.method, stopped.build_nets(), stopped.config.training)
    stopped.load_checkpoint(state)
    assert 0 < state.step < 100000


def test_training_leaves_the_callers_generator_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    runs.start(config(AMR(), quick(2)), tmp_path / "run")
    assert torch.equal(torch.rand(1), expected)


def test_labels_without_a_probe_change_nothing(tmp_path: Path) -> None:
    plain = runs.start(config(AMR(), quick(3)), tmp_path / "plain")
    hidden = replace(config(AMR(), quick(3)), data=DataConfig(data="digits", size=16, labels=20))
    other = runs.start(hidden, tmp_path / "hidden")
    a, b = weights(plain), weights(other)
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_interruption_is_a_keyboard_interrupt() -> None:
    assert issubclass(runs.Interrupted, KeyboardInterrupt)  # `except Exception` lets it through


def test_seeds(tmp_path: Path) -> None:
    a, b, c = (
        weights(runs.start(config(AMR(), quick(3, seed=seed)), tmp_path / name))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


def test_budget() -> None:
    assert Training(epochs=3, batch_size=64).total_steps(50_000) == 2344
    assert Training(epochs=0.5, batch_size=10).total_steps(100) == 5
    assert Training(steps=7).total_steps(10**6) == 7
    for wrong in (
        {"steps": 0},
        {"epochs": -1.0},
        {"epochs": float("inf")},
        {"batch_size": 0},
        {"lr": 0.0},
        {"betas": (1.5, 0.9)},
        {"weight_decay": -1.0},
    ):
        with pytest.raises(ValueError, match=r"must be"):
            Training(**wrong)  # type: ignore[arg-type]


def test_precision_and_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    assert use_bf16("bf16", cpu)
    assert not use_bf16("fp32", cpu)
    for flags, fast in (("amx_bf16 amx_tile", 1), ("avx512f avx512_bf16", 1), ("avx512f", 0)):
        monkeypatch.setattr(devices, "_processor_flags", lambda flags=flags: set(flags.split()))
        assert use_bf16("auto", cpu) == bool(fast)
    monkeypatch.undo()
    (tmp_path / "cpuinfo").write_text("model name\t: X amx_bf16\nflags\t\t: fpu avx2\n" * 2)
    assert devices._processor_flags(tmp_path / "cpuinfo") == {"fpu", "avx2"}
    assert not devices._processor_flags(tmp_path / "none")
    assert pick_device("cpu") == cpu
    for name in ("gpu-of-my-dreams", "meta", "cuda:99"):
        with pytest.raises(ValueError, match="device"):
            pick_device(name)


def test_bf16_learns_like_fp32(tmp_path: Path) -> None:
    last = {}
    for precision in ("fp32", "bf16"):
        training = quick(80, batch_size=32, precision=precision, log_every=20)
        run = runs.start(config(AMR(), training), tmp_path / precision)
        last[precision] = run.log()[-1]["autoencoder/reconstruction"]
    assert last["bf16"] == pytest.approx(last["fp32"], rel=0.1)


@pytest.mark.slow
def test_mnist_learns(tmp_path: Path, shared_data: Path) -> None:
    """A fifth of an epoch of real MNIST: better than the pixels' mean, and a useful code."""
    from resynthesis.evaluate import evaluate

    settings = runs.Config(
        method=AMR(),
        data=DataConfig(data="mnist", data_dir=shared_data, train_size=10_000),
        training=Training(epochs=1, device="cpu"),
    )
    run = runs.start(settings, tmp_path / "run")
    data = run.load_data()
    metrics = evaluate(run.load_nets("cpu"), data, ["reconstruction", "probe"])
    x, _ = data.test.take(torch.arange(1000))
    blank = (x - x.mean(0)).abs().mean().item()
    assert metrics["reconstruction_l1"] < 0.8 * blank
    assert metrics["probe_accuracy"] > 0.8


def test_digits_set_is_what_it_says() -> None:
    data = load(DataConfig(data="digits"))
    assert data.shape == (1, 32, 32)
    assert sum(map(len, data.parts.values())) == 1797


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
def test_memory_of_training_on_mnist(tmp_path: Path, shared_data: Path) -> None:
    """Peak memory of the whole process stays under 2 GiB."""
    code = (
        "import re, sys; from resynthesis.cli import main; status = main(sys.argv[1:]); "
        # Of this process alone: getrusage counts what pytest held when it started it.
        "print(1024 * int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]))"
        "; sys.exit(status)"
    )
    flags = ["--data", "mnist", "--data-dir", str(shared_data), "--steps", "20", "--device", "cpu"]
    answer = subprocess.run(
        [sys.executable, "-c", code, "train", "amr", "--out", str(tmp_path / "run"), *flags],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert int(answer.stdout.splitlines()[-1]) < 2 * 2**30


def test_the_commit_is_that_of_this_checkout_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        me = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *me, *arguments], cwd=tmp_path, check=True, capture_output=True)

    file = tmp_path / "package" / "runs" / "circumstances.py"
    file.parent.mkdir(parents=True)
    file.write_text("first")
    module = sys.modules[
        "resynthesis.runs.circumstances"
    ]  # the package has a function of this name
    monkeypatch.setattr(module, "__file__", str(file))
    git("init", "-q")
    git("commit", "--allow-empty", "-qm", "of somebody else")
    assert module._git_commit() is None
    git("add", ".")
    git("commit", "-qm", "ours")
    commit = module._git_commit()
    assert commit is not None
    assert len(commit) == 40
    file.write_text("second")
    assert module._git_commit() == f"{commit}+changes"
    (tmp_path / "README").write_text("beside the package")
    git("checkout", "-q", "package")
    assert module._git_commit() == commit

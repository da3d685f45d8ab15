"""Several seeds at once: every net sees what it would see alone, and its folder is a run's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from resynthesis import runs
from resynthesis.cli import main
from resynthesis.data import DataConfig, DomainsConfig, load
from resynthesis.methods import ACAI, AE, AMR, VAE, Adapt, ClassAMR, Method, Translate
from resynthesis.methods.base import Losses, NetDict
from resynthesis.nets.layers import InstanceNorm
from resynthesis.train import (
    Diverged,
    Generators,
    OutOfMemory,
    Seeds,
    Stack,
    Training,
    begin,
    random_state,
    stacked,
    step,
)

from .conftest import quick

CPU = torch.device("cpu")
SEEDS = (0, 5)
METHODS = [AE(adversary=True), ACAI(), AMR(parents=3), AMR(mixer="bernoulli"), VAE(), Adapt()]
METHODS += [AMR(mixer="shared-bernoulli"), Translate()]


def config(method: Method, training: Training, **settings: Any) -> runs.Config:
    parts = runs.parts(type(method))
    names = {"source": "digits", "target": "digits-m"} if method.two_domains else {}
    nets = replace(parts["nets"](), width=8)
    if not method.two_domains:
        nets = replace(nets, code=(2, 4, 4))
    data = DomainsConfig(size=16, **names) if names else DataConfig(data="digits", size=16)
    return runs.Config(method=method, data=data, nets=nets, training=training, **settings)


def gradients(method: Method, nets: nn.ModuleDict, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Of one step, by the name of the parameter: by plain descent at rate 1 they are its change."""
    before = {name: p.detach().clone() for name, p in nets.named_parameters()}
    optimizers = {p: torch.optim.SGD(nets[p].parameters(), lr=1.0) for p in method.players}
    step(method, nets, optimizers, x, y)
    return {name: before[name] - p.detach() for name, p in nets.named_parameters()}


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_gradients_are_those_of_each_alone(method: Method) -> None:
    settings = config(method, quick(1))
    data = load(settings.data)
    each, states, batches, alone = [], [], [], []
    for seed in SEEDS:
        torch.manual_seed(seed)
        each.append(runs.new_nets(method, settings.nets, runs.Facts.of(data)))
        states.append(random_state(CPU))
        batches.append(data.train.batch(3, 8, seed))
    stacks = nn.ModuleDict({name: Stack([nets[name] for nets in each]) for name in each[0]})
    together = Seeds(method, runs.new_nets(method, settings.nets, runs.Facts.of(data)).train(),
                     Generators(CPU, states))  # fmt: skip
    x = torch.stack([x for x, _ in batches])
    y = torch.stack([y for _, y in batches if y is not None])
    gradients(together, stacks, x, y)
    copies = [runs.new_nets(method, settings.nets, runs.Facts.of(data)) for _ in SEEDS]
    for i, nets in enumerate(each):
        torch.set_rng_state(states[i])
        alone = gradients(method, nets, *batches[i])
        for name in nets:
            stacks[name].copy_to(copies[i][name], i)
        assert torch.equal(together.generators.states[i], torch.get_rng_state())
        stacked = dict(copies[i].named_parameters())
        moved = False
        for name, p in nets.named_parameters():
            torch.testing.assert_close(stacked[name], p, rtol=1e-4, atol=2e-5)
            moved |= bool(alone[name].abs().max() > 0.01)
        assert moved  # or the comparison says nothing
        for (name, a), b in zip(copies[i].named_buffers(), nets.buffers(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=name)


def test_gradients_with_the_norm_of_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a CPU another kernel stands in for it."""

    def forward(norm: nn.InstanceNorm2d, x: Tensor) -> Tensor:
        y = nn.InstanceNorm2d.forward(norm, x)
        return y.contiguous(memory_format=torch.channels_last)

    monkeypatch.setattr(InstanceNorm, "forward", forward)
    test_gradients_are_those_of_each_alone(AMR())


def test_out_of_memory_says_what_would_fit() -> None:
    """So many images of each."""

    class Hungry(AMR):
        def losses(self, nets: NetDict, x: Tensor, y: Tensor | None = None) -> Losses:
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().losses(nets, x, y)

    settings = config(AMR(), quick(1))
    data = load(settings.data)
    each = [runs.new_nets(AMR(), settings.nets, runs.Facts.of(data)) for _ in SEEDS]
    states = [random_state(CPU) for _ in SEEDS]
    method, stacks = stacked(Hungry(), each, Generators(CPU, states))
    x = torch.stack([data.train.batch(0, 8, seed)[0] for seed in SEEDS])
    with pytest.raises(OutOfMemory, match="batch of 8 images: a batch of 2 would fit"):
        step(method, stacks, {}, x, torch.zeros(2, 8))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_folders_are_those_of_runs_alone(tmp_path: Path, precision: str) -> None:
    settings = config(
        AMR(), quick(4, log_every=2, checkpoint_every=2, precision=precision, lr=1e-4),
        probe=runs.ProbeConfig(probe=True),
    )  # fmt: skip
    lines: list[dict[str, Any]] = []
    drawn: list[Path] = []
    made = runs.start_seeds(
        settings,
        {seed: tmp_path / f"seed{seed}" for seed in SEEDS},
        report=lambda line, total: lines.append(line),
        paint=lambda run, nets, data, step: drawn.append(run.path),
    )
    assert drawn == [run.path for run in made]
    near = {"rtol": 1e-4, "atol": 1e-5} if precision == "fp32" else {"rtol": 0.03, "atol": 0.02}
    for seed, run in zip(SEEDS, made, strict=True):
        own = replace(settings, training=replace(settings.training, seed=seed))
        alone = runs.start(own, tmp_path / f"alone{seed}")
        assert run.config == alone.config
        assert run.facts == alone.facts
        for a, b in zip(alone.log(), run.log(), strict=True):
            assert a.keys() == b.keys()
            assert (a["step"], a["images"]) == (b["step"], b["images"])
            terms = [name for name in a if "/" in name]
            torch.testing.assert_close(
                torch.tensor([a[name] for name in terms]),
                torch.tensor([b[name] for name in terms]),
                **near,
            )
    images = {run.log()[-1]["images"] for run in made}
    assert lines[-1]["images"] == 2 * images.pop()
    assert made[0].log()[-1]["seconds"] == pytest.approx(lines[-1]["seconds"] / 2)


def test_each_goes_on_alone_where_all_stopped(tmp_path: Path) -> None:
    settings = config(AMR(), quick(6, log_every=1, checkpoint_every=3, precision="fp32", lr=1e-4))
    short = replace(settings, training=replace(settings.training, steps=3))
    runs.start_seeds(short, {5: tmp_path / "broken"})
    whole = runs.start(replace(settings, training=replace(settings.training, seed=5)),
                       tmp_path / "whole")  # fmt: skip
    config_file = tmp_path / "broken" / "config.json"
    config_file.write_text(config_file.read_text().replace('"steps": 3', '"steps": 6'))
    resumed = runs.resume(tmp_path / "broken")
    last, expected = resumed.log()[-1], whole.log()[-1]
    for name, value in expected.items():
        if "/" in name:
            assert last[name] == pytest.approx(value, rel=1e-3), name


def test_sets_that_seeds_choose_differ(tmp_path: Path) -> None:
    settings = config(AE(), quick(1))
    settings = replace(settings, data=replace(settings.data, train_size=40))
    made = runs.start_seeds(settings, {seed: tmp_path / str(seed) for seed in SEEDS})
    assert made[0].facts.train_size == 40
    assert made[0].facts.checksum != made[1].facts.checksum
    for run in made:
        assert run.load_data().checksum == run.facts.checksum


def test_hidden_labels_teach_no_probe(tmp_path: Path) -> None:
    settings = config(AE(), quick(2), probe=runs.ProbeConfig(probe=True, supervision=1.0))
    settings = replace(settings, data=replace(settings.data, labels=20))
    made = runs.start_seeds(settings, {seed: tmp_path / str(seed) for seed in SEEDS})
    assert all("probe/classification" in run.log()[-1] for run in made)


def test_losses_that_blow_up_stop_all(tmp_path: Path) -> None:
    settings = config(AE(), quick(4, log_every=1, lr=1e30))
    with pytest.raises(Diverged, match="for all seeds"):
        runs.start_seeds(settings, {seed: tmp_path / str(seed) for seed in SEEDS})


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Any) -> None:
    out = tmp_path / "runs"
    flags = ["--size", "16", "--steps", "2", "--batch-size", "8", "--data", "digits"]
    assert main(["train", "amr", *flags, "--seeds", "0", "5", "--out", str(out)]) == 0
    assert "trained 2 nets on 16 images each" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["seed0", "seed5"]
    assert main(["evaluate", str(out / "seed5"), "--only", "reconstruction"]) == 0
    told = ["train", "amr", *flags, "--out", str(out)]
    assert "exists already" in refused(*told, "--seeds", "5", "6")
    assert not (out / "seed6").exists()
    assert "a seed is named twice" in refused(*told, "--seeds", "7", "7")
    assert "not compiled" in refused(*told, "--seeds", "7", "--compile", "on")
    labelled = ["train", "class-amr", *flags, "--out", str(tmp_path / "c"), "--seeds", "0", "1"]
    assert "cannot be trained at once" in refused(*labelled)
    assert not (tmp_path / "c").exists()
    with pytest.raises(ValueError, match="no seed"):
        runs.start_seeds(config(AE(), quick(1)), {})
    with pytest.raises(ValueError, match="at once"):
        Seeds(ClassAMR(), nn.ModuleDict(), Generators(CPU, []))


def test_a_state_of_none_has_none() -> None:
    """Before the first step there is no momentum to share out."""
    nets = nn.ModuleDict({"autoencoder": Stack([nn.Linear(2, 2), nn.Linear(2, 2)])})
    assert not begin(AE(), nets, Training()).optimizers["autoencoder"].state


def test_stopped_seeds_say_how_each_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("resynthesis.runs.seeds.loop", lambda *args, **told: False)
    flags = ["--size", "16", "--steps", "2", "--batch-size", "8", "--data", "digits"]
    out = tmp_path / "runs"
    assert main(["train", "ae", *flags, "--seeds", "0", "5", "--out", str(out)]) == 130
    said = capsys.readouterr().err
    assert f"resynth train --resume {out}/seed0, and in the same way with {out}/seed5" in said
    monkeypatch.undo()
    assert main(["train", "--resume", str(out / "seed0")]) == 0

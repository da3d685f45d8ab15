"""The benchmark: what it compares is the same work, and its report says all of it."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from resynthesis import bench
from resynthesis.bench import limit
from resynthesis.bench.ours import Setup
from resynthesis.bench.textbook import plain
from resynthesis.cli import main
from resynthesis.methods import AMR
from resynthesis.nets import Stem
from resynthesis.train import step

CPU = torch.device("cpu")
QUICK = ["--batches", "4", "--rounds", "2", "--steps", "1"]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limit, "COPIED", 1 << 16)
    monkeypatch.setattr(limit.machine_speed, "__kwdefaults__", {"side": 64})
    monkeypatch.chdir(tmp_path)


def first_gradients(case: Setup, *, textbook: bool) -> dict[str, torch.Tensor]:
    nets = case.nets()
    nets.eval()  # no power iterations, whose number differs
    torch.manual_seed(3)
    found: dict[str, torch.Tensor] = {}

    def keep(player: str) -> torch.optim.Optimizer:
        class Keep(torch.optim.SGD):
            def step(self, closure: object = None) -> None:  # type: ignore[override]
                found[player] = torch.cat([p.grad.flatten() for p in nets[player].parameters()])

        return Keep(nets[player].parameters(), lr=0.0)

    optimizers = {player: keep(player) for player in case.method.players}
    if textbook:
        for player, loss in bench.TURNS[type(case.method)](case.method, nets, case.x, case.y):
            nets.zero_grad()
            loss.backward()
            optimizers[player].step()
    else:
        step(case.method, nets, optimizers, case.x, case.y)
    return found


def assert_same_work(case: Setup) -> None:
    """Each player's first gradients in the textbook are ours."""
    ours, theirs = (first_gradients(case, textbook=textbook) for textbook in (False, True))
    for player in case.method.players:
        torch.testing.assert_close(ours[player], theirs[player], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", sorted({*bench.BENCHED} - {"adapt"}))  # whose draws differ
def test_the_textbook_does_the_same_work(name: str) -> None:
    assert_same_work(bench.setup(name, 4, size=32, device=CPU))


def test_the_textbook_does_the_same_work_with_the_settings_of_lines() -> None:
    case = bench.setup("amr", 4, size=32, device=CPU)
    assert_same_work(replace(case, method=AMR(reconstruction_loss="l2", reconstruction=3.0)))


@pytest.mark.parametrize("name", bench.BENCHED)
def test_every_method_can_be_measured(name: str) -> None:
    case = bench.setup(name, 2, size=32, device=CPU)
    bench.textbook_step(case.method, case.nets(), case.x, case.y)(1)
    run = bench.our_step(case, bf16=True, compiled=False)
    run(1)
    needs = bench.limit_of(run)
    assert needs.flops > 1e6
    assert needs.bytes > 1e5


def test_plain_nets_are_the_same_nets() -> None:
    case = bench.setup("amr", 2, size=32, device=CPU)
    fast, slow = case.nets().eval(), plain(case.nets()).eval()
    assert not any(isinstance(net, Stem) for net in slow.modules())
    assert all(p.is_contiguous() for p in slow.parameters())
    torch.testing.assert_close(fast["critic"](case.x), slow["critic"](case.x), rtol=1e-4, atol=1e-5)


def test_products_are_counted() -> None:
    a, b = torch.randn(4, 5, requires_grad=True), torch.randn(5, 6)
    need = bench.limit_of(lambda _: (a @ b).sum().backward())
    assert need.flops == 2 * 2 * 4 * 5 * 6  # forward, and the gradient of a
    assert need.bytes == 2 * 4 * (4 * 5 + 5 * 6 + 4 * 6)
    machine = bench.Machine(flops=100.0, bytes=1e9)
    assert need.seconds(machine) == pytest.approx(4.8)


def test_ratios_are_of_the_same_round() -> None:
    slow = bench.Found((1.0, 2.0, 10.0), (0.0, 0.1, 0.5))
    fast = bench.Found((3.0, 4.0, 30.0), (0.0, 0.0, 0.0))
    assert fast.ratio(slow) == 3.0
    assert slow.median == statistics.median(slow.images_per_second)
    assert slow.spread == 4.5
    assert slow.system_share == 0.1


def test_contestants_take_turns() -> None:
    seen: list[tuple[str, int]] = []
    steps = {name: (lambda n, name=name: seen.append((name, n))) for name in "ab"}
    found = bench.alternate(steps, images=dict.fromkeys(steps, 4), rounds=2, steps=3, device=CPU)
    assert seen == [("a", 1), ("a", 3), ("b", 1), ("b", 3)] * 2
    assert len(found["a"].images_per_second) == 2


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--methods", "ae", "amr", "--no-peer", "--precisions", "fp32", *QUICK]
    assert main(["bench", *flags, "--out", "speed.json"]) == 0
    printed = capsys.readouterr().out
    tree = json.loads(Path("speed.json").read_text())
    names = ["textbook ae, fp32", "ae, fp32", "textbook amr, fp32", "amr, fp32"]
    assert [row["name"] for row in tree["rows"]] == names
    assert tree["rows"][0]["ratio"] == 1
    assert tree["rows"][1]["share_of_limit"] > 0
    assert {"torch", "python"} <= set(tree["versions"])
    assert tree["machine"]["threads"] == torch.get_num_threads()
    assert Path("speed.md").read_text() in printed
    assert f"torch {torch.__version__.split('+')[0]}" in printed


def test_seeds_at_once_have_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--methods", "ae", "--no-peer", "--precisions", "fp32", "--seeds", "2", *QUICK]
    assert main(["bench", *flags, "--out", "speed.json"]) == 0
    assert "ae, fp32, 2 seeds at once" in capsys.readouterr().out
    *_, ours, both = json.loads(Path("speed.json").read_text())["rows"]
    assert both["limit_images_per_second"] == pytest.approx(ours["limit_images_per_second"])


@pytest.mark.parametrize("name", ["amr", "adapt"])
def test_the_loop_is_measured_beside_its_nets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(bench.ours, "SET", 40)
    flags = ["--methods", name, "--no-peer", "--precisions", "fp32", "--loop", *QUICK]
    assert main(["bench", *flags, "--out", "speed.json"]) == 0
    _, _, nets, loop = json.loads(Path("speed.json").read_text())["rows"]
    assert (nets["name"], loop["name"]) == (
        f"{name}, fp32, nets alone",
        f"{name}, fp32, whole loop",
    )
    assert "beside_nets" not in nets
    pairs = zip(loop["each_round"], nets["each_round"], strict=True)
    assert loop["beside_nets"] == pytest.approx(1 - statistics.median(a / b for a, b in pairs))
    assert f"Not the nets' own work in {name}, fp32, whole loop at 4" in capsys.readouterr().out


def test_without_the_peer_its_row_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from resynthesis.bench import peer

    monkeypatch.setattr(peer, "find_spec", lambda name: None)
    assert main(["bench", "--methods", "amr", "--precisions", "fp32", *QUICK]) == 0
    printed = capsys.readouterr().out
    assert "pip install -c constraints.txt '.[bench]'" in printed
    assert "VAEGAN" not in printed


def test_the_peer_trains(recwarn: pytest.WarningsRecorder) -> None:
    pytest.importorskip("pythae")
    torch.manual_seed(0)
    x = torch.rand(4, 1, 32, 32) * 2 - 1
    run = bench.peer_step(x)
    run(2)


def test_no_compiler_leaves_the_rows_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from resynthesis.cli import bench as command

    monkeypatch.setattr(command, "cannot_compile", lambda device: "no compiler")
    flags = ["--methods", "ae", "--precisions", "fp32", "--compile", "both", *QUICK]
    assert main(["bench", *flags]) == 0
    printed = capsys.readouterr().out
    assert "note: nothing can be compiled here (no compiler)" in printed
    assert "compiled |" not in printed


def test_a_batch_too_large_is_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = AMR.losses

    def losses(self: AMR, nets: Any, x: torch.Tensor, y: Any = None) -> Any:
        if len(x) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, nets, x, y)

    monkeypatch.setattr(AMR, "losses", losses)
    command = "bench --methods amr --precisions fp32 --rounds 1 --steps 1 --no-peer --batches"
    assert main([*command.split(), "4", "8", "--out", "new/of/speed.json"]) == 0
    assert "amr is left out at a batch of 8: out of memory" in capsys.readouterr().out
    rows = json.loads(Path("new/of/speed.json").read_text())["rows"]
    assert {row["batch"] for row in rows} == {4}
    assert main([*command.split(), "8"]) == 2
    assert "out of memory on cpu at every batch" in capsys.readouterr().err


def test_what_it_refuses(refused) -> None:
    assert "gan is not measured: choose from ae, ae-gan" in refused("bench", "--methods", "gan")
    assert "rounds must be at least 1" in refused("bench", "--rounds", "0")
    assert "at least 1 seed" in refused("bench", "--seeds", "0")
    assert "at least 2 images" in refused("bench", "--batches", "1")
    assert "call --out speed.json" in refused("bench", "--out", "speed.txt")
    assert "device" in refused("bench", "--device", "abacus")

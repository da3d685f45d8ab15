"""Several processes on one run: equal to one process on the whole batches, and hard to kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, multiprocessing, nn

from resynthesis import mixing, parallel, runs
from resynthesis.cli.train import _begun as begun
from resynthesis.data import Data, DataConfig, ImageSet
from resynthesis.data.domains import Pair
from resynthesis.data.folder import read as read_folder
from resynthesis.data.images import Reading
from resynthesis.data.lines import Lines
from resynthesis.methods import AE, AMR, VAE, Method, amr
from resynthesis.train import Training

METHODS: dict[str, Method] = {"ae": AE(), "amr": AMR(), "vae": VAE(), "probed": AE()}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def some_data() -> Data:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (24, 1, 16, 16), generator=generator, dtype=torch.uint8)
    part = ImageSet(images, torch.arange(24) % 2)
    return Data("noise", part, part, part, ("a", "b"))


def without_chance(batch: int, processes: int) -> None:
    """What methods draw at random becomes a rule, and partners stay in one process's part."""

    def partners(k: int, z: Tensor) -> Tensor:
        own = torch.arange(len(z))
        shift = 1 if len(z) < batch else processes
        return torch.stack([own.roll(-i * shift) for i in range(k)])

    amr.partners = partners  # type: ignore[assignment]
    mixing.MIXERS["mixup"] = lambda k, z: torch.full((k, len(z), 1, 1, 1), 1 / k)
    torch.randn_like = lambda x: torch.full_like(x, 0.3)  # type: ignore[assignment]


def train(name: str, path: Path) -> None:
    torch.set_num_threads(1)
    without_chance(8, 2)
    suited = runs.parts(type(METHODS[name]))["nets"]()
    # A norm leaves biases before it without a gradient but for rounding, which Adam scales up.
    nets = replace(suited, width=4, code=(8, 2, 2), norm="none")
    # A pass over the images ends after 3 steps, where no log line is due.
    training = Training(steps=4, batch_size=8, precision="fp32", log_every=2, device="cpu")
    config = runs.Config(
        method=METHODS[name],
        nets=nets,
        training=training,
        data=DataConfig(data=runs.ARRAYS),
        probe=runs.ProbeConfig(probe=name == "probed"),
    )
    runs.start(config, path, data=some_data())


def process(rank: int, processes: int, port: int, path: Path) -> None:
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with parallel.joined():
        for name in METHODS:
            train(name, path / name)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Runs of every method by one process, and by two."""
    made = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    for processes, path in enumerate(made, 1):
        arguments = (processes, free_port(), path)
        multiprocessing.start_processes(process, arguments, processes, start_method="spawn")
    return made


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_make_the_weights_of_one(name: str, folders: list[Path]) -> None:
    expected, found = (runs.Run(path / name) for path in folders)
    weights = [dict(run.load_nets("cpu").state_dict()) for run in (expected, found)]
    moved = 0.0
    fresh = expected.build_nets().state_dict()
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, atol=1e-5, rtol=0)
        moved = max(moved, float((value - fresh[key]).abs().max()))
    assert moved > 1e-3
    for a, b in zip(expected.log(), found.log(), strict=True):
        assert a["images"] == b["images"]
        terms = [key for key in a if "/" in key]
        assert [a[key] for key in terms] == pytest.approx([b[key] for key in terms], abs=1e-5)


def test_alone_nothing_is_exchanged() -> None:
    net = nn.Linear(2, 2)
    before = net.weight.detach().clone()
    with parallel.joined():
        parallel.average(list(net.parameters()))
        parallel.wait()
        assert parallel.mean({"a": 2.0}) == {"a": 2.0}
        assert parallel.any_of(True)
        assert not parallel.any_of(False)
    assert torch.equal(net.weight, before)
    assert parallel.part() == slice(0, None, 1)


def test_a_batch_that_cannot_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ValueError, match="64 images cannot be shared evenly by 3 processes"):
        parallel.check_batch(64)


def test_each_process_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert parallel.device("auto") == "auto"
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert parallel.device("auto") == parallel.device("cuda") == "cuda:3"
    assert parallel.device("cpu") == "cpu"


def test_several_processes_must_be_told_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from resynthesis.cli import main

    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["train", "ae", "--data", "digits"]) == 2
    assert "say by --out" in capsys.readouterr().err


def test_parts_make_up_the_batch(tmp_path: Path) -> None:
    data = some_data()
    for i, image in enumerate(data.train.images[:, 0].numpy()):
        Image.fromarray(image).save(tmp_path / f"{i:02}.png")
    streamed, *_ = read_folder(tmp_path, Reading(size=16, memory=0))
    for images in (data.train, streamed, Lines(), Pair(data.train, streamed)):
        whole, _ = images.batch(3, 8, 0)
        parts = [images.batch(3, 8, 0, slice(i, None, 2))[0] for i in range(2)]
        at = whole.ndim - 4  # pairs have the domain before the image
        assert torch.equal(torch.stack(parts, at + 1).flatten(at, at + 1), whole)


@pytest.mark.slow
@pytest.mark.parametrize("machines", [1, 2])
def test_a_killed_process_is_started_again_and_the_run_goes_on(
    tmp_path: Path, machines: int
) -> None:
    """Also where only one of two machines, each with a torchrun of its own, counts a restart."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--max-restarts=2"]
    meeting = f"--rdzv-backend=c10d --rdzv-id=test --rdzv-endpoint=127.0.0.1:{free_port()}"
    several = ["--nnodes=2", "--nproc-per-node=1", *meeting.split()]
    command += several if machines > 1 else ["--nproc-per-node=2", "--standalone"]
    command += ["-m", "resynthesis", "train", "ae", "--data", "digits", "--steps", "300"]
    command += ["--width", "4", "--checkpoint-every", "20", "--log-every", "10", "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    agents = [subprocess.Popen(command, env=environment) for _ in range(machines)]
    try:
        deadline = time.monotonic() + 120
        while not (log := _log(out)) or log[-1]["step"] < 60:
            assert time.monotonic() < deadline
            assert all(agent.poll() is None for agent in agents)
            time.sleep(0.1)
        os.kill(_children(agents[-1].pid)[-1], signal.SIGKILL)
        assert [agent.wait(240) for agent in agents] == [0] * machines
    finally:
        for agent in agents:
            agent.kill()
    steps = [line["step"] for line in _log(out)]
    assert steps == list(range(10, 301, 10))


def _log(out: Path) -> list[dict]:
    try:
        return runs.Run(out).log()
    except ValueError:
        return []


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


class Kept:
    """A store that outlives the processes, as torchrun's does."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.changed = threading.Condition()

    def set(self, key: str, value: str) -> None:
        with self.changed:
            self.values[key] = value.encode()
            self.changed.notify_all()

    def get(self, key: str) -> bytes:
        with self.changed:
            assert self.changed.wait_for(lambda: key in self.values, 20)
            return self.values[key]

    def check(self, keys: list[str]) -> bool:
        return all(key in self.values for key in keys)


def meet(store: Kept, numbers: Sequence[int], processes: int) -> list[str]:
    with ThreadPoolExecutor(len(numbers)) as pool:
        said = [pool.submit(parallel._met, store, n, processes) for n in numbers]  # type: ignore[arg-type]
        return [one.result(20) for one in said]


def test_processes_that_are_started_again_meet_each_other_and_not_the_dead() -> None:
    store = Kept()
    rounds = [set(meet(store, (0, 1, 2), 3)) for _ in range(3)]
    assert [len(words) for words in rounds] == [1, 1, 1]
    assert len(set.union(*rounds)) == 3
    store.set("greeting 1", "of somebody who died before the first process came")
    assert len(set(meet(store, (0, 1, 2), 3))) == 1


def test_processes_that_do_not_come_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PATIENCE", 0.1)
    with pytest.raises(RuntimeError, match=r"processes \[1, 2\] did not come"):
        parallel._met(Kept(), 0, 3)  # type: ignore[arg-type]
    monkeypatch.setattr(parallel, "rendezvous", lambda url: iter([(Kept(), 0, 3)]))
    monkeypatch.setenv("WORLD_SIZE", "3")
    with (
        pytest.raises(ValueError, match=r"others \(processes \[1, 2\] did not come\): start them"),
        parallel.joined(),
    ):
        pass


def test_only_the_call_that_began_a_run_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = runs.Config(
        method=AE(),
        data=DataConfig(data="digits", size=16),
        training=Training(steps=2, batch_size=8, device="cpu"),
    )
    alone = runs.start(config, tmp_path / "alone")
    assert "launch" not in alone.tree
    assert not begun(config, alone.path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "first")
    run = runs.Run.create(tmp_path / "run", config, alone.facts)
    assert run.tree["launch"] == "first"
    (run.path / "checkpoint").mkdir()
    shutil.copy(alone.checkpoint, run.checkpoint)
    assert begun(config, run.path)
    assert not begun(replace(config, training=replace(config.training, lr=0.5)), run.path)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "second")
    assert not begun(config, run.path)
    assert run.checkpoint.exists()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "first")
    run.checkpoint.unlink()
    assert not begun(config, run.path)  # it died before its first checkpoint
    assert not list(run.path.iterdir())
    left = runs.Run.create(run.path, config, alone.facts)
    shutil.copy(alone.weights, left.weights)  # a trained run, whose checkpoint was removed
    assert not begun(config, left.path)
    assert left.weights.exists()
    runs.rewrite(left, tmp_path / "copy", left.load_nets("cpu"))
    assert "launch" not in runs.Run(tmp_path / "copy").tree
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")  # without a name: by its process
    assert parallel.launch() == f"process {os.getppid()}"


def test_processes_do_not_share_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert parallel.device("cpu") == "cpu"
    assert parallel.device("auto") == "cuda:0"  # each may see one of its own only
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match="4 processes have 2 GPUs here"):
        parallel.device("auto")
    with pytest.raises(ValueError, match="4 processes cannot share cuda:0"):
        parallel.device("cuda:0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert parallel.device("cuda:1") == "cuda:1"

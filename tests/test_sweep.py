"""Sweeps: what a file may say, runs that are skipped and gone on with, children, locks, tables."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import Timeout
from PIL import Image
from safetensors.numpy import load_file

from resynthesis.cli import main
from resynthesis.cli.sweep import children, one, plan, slurm
from resynthesis.data import SETS, numerals
from resynthesis.data.download import lock
from resynthesis.data.numerals import read_libsvm
from resynthesis.methods import METHODS
from resynthesis.runs import Run

from .test_domain_sets import digits_of_usps, libsvm
from .test_readme import ROOT, script

TABLES = sorted((ROOT / "benchmarks" / "tables").glob("*.toml"))
QUICK = """
[common]
size = 16
width = 4
steps = 4
batch-size = 8
log-every = 2
checkpoint-every = 2
device = "cpu"
precision = "fp32"
"""
LONG = QUICK.replace("steps = 4", "steps = 300").replace("-every = 2", "-every = 10")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_common_settings_that_a_method_does_not_read_are_passed_over() -> None:
    text = '[common]\ncontent = 3\n[[runs]]\nmethod = "ae"\n[[runs]]\nmethod = "adapt"'
    assert [job.config.nets.content for job in jobs(text)] == [3, 3]


def jobs(text: str, **told: Any) -> tuple[one.Job, ...]:
    Path("t.toml").write_text(text)
    return plan.read(Path("t.toml"), Path("out").resolve(), **told).jobs


def test_lists_multiply_and_names_say_what_varies() -> None:
    found = jobs(
        """
        [common]
        method = ["ae", "amr"]
        seed = [0, 1]
        reconstruction = [5, 0.5]
        code = [[2, 4, 4], [16, 4, 4]]
        betas = [0.5, 0.9]
        data-dir = "sets"
        """
    )
    assert len(found) == 2 * 2 * 2 * 2
    assert [job.config.training.seed for job in found] == [0] * 8 + [1] * 8
    assert found[0].row == "ae reconstruction=5 code=2x4x4"
    assert found[0].path == Path("out/ae-reconstruction-5-code-2x4x4-seed0").resolve()
    assert found[15].row == "amr reconstruction=0.5 code=16x4x4"
    last = found[15].config
    assert (last.name, last.nets.code, last.training.betas) == ("amr", (16, 4, 4), (0.5, 0.9))
    assert last.method.reconstruction == 0.5
    assert last.data.data_dir == Path("sets").resolve()
    assert all(
        one.Job.from_json(json.loads(json.dumps(j.to_json(), default=str))) == j for j in found
    )


def test_classes_may_be_whole_numbers() -> None:
    (job,) = jobs('[common]\nmethod = "ae"\nclasses = [0, 1]')
    assert job.config.data.classes == ("0", "1")
    found = jobs('[common]\nmethod = "ae"\nclasses = [[0, 1], ["2", 3]]')
    assert [job.config.data.classes for job in found] == [("0", "1"), ("2", "3")]


def test_a_run_has_its_own_flags_before_the_common_ones_and_those_told() -> None:
    text = """
        evaluate = ["probe", "reconstruction_l1"]
        [common]
        data = "digits"
        epochs = 3
        [[runs]]
        name = "AE + GAN, λ"
        method = "ae"
        adversary = true
        epochs = 2
        [[runs]]
        method = "acai"
    """
    gan, acai = jobs(text)
    assert gan.path.name == "AE-+-GAN-λ-seed0"
    assert gan.config.method == METHODS["ae"](adversary=True)  # type: ignore[call-arg]
    assert (gan.config.training.epochs, acai.config.training.epochs) == (2.0, 3.0)
    assert acai.evaluate == ("probe", "reconstruction_l1")
    told = jobs(text, seeds=(4, 5), data_dir=Path("there"), device="cpu")
    assert [job.path.name[-5:] for job in told] == ["seed4"] * 2 + ["seed5"] * 2
    assert told[0].config.data.data_dir == Path("there").resolve()
    assert told[0].config.training.device == "cpu"


def test_the_budget_of_an_entry_goes_before_that_of_all() -> None:
    text = '[common]\nmethod = "ae"\nsteps = 100\n[[runs]]\nepochs = [1, 6]\n[[runs]]\nname = "b"'
    budgets = [(job.config.training.steps, job.config.training.epochs) for job in jobs(text)]
    assert budgets[:2] == [(None, 1.0), (None, 6.0)]
    assert budgets[2][0] == 100


def test_suited_settings_are_those_of_the_command_line() -> None:
    (job,) = jobs('[common]\nmethod = "adapt"\nsource = "digits"\ntarget = "digits-m"')
    assert job.config.nets.family == "split"
    assert job.config.training.decay == 0.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[common", "t.toml is not TOML"),
        ("[commn]", "there is no part 'commn': did you mean common?"),
        ("steps = 3", "t.toml, line 1: there is no part 'steps'"),
        ("runs = 3", "'runs' is written [[runs]]"),
        ("runs = [3]", "'runs' is written [[runs]]"),
        ("runs = []", "has no runs"),
        ('evaluate = "probe"', "'evaluate' is written evaluate = "),
        ("[[runs]]\nsteps = 3", "[[runs]] 1, line 1: a run needs a method"),
        ('[[runs]]\nmethod = "ae"\n[[runs]]\nmethod = "armr"', "line 4: there is no method 'armr'"),
        ('[common]\nmethod = "armr"', "did you mean amr?"),
        ('[common]\n\nmethod = "amr"\nparent = 3', "line 4: there is no flag of amr 'parent'"),
        ('[common]\nmethod = "amr"\nparent = 3', "did you mean parents?"),
        ('[common]\nmethod = "ae"\nxyz = 3', "resynth train ae --help lists them"),
        ('[common]\nmethod = "ae"\nout = "x"', "no flag of ae 'out'"),
        ('[common]\nmethod = "ae"\nname = "x"', "no flag of ae 'name'"),
        ('[common]\nmethod = "adapt"\nprobe = true', "vae, not of adapt: give it"),
        ('[common]\nmethd = "amr"', "line 2: there is no flag 'methd': did you mean method?"),
        ('[common]\nmethd = "amr"\nsteps = 3\n[[runs]]\nseed = 1', "did you mean method?"),
        ("[[runs]]\nxyz = 3", "no flag 'xyz' (resynth train METHOD --help lists them)"),
        (
            '[common]\nmethod = ["ae", "amr"]\nparents = 3',
            "line 3: 'parents' is a flag of amr, not of ae: give it in a [[runs]] entry of its own",
        ),
        (
            '[common]\nmethod = "ae"\nsource = "digits"',
            "'source' is a flag of translate and adapt, not of ae",
        ),
        ('[common]\nmethod = "ae"\nclasses = [true]', "classes: wants a text, not true"),
        ('[common]\nmethod = "ae"\nclasses = [0.5]', "classes: wants a text, not 0.5"),
        ('[common]\nmethod = "ae"\ndata = "mnst"', "no data set 'mnst': did you mean mnist?"),
        (
            '[common]\nmethod = "amr"\nmixer = "bernouli"',
            "mixer: there is no value 'bernouli': did",
        ),
        ('[common]\nmethod = "ae"\nsteps = "many"', "steps: wants a whole number, not 'many'"),
        ('[common]\nmethod = "ae"\nsteps = true', "wants a whole number, not true"),
        ('[common]\nmethod = "ae"\nlr = "fast"', "wants a number, not 'fast'"),
        ('[common]\nmethod = "ae"\nadversary = 1', "wants true or false, not 1"),
        ('[common]\nmethod = "ae"\ncode = [2, 4]', "code: wants 3 numbers, not 2"),
        ('[common]\nmethod = "ae"\ncode = 2', "code: wants a list, not 2"),
        ('[common]\nmethod = "ae"\nsteps = []', "the list is empty"),
        ('[common]\nmethod = "ae"\nlr = -1', "lr must be positive"),
        ('[common]\nmethod = "ae"\nsize = 33', "size must be one of 16"),
        ('[common]\nmethod = "ae"\ncode = [2, 3, 3]', "does not fit images of size 32"),
        ('[common]\nmethod = "ae"\nbatch-size = 3\nbatch_size = 3', "is given twice"),
        (
            '[[runs]]\nmethod = "ae"\n[[runs]]\nmethod = "ae"\nsteps = 3',
            "give one of them a `name`",
        ),
        ('[[runs]]\nmethod = "ae"\n[[runs]]\nmethod = "ae"\nname = "b"', "are the same run"),
        ('[[runs]]\nmethod = "ae"\nseed = [0, 0]', "ae-seed0 is there twice: leave one out"),
        ('[[runs]]\nmethod = "class-amr"\ndata = "lines"', "needs classes or attributes, and 'l"),
        ('[[runs]]\nmethod = "ae"\nprobe = true\ndata = "lines"', "a probe needs classes, and"),
        ('[[runs]]\nmethod = "ae"\ncontent = [2, 3]', "--content makes no difference here"),
        ('evaluate = [3]\n[[runs]]\nmethod = "ae"', "no metric of ae '3' (metrics of ae: recon"),
        ('[[runs]]\nmethod = "ae"\nname = 3', "name: wants a text, not 3"),
        ('[[runs]]\nmethod = "ae"\nsteps = 3\nepochs = 1', "leave one out"),
        ('[common]\nsteps = 3\nepochs = 1\n[[runs]]\nmethod = "ae"', "leave one out"),
        (
            'evaluate = ["prob"]\n[common]\nmethod = "ae"',
            "no metric of ae 'prob': did you mean probe",
        ),
        ('evaluate = ["probe"]\n[common]\nmethod = "adapt"', "no metric of adapt 'probe'"),
        (
            'evaluate = ["knn", "clustering"]\n[common]\nmethod = "ae"\ndata = "celeba"',
            "t.toml, line 1: 'clustering' cannot be measured on 'celeba'",
        ),
        (
            'evaluate = ["classifier_score"]\n[common]\nmethod = "ae"\ndata = "celeba"',
            "cannot be measured on 'celeba'",
        ),
        (
            'evaluate = ["mig"]\n[common]\nmethod = "ae"\ndata = ["dsprites", "mnist"]',
            "'mig' cannot be measured on 'mnist'",
        ),
        (
            'evaluate = ["probe_accuracy"]\n[common]\nmethod = "ae"\ndata = "lines"',
            "cannot be measured on 'lines'",
        ),
        ('evaluate = ["wishes"]\n[common]\nmethod = "amr"', "cannot be measured of amr"),
        (
            '[common]\nmethod = "ae"\n[slurm]\npartiton = "a"',
            "line 4: there is no option 'partiton'",
        ),
        ('[common]\nmethod = "ae"\n[slurm]\ntime = "1 h"', "time: wants a whole number, not '1 h'"),
    ],
)
def test_a_wrong_file_is_refused_with_one_sentence(text: str, says: str, refused: Any) -> None:
    Path("t.toml").write_text(text)
    assert says in refused("sweep", "t.toml")


def test_other_refusals(refused: Any) -> None:
    Path("t.toml").write_text('[common]\nmethod = "ae"')
    assert "No such file" in refused("sweep", "nothing.toml")
    assert "at least 1" in refused("sweep", "t.toml", "--jobs", "0")
    assert "give one" in refused("sweep", "t.toml", "--dry-run", "--slurm")
    assert "no table" in refused("sweep", "t.toml", "--collect")
    assert "device" in refused("sweep", "t.toml", "--device", "tpu")


def test_dry_run_lists_the_runs_and_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.toml").write_text(QUICK + '[[runs]]\nmethod = ["ae", "amr"]\nseed = [0, 1]')
    assert main(["sweep", "t.toml", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "amr-seed1  amr     digits  4 steps  new" in said
    assert "4 runs (4 new)" in said
    assert [p.name for p in Path().iterdir()] == ["t.toml"]


def weights(path: Path) -> list[bytes]:
    found = load_file(path / "weights.safetensors")
    return [found[name].tobytes() for name in sorted(found)]


def break_off(job: one.Job, step: int) -> None:
    """Trains until a log line, and dies there as a process would that is killed."""

    def die(line: dict[str, Any], total: int) -> None:
        if line["step"] >= step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one.finish(job, die)


def test_a_run_is_skipped_or_gone_on_with() -> None:
    (whole,) = jobs('evaluate = ["knn"]' + QUICK + 'method = "ae"')
    assert one.stands(whole) == "new"
    one.finish(whole)
    assert one.stands(whole) == "finished"
    assert list(Run(whole.path).metrics()) == ["knn_accuracy"]
    before = {p: p.stat().st_mtime_ns for p in whole.path.rglob("*")}
    one.finish(whole)
    assert {p: p.stat().st_mtime_ns for p in whole.path.rglob("*")} == before

    again = one.Job(whole.path.with_name("again"), "", whole.config, ("knn",))
    break_off(again, step=4)
    assert [line["step"] for line in Run(again.path).log()] == [2, 4]
    assert one.stands(again) == "begun"
    one.finish(again)
    assert one.stands(again) == "finished"
    assert weights(again.path) == weights(whole.path)
    more = one.Job(whole.path, "", whole.config, ("knn", "reconstruction"))
    assert one.stands(more) == "begun"  # trained, and to be measured again
    one.finish(more)
    assert set(Run(whole.path).metrics()) > {"knn_accuracy", "reconstruction_l1"}


def test_a_run_goes_on_with_data_and_device_of_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("here").mkdir()
    random = np.random.default_rng(0)
    for name in ("usps.bz2", "usps.t.bz2"):
        Path("here", name).write_bytes(libsvm(*digits_of_usps(random, 30)))
    text = 'evaluate = ["knn"]' + QUICK + 'method = "ae"\ndata = "usps"'
    (job,) = jobs(text, data_dir=Path("here"))
    break_off(job, step=2)
    config = job.path / "config.json"
    config.write_text(config.read_text().replace('"device": "cpu"', '"device": "cuda:77"'))
    Path("here").rename("there")
    (job,) = jobs(text, data_dir=Path("there"))
    read: list[Path] = []
    monkeypatch.setattr(
        numerals, "read_libsvm", lambda path: (read.append(path), read_libsvm(path))[1]
    )
    one.finish(job)
    assert one.stands(job) == "finished"
    assert [path.name for path in read] == ["usps.bz2", "usps.t.bz2"]  # once, under the lock


def test_a_run_that_was_broken_off_in_the_making_starts_again() -> None:
    (job,) = jobs('evaluate = ["knn"]' + QUICK + 'method = "ae"')
    (job.path / "pictures").mkdir(parents=True)
    (job.path / ".config.json.1.part").write_text("{")
    assert one.stands(job) == "new"
    break_off(job, step=2)
    (job.path / "log.jsonl").unlink()
    for path in ("checkpoint/state.safetensors", "weights.safetensors"):
        (job.path / path).unlink()
    assert one.stands(job) == "new"
    one.finish(job)
    assert one.stands(job) == "finished"


def test_what_is_in_the_way_is_refused_and_kept(refused: Any) -> None:
    (job,) = jobs(QUICK + 'method = "ae"')
    break_off(job, step=2)
    Path("t.toml").write_text(QUICK + 'method = "ae"\nlr = 0.5')
    said = refused("sweep", "t.toml", "--out", "out")
    assert "holds a run with other settings (lr is 0.001 there and 0.5 here)" in said
    Path("t.toml").write_text(QUICK + 'method = "ae"')
    Path("other/ae-seed0").mkdir(parents=True)
    Path("other/ae-seed0/thesis.tex").write_text("years of work")
    assert "holds no run" in refused("sweep", "t.toml", "--out", "other")


@pytest.mark.parametrize(
    "text",
    [
        'evaluate = ["knn"]' + QUICK + 'method = "ae"\ndata = "set.npz"',
        'evaluate = ["target_accuracy"]'
        + QUICK
        + 'method = "translate"\nsource = "digits"\ntarget = "set.npz"',
        'evaluate = ["accuracy", "references"]'
        + QUICK
        + 'method = "translate"\nsource = "digits"\ntarget = "set.npz"',
    ],
)
def test_what_cannot_be_measured_is_said_before_training(text: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16), dtype=np.uint8)
    np.savez("set.npz", images=images)
    (job,) = jobs(text)
    with pytest.raises(ValueError, match="cannot be measured"):
        one.finish(job)
    assert not job.path.exists()


def test_a_run_has_one_process() -> None:
    first, second = jobs(QUICK + 'method = "ae"\nseed = [0, 1]')
    with lock(first.path):
        with pytest.raises(Timeout):
            one.finish(first)
        assert children._first_free([first, second]) is second
        assert children._first_free([first]) is None
    assert children._first_free([first, second]) is first


def test_children_side_by_side_and_failures_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken").mkdir()
    Path("broken/a.png").write_bytes(b"no picture")
    Path("t.toml").write_text(
        'evaluate = ["knn"]' + QUICK + '[[runs]]\nmethod = "ae"\n'
        '[[runs]]\nname = "steep"\nmethod = "ae"\nlr = 1e30\n'
        '[[runs]]\nname = "empty"\nmethod = "ae"\ndata = "broken"\n'
    )
    assert main(["sweep", "t.toml", "--jobs", "2", "--out", "out"]) == 1
    said = capsys.readouterr().out
    assert "[3/3]" in said
    assert "2 of 3 runs failed" in said
    assert "steep-seed0: a weight became infinite" in said
    assert "empty-seed0: " in said
    assert "Traceback" not in said
    assert "Traceback" in Path("out/logs/steep-seed0.log").read_text()
    assert Run(Path("out/ae-seed0")).tree["machine"]["threads"] == 1
    assert Path("out/table.md").read_text().count("| ae | 1 |") == 1


def test_a_sweep_whose_runs_all_fail_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("t.toml").write_text(QUICK + 'method = "ae"\ndata = "empty"')
    assert main(["sweep", "t.toml", "--out", "out"]) == 1
    said = capsys.readouterr()
    assert "1 of 1 runs failed" in said.out
    assert "empty has no images" in said.out.splitlines()[-1]
    assert said.err == ""
    assert not Path("out/table.md").exists()


def test_the_table_of_a_sweep(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = 'evaluate = ["knn", "reconstruction"]' + QUICK
    text += 'seed = [0, 1]\n[[runs]]\nname = "plain"\nmethod = "ae"\n[[runs]]\nmethod = "amr"'
    for job in jobs(text)[:3]:
        one.finish(job)
    assert main(["sweep", "t.toml", "--out", "out", "--collect"]) == 0
    said = capsys.readouterr().out
    assert "without 1 runs that are not finished" in said
    assert "±" in said
    rows = list(csv.DictReader(Path("out/table.csv").read_text().splitlines()))
    assert [(row["run"], row["n"]) for row in rows] == [("plain", "2"), ("amr", "1")]
    values = [Run(Path(f"out/plain-seed{s}")).metrics()["knn_accuracy"] for s in (0, 1)]
    assert float(rows[0]["knn_accuracy_mean"]) == pytest.approx(sum(values) / 2)
    with Image.open("out/table.png") as picture:
        assert picture.width > 500
    tree = json.loads(Path("out/sweep.json").read_text())
    assert {"versions", "machine", "git_commit", "rows", "runs"} <= set(tree)
    assert [run["run"] for run in tree["runs"]] == ["plain-seed0", "amr-seed0", "plain-seed1"]
    assert tree["runs"][0]["metrics"] == Run(Path("out/plain-seed0")).metrics()
    assert tree["runs"][0]["images"] == 32
    monkeypatch.setattr(benchmark := script("tables"), "HERE", Path())
    Path("results").mkdir()
    benchmark.collect("mnist", Path("out"))
    kept, made = (
        json.loads(path.read_text())
        for path in (ROOT / "benchmarks/results/mnist.json", Path("results/mnist.json"))
    )
    assert set(made) <= set(kept)  # older files name once for all runs what differs by run
    assert set(kept) | set(kept["runs"][0]) == set(made) | set(made["runs"][0])
    assert made["runs"][0]["training"]["seed"] == 0


class FakeExecutor:
    """Stands in for submitit: takes the same calls, and runs each task here and now."""

    made: Any = None

    def __init__(self, folder: Path, cluster: str):
        self.folder, self.cluster, FakeExecutor.made = folder, cluster, self

    def update_parameters(self, **parameters: object) -> None:
        self.parameters = parameters

    def map_array(self, function: Callable[[Any], None], items: list[Any]) -> list[Any]:
        for item in items:
            function(json.loads(json.dumps(item, default=str)))
        return [SimpleNamespace(job_id=f"123_{i}") for i in range(len(items))]


def test_slurm_has_a_task_for_every_run_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'evaluate = ["knn"]' + QUICK + 'method = "ae"\nseed = [0, 1]\n'
    text += '[slurm]\npartition = "gpu"\ntime = 90\ngpus = 1\n'
    first, second = jobs(text)
    one.finish(first)
    fake = ModuleType("submitit")
    fake.AutoExecutor = FakeExecutor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "submitit", fake)
    assert main(["sweep", "t.toml", "--out", "out", "--slurm"]) == 0
    assert "submitted as 123" in capsys.readouterr().out
    made = FakeExecutor.made
    assert made.cluster == "slurm"
    assert made.parameters == {
        "name": "out",
        "timeout_min": 90,
        "slurm_partition": "gpu",
        "gpus_per_node": 1,
    }
    assert one.stands(second) == "finished"


def test_slurm_without_submitit(monkeypatch: pytest.MonkeyPatch, refused: Any) -> None:
    Path("t.toml").write_text(QUICK + 'method = "ae"')
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert "pip install 'resynthesis[slurm]'" in refused("sweep", "t.toml", "--slurm")


def test_every_slurm_option_is_one_of_submitit() -> None:
    auto = pytest.importorskip("submitit").AutoExecutor("slurm", cluster="local")
    given = {o.name: {str: "a", int: 1, float: 1.0}[o.kind] for o in slurm.OPTIONS.values()}
    given.pop("cluster")
    auto.update_parameters(**given)


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_tables_of_the_originals(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = path.read_text()
    for known, names in ((METHODS, ("vae",)), (SETS, ("kmnist", "cifar10", "dsprites"))):
        for name in names:
            if f'"{name}"' in text and name not in known:
                pytest.skip(f"there is no {name} yet")
    assert main(["sweep", str(path), "--dry-run"]) == 0
    assert "new" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mnist", "lines"])
def test_the_readmes_tables_are_those_of_the_files(name: str) -> None:
    found = plan.read(ROOT / "benchmarks" / "tables" / f"{name}.toml", Path("out")).jobs
    tree = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
    assert len(found) == len(tree["runs"])
    for run in tree["runs"]:
        job = next(j for j in found if j.path.name == f"{run['row']}-seed{run['seed']}")
        config = json.loads(json.dumps(job.config.to_json(), default=str))
        looks = {"picture_every": config["training"]["picture_every"]}  # changes no figure
        kept = {**tree["training"], "seed": run["seed"], **looks}
        assert {"method": config["method"], **config["settings"]} | run["settings"] == {
            "method": config["method"],
            **config["settings"],
        }
        assert config["training"] | kept == config["training"]
        assert config["nets"] | tree["nets"] == config["nets"]


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """A sweep in a process of its own, which prints into said.txt."""
    line = [sys.executable, "-m", "resynthesis", "sweep", "t.toml", "--out", "out", *arguments]
    with Path("said.txt").open("a") as said:
        return subprocess.Popen(line, stdout=said)


def wait_for(happens: Callable[[], object], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def step_of(job: one.Job) -> int:
    try:
        return int(Run(job.path).log()[-1]["step"])
    except (ValueError, IndexError):
        return 0


def processes_of(job: one.Job) -> list[int]:
    """Children that work on a run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"resynthesis.cli.sweep\0" in line and f'"{job.path}"'.encode() in line:
            found.append(int(folder.name))
    return found


@pytest.mark.slow
def test_a_child_that_is_killed_fails_alone_and_goes_on_next_time() -> None:
    first, second = jobs('evaluate = ["knn"]' + LONG + 'method = "ae"\nseed = [0, 1]')
    sweep = start("--jobs", "2")
    wait_for(lambda: step_of(first) >= 20)
    (child,) = processes_of(first)
    os.kill(child, signal.SIGKILL)
    assert sweep.wait(timeout=200) == 1
    said = Path("said.txt").read_text()
    assert "ae-seed0: ended by signal 9 (SIGKILL): run the sweep again" in said
    assert one.stands(second) == "finished"
    assert one.stands(first) == "begun"
    reached = step_of(first)
    steps: list[int] = []
    one.finish(first, lambda line, total: steps.append(line["step"]))
    assert steps[0] >= reached - 10  # no more than a checkpoint interval is lost
    assert one.stands(first) == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_sweep_that_is_killed_leaves_nobody_behind_and_goes_on(number: int) -> None:
    (job,) = jobs('evaluate = ["knn"]' + LONG + 'method = "ae"')
    sweep = start()
    wait_for(lambda: step_of(job) >= 20)
    sweep.send_signal(number)
    assert sweep.wait(timeout=60) == (-9 if number == signal.SIGKILL else 130)
    if number != signal.SIGKILL:
        assert not processes_of(job)
    wait_for(lambda: not processes_of(job), 60)
    reached = step_of(job)
    assert reached < 300
    steps: list[int] = []
    one.finish(job, lambda line, total: steps.append(line["step"]))
    assert steps[0] > reached - 10
    assert Run(job.path).log()[-1]["step"] == 300


@pytest.mark.slow
def test_two_sweeps_at_once_share_the_runs() -> None:
    found = jobs('evaluate = ["knn"]' + LONG + 'method = "ae"\nseed = [0, 1]')
    sweeps = [start(), start()]
    assert [sweep.wait(timeout=200) for sweep in sweeps] == [0, 0]
    for job in found:
        assert [line["step"] for line in Run(job.path).log()] == list(range(10, 301, 10))
        log = Path("out/logs", f"{job.name}.log").read_text()
        assert log.count("figures:") == 1, "trained twice"
    assert Path("said.txt").read_text().count("knn_accuracy") == 2  # both print the table


def test_a_run_that_is_half_measured_is_not_finished() -> None:
    (job,) = jobs(QUICK + 'method = "ae"')
    one.finish(job)
    run = Run(job.path)
    found = run.metrics()
    (job.path / "metrics.json").unlink()
    run.save_partial_metrics(dict(list(found.items())[:1]), run.steps)
    assert one.stands(job) == "begun"
    run.save_metrics(found)
    assert one.stands(job) == "finished"
    assert not run.partial_metrics(run.steps)

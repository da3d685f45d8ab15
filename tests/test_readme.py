"""The README's figures are those of the result files, and its two commands are real."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from resynthesis.cli import main
from resynthesis.data import SETS
from resynthesis.evaluate import FAMILIES, domains

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def script(name: str) -> ModuleType:
    """A script of benchmarks/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["mnist", "lines"])
def test_tables_are_made_from_the_result_files(name: str) -> None:
    assert script("tables").markdown(name) in README


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("labels-digits", "labels"),
        ("labels-mnist", "labels"),
        ("labels-longer", "labels"),
        ("dsprites-short", "disentanglement"),
        ("mnist-100-labels", "guide"),
        ("mnist-short", "sweeps"),
    ],
)
def test_tables_of_the_docs_are_made_from_the_result_files(name: str, page: str) -> None:
    assert script("tables").markdown(name) in (ROOT / "docs" / f"{page}.md").read_text()


def test_granted_wishes_are_those_of_the_result_files() -> None:
    shares = []
    for name in ("labels-digits", "labels-mnist"):
        tree = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
        found = [run["metrics"] for run in tree["runs"] if run["row"] == "class-amr"]
        for metric in ("wish_accuracy", "wish_accuracy_random_mask"):
            shares.append(round(100 * sum(m[metric] for m in found) / len(found)))
    said = "in {} % of the mixes on `digits-attributes` (by random masks in {} %) "
    assert (said + "and in {} % on MNIST ({} %)").format(*shares) in " ".join(README.split())


def test_tables_of_domains_are_made_from_the_result_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which the script sets, and is put back here
    made = script("domains")
    runs = json.loads(made.RESULT.read_text())["runs"]
    page = (ROOT / "docs" / "domains.md").read_text()
    assert made.markdown("main") in README
    for table in {run["table"] for run in runs}:
        assert made.markdown(table) in page


def test_speed_is_that_of_the_result_file() -> None:
    tree = json.loads((ROOT / "benchmarks" / "results" / "speed.json").read_text())
    rows = {row["name"]: row for row in tree["rows"]}
    for method in {row["method"] for row in rows.values()}:
        plain, ours = rows[f"textbook {method}, fp32"], rows[f"{method}, bf16"]
        cells = [f"{row['images_per_second']:.0f}" for row in (plain, ours)]
        assert f"| {' | '.join([method, *cells])} | {ours['ratio']:.2f} |" in README
    assert rows["amr, bf16"]["ratio"] >= 1.8


def test_every_run_of_a_result_names_its_commit() -> None:
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        tree = json.loads(path.read_text())
        runs = [] if "git_commit" in tree else tree["runs"]
        without = sum(not run.get("git_commit") for run in runs)
        assert without == (6 if path.stem == "dsprites-short" else 0), path.name


def test_speed_beside_the_peer_and_by_batch_is_that_of_the_result_files() -> None:
    def rows(name: str) -> dict[tuple[str, int], dict[str, float]]:
        tree = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
        return {(row["name"], row["batch"]): row for row in tree["rows"]}

    beside, batches = rows("speed-amr"), rows("speed-batches")
    ours, peer = beside["amr, bf16", 64], beside["pythae VAEGAN, fp32", 64]
    assert f"{ours['ratio']:.2f} times the textbook step" in README
    assert f"{ours['images_per_second'] / peer['images_per_second']:.1f} times pythae" in README
    assert f"it has {batches['amr, bf16', 256]['ratio']:.2f} times the textbook" in README
    page = (ROOT / "docs" / "speed.md").read_text()
    for name in ("speed-amr", "speed-batches", "speed-domains"):
        table = (ROOT / "benchmarks" / "results" / f"{name}.md").read_text()
        assert all(line in page for line in table.splitlines() if line.startswith("|"))


def test_quality_and_evaluation_are_those_of_the_result_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which the scripts set, and is put back here
    page = (ROOT / "docs" / "speed.md").read_text()
    quality = script("quality")
    assert all(quality.markdown(data) in page for data in quality.METRICS)
    assert script("evaluation").markdown() in page


def test_sizes_are_those_of_the_result_file() -> None:
    rows = json.loads((ROOT / "benchmarks" / "results" / "sizes.json").read_text())["rows"]
    assert script("sizes").markdown(rows) in (ROOT / "docs" / "speed.md").read_text()
    assert all(abs(row["relative_cost"] - 1) < 0.1 for row in rows)


def test_result_files_name_what_they_need() -> None:
    for name in ("mnist", "lines"):
        tree = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
        assert {"versions", "machine", "runs"} <= set(tree)
        for run in tree["runs"]:
            whole = tree | run  # older files name these once for all runs
            assert {"nets", "training", "train_size", "data_checksum", "git_commit"} <= set(whole)
            assert run["images"] == tree["runs"][0]["images"]  # equal budgets


def test_the_docs_name_every_set_metric_and_table() -> None:
    data, guide, sweeps, evaluation = (
        (ROOT / "docs" / f"{name}.md").read_text()
        for name in ("data", "guide", "sweeps", "disentanglement")
    )
    for name in SETS:
        assert f"`{name}`" in data
    named = [row for row in guide.splitlines() if row.startswith("| `")]
    for name in (metric for family in FAMILIES.values() for metric in family):
        shared = re.sub(r"_(real|pixels|random_mask|first|second)$", "", name)
        assert any(f"`{shared}" in row for row in named), name
    for path in (ROOT / "benchmarks" / "tables").glob("*.toml"):
        assert path.stem in sweeps or f"`-{path.stem.rpartition('-')[2]}`" in sweeps
    assert all(f"`{name}`" in evaluation for name in FAMILIES["disentanglement"])


def test_help_names_every_family_of_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name in (*FAMILIES, *domains.FAMILIES):
        assert re.search(rf"[ ,]{name}[ ,.]", said), name


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "bench"):
        assert f"make {target}" in README
        assert f"\n{target}:" in makefile


def test_latency_is_that_of_the_result_file() -> None:
    tree = json.loads((ROOT / "benchmarks" / "results" / "explorer.json").read_text())
    page = (ROOT / "docs" / "explorer.md").read_text()
    for found in tree["slider_to_picture_ms"].values():
        assert f"| {found['median']} | {found['p95']} |" in page
        assert f"{found['median']} ms" in README
        assert found["p95"] < 100

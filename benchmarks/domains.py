"""Trains and evaluates the tables of domain adaptation: rows x seeds, equal budgets, resumable.

    python benchmarks/domains.py main short ablation digits --data-dir DIR --jobs 2

Every process has one thread. What is done is skipped, what was broken off goes on. Ends with
benchmarks/results/domains.json (every run with its settings, machine, versions and figures) and the
tables of the README, which `--markdown` prints again from that file alone. The stopping point is
the last step of the budget; what test labels have had a say in is told in docs/domains.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one thread a process: two with two each slow each other

import argparse
import json
import multiprocessing
import shutil
import statistics
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULT = HERE / "results" / "domains.json"


@dataclass(frozen=True)
class Row:
    """A setting: the method and whatever is not its default."""

    name: str
    method: str = "adapt"
    settings: dict[str, float] = field(default_factory=dict)
    nets: dict[str, object] = field(default_factory=dict)
    training: dict[str, float] = field(default_factory=dict)
    source: str = "mnist"
    target: str = "mnist-m"
    seeds: int = 3
    only: tuple[str, ...] = ()  # metrics; all where none are named


ADAPT = Row("adapt")
PUBLISHED = Row("translate, as published", "translate")
SHORT = replace(ADAPT, name="adapt, 1,000 steps", training={"steps": 1000})


def without(name: str, *, only: tuple[str, ...] = ("accuracy",), **settings: float) -> Row:
    return replace(SHORT, name=name, settings=settings, only=only)


PICTURES = ("accuracy", "translation", "translated_only_accuracy")
RAW: dict[str, object] = {"classifier": "raw"}
TABLES = {
    "main": [PUBLISHED, ADAPT],
    "longer": [
        Row(
            "adapt, twice the steps",
            training={"epochs": 20.0},
            seeds=1,
            only=("accuracy", "target_supervised_accuracy"),
        ),
    ],
    "short": [
        SHORT,
        replace(SHORT, name="the other way", source="mnist-m", target="mnist"),
        replace(SHORT, name="unseen backgrounds", target="mnist-m-unseen"),
    ],
    "digits": [
        replace(
            row,
            name=f"{row.name}: digits",
            source="digits",
            target="digits-m",
            training={"steps": 500},
        )
        for row in (PUBLISHED, ADAPT)
    ],
    "ablation": [
        SHORT,
        without("no self-labelling", self_labelling=0.0),
        without("no slow teacher", teacher_decay=0.0),
        without("no critic", only=PICTURES, realism=0.0),
        without("no reading", only=PICTURES, reading=0.0),
        without("no translations for the classifier", only=PICTURES, translated=0.0),
        replace(without("no layer normalisation"), nets={"classifier_norm": "none"}),
        replace(without("blind view alone"), nets={"classifier": "blind"}),
        replace(without("raw view alone"), nets=RAW),
        replace(
            without("raw view alone, no translations for it", translated=0.0),
            nets=RAW,
        ),
    ],
}


def folder(out: Path, row: Row, seed: int) -> Path:
    return out / f"{row.name.replace(',', '').replace(':', '').replace(' ', '-')}-seed{seed}"


def config_of(row: Row, seed: int, data_dir: Path | None) -> Any:
    """The run's Config."""
    from resynthesis import runs
    from resynthesis.data import DomainsConfig
    from resynthesis.methods import make

    config = runs.Config(
        method=make(row.method, row.settings),
        data=DomainsConfig(source=row.source, target=row.target, data_dir=data_dir),
    )
    return replace(
        config,
        nets=replace(config.nets, **row.nets),
        training=replace(config.training, seed=seed, **row.training),
    )


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """Of a config, what a figure can depend on, whatever the place of the data."""
    parts = {name: dict(config[name]) for name in ("method", "nets", "training")}
    for flag in ("device", "log_every", "picture_every", "checkpoint_every"):
        del parts["training"][flag]
    return {**parts, "domains": [config["data"][key] for key in ("source", "target", "size")]}


def one(row: Row, seed: int, args: argparse.Namespace) -> str:
    """Trains and evaluates one run, or goes on with it."""
    import torch

    from resynthesis import figures, runs
    from resynthesis.evaluate import evaluate_domains
    from resynthesis.evaluate.choice import choose
    from resynthesis.evaluate.domains import FAMILIES

    torch.set_num_threads(1)
    path, config = folder(Path(args.out), row, seed), config_of(row, seed, args.data_dir)
    begun = time.perf_counter()
    if not (path / "checkpoint" / "state.safetensors").exists():
        shutil.rmtree(path, ignore_errors=True)
        run = runs.start(config, path, paint=figures.training_picture)
    else:
        if settings(asdict(runs.Run(path).config)) != settings(asdict(config)):
            raise ValueError(f"{path} has other settings than '{row.name}' now: move it away")
        run = runs.resume(path, paint=figures.training_picture)
    known = run.metrics()
    only = args.metrics or row.only
    if missing := sorted(choose(only, FAMILIES) - known.keys()):
        nets, data = run.load_nets("cpu"), run.load_domains()
        so_far = run.partial_metrics(run.steps)
        found = evaluate_domains(
            run,
            nets,
            data,
            missing,
            known=so_far,
            keep=lambda m: run.save_partial_metrics(so_far | m, run.steps),
        )
        run.save_metrics(known | found)
        figures.evaluation_pictures(run, nets, data)
    return f"{path.name}: {time.perf_counter() - begun:.0f} s {run.metrics()}"


def job(task: tuple[Row, int, argparse.Namespace]) -> str:
    return one(*task)


def collect(args: argparse.Namespace) -> None:
    """Writes domains.json from the run folders that are done; keeps what only the file has.

    Runs of rows that are no longer in a table, or that mean other settings now, are dropped.
    """
    from resynthesis import runs

    known = json.loads(RESULT.read_text())["runs"] if RESULT.exists() else []
    rows_of = {(table, row.name): row for table, rows in TABLES.items() for row in rows}
    found = {}
    for run in known:
        row = rows_of.get((run["table"], run["row"]))
        if row and run["settings"] == asdict(config_of(row, run["seed"], None).method):
            found[run["table"], run["row"], run["seed"]] = run
        else:
            print(f"dropped: {run['table']}, {run['row']}, seed {run['seed']}")
    for table, rows in TABLES.items():
        for row in rows:
            for seed in range(row.seeds):
                path = folder(Path(args.out), row, seed)
                if not (path / "metrics.json").exists():
                    continue
                run = runs.Run(path)
                last = run.log()[-1]
                data = asdict(run.config.data)
                found[table, row.name, seed] = {
                    "table": table,
                    "row": row.name,
                    "seed": seed,
                    "method": run.config.name,
                    "settings": run.tree["settings"],
                    "nets": asdict(run.config.nets),
                    "training": asdict(run.config.training),
                    "source": data["source"],
                    "target": data["target"],
                    "train_size": run.facts.train_size,
                    "data_checksum": run.facts.checksum,
                    "images": last["images"],
                    "seconds": last["seconds"],
                    "git_commit": run.tree["git_commit"],
                    "versions": run.tree["versions"],
                    "machine": run.tree["machine"],
                    "metrics": run.metrics(),
                }
    tree = {"processes_at_once": args.jobs, "runs": list(found.values())}
    RESULT.write_text(json.dumps(tree, indent=1) + "\n")
    print(f"{len(found)} runs in {RESULT}")


COLUMNS = {
    "source_only_accuracy": "source only",
    "translated_only_accuracy": "translations only",
    "target_accuracy": "adapted",
    "target_supervised_accuracy": "target-supervised",
    "translation_accuracy": "translations read",
    "frechet_distance": "Fréchet, of untranslated",
    "proxy_a_distance": "proxy A",
}
DRAWN = (  # columns of the ablation
    "target_accuracy",
    "translated_only_accuracy",
    "translation_accuracy",
    "frechet_distance",
)


def markdown(table: str) -> str:
    """A table as it stands in the README: mean ± sample standard deviation over seeds."""
    runs = json.loads(RESULT.read_text())["runs"]
    measured = {key for run in runs if run["table"] == table for key in run["metrics"]}
    shown = DRAWN if table == "ablation" else COLUMNS
    columns = {key: COLUMNS[key] for key in shown if key in measured}
    head = ["method", *columns.values(), "minutes", "seeds"]
    lines = [head, ["---"] * len(head)]
    for row in TABLES[table]:
        found = [run for run in runs if run["table"] == table and run["row"] == row.name]
        if not found:
            continue
        cells = [
            _mean([_figure(run, metric) for run in found if metric in run["metrics"]])
            for metric in columns
        ]
        minutes = statistics.mean(run["seconds"] / 60 for run in found)
        lines.append([row.name, *cells, f"{minutes:.0f}", str(len(found))])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figure(run: dict[str, Any], metric: str) -> float:
    """A metric; the distance, on each judge's own scale, as a share of untranslated images'."""
    value: float = run["metrics"][metric]
    if metric != "frechet_distance":
        return value
    return value / run["metrics"]["frechet_distance_untranslated"]


def _mean(values: list[float]) -> str:
    if not values:
        return ""
    digits = 4 if max(values) <= 1 else 2
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", choices=TABLES)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", default="runs/domains")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="*", help="only these seeds")
    names = sorted({row.name for rows in TABLES.values() for row in rows})
    parser.add_argument("--rows", nargs="*", choices=names, help="only these rows")
    parser.add_argument("--metrics", nargs="*", help="only these figures for now")
    parser.add_argument("--markdown", action="store_true", help="only print the README's tables")
    parser.add_argument("--collect", action="store_true", help="only gather the runs that are done")
    args = parser.parse_args()
    if not args.markdown:
        if not args.collect:
            tasks = [
                (row, seed, args)
                for table in args.tables
                for seed in range(3)
                for row in TABLES[table]
                if seed < row.seeds
                and (not args.seeds or seed in args.seeds)
                and (not args.rows or row.name in args.rows)
            ]
            tasks = list({folder(Path(args.out), *task[:2]): task for task in tasks}.values())
            with multiprocessing.get_context("spawn").Pool(args.jobs, maxtasksperchild=1) as pool:
                for line in pool.imap_unordered(job, tasks, chunksize=1):
                    print(line, flush=True)
        collect(args)
    for table in args.tables:
        print(f"\n{table}\n{markdown(table)}")


if __name__ == "__main__":
    main()

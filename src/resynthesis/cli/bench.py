"""resynth bench: the textbook step, ours, a peer's and the limit, measured in alternation."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from .. import bench, runs
from ..nets import cannot_compile
from ..train import OutOfMemory, keep_memory, lacks_memory, pick_device
from .shared import parse, table

Precision = Literal["fp32", "bf16"]


@dataclass(kw_only=True)
class Bench:
    methods: tuple[str, ...] = ("ae", "acai", "amr", "vae", "translate", "adapt")
    """Which methods to measure; also ae-gan, acai-amr (the variant in AMR's tables), amr-3 (three
    parents), amr-shared-bernoulli."""
    batches: tuple[int, ...] = (64,)
    """Images in a step, one after another (pairs, for two domains)."""
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    """Those of our steps; the textbook's is fp32."""
    compile: Literal["off", "on", "both"] = "off"
    """Measure our steps as they are, compiled, or both."""
    seeds: tuple[int, ...] = ()
    """Measure so many seeds at once as well, e.g. 2 8: their images together, per second."""
    loop: bool = False
    """Measure the nets' own work alone, and the whole loop with its feeding and its log."""
    size: int = 32
    """Height and width of the images."""
    rounds: int = 7
    """How often everything is measured in turn."""
    steps: int = 8
    """Training steps of each in a round."""
    device: str = "cpu"
    """cpu, cuda, cuda:1, ..., or auto."""
    peer: bool = True
    """Whether pythae's VAEGAN is measured as well, beside amr."""
    out: Path | None = None
    """Write everything as JSON here, and the table beside it as .md."""

    def check(self) -> None:
        """Raises ValueError for what cannot be measured, before anything is."""
        for name in self.methods:
            if name not in bench.BENCHED:
                known = ", ".join(bench.BENCHED)
                raise ValueError(f"{name} is not measured: choose from {known}")
        for name in ("size", "rounds", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.methods or not self.batches or not self.precisions:
            raise ValueError("there is nothing to measure: name a method, a batch, a precision")
        if self.seeds and min(self.seeds) < 1:
            raise ValueError(f"there must be at least 1 seed at once, not {min(self.seeds)}")
        if min(self.batches) < 2:
            raise ValueError(f"a batch must have at least 2 images, not {min(self.batches)}")
        if self.out and self.out.suffix != ".json":
            raise ValueError(f"the results are JSON: call --out {self.out.with_suffix('.json')}")


def main(arguments: list[str]) -> None:
    told = parse(Bench, arguments, "bench", "Measure training steps: textbook, ours, peer, limit.")
    told.check()
    if told.out:
        told.out.parent.mkdir(parents=True, exist_ok=True)
    device = pick_device(told.device)
    report = measure(told, device)
    print(f"\n{bench.markdown(report)}")
    if told.out:
        runs.write(told.out, (json.dumps(report, indent=1) + "\n").encode())
        runs.write(told.out.with_suffix(".md"), (bench.markdown(report) + "\n").encode())
        print(f"\nwritten: {told.out}, {told.out.with_suffix('.md')}")


def measure(told: Bench, device: torch.device) -> dict[str, Any]:
    """Everything that was asked for, as one tree."""
    load = os.getloadavg()[0]
    compiles = {"off": (False,), "on": (True,), "both": (False, True)}[told.compile]
    if True in compiles and (why := cannot_compile(device)):
        print(f"note: nothing can be compiled here ({why}): those rows are left out")
        compiles = (False,)
    peer = told.peer and "amr" in told.methods
    if peer and not bench.peer_is_here():
        print(f"note: {bench.MISSING}")
        peer = False
    keep_memory(device)  # the loop's habit; the textbook step and the peer profit as well
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16}
    reached: dict[str, bench.Machine] = {
        name: bench.machine_speed(device, kinds[name]) for name in told.precisions
    }
    rows: list[dict[str, Any]] = []
    for batch in told.batches:
        for name in told.methods:
            beside = peer and name == "amr"
            try:
                new = _measure_one(told, name, batch, device, compiles, beside, reached)
            except (OutOfMemory, RuntimeError) as error:
                if not lacks_memory(error):
                    raise
                print(f"note: {name} is left out at a batch of {batch}: out of memory")
                continue
            table(bench.HEAD, [bench.cells(row) for row in new])
            rows += new
    if not rows:
        raise OutOfMemory(f"out of memory on {device} at every batch that was asked for")
    facts = runs.circumstances()
    machine = {**facts["machine"], "device": _name(device), "cores": os.cpu_count(), "load": load}
    return {
        **{key: value for key, value in facts.items() if key != "machine"},
        "machine": machine,
        "size": told.size,
        "rounds": told.rounds,
        "steps": told.steps,
        "reached": {name: asdict(machine) for name, machine in reached.items()},
        "rows": rows,
    }


def _measure_one(
    told: Bench,
    name: str,
    batch: int,
    device: torch.device,
    compiles: tuple[bool, ...],
    peer: bool,
    reached: dict[str, bench.Machine],
) -> list[dict[str, Any]]:
    """The rows of one method and batch; the first is the textbook's."""
    case = bench.setup(name, batch, size=told.size, device=device)
    textbook = f"textbook {name}, fp32"
    steps: dict[str, Callable[[int], None]] = {
        textbook: bench.textbook_step(case.method, case.nets(), case.x, case.y)
    }
    limits: dict[str, float] = {}
    images: dict[str, int] = {}  # in a step, where it is not one batch
    for precision in told.precisions:
        bf16 = precision == "bf16"
        plain = bench.our_step(case, bf16=bf16, compiled=False)
        seconds = bench.limit_of(plain).seconds(reached[precision])
        for compiled in compiles:
            label = f"{name}, {precision}{', compiled' * compiled}"
            steps[label] = bench.our_step(case, bf16=bf16, compiled=True) if compiled else plain
            limits[label] = seconds
        if told.loop:
            nets, loop = bench.parts_of(f"{name}, {precision}")
            steps[nets] = bench.nets_step(case, bf16=bf16)
            steps[loop] = bench.loop_steps(case, bf16=bf16)
        for n in told.seeds:
            label = f"{name}, {precision}, {n} seeds at once"
            steps[label], images[label] = bench.seeds_step(case, n, bf16=bf16), n * batch
            limits[label] = seconds * n
    if peer:
        steps[f"{bench.PEER} VAEGAN, fp32"] = bench.peer_step(case.x)
    images = {label: images.get(label, batch) for label in steps}
    found = bench.alternate(
        steps, images=images, rounds=told.rounds, steps=told.steps, device=device
    )
    return [
        {
            "name": label,
            **bench.beside_nets(label, found),
            "method": name,
            "batch": batch,
            "images_per_second": one.median,
            "each_round": one.images_per_second,
            "spread": one.spread,
            "ratio": one.ratio(found[textbook]),
            "system": one.system_share,
            **(
                {
                    "limit_images_per_second": images[label] / limits[label],
                    "share_of_limit": one.median * limits[label] / images[label],
                }
                if label in limits
                else {}
            ),
        }
        for label, one in found.items()
    ]


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"

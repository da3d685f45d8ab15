"""What an image costs in training, by the size of the folder that it is streamed from.

    python benchmarks/sizes.py --sizes 10000 100000 1000000

Makes folders of grey 32x32 PNG files (a bar at some angle with noise, ten subfolders by the
angle), skipping those that are there, and removes them at the end unless told to --keep them. Each
measurement is a process of its own, which opens a folder with no memory for pixels, takes its
checksum as every run does, and trains `ae` on it in the loop of all methods; rounds go through the
sizes to and fro. Writes benchmarks/results/sizes.json (settings, machine, versions, and every
round) and prints the table of its medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import struct
import tempfile
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np  # and torch in the children alone: what we hold would count as theirs

HERE = Path(__file__).parent
SIDE, CLASSES, ANGLES = 32, 10, 250
BATCH = 64
WRITERS, CHUNK = 4, 500  # threads that write images, and how many of them each at a time

COLUMNS = {
    "open_seconds": ("open, s", 1),
    "checksum_seconds": ("checksum, s", 1),
    "images_per_second": ("images/s", 0),
    "relative_cost": ("cost of an image", 2),
    "cpu_us_per_image": ("CPU, µs an image", 0),
    "wait_ms": ("wait, ms a step", 2),
    "ready": ("steps with their batch ready", 3),
    "open_mib": ("MiB, opened", 0),
    "peak_mib": ("MiB, peak", 0),
}


def make(folder: Path, count: int) -> None:
    """A folder of so many images, all different, which appears whole or not at all."""
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    for c in range(CLASSES):
        (beside / str(c)).mkdir(parents=True)
    with ThreadPoolExecutor(WRITERS) as pool:
        write = partial(_write, beside, _bars(), count)
        for _ in pool.map(write, range(0, count, CHUNK)):
            pass
    beside.rename(folder)


def _bars() -> np.ndarray:
    """Bars from the middle outwards (ANGLES, SIDE, SIDE), uint8, up to 191."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)[:, None, None]
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    along, across = x * np.cos(angle) + y * np.sin(angle), x * np.sin(angle) - y * np.cos(angle)
    ink = (2 - abs(across)).clip(0, 1) * (along > 0) * (along < SIDE / 2 - 1)
    return (191 * ink).astype(np.uint8)


def _write(folder: Path, bars: np.ndarray, count: int, start: int) -> None:
    random = np.random.default_rng(start)
    n = min(CHUNK, count - start)
    angle = random.integers(ANGLES, size=n)
    images = bars[angle] + random.integers(64, size=(n, SIDE, SIDE), dtype=np.uint8)
    for i, image in enumerate(images):
        place = f"{angle[i] * CLASSES // ANGLES}/{start + i:07d}.png"
        (folder / place).write_bytes(png(image))


def png(image: np.ndarray) -> bytes:
    """A grey image (H, W), uint8, as a file."""
    height, width = image.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of grey
    rows = np.pad(image, ((0, 0), (1, 0))).tobytes()  # each after its filter, 0 for none
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def measure(folder: Path, steps: int, warm: int, threads: int) -> dict[str, Any]:
    """What opening a folder and so many steps cost, of which the first `warm` do not count."""
    import torch

    from resynthesis.data import DataConfig, load
    from resynthesis.methods import AE
    from resynthesis.nets import Nets, build
    from resynthesis.train import Training, begin, loop

    torch.set_num_threads(threads)
    begun = time.perf_counter()
    data = load(DataConfig(data=str(folder), size=SIDE, memory=0))
    opened = time.perf_counter()
    _ = data.checksum
    summed = time.perf_counter()
    open_mib = _peak_mib()

    images = data.train.with_labels(None)
    batch, waits, clocks, ready = images.batch, [], [], []

    def timed(*told: Any) -> Any:
        ready.append(any(made.done() for made in [*images._ahead.values()][:1]))
        asked = time.perf_counter()
        x, y = batch(*told)
        clocks.append((time.perf_counter(), time.process_time()))
        waits.append(clocks[-1][0] - asked)
        return x, y

    images.batch = timed
    method, training = AE(), Training.unwatched(steps, batch_size=BATCH, device="cpu")
    torch.manual_seed(0)
    nets = build(Nets(), method.players, method.averages, channels=1, size=SIDE, classes=CLASSES)
    loop(method, begin(method, nets, training), images, training)

    trained = (steps - 1 - warm) * BATCH
    seconds, cpu = (last - first for first, last in zip(clocks[warm], clocks[-1], strict=True))
    return {
        "open_seconds": opened - begun,
        "checksum_seconds": summed - opened,
        "images_per_second": trained / seconds,
        "cpu_us_per_image": 1e6 * cpu / trained,
        "wait_ms": 1e3 * statistics.mean(waits[warm + 1 :]),
        "ready": statistics.mean(ready[warm + 1 :]),
        "open_mib": open_mib,
        "peak_mib": _peak_mib(),
        "load_average": os.getloadavg(),
    }


def _peak_mib() -> float:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux


def alternate(folders: dict[int, Path], rounds: int, *told: int) -> list[dict[int, Any]]:
    """Measurements by size, for each round; every second round goes the other way."""
    found = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for number in range(rounds):
            order = list(folders)[:: -1 if number % 2 else 1]
            one = {size: pool.apply(measure, (folders[size], *told)) for size in order}
            least = one[min(one)]["images_per_second"]
            for size in folders:
                one[size]["relative_cost"] = least / one[size]["images_per_second"]
                print(f"round {number + 1}, {size:,} images: {_line(one[size])}", flush=True)
            found.append(one)
    return found


def _line(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {found[name]:.{digits}f}" for name, (_, digits) in COLUMNS.items())


def summary(rounds: Sequence[dict[int, Any]]) -> list[dict[str, Any]]:
    """A row for each size: medians, and the rounds that they are of."""
    return [
        {
            "images": size,
            **{name: statistics.median(one[size][name] for one in rounds) for name in COLUMNS},
            "rounds": [one[size] for one in rounds],
        }
        for size in sorted(rounds[0])
    ]


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table of the medians."""
    lines = [["images", *(title for title, _ in COLUMNS.values())]]
    lines.append(["---:"] * len(lines[0]))
    for row in rows:
        cells = [f"{row[name]:,.{digits}f}" for name, (_, digits) in COLUMNS.items()]
        lines.append([f"{row['images']:,}", *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--steps", type=int, default=600, help=f"of {BATCH} images each")
    parser.add_argument("--warm", type=int, default=100, help="first steps that do not count")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--folder", type=Path, help="for the images; a temporary one by default")
    parser.add_argument("--keep", action="store_true", help="leave the images for the next time")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "sizes.json")
    told = parser.parse_args(arguments)
    if told.steps < told.warm + 2:
        parser.error("--steps must be at least two more than --warm")
    place = told.folder or Path(tempfile.mkdtemp(prefix="sizes-"))
    folders = {size: place / f"{size}-images" for size in sorted(told.sizes)}
    try:
        for size, folder in folders.items():
            if not folder.exists():
                begun = time.perf_counter()
                make(folder, size)
                print(f"{size:,} images made in {time.perf_counter() - begun:.0f} s", flush=True)
        rounds = alternate(folders, told.rounds, told.steps, told.warm, told.threads)
    finally:
        if told.keep:
            print(f"the images are in {place}")
        else:
            for folder in (*folders.values(), *place.glob(".*-images.part")):
                shutil.rmtree(folder, ignore_errors=True)
            if not told.folder:
                place.rmdir()

    from resynthesis.runs import circumstances, write

    rows, about = summary(rounds), circumstances()
    about["machine"] |= {"threads": told.threads, "cores": os.cpu_count()}
    tree = {"batch_size": BATCH, "steps": told.steps, "warm": told.warm, **about, "rows": rows}
    write(told.out, (json.dumps(tree, indent=1) + "\n").encode())
    print(markdown(rows))


if __name__ == "__main__":
    main()

"""Small real things that many tests need."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resynthesis import runs
from resynthesis.cli import main
from resynthesis.data import DataConfig, DomainsConfig
from resynthesis.figures import training_picture
from resynthesis.methods import AMR, VAE, Adapt, ClassAMR
from resynthesis.nets import Nets
from resynthesis.train import Training

torch.set_num_threads(1)

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real MNIST; tests that need it are skipped where it is missing."""
    if not (SHARED / "mnist").is_dir():
        pytest.skip("real MNIST is not beside this checkout (shared/data/mnist)")
    return SHARED


def left_in(folder: Path, pattern: str = "*") -> set[str]:
    """What is in a folder, but for what processes hold while they download."""
    found = (path.relative_to(folder) for path in folder.glob(pattern))
    return {path.as_posix() for path in found if ".locks" not in path.parts}


def quick(steps: int = 4, **settings: object) -> Training:
    """A training that is over at once."""
    return Training(
        **{
            "steps": steps,
            "batch_size": 8,
            "log_every": 2,
            "checkpoint_every": 2,
            "picture_every": 4,
            "device": "cpu",
            "precision": "fp32",
            **settings,
        }
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of AMR on digits, good enough to look at. Do not write into it."""
    path = tmp_path_factory.mktemp("trained") / "run"
    config = runs.Config(
        method=AMR(),
        data=DataConfig(data="digits", size=16),
        training=quick(60, batch_size=32, log_every=10),
    )
    return runs.start(config, path).path


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> dict[str, Path]:
    """Runs of four kinds, of which but the first are hardly trained. Do not write into them."""
    folder = tmp_path_factory.mktemp("kinds")
    configs = {
        "class": runs.Config(
            method=ClassAMR(),
            data=DataConfig(data="digits-attributes", size=16, train_size=64),
            # Not informed: its masks are a toss-up while it is hardly trained.
            nets=Nets(code=(8, 4, 4), norm="group", width=4, informed=False),
            training=quick(),
        ),
        "vae": runs.Config(
            method=VAE(),
            data=DataConfig(data="digits", size=16),
            nets=Nets(posterior=True, output="tanh", code=(4, 1, 1), width=4),
            training=quick(),
        ),
        "adapt": runs.Config(
            method=Adapt(),
            data=DomainsConfig(size=16, train_size=64),
            nets=Nets(family="split", width=4, classifier_width=4),
            training=quick(),
        ),
    }
    made = {
        name: runs.start(config, folder / name, paint=training_picture).path
        for name, config in configs.items()
    }
    return {"run": trained, **made}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of twelve images of mixed sizes and modes."""
    random = np.random.default_rng(0)
    for c, name in enumerate(("cat", "dog")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            size = (20 + 3 * i, 40 - i)
            grey = random.integers(0, 256, size, dtype=np.uint8) // (c + 1)
            mode = ("L", "RGB", "RGBA", "P", "LA", "1")[i % 6]
            image = Image.fromarray(grey).convert("RGBA" if mode == "P" else mode)
            if mode == "P":
                image = image.convert("P")
            image.save(tmp_path / "images" / name / f"{i:02d}.png")
    return tmp_path / "images"


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]):
    """Runs a command that must be refused; returns its sentence."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        before = left_in(Path(), "**/*")
        assert main(list(arguments)) == 2
        said = capsys.readouterr().err.strip()
        assert said.startswith("resynth: ")
        assert len(said.splitlines()) == 1, said
        assert "Traceback" not in said
        assert left_in(Path(), "**/*") == before, "something was left behind"
        return said

    return run


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has what lies in tmp_path / "mirror"."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "mirror").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "mirror"))
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()

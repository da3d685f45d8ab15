"""The shape of the house: which way imports point, what is public, what starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

import resynthesis

ROOT = Path(resynthesis.__file__).parent
LAYERS = [  # a module imports from its own layer and from those before
    {"data"},
    {"nets"},
    {"mixing", "losses", "augment"},
    {"methods", "parallel"},
    {"train"},
    {"runs", "bench"},
    {"evaluate"},
    {"figures", "compare"},
    {"walks"},
    {"mixes", "wishes", "translations", "estimator"},
    {"report"},
    {"app"},
    {"space", "onnx"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: i for i, layer in enumerate(LAYERS) for name in layer}


def imported(path: Path) -> set[str]:
    """First parts, below the package, of what a file imports from the package."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            full = (*base, *(node.module.split(".") if node.module else ()))
            found |= {full[0]} if full else {alias.name for alias in node.names}
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [str(node.module)]
        found |= {n.split(".")[1] for n in names if n.startswith("resynthesis.")}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    backwards = {name for name in imported(path) if LEVEL[name] > LEVEL[own]}
    assert not backwards


def test_the_layers_name_every_module() -> None:
    here = {p.name.removesuffix(".py") for p in ROOT.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert here - {"__init__", "__pycache__"} == set(LEVEL)


def test_absolute_imports_count_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "nets.py").write_text("import resynthesis.cli\nfrom resynthesis.runs import Run\n")
    assert imported(tmp_path / "nets.py") == {"cli", "runs"}


def test_public_names() -> None:
    assert resynthesis.__all__ == [
        *("ACAI", "ADAAE", "AE", "AMR", "VAE", "ClassAMR", "Translator", "load")
    ]
    for name in resynthesis.__all__:
        assert getattr(resynthesis, name).__doc__
    with pytest.raises(AttributeError):
        resynthesis.nothing  # noqa: B018


def test_help_is_fast_and_needs_no_torch() -> None:
    code = (
        "import sys; from resynthesis.cli import main; status = main(['--help']); "
        "sys.exit(status or 'torch' in sys.modules)"
    )
    best = 10.0
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.5


def test_nothing_is_unpickled_or_evaluated() -> None:
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not {"pickle", "joblib", "marshal"} & {a.name for a in node.names}, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("torch", "load"), path

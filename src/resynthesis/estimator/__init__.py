"""The methods as scikit-learn estimators: a thin layer over the same loop and run folder."""

from __future__ import annotations

from pathlib import Path

from .. import runs
from .base import Model
from .conditional import ClassAMR
from .resynthesizer import ACAI, AE, AMR, VAE, Resynthesizer
from .translator import ADAAE, Translator

ESTIMATORS: dict[str, type[Model]] = {
    "ae": AE,
    "acai": ACAI,
    "amr": AMR,
    "class-amr": ClassAMR,
    "vae": VAE,
    "translate": ADAAE,
    "adapt": Translator,
}


def load(path: str | Path) -> Model:
    """The fitted estimator of a run folder, made here or by `resynth train`.

    Raises ValueError where the folder is no run or has no whole weights.
    """
    run = runs.Run(Path(path))
    config = run.config
    settings = [config.method, config.nets, config.training]
    if not config.method.two_domains:
        settings.append(config.probe)
    parameters = {
        name: getattr(part, name) for part in settings for name in runs.field_names(type(part))
    }
    return ESTIMATORS[config.name](**{**parameters, "device": "auto"})._open(run)


__all__ = [
    "ACAI",
    "ADAAE",
    "AE",
    "AMR",
    "ESTIMATORS",
    "VAE",
    "ClassAMR",
    "Model",
    "Resynthesizer",
    "Translator",
    "load",
]

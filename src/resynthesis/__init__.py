"""Adversarial autoencoders that mix images in code space.

    from resynthesis import AMR, load
    model = AMR(parents=3, seed=0).fit(images)
    children = model.mix(images[:8], images[8:16], weight=0.3)

Importing this package is cheap; torch comes with the first name that needs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimator import ACAI as ACAI
    from .estimator import ADAAE as ADAAE
    from .estimator import AE as AE
    from .estimator import AMR as AMR
    from .estimator import VAE as VAE
    from .estimator import ClassAMR as ClassAMR
    from .estimator import Translator as Translator
    from .estimator import load as load

__all__ = ["ACAI", "ADAAE", "AE", "AMR", "VAE", "ClassAMR", "Translator", "load"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module 'resynthesis' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__

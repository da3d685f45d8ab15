"""Data sets by name. Each entry says what it is; `load` brings it, downloading where it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import lines
from .blended import load_digits_m, load_mnist_m, load_mnist_m_unseen
from .digits import load_digits
from .mnist import load_mnist
from .numerals import load_svhn, load_usps
from .sets import Data
from .sprites import load_dsprites, load_rendered


@dataclass(frozen=True)
class Named:
    """A registered data set. `load(folder, size)`: folder is where its files are or shall be."""

    summary: str
    images: str
    licence: str
    citation: str
    load: Callable[[Path, int], Data]
    download: str = "none"


def load_lines(folder: Path, size: int) -> Data:
    """The lines benchmark; it is defined at 32x32 only."""
    if size != 32:
        raise ValueError(f"the lines benchmark is defined at size 32, not {size}")
    return lines.load()


SETS: dict[str, Named] = {
    "digits": Named(
        summary="handwritten digits, 8x8, brought to the wanted size; bundled, no download",
        images="1,797 grey",
        licence="BSD-3-Clause (as bundled with scikit-learn); original: CC BY 4.0",
        citation="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998",
        load=load_digits,
    ),
    "digits-m": Named(
        summary="the digits over crops of two photographs, by the recipe of MNIST-M; bundled",
        images="1,797 colour",
        licence="as digits; the photographs: CC BY 2.0",
        citation="digits as above; recipe: Ganin and Lempitsky, ICML 2015",
        load=load_digits_m,
    ),
    "dsprites": Named(
        summary="a white shape by five factors; official file, else drawn here, and a note says so",
        images="737,280 grey",
        licence="zlib",
        citation="Matthey, Higgins, Hassabis and Lerchner, dSprites, 2017",
        load=load_dsprites,
        download="25 MiB",
    ),
    "dsprites-rendered": Named(
        summary="the same factors, always drawn here, with outlines of our own; no download",
        images="737,280 grey",
        licence="made here",
        citation="factors: Matthey, Higgins, Hassabis and Lerchner, dSprites, 2017",
        load=load_rendered,
    ),
    "lines": Named(
        summary="lines at any angle, drawn afresh at every step; for judging interpolations",
        images="endless grey",
        licence="made here",
        citation="Berthelot et al., Understanding and Improving Interpolation, ICLR 2019",
        load=load_lines,
    ),
    "mnist": Named(
        summary="handwritten digits, 28x28, brought to the wanted size; official test set",
        images="60,000 + 10,000 grey",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning, Proc. IEEE, 1998",
        load=load_mnist,
        download="11 MiB",
    ),
    "mnist-m": Named(
        summary="MNIST over crops of 200 photographs, made here: the same bytes at every build",
        images="60,000 + 10,000 colour",
        licence="non-commercial research (BSDS500); MNIST: CC BY-SA 3.0",
        citation="Ganin and Lempitsky, Domain Adaptation by Backpropagation, ICML 2015",
        load=load_mnist_m,
        download="78 MiB with mnist",
    ),
    "mnist-m-unseen": Named(
        summary="mnist-m whose test part has 100 photographs of its own, never seen in training",
        images="60,000 + 10,000 colour",
        licence="non-commercial research (BSDS500); MNIST: CC BY-SA 3.0",
        citation="recipe: Ganin and Lempitsky, ICML 2015; photographs: Arbelaez et al., PAMI 2011",
        load=load_mnist_m_unseen,
        download="78 MiB with mnist",
    ),
    "svhn": Named(
        summary="house numbers in photographs, cropped to a digit, 32x32; official test set",
        images="73,257 + 26,032 colour",
        licence="for non-commercial use",
        citation="Netzer et al., Reading Digits in Natural Images, NIPS workshop, 2011",
        load=load_svhn,
        download="235 MiB",
    ),
    "usps": Named(
        summary="digits from envelopes, 16x16, brought to the wanted size; official test set",
        images="7,291 + 2,007 grey",
        licence="none stated; used for research",
        citation="Hull, A Database for Handwritten Text Recognition Research, PAMI 1994",
        load=load_usps,
        download="7 MiB",
    ),
}

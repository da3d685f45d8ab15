"""Data sets by name. Each entry says what it is; `load` brings it, downloading where it must."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import lines
from .blended import has_mnist_m, load_digits_m, load_mnist_m, load_mnist_m_unseen
from .celeba import has_celeba, load_celeba
from .cifar import has_cifar10, load_cifar10
from .digits import load_digits
from .flowers import has_flowers, load_flowers
from .images import Reading
from .mnist import FASHION_MNIST, KMNIST, MNIST, load_fashion_mnist, load_kmnist, load_mnist
from .numerals import has_svhn, has_usps, load_svhn, load_svhn_extra, load_usps
from .painted import load_digits_attributes
from .sets import Data, Kind
from .sprites import has_dsprites, load_dsprites, load_rendered
from .tiny_imagenet import TINY, load_tiny_imagenet
from .zappos import ZAPPOS, load_zappos


@dataclass(frozen=True)
class Named:
    """A registered data set.

    `load(folder, how)` and `here(folder)`: folder is where its files are or shall be. `here`
    tells by their names alone, so that it is quick. kind: what its labels are, and which sets
    have measures of their own.
    """

    summary: str
    images: str
    licence: str
    citation: str
    load: Callable[[Path, Reading], Data]
    download: str = "none"
    here: Callable[[Path], bool] = lambda folder: True
    kind: Kind = "classes"


def load_lines(folder: Path, how: Reading) -> Data:
    """The lines benchmark; it is defined at 32x32 only."""
    if how.size != 32:
        raise ValueError(f"the lines benchmark is defined at size 32, not {how.size}")
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
    "digits-attributes": Named(
        summary="the digits with four attributes: inverted, coloured, thick, turned; bundled",
        images="7,188 colour, a table of attributes",
        licence="as digits",
        citation="digits as above; the attributes are made here",
        load=load_digits_attributes,
        kind="attributes",
    ),
    "dsprites": Named(
        summary="a white shape by five factors; official file, else drawn here, and a note says so",
        images="737,280 grey",
        licence="zlib",
        citation="Matthey, Higgins, Hassabis and Lerchner, dSprites, 2017",
        load=load_dsprites,
        kind="sprites",
        here=has_dsprites,
        download="25 MiB",
    ),
    "dsprites-rendered": Named(
        summary="the same factors, always drawn here, with outlines of our own; no download",
        images="737,280 grey",
        licence="made here",
        citation="factors: Matthey, Higgins, Hassabis and Lerchner, dSprites, 2017",
        load=load_rendered,
        kind="sprites",
    ),
    "lines": Named(
        summary="lines at any angle, drawn afresh at every step; for judging interpolations",
        images="endless grey",
        licence="made here",
        citation="Berthelot et al., Understanding and Improving Interpolation, ICLR 2019",
        load=load_lines,
        kind="lines",
    ),
    "mnist": Named(
        summary="handwritten digits, 28x28, brought to the wanted size; official test set",
        images="60,000 + 10,000 grey",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner, Gradient-based learning, Proc. IEEE, 1998",
        load=load_mnist,
        here=MNIST.is_here,
        download="11 MiB",
    ),
    "mnist-m": Named(
        summary="MNIST over crops of 200 photographs, made here: the same bytes at every build",
        images="60,000 + 10,000 colour",
        licence="non-commercial research (BSDS500); MNIST: CC BY-SA 3.0",
        citation="Ganin and Lempitsky, Domain Adaptation by Backpropagation, ICML 2015",
        load=load_mnist_m,
        here=has_mnist_m,
        download="78 MiB with mnist",
    ),
    "mnist-m-unseen": Named(
        summary="mnist-m whose test part has 100 photographs of its own, never seen in training",
        images="60,000 + 10,000 colour",
        licence="non-commercial research (BSDS500); MNIST: CC BY-SA 3.0",
        citation="recipe: Ganin and Lempitsky, ICML 2015; photographs: Arbelaez et al., PAMI 2011",
        load=load_mnist_m_unseen,
        here=has_mnist_m,
        download="78 MiB with mnist",
    ),
    "kmnist": Named(
        summary="cursive hiragana of ten kinds, 28x28; official test set",
        images="60,000 + 10,000 grey",
        licence="CC BY-SA 4.0",
        citation="Clanuwat et al., Deep Learning for Classical Japanese Literature, 2018",
        load=load_kmnist,
        here=KMNIST.is_here,
        download="20 MiB",
    ),
    "fashion-mnist": Named(
        summary="clothes of ten kinds, 28x28; official test set",
        images="60,000 + 10,000 grey",
        licence="MIT",
        citation="Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv 1708.07747, 2017",
        load=load_fashion_mnist,
        here=FASHION_MNIST.is_here,
        download="30 MiB",
    ),
    "cifar10": Named(
        summary="photographs of ten kinds of things, 32x32; official test set",
        images="50,000 + 10,000 colour",
        licence="none stated; used for research",
        citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        load=load_cifar10,
        here=has_cifar10,
        download="162 MiB",
    ),
    "celeba": Named(
        summary="faces with forty attributes; official parts",
        images="162,770 + 19,867 + 19,962 colour, a table of attributes",
        licence="non-commercial research",
        citation="Liu, Luo, Wang and Tang, Deep Learning Face Attributes in the Wild, ICCV 2015",
        load=load_celeba,
        kind="attributes",
        here=has_celeba,
        download="1.4 GiB",
    ),
    "zappos": Named(
        summary="shoes of four kinds on white (UT Zappos50K); split by seed",
        images="50,025 colour",
        licence="academic, non-commercial use",
        citation="Yu and Grauman, Fine-Grained Visual Comparisons with Local Learning, CVPR 2014",
        load=load_zappos,
        here=ZAPPOS.is_here,
        download="about 300 MiB",
    ),
    "flowers102": Named(
        summary="photographs of 102 kinds of flowers; official parts, of which train is small",
        images="1,020 + 1,020 + 6,149 colour",
        licence="none stated; used for research",
        citation="Nilsback and Zisserman, Automated Flower Classification, ICVGIP 2008",
        load=load_flowers,
        here=has_flowers,
        download="329 MiB",
    ),
    "tiny-imagenet": Named(
        summary="200 classes of ImageNet at 64x64; its validation part is the test part here",
        images="100,000 + 10,000 colour",
        licence="non-commercial research (ImageNet)",
        citation="Le and Yang, Tiny ImageNet Visual Recognition Challenge, 2015",
        load=load_tiny_imagenet,
        here=TINY.is_here,
        download="237 MiB",
    ),
    "svhn": Named(
        summary="house numbers in photographs, cropped to a digit, 32x32; official test set",
        images="73,257 + 26,032 colour",
        licence="for non-commercial use",
        citation="Netzer et al., Reading Digits in Natural Images, NIPS workshop, 2011",
        load=load_svhn,
        here=has_svhn,
        download="235 MiB",
    ),
    "svhn-extra": Named(
        summary="svhn with its extra, easier images for training as well",
        images="604,388 + 26,032 colour",
        licence="for non-commercial use",
        citation="Netzer et al., Reading Digits in Natural Images, NIPS workshop, 2011",
        load=load_svhn_extra,
        here=partial(has_svhn, extra=True),
        download="1.5 GiB",
    ),
    "usps": Named(
        summary="digits from envelopes, 16x16, brought to the wanted size; official test set",
        images="7,291 + 2,007 grey",
        licence="none stated; used for research",
        citation="Hull, A Database for Handwritten Text Recognition Research, PAMI 1994",
        load=load_usps,
        here=has_usps,
        download="7 MiB",
    ),
}

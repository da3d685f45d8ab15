"""The Python estimators: scikit-learn's conventions, and the same results as the command line."""

from __future__ import annotations

import gc
import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from resynthesis import ACAI, AE, AMR, VAE, Translator, load
from resynthesis.cli import main
from resynthesis.data import DataConfig
from resynthesis.data import load as load_data
from resynthesis.estimator import ESTIMATORS, Model
from resynthesis.methods import METHODS
from resynthesis.nets import Nets, code_shape
from resynthesis.runs import Run

QUICK = {"steps": 4, "batch_size": 8, "device": "cpu", "width": 4}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(images: np.ndarray) -> AMR:
    return AMR(**QUICK).fit(images)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_an_estimator_with_its_settings(name: str) -> None:
    estimator = ESTIMATORS[name]()
    assert {f.name for f in fields(METHODS[name])} <= set(estimator.get_params())
    assert "seed" in inspect.signature(ESTIMATORS[name]).parameters


def test_constructor_only_stores() -> None:
    model = AMR(parents=3, seed=7, mixer="no such mixer")
    assert model.get_params()["mixer"] == "no such mixer"
    copy = clone(model.set_params(lr=0.5))
    assert (copy.parents, copy.seed, copy.lr) == (3, 7, 0.5)
    assert "parents=3" in repr(model)
    with pytest.raises(TypeError, match="no parameter 'parent'"):
        AMR(parent=3)


def test_codes(model: AMR, images: np.ndarray) -> None:
    codes = model.transform(images)
    assert codes.shape == (24, 32)
    assert codes.dtype == np.float32
    back = model.inverse_transform(codes)
    assert back.shape == images.shape
    assert back.dtype == np.uint8
    assert np.array_equal(back, model.reconstruct(images))
    assert len(model.get_feature_names_out()) == 32
    with pytest.raises(ValueError, match=r"\(n, 32\)"):
        model.inverse_transform(codes[:, :5])


def test_mix(model: AMR, images: np.ndarray) -> None:
    a, b = images[:8], images[8:16]
    whole = model.reconstruct(a)
    assert np.array_equal(model.mix(a, b, weight=1.0), whole)
    assert np.array_equal(model.mix(a, b, weight=0.0), model.reconstruct(b))
    assert np.array_equal(model.mix(a, b, weight=0.3), model.mix(a, b, weight=[0.3, 0.7]))
    assert np.array_equal(model.mix(a, b, weight=np.float64(0.3)), model.mix(a, b, weight=0.3))
    third = model.mix(a, b, images[16:], weight=[0.2, 0.3, 0.5])
    assert third.shape == a.shape
    drawn = model.mix(a, b, seed=1)
    assert np.array_equal(drawn, model.mix(a, b, seed=1))
    assert not np.array_equal(drawn, model.mix(a, b, seed=2))
    assert np.array_equal(model.mix(a, a, a, mixer="bernoulli"), whole)
    for bad, says in [
        ({"weight": 1.5}, "share"),
        ({"weight": [0.5, 0.6]}, "sum to one"),
        ({"weight": float("nan")}, "share"),
        ({"mixer": "blend"}, "unknown mixer"),
    ]:
        with pytest.raises(ValueError, match=says):
            model.mix(a, b, **bad)
    with pytest.raises(ValueError, match="equally many"):
        model.mix(a, b[:3])


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((12, 16, 16), "uint8"), ((12, 3, 16, 16), "unit"), ((12, 16, 16, 3), "signed")],
)
def test_images_come_back_as_they_went_in(shape: tuple[int, ...], kind: str) -> None:
    unit = np.random.default_rng(0).random(shape).astype(np.float32)
    x = {"uint8": (unit * 255).astype(np.uint8), "unit": unit, "signed": unit * 2 - 1}[kind]
    model = AE(**QUICK).fit(x)
    back = model.reconstruct(x)
    assert back.shape == x.shape
    assert back.dtype == x.dtype
    low, high = {"uint8": (0, 255), "unit": (0, 1), "signed": (-1, 1)}[kind]
    assert low <= back.min()
    assert back.max() <= high
    if kind == "signed":
        assert back.min() < 0


def test_sizes_are_brought_to_the_next_one_of_the_nets() -> None:
    x = np.zeros((12, 28, 28), dtype=np.uint8)
    model = AE(**QUICK).fit(x)
    assert model.image_shape_ == (1, 32, 32)
    assert model.transform(x).shape == (12, 32)
    assert model.reconstruct(x).shape == (12, 32, 32)


def test_the_range_is_settled_by_fit() -> None:
    x = np.random.default_rng(0).random((12, 16, 16)).astype(np.float32) * 2 - 1
    model = AE(**QUICK).fit(x)
    bright = np.abs(x)
    alone, among = model.transform(bright[:1]), model.transform(np.concatenate([bright[:1], x]))
    assert np.allclose(alone[0], among[0], atol=1e-4)
    with pytest.raises(ValueError, match=r"must be in"):
        AE(**QUICK).fit(bright).transform(-bright)


@pytest.mark.parametrize("shape", [(12, 3, 16, 16), (12, 16, 16, 3)])
def test_save_and_load_keep_the_form(tmp_path: Path, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    y = np.arange(12) % 2 * 2 + 3
    model = AE(**QUICK).fit(x, y)
    model.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    assert np.array_equal(loaded.reconstruct(x), model.reconstruct(x))
    assert loaded.classes_.tolist() == [3, 5]


def test_labels_do_not_change_an_autoencoder_without_a_probe(images: np.ndarray) -> None:
    y = np.array([1, -1, -1, -1] * 6)
    plain, told = AE(**QUICK).fit(images), AE(**QUICK).fit(images, y)
    assert np.array_equal(plain.transform(images), told.transform(images))
    assert np.array_equal(
        AE(**QUICK).fit(images, -np.ones(24)).transform(images[::-1]), plain.transform(images[::-1])
    )


def test_save_and_load(model: AMR, images: np.ndarray, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    loaded = load(tmp_path / "saved")
    assert isinstance(loaded, AMR)
    assert loaded.get_params()["steps"] == 4
    assert np.array_equal(loaded.transform(images), model.transform(images))
    assert np.array_equal(loaded.reconstruct(images), model.reconstruct(images))
    with pytest.raises(ValueError, match="exists already"):
        model.save(tmp_path / "saved")
    assert main(["evaluate", str(tmp_path / "saved")]) == 2  # arrays are not in the run folder


def test_out_is_the_run_folder(images: np.ndarray, tmp_path: Path) -> None:
    model = ACAI(out=tmp_path / "run", **QUICK).fit(images)
    assert model.run_.path == tmp_path / "run"
    assert (tmp_path / "run" / "log.jsonl").exists()


def test_the_same_results_as_the_command_line(tmp_path: Path) -> None:
    data = load_data(DataConfig(data="digits", size=16))
    model = AMR(parents=3, seed=2, **QUICK).fit(data.train.images.numpy())
    flags = ["--steps", "4", "--batch-size", "8", "--device", "cpu", "--width", "4"]
    flags += ["--parents", "3", "--seed", "2", "--size", "16"]
    assert main(["train", "amr", "--out", str(tmp_path / "run"), *flags]) == 0
    ours, theirs = model.nets_.state_dict(), Run(tmp_path / "run").load_nets("cpu").state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_pickle(model: AMR, images: np.ndarray) -> None:
    import pickle

    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.transform(images), model.transform(images))
    assert again.get_params() == model.get_params()
    assert pickle.loads(pickle.dumps(AMR(parents=3))).parents == 3


def test_a_model_from_joblib_can_be_saved_in_another_process(
    images: np.ndarray, tmp_path: Path
) -> None:
    def fitted(name: str) -> Model:
        if name == "amr":
            return AMR(**QUICK).fit(images)
        return Translator(**QUICK).fit(images, np.arange(24) % 2, images[:, ::-1].copy())

    codes = {}
    for name in ("amr", "adapt"):
        model = fitted(name)
        codes[name], folder = model.transform(images), model.run_.path
        joblib.dump(model, tmp_path / name)
        del model
        gc.collect()
        assert not folder.exists()
    code = (
        "import sys, joblib\nfor name in ('amr', 'adapt'):\n"
        "    joblib.load(sys.argv[1] + '/' + name).save(sys.argv[1] + '/saved/' + name)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for name, expected in codes.items():
        loaded = load(tmp_path / "saved" / name)
        assert np.array_equal(loaded.transform(images), expected)
    assert loaded.translate(images).shape[1:3] == (16, 16)
    with pytest.raises(ValueError, match="exists already and holds a run of amr"):
        joblib.load(tmp_path / "amr").save(tmp_path / "saved" / "amr")


def test_pipeline(images: np.ndarray) -> None:
    y = np.array(["odd", "even"] * 12)
    pipeline = make_pipeline(AE(**QUICK), LogisticRegression(max_iter=5000)).fit(images, y)
    assert pipeline.predict(images).shape == (24,)
    assert AE(**QUICK).fit_transform(images).shape == (24, 32)


def test_probe_with_unknown_labels(images: np.ndarray) -> None:
    y = np.array([3, 5, -1, -1] * 6)
    model = AMR(probe=True, supervision=1.0, **QUICK).fit(images, y)
    assert model.classes_.tolist() == [3, 5]
    assert "probe/classification" in model.run_.log()[-1]
    with pytest.raises(ValueError, match="two classes"):
        AMR(probe=True, **QUICK).fit(images)


def test_what_y_is_does_not_matter_where_nobody_learns_from_it(images: np.ndarray) -> None:
    for y in (np.random.default_rng(0).normal(size=(24, 2)), np.array([None, "a"] * 12)):
        assert AE(**QUICK).fit(images, y).classes_.tolist() == []


def test_a_subclass_keeps_its_own_constructor(images: np.ndarray) -> None:
    class Mine(AE):
        def __init__(self, *, extra: int = 3, **others: object):
            super().__init__(**others)
            self.extra = extra

    mine = Mine(extra=5, **QUICK).fit(images)
    assert (mine.extra, mine.steps) == (5, QUICK["steps"])
    with pytest.raises(TypeError, match="Mine has no parameter 'stepps'"):
        Mine(stepps=3)


def test_a_pickle_from_a_machine_with_a_gpu(model: AMR, images: np.ndarray) -> None:
    import pickle

    state = model.__getstate__() | {"device": "cuda:7"}
    again = AMR.__new__(AMR)
    again.__setstate__(pickle.loads(pickle.dumps(state)))
    model.nets_.to("cpu")
    assert np.array_equal(again.transform(images), model.transform(images))


def test_translations_come_back_in_the_targets_layout() -> None:
    random = np.random.default_rng(0)
    colour, grey = (random.random((24, c, 16, 16), dtype=np.float32) for c in (3, 1))
    y = np.arange(24) % 2
    with pytest.warns(UserWarning, match="6 source images have no label: left out"):
        Translator(**QUICK).fit(colour, np.where(np.arange(24) % 4, y, -1), grey)
    assert Translator(**QUICK).fit(colour, y, grey).translate(colour).shape == (24, 3, 16, 16)
    flat = Translator(**QUICK).fit(colour, y, grey[:, 0])
    assert flat.translate(colour).shape == (24, 16, 16, 3)


def test_unfitted() -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        AMR().transform(np.zeros((2, 16, 16), dtype=np.uint8))


def test_nets_of_one_size_get_images_of_that_size() -> None:
    x = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    model = VAE(**(QUICK | {"family": "burgess", "code": (10, 1, 1)})).fit(x)
    assert model.image_shape_ == (1, 64, 64)


@pytest.mark.parametrize("family", ["adaae", "burgess"])
@pytest.mark.parametrize("code", [(0, 1, 1), (-4, 1, 1), (4, 0, 1)])
def test_a_code_has_some_channels(family: str, code: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="a code has 1 channel"):
        code_shape(Nets(family=family, code=code), 64)  # type: ignore[arg-type]

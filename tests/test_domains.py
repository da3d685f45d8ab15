"""Two domains: sets in pairs, runs of them, their evaluation and pictures, and the commands."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from resynthesis import Translator, figures, load, runs, translations
from resynthesis.cli import main
from resynthesis.data import (
    Data,
    DataConfig,
    Domains,
    DomainsConfig,
    ImageSet,
    Pair,
    join,
    seeded,
    to_float,
    to_uint8,
)
from resynthesis.data import load as load_data
from resynthesis.data.folder import Folder
from resynthesis.data.images import decode as read_image
from resynthesis.evaluate import accuracy, evaluate_domains
from resynthesis.evaluate import domains as measuring
from resynthesis.evaluate.domains import FAMILIES, reference
from resynthesis.methods import AE, METHODS, Adapt, Classify, DomainMethod, Method, Translate
from resynthesis.nets import Nets
from resynthesis.runs import Run
from resynthesis.runs.files import write_tensors
from resynthesis.train import Training

from .conftest import quick

BOTH = [name for name, method in METHODS.items() if method.two_domains]
QUICK = ["--size", "16", "--steps", "4", "--batch-size", "8", "--device", "cpu"]
QUICK += ["--log-every", "2", "--checkpoint-every", "2", "--picture-every", "4"]
QUICK += ["--width", "4", "--classifier-width", "4"]
LABELLED = {
    "target_accuracy",
    "source_only_accuracy",
    "translated_only_accuracy",
    "target_supervised_accuracy",
    "translation_accuracy",
}
METRICS = {metric for metrics in FAMILIES.values() for metric in metrics}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def domains() -> Domains:
    """digits and digits-m, made of the same digits in the same order. Do not change it."""
    data = load_data(DomainsConfig(size=16))
    assert isinstance(data, Domains)
    return data


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A short run of a method on digits and digits-m, by the command line. Do not write into it."""
    made: dict[str, Path] = {}

    def run(method: str) -> Path:
        if method not in made:
            made[method] = tmp_path_factory.mktemp("domains") / method
            out = ["--out", str(made[method])]
            assert main(["train", method, *out, *QUICK, "--picture-every", "2"]) == 0
        return made[method]

    return run


@pytest.fixture
def adapted(run_of: Callable[[str], Path]) -> Path:
    return run_of("adapt")


@pytest.fixture(scope="module")
def mixing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run of a method of one domain. Do not write into it."""
    path = tmp_path_factory.mktemp("mixing") / "run"
    settings = runs.Config(method=AE(), data=DataConfig(size=16), training=quick(1))
    return runs.start(settings, path).path


THREE = ("cat", "dog", "owl")
SHADES = {"cat": 0, "dog": 40, "owl": 80, "emu": 120}


def toy(
    name: str, classes: tuple[str, ...] = ("cat", "dog"), channels: int = 1, seed: int = 0
) -> Data:
    """Images (channels, 16, 16) of noise whose brightness tells their class."""
    random = torch.Generator().manual_seed(seed)
    parts = []
    for n in (40, 12, 12):
        labels = torch.arange(n) % len(classes)
        shade = torch.tensor([SHADES[c] for c in classes])[labels].view(-1, 1, 1, 1)
        noise = torch.randint(0, 20, (n, channels, 16, 16), generator=random)
        parts.append(ImageSet((shade + noise).byte(), labels))
    train, valid, test = parts
    return Data(name, train, valid, test, classes)


def relabelled(data: Data, change: Callable[[Tensor], Tensor | None]) -> Data:
    return data.each(lambda p: p if p.labels is None else p.with_labels(change(p.labels)))


def config(method: Method, training: object = None) -> runs.Config:
    family = "split" if isinstance(method, Adapt) else "adaae"
    return runs.Config(
        method=method,
        data=DomainsConfig(size=16),
        nets=Nets(family=family, width=4, classifier_width=4),  # type: ignore[arg-type]
        training=training or quick(),  # type: ignore[arg-type]
    )


def weights(run: Run) -> dict[str, Tensor]:
    return run.load_nets("cpu").state_dict()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    assert set(a) == set(b)
    return all(torch.equal(a[name], b[name]) for name in a)


def make_folder(path: Path, classes: tuple[str, ...], n: int, *, colour: bool, seed: int) -> Path:
    """n PNGs a class, in subfolders; directly in the folder where there are no classes."""
    random = np.random.default_rng(seed)
    for c, name in enumerate(classes or ("",)):
        (path / name).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            shape = (20, 24, 3) if colour else (20, 24)
            pixels = random.integers(0, 60, shape, dtype=np.uint8) + np.uint8(60 * (c % 4))
            Image.fromarray(pixels).save(path / name / f"{i:02d}.png")
    return path


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image.copy()


# Sets in pairs


def places(images: ImageSet) -> dict[bytes, int]:
    found = {image.numpy().tobytes(): i for i, image in enumerate(images.images)}
    assert len(found) == len(images), "images that are equal cannot be told apart"
    return found


def test_batches_hold_both_domains(domains: Domains) -> None:
    x, y = domains.train.batch(0, 8, seed=0)
    assert x.shape == (2, 8, 3, 16, 16)
    assert x.dtype == torch.float32
    assert y is not None
    assert y.shape == (8,)
    assert x.min() >= -1
    assert x.max() <= 1
    known = places(domains.source.train)
    labels = domains.source.train.labels
    assert labels is not None
    found = [known[image.numpy().tobytes()] for image in to_uint8(x[0])]
    assert labels[found].tolist() == y.tolist()  # the labels are the source's


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_domains_that_were_made_in_one_order_are_shuffled_apart(
    domains: Domains, seed: int
) -> None:
    n = len(domains.source.train)
    assert len(domains.target.train) == n
    known = places(domains.source.train), places(domains.target.train)
    seen: list[list[int]] = [[], []]
    for step in range(n // 50):
        for which, images in enumerate(domains.train.batch(step, 50, seed)[0]):
            seen[which] += [known[which][image.numpy().tobytes()] for image in to_uint8(images)]
    assert len(set(seen[0])) == len(set(seen[1])) == len(seen[0])  # no image twice in a pass
    paired = np.mean(np.equal(*seen))
    assert paired < 10 / n, "a digit stands beside its own translation"
    assert abs(np.corrcoef(*seen)[0, 1]) < 0.1


def test_batches_depend_on_seed_and_step_alone(domains: Domains) -> None:
    again = load_data(DomainsConfig(size=16)).train
    again.batch(7, 8, seed=4)
    for seed, step in ((0, 0), (0, 3), (2, 0)):
        a, b = domains.train.batch(step, 8, seed), again.batch(step, 8, seed)
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
    first = domains.train.batch(0, 8, 0)[0]
    for other in (domains.train.batch(1, 8, 0)[0], domains.train.batch(0, 8, 1)[0]):
        assert not torch.equal(first[0], other[0])
        assert not torch.equal(first[1], other[1])


def test_subsets_are_chosen_apart() -> None:
    data = load_data(DomainsConfig(size=16, train_size=100))
    whole = load_data(DomainsConfig(size=16))
    assert isinstance(data, Domains)
    assert isinstance(whole, Domains)
    known = places(whole.source.train), places(whole.target.train)
    chosen = [
        {known[i][image.numpy().tobytes()] for image in domain.train.images}
        for i, domain in enumerate((data.source, data.target))
    ]
    assert len(chosen[0]) == len(chosen[1]) == 100
    assert len(chosen[0] & chosen[1]) < 30  # 100 × 100 / 1,439 are expected by chance


def test_a_pair_has_no_labels_of_the_target(domains: Domains) -> None:
    assert domains.target.train.labels is not None
    for pair in (domains.train, domains.valid, domains.test, domains.train.with_labels(None)):
        assert isinstance(pair, Pair)
        assert pair.target.labels is None
    assert domains.train.with_labels(None).batch(0, 4, 0)[1] is None
    with pytest.raises(TypeError, match="take images from one of them"):
        domains.train.take(torch.arange(4))


@pytest.mark.parametrize("method", [Adapt(confidence=0.0), Translate()], ids=BOTH[::-1])
def test_labels_of_the_target_teach_nothing(tmp_path: Path, method: Method) -> None:
    source = toy("a")
    target = toy("b", channels=3, seed=1)
    variants = {
        "known": target,
        "other": relabelled(target, lambda y: (y + 1) % 2),
        "hidden": relabelled(target, lambda y: torch.where(torch.rand(len(y)) < 0.5, y, -1)),
        "none": relabelled(replace(target, classes=()), lambda y: None),
    }
    found = [
        runs.start(config(method, quick(3)), tmp_path / name, data=join(source, data))
        for name, data in variants.items()
    ]
    for run in found[1:]:
        assert same(weights(run), weights(found[0]))
        assert torch.equal(run.styles(), found[0].styles())
        assert run.facts.checksum == found[0].facts.checksum
    with runs.fixed_seed(0):
        first = found[0].build_nets().state_dict()
    after = weights(found[0])
    moved = {name.split(".")[0] for name in first if not torch.equal(first[name], after[name])}
    assert moved == set(method.players) | set(method.averages)


def test_labels_of_the_target_do_not_choose_its_training_part() -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.savez("labelled.npz", images=images, labels=np.arange(40) // 8)
    np.savez("plain.npz", images=images)
    parts = [
        load_data(DomainsConfig(target=f"{name}.npz", size=16)).train
        for name in ("labelled", "plain")
    ]
    for step in range(8):
        assert torch.equal(parts[0].batch(step, 4, 0)[0], parts[1].batch(step, 4, 0)[0])


@pytest.mark.parametrize("grey", ["a", "b"])
def test_grey_and_colour_are_brought_to_colour(grey: str) -> None:
    source, target = (
        toy(name, channels=1 if name == grey else 3, seed=seed)
        for seed, name in enumerate(("a", "b"))
    )
    data = join(source, target)
    assert data.shape == data.source.shape == data.target.shape == (3, 16, 16)
    assert [n for n in data.notes if "grey" in n] == [
        f"the grey images of {grey} are read as colour, like the others"
    ]
    x = data.train.batch(0, 8, 0)[0]["ab".index(grey)]
    assert torch.equal(x[:, 0], x[:, 1])
    assert torch.equal(x[:, 0], x[:, 2])
    plain = source if grey == "a" else target
    assert {i.tobytes() for i in to_uint8(x[:, :1]).numpy()} <= set(places(plain.train))


def test_two_grey_domains_stay_grey() -> None:
    data = join(toy("a"), toy("b", seed=1))
    assert data.shape == (1, 16, 16)
    assert not [note for note in data.notes if "grey" in note]


def test_classes_of_the_target_are_matched_by_name() -> None:
    source = toy("a", THREE)
    target = toy("b", ("owl", "emu", "cat"), seed=1)
    data = join(source, target)
    assert data.classes == data.target.classes == ("cat", "dog", "owl")
    for ours, theirs in zip(data.target.parts.values(), target.parts.values(), strict=True):
        assert ours.labels is not None
        assert theirs.labels is not None
        matched = torch.tensor([2, -1, 0])[theirs.labels]
        assert torch.equal(ours.labels, matched)
    notes = " ".join(data.notes)
    assert "the labels of the target b train nothing" in notes
    assert "the source has no class emu:" in notes


def test_attributes_of_a_target_are_ignored_and_that_is_told() -> None:
    table = relabelled(toy("b", seed=1), lambda y: y[:, None])
    data = join(toy("a"), replace(table, classes=(), attributes=("small",)))
    assert not any(part.has_labels for part in data.target.parts.values())
    assert "the attributes of the target b say nothing about classes: ignored" in data.notes


class Reader(nn.Module):
    """Knows the classes of toy sets by their brightness, without a mistake."""

    def __init__(self, *classes: str):
        super().__init__()
        shades = torch.tensor([SHADES[c] + 9.5 for c in classes])
        self.brightness = nn.Parameter(shades / 127.5 - 1)

    def forward(self, x: Tensor) -> Tensor:
        return -1e4 * (x.mean((1, 2, 3))[:, None] - self.brightness).square()


class Denier(Reader):
    """Wrong about every image."""

    def forward(self, x: Tensor) -> Tensor:
        return -super().forward(x)


def test_accuracy_counts_labelled_images_only() -> None:
    data = toy("a", THREE)
    assert accuracy(Reader(*THREE), data.test) == 1
    assert accuracy(Denier(*THREE), data.test) == 0
    labels = data.test.labels
    assert labels is not None
    strange = data.test.with_labels(torch.where(labels == 2, -1, labels))
    assert accuracy(Reader(*THREE), strange) == 1
    assert accuracy(Denier(*THREE), strange) == 0
    off = data.test.with_labels(torch.where(labels == 2, 0, labels))
    assert accuracy(Reader(*THREE), off) == pytest.approx(2 / 3)


def test_source_images_of_unknown_class_are_left_out() -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 16, 16), dtype=np.uint8)
    labels = np.where(np.arange(60) % 3 == 0, -1, np.arange(60) % 2)
    np.savez("source.npz", images=images, labels=labels)
    data = load_data(DomainsConfig(source="source.npz", size=16))
    assert isinstance(data, Domains)
    assert sum(map(len, data.source.parts.values())) == 40
    for step in range(8):
        y = data.train.batch(step, 8, 0)[1]
        assert y is not None
        assert (y >= 0).all()


def test_subsets_are_of_labelled_source_images() -> None:
    source = toy("a")
    labels = source.train.labels
    assert labels is not None
    few = labels.where(torch.arange(len(labels)) < 10, -1)
    pair = join(source.with_train(source.train.with_labels(few)), toy("b", seed=1), 8)
    assert len(pair.source.train) == 8
    with pytest.raises(ValueError, match="a has 10 training images: cannot choose 11"):
        join(source.with_train(source.train.with_labels(few)), toy("b", seed=1), 11)


def test_only_some_classes_of_the_source() -> None:
    data = load_data(DomainsConfig(size=16, classes=("7", "3")))
    assert isinstance(data, Domains)
    assert data.classes == ("7", "3")
    whole = load_data(DomainsConfig(size=16)).source
    x, y = data.train.batch(0, 50, 0)
    known = places(whole.train)
    assert y is not None
    digits = [int(whole.train.labels[known[i.numpy().tobytes()]]) for i in to_uint8(x[0])]
    assert digits == [(7, 3)[c] for c in y]
    assert data.target.train.labels.unique().tolist() == [-1, 0, 1]


def test_what_join_refuses() -> None:
    labelled, plain = toy("a"), relabelled(replace(toy("b", seed=1), classes=()), lambda y: None)
    with pytest.raises(
        ValueError, match=r"the source needs labels.*b has none; a has them: turn the"
    ):
        join(plain, labelled)
    with pytest.raises(
        ValueError, match=r"the source needs labels of two or more classes, and b has none$"
    ):
        join(plain, replace(plain, name="c"))
    with pytest.raises(ValueError, match="needs labels of two or more classes"):
        join(relabelled(replace(labelled, classes=("cat",)), torch.zeros_like), plain)
    floats = replace(
        labelled,
        name="c",
        **{
            part: ImageSet(to_float(images.images), images.labels)
            for part, images in labelled.parts.items()
        },
    )
    for again in (replace(labelled, name="c"), floats):
        with pytest.raises(ValueError, match="same images"):
            join(labelled, again)


@pytest.mark.parametrize("streamed", [(True, True), (True, False), (False, True)])
def test_streamed_folders_are_like_those_in_memory(streamed: tuple[bool, bool]) -> None:
    make_folder(Path("source"), ("cat", "dog"), 12, colour=False, seed=0)
    make_folder(Path("target"), (), 20, colour=True, seed=1)

    def read(memory: tuple[float, float]) -> Domains:
        return join(
            *(
                load_data(DataConfig(data=name, size=16, memory=gib))
                for name, gib in zip(("source", "target"), memory, strict=True)
            )
        )

    stream = read((1e-9 if streamed[0] else 1.0, 1e-9 if streamed[1] else 1.0))
    memory = read((1.0, 1.0))
    assert [isinstance(d.train, Folder) for d in (stream.source, stream.target)] == [*streamed]
    for step in (0, 1, 5):
        (a, a_labels), (b, b_labels) = (d.train.batch(step, 8, 0) for d in (stream, memory))
        assert torch.equal(a, b)
        assert torch.equal(a_labels, b_labels)


# Runs


def test_a_run_on_streamed_folders_is_the_run_in_memory() -> None:
    make_folder(Path("source"), ("cat", "dog"), 12, colour=False, seed=0)
    make_folder(Path("target"), (), 20, colour=True, seed=1)
    both = ["--source", "source", "--target", "target"]
    for name, memory in (("memory", "1"), ("stream", "1e-9")):
        assert main(["train", "adapt", "--out", name, *QUICK, *both, "--memory", memory]) == 0
    assert same(weights(Run(Path("memory"))), weights(Run(Path("stream"))))
    assert torch.equal(Run(Path("memory")).styles(), Run(Path("stream")).styles())
    assert main(["encode", "stream", "--out", "codes.npz"]) == 0
    assert len(np.load("codes.npz")["codes"]) == 44


def test_broken_files_of_a_streamed_domain_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("source"), ("cat", "dog"), 12, colour=False, seed=0)
    for path in Path("source/cat").iterdir():
        path.write_bytes(path.read_bytes()[:-60])
    arguments = [
        "train",
        "adapt",
        "--out",
        "run",
        *QUICK,
        "--memory",
        "1e-9",
        "--source",
        "source",
        "--target",
        "digits-m",
    ]
    assert main(arguments) == 0
    assert "of the files while training: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("method", "precision"),
    [(Adapt(confidence=0.2), "fp32"), (Adapt(confidence=0.2), "bf16"), (Translate(), "fp32")],
    ids=["adapt", "adapt-bf16", "translate"],
)
def test_resume_goes_on_bit_for_bit(tmp_path: Path, method: Method, precision: str) -> None:
    domains = join(toy("a"), toy("b", channels=3, seed=1))
    training = quick(9, log_every=7, checkpoint_every=4, picture_every=3, precision=precision)
    settings = config(method, replace(training, decay=0.5))
    paint = figures.training_picture

    class Killed(Exception):
        pass

    def die(line: dict, total: int) -> None:
        if line["step"] == 7:  # after the checkpoint at 4: three steps and a point are done again
            raise Killed

    whole = runs.start(settings, tmp_path / "whole", data=domains, paint=paint)
    with pytest.raises(Killed):
        runs.start(settings, tmp_path / "broken", data=domains, paint=paint, report=die)
    resumed = runs.resume(tmp_path / "broken", data=domains, paint=paint)
    assert same(weights(resumed), weights(whole))
    logs = [[{**line, "seconds": None} for line in run.log()] for run in (resumed, whole)]
    assert logs[0] == logs[1]
    curves = [(run.path / "accuracy.jsonl").read_text() for run in (resumed, whole)]
    assert curves[0] == curves[1]
    assert [json.loads(line)["step"] for line in curves[0].splitlines()] == [3, 6, 9]


def test_looking_changes_nothing(tmp_path: Path) -> None:
    """Pictures and the accuracy curve, for which the target's labels are read."""
    domains = join(toy("a"), toy("b", channels=3, seed=1))
    often = config(Adapt(), quick(4, picture_every=1))

    def paint(run: Run, nets: nn.ModuleDict, data: Data, step: int) -> None:
        torch.rand(3)  # what a picture draws at random is drawn for it alone
        figures.training_picture(run, nets, data, step)

    seen = runs.start(often, tmp_path / "seen", data=domains, paint=paint)
    unseen = runs.start(often, tmp_path / "unseen", data=domains)
    assert same(weights(seen), weights(unseen))
    assert not (unseen.path / "accuracy.jsonl").exists()


def test_run_folder(adapted: Path, domains: Domains) -> None:
    run = Run(adapted)
    assert run.config == runs.Config.from_json(run.config.to_json())
    assert isinstance(run.config.data, DomainsConfig)
    assert (run.config.data.source, run.config.data.target) == ("digits", "digits-m")
    assert run.facts.checksum == domains.checksum
    assert {"autoencoder", "critic", "classifier", "teacher"} == set(run.load_nets("cpu"))
    styles = to_uint8(run.styles())
    assert styles.shape == (runs.session.KEPT_STYLES, 3, 16, 16)
    kept = [style.numpy().tobytes() for style in styles]
    assert set(kept) <= set(places(domains.target.train))  # of no other part
    assert len(set(kept)) == len(kept)


def test_a_sample_picture_has_every_row(adapted: Path, domains: Domains) -> None:
    sheet = np.asarray(opened(adapted / "pictures" / "step-0000004.png"))
    cell = 64 + 2
    assert sheet.shape[0] == 2 + 7 * cell  # source, four translations, target, reconstruction
    left = sheet.shape[1] - 10 * cell
    target = domains.target.valid
    order = torch.randperm(len(target), generator=seeded("targets shown"))
    for row, images in ((0, domains.source.valid), (5, target.subset(order))):
        for column in range(10):
            x, y = left + column * cell, 2 + row * cell
            shown = sheet[y : y + 64 : 4, x : x + 64 : 4]
            assert np.array_equal(shown, images.images[column].permute(1, 2, 0).numpy())


def test_the_curve_looks_at_both_domains(adapted: Path) -> None:
    points = [json.loads(x) for x in (adapted / "accuracy.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == [2, 4]
    assert all(0 <= point[name] <= 1 for point in points for name in ("source", "target"))


def test_the_curve_looks_at_the_few_that_have_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resynthesis.figures.translated.LOOKED_AT", 2)
    target = toy("b", seed=1)
    labels = target.valid.labels
    assert labels is not None
    for one in range(12):
        known = labels.where(torch.arange(12) == one, -1)
        data = join(toy("a"), replace(target, valid=target.valid.with_labels(known)))
        run = runs.start(config(Adapt(), quick(1)), tmp_path / str(one), data=data)
        figures.training_picture(run, run.load_nets("cpu"), data, 1)
        assert figures.translated.read_curve(run)[-1]["target"] in (0.0, 1.0)


def test_runs_from_before_classifiers_had_norms(run_of: Callable[[str], Path]) -> None:
    shutil.copytree(run_of("translate"), "old")
    tree = json.loads(Path("old/config.json").read_text())
    assert tree["nets"].pop("classifier_norm") == "none"
    Path("old/config.json").write_text(json.dumps(tree))
    assert same(weights(Run(Path("old"))), weights(Run(run_of("translate"))))


# Evaluation


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Domains]:
    """A short run of adapt on toy sets with a class of the target that the source lacks."""
    data = join(toy("a", THREE), toy("b", ("owl", "emu", "cat"), channels=3, seed=1))
    run = runs.start(config(Adapt()), tmp_path_factory.mktemp("small") / "run", data=data)
    return run, data


def unlabelled(data: Domains) -> Domains:
    target = relabelled(data.target, lambda y: None)
    return replace(data, target=target)


@pytest.mark.parametrize("only", [*FAMILIES, *sorted(METRICS)])
def test_only_some_metrics(small: tuple[Run, Domains], only: str) -> None:
    run, data = small
    metrics = evaluate_domains(run, run.load_nets("cpu"), data, [only])
    assert set(metrics) == set(FAMILIES.get(only, (only,)))


def test_only_adds_up_and_must_be_known(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    wanted = ["proxy_a_distance", "accuracy"]
    metrics = evaluate_domains(run, nets, data, wanted)
    assert set(metrics) == {"proxy_a_distance", *FAMILIES["accuracy"]}
    with pytest.raises(ValueError, match="unknown metric 'beauty': choose from accuracy, ref"):
        evaluate_domains(run, nets, data, ["beauty"])


def test_a_target_without_labels(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    metrics = evaluate_domains(run, nets, unlabelled(data))
    assert set(metrics) == (METRICS - LABELLED)
    assert set(evaluate_domains(run, nets, unlabelled(data), ["divergence"])) == set(
        FAMILIES["divergence"]
    )
    for metric in LABELLED:
        with pytest.raises(ValueError, match=f"'{metric}' cannot be measured: .* no labels"):
            evaluate_domains(run, nets, unlabelled(data), [metric])


def test_a_family_gives_what_needs_no_labels(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    metrics = evaluate_domains(run, nets, unlabelled(data), ["translation"])
    assert set(metrics) == set(FAMILIES["translation"]) & (METRICS - LABELLED)


def test_a_perfect_reader_has_accuracy_one(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    for reader, expected in ((Reader(*THREE), 1.0), (Denier(*THREE), 0.0)):
        nets["teacher"] = reader
        metrics = evaluate_domains(run, nets, data, ["accuracy"])
        assert metrics == {"source_accuracy": expected, "target_accuracy": expected}
    # Images of the class that the source lacks would be wrong, whatever is said of them.
    assert (data.target.test.labels == -1).any()


def test_classes_that_the_target_lacks_are_not_held_against_translations(
    small: tuple[Run, Domains], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Judge(Reader):
        """Right about cats and owls; it was never taught what a dog is."""

        def __init__(self) -> None:
            super().__init__("cat", "owl")

        def forward(self, x: Tensor) -> Tensor:
            cat, owl = super().forward(x).T
            return torch.stack([cat, torch.full_like(cat, -1e9), owl], 1)

        def features(self, x: Tensor) -> Tensor:
            return x.mean((2, 3))

    run, data = small
    assert "b has no training image of class dog: translations" in " ".join(data.notes)
    judge = nn.ModuleDict({"teacher": Judge()})
    monkeypatch.setattr(measuring, "reference", lambda *args, **settings: judge)
    monkeypatch.setattr(measuring, "translate", lambda method, nets, x, styles: x)
    metrics = evaluate_domains(run, run.load_nets("cpu"), data, ["translation_accuracy"])
    assert metrics == {"translation_accuracy": 1.0}


def test_translations_of_so_many_test_images_are_judged(
    small: tuple[Run, Domains], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = small
    judged: list[int] = []

    def translated(method: Method, nets: object, x: Tensor, styles: Tensor) -> Tensor:
        judged.append(len(x))
        return x

    monkeypatch.setattr("resynthesis.evaluate.domains.JUDGED", 7)
    monkeypatch.setattr("resynthesis.evaluate.domains.translate", translated)
    found = evaluate_domains(run, run.load_nets("cpu"), unlabelled(data), ["frechet_distance"])
    assert judged == [7]
    assert found["frechet_distance"] > 0


def test_a_run_that_has_not_learnt_anything(refused) -> None:
    assert main(["train", "adapt", "--out", "run", *QUICK]) == 0
    run = Run(Path("run"))
    run.save_weights(run.load_nets("cpu"), 0)
    assert "has not learnt anything yet: go on with --resume run" in refused("evaluate", "run")


def test_accuracies_of_few_images_say_so(small: tuple[Run, Domains]) -> None:
    run, data = small
    told: list[str] = []
    evaluate_domains(run, run.load_nets("cpu"), data, ["target_accuracy"], note=told.append)
    assert data.target.test.labels is not None
    count = int((data.target.test.labels >= 0).sum())
    assert told == [f"accuracies on the target are of {count} labelled test images only"]


def test_no_class_in_common_with_what_a_judge_is_taught(small: tuple[Run, Domains]) -> None:
    run, data = small
    source = relabelled(data.source, lambda y: torch.ones_like(y))  # dogs alone
    apart = replace(data, source=replace(data.source, test=source.test))
    told: list[str] = []
    found = evaluate_domains(run, run.load_nets("cpu"), apart, ["translation"], note=told.append)
    assert "translation_accuracy" not in found
    assert "no class of the source's test images" in " ".join(told)


def test_the_run_itself_reads_where_it_has_no_teacher(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    del nets["teacher"]
    nets["classifier"] = Reader(*THREE)
    assert evaluate_domains(run, nets, data, ["target_accuracy"]) == {"target_accuracy": 1.0}


def test_references_have_the_runs_architecture_and_budget(small: tuple[Run, Domains]) -> None:
    run, data = small
    lines: list[dict[str, float]] = []
    nets = reference(run, data.source.train, on_log=lines.append)
    own = run.load_nets("cpu")
    for name in ("classifier", "teacher"):
        shapes = [(k, v.shape) for k, v in nets[name].state_dict().items()]
        assert shapes == [(k, v.shape) for k, v in own[name].state_dict().items()]
    assert lines[-1]["step"] == run.config.training.steps
    assert lines[-1]["images"] == run.log()[-1]["images"]
    again = reference(run, data.source.train)
    assert same(nets.state_dict(), again.state_dict())
    labels = data.target.train.labels
    assert labels is not None
    known = data.target.train.subset((labels >= 0).nonzero().flatten())
    assert same(
        reference(run, data.target.train).state_dict(), reference(run, known).state_dict()
    )  # images of a strange class teach nothing


@pytest.mark.parametrize("method", [Adapt(teacher_decay=0.9), Translate()], ids=repr)
def test_references_learn_as_the_runs_classifier_did(
    method: DomainMethod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = join(toy("a", THREE), toy("b", THREE, channels=3, seed=1))
    run = runs.start(config(method, quick(lr=2e-3, batch_size=6)), tmp_path / "run", data=data)
    seen: list[tuple[Method, Training]] = []
    monkeypatch.setattr(
        measuring, "loop", lambda told, state, images, training, **_: seen.append((told, training))
    )
    reference(run, data.source.train)
    [(told, training)] = seen
    decay = 0.9 if isinstance(method, Adapt) else 0.0
    assert told == Classify(augmented=method.augments, teacher_decay=decay)
    own = run.config.training
    lr = own.lr * method.rates.get("classifier", 1.0)
    assert training == replace(own, steps=run.steps, lr=lr)


def test_evaluation_leaves_nets_and_generator_alone(small: tuple[Run, Domains]) -> None:
    run, data = small
    nets = run.load_nets("cpu")
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = evaluate_domains(run, nets, data)
    assert torch.equal(torch.rand(1), expected)
    assert same(nets.state_dict(), weights(run))
    kept: list[dict[str, float]] = []
    assert evaluate_domains(run, nets, data, keep=lambda found: kept.append(dict(found))) == first
    assert kept[-1] == first
    counts = [len(found) for found in kept]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 4  # what a run that is broken off would have
    said: list[str] = []
    half = dict(list(first.items())[: len(first) // 2])
    assert evaluate_domains(run, nets, data, known=half, report=said.append) == first
    assert not [what for what in said if "source-only" in what]  # which is known already


def test_a_target_of_strange_classes_only(tmp_path: Path) -> None:
    data = join(toy("a"), toy("b", ("emu", "owl"), channels=3, seed=1))
    run = runs.start(config(Adapt(), quick(1)), tmp_path / "run", data=data)
    assert set(evaluate_domains(run, run.load_nets("cpu"), data)) == (METRICS - LABELLED)


# Commands


@pytest.mark.parametrize("method", BOTH)
def test_train(run_of: Callable[[str], Path], method: str) -> None:
    path = run_of(method)
    for name in ("config.json", "weights.safetensors", "log.jsonl", "styles.npz", "checkpoint"):
        assert (path / name).exists()
    run = Run(path)
    assert run.config.name == method
    assert [line["step"] for line in run.log()] == [2, 4]
    terms = {name for name in run.log()[0] if "/" in name}
    assert terms == set(run.config.method.formulas)
    assert opened(path / "pictures" / "step-0000002.png").width > 10 * 64


def test_train_says_what_it_made_of_the_domains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "translate", *QUICK, "--steps", "1"]) == 0
    said = capsys.readouterr().out
    parts = "1,439 train, 179 valid, 179 test"
    assert f"digits to digits-m: {parts}, and of the target {parts} images of 16x16 in" in said
    assert "note: the grey images of digits are read as colour" in said
    assert "note: the labels of the target digits-m train nothing" in said
    assert [path.name for path in Path("runs").iterdir()] == ["translate-digits-to-digits-m-seed0"]


def test_sizes_that_are_brought_to_one_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 32, 32), dtype=np.uint8)
    np.savez("source.npz", images=images, labels=np.arange(24) % 3 - (np.arange(24) > 20) * 9)
    make_folder(Path("target"), (), 10, colour=True, seed=1)
    assert main(train("--source", "source.npz", "--target", "target")) == 0
    said = capsys.readouterr().out
    assert "note: source.npz: images of 32x32 are brought to 16x16" in said
    assert "note: target: the centre squares of images such as 00.png, 20x24 are brought to" in said
    assert "3 training images of source.npz have no label: left out" in said
    parts = "15 train, 3 valid, 3 test, and of the target 8 train, 1 valid, 1 test"
    assert f"source.npz to target: {parts} images of 16x16" in said


def test_two_folders_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("a/train"), ("x", "y"), 10, colour=True, seed=0)
    make_folder(Path("b/train"), (), 20, colour=True, seed=1)
    assert main(train("--source", "a/train", "--target", "b/train")) == 0
    assert "train (source) to train (target): 16 train" in capsys.readouterr().out
    assert main(["encode", "run", "--out", "deep/codes.tsv"]) == 0
    with Path("deep/codes.labels.tsv").open() as file:
        domains = [row["domain"] for row in csv.DictReader(file, delimiter="\t")]
    assert domains == ["train (source)"] * 20 + ["train (target)"] * 20


def test_cells_of_labels_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("source"), ("a\tb", "c\nd"), 10, colour=True, seed=0)
    assert main(train("--source", "source", "--target", "digits-m")) == 0
    assert main(["encode", "run", "--out", "codes.tsv", "--part", "test"]) == 0
    lines = Path("codes.labels.tsv").read_text().splitlines()
    assert len(lines) == len(Path("codes.tsv").read_text().splitlines()) + 1
    assert {line.split("\t")[0] for line in lines[1:3]} == {"a b", "c d"}


def test_several_seeds_say_what_one_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(train("--seeds", "0", "1")) == 0
    said = capsys.readouterr().out
    assert "digits to digits-m: 1,439 train" in said
    assert "note: the labels of the target digits-m train nothing" in said


def test_evaluate_what_was_broken_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(train("--checkpoint-every", "2", "--steps", "2")) == 0
    assert "stopping point: step 2, the last of a fixed budget" in capsys.readouterr().out
    tree = json.loads(Path("run/config.json").read_text())
    tree["training"]["steps"] = 5000
    Path("run/config.json").write_text(json.dumps(tree))
    run, spent = Run(Path("run")), []
    monkeypatch.setattr(
        "resynthesis.evaluate.domains.loop",
        lambda method, state, images, training, on_log: spent.append(training.steps),
    )
    reference(run, run.load_domains().source.train)
    assert spent == [2]
    assert main(["evaluate", "run", "--only", "divergence"]) == 0
    said = capsys.readouterr().out
    assert "stopping point: step 2 of 5,000, where training was broken off by no rule" in said
    assert "the last of a fixed budget" not in said
    shutil.rmtree("run/checkpoint")  # as in a copy for somebody else
    assert run.steps == 2
    write_tensors(run.weights, run.load_nets("cpu").state_dict())  # as those of before
    assert run.steps == 5000
    write_tensors(run.weights, run.load_nets("cpu").state_dict(), {"steps": "many"})
    with pytest.raises(ValueError, match=r"weights\.safetensors is broken"):
        _ = run.steps
    run.weights.unlink()
    Path("run/checkpoint").mkdir()
    Path("run/checkpoint/state.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ValueError, match=r"state\.safetensors is broken"):
        _ = Run(Path("run")).steps


def test_resume(capsys: pytest.CaptureFixture[str], run_of: Callable[[str], Path], refused) -> None:
    run = shutil.copytree(run_of("translate"), "run")
    assert main(["train", "--resume", "run"]) == 0
    assert "nothing left to train" in capsys.readouterr().out
    assert "a run of translate, not of adapt" in refused("train", "adapt", "--resume", "run")
    tree = json.loads((Path(run) / "config.json").read_text())
    tree["training"]["steps"] = 6
    (Path(run) / "config.json").write_text(json.dumps(tree))
    assert main(["train", "translate", "--resume", "run"]) == 0
    assert [line["step"] for line in Run(Path("run")).log()] == [2, 4, 6]
    assert main(["train", "translate", "--out", "whole", *QUICK, "--steps", "6"]) == 0
    assert same(weights(Run(Path("run"))), weights(Run(Path("whole"))))


@pytest.mark.parametrize("method", BOTH)
def test_evaluate(
    run_of: Callable[[str], Path], method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run_of(method), "run")
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    said = capsys.readouterr()
    assert "stopping point: step 4, the last of a fixed budget; no label of" in said.out
    for what in (
        "source-only classifier",
        "translations-only classifier",
        "target-supervised classifier",
    ):
        assert what in said.err
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert set(metrics) == METRICS
    for name, value in metrics.items():
        assert name in said.out
        assert np.isfinite(value)
        assert 0 <= value <= 1 or not name.endswith("accuracy")
    assert metrics["target_accuracy"] < 1
    for name in ("translations", "codes", "mistakes", "accuracy", "losses"):
        assert min(opened(Path(f"run/pictures/{name}.png")).size) > 100
    sheet = np.asarray(opened(Path("run/pictures/translations.png")))
    assert sheet.std(axis=(0, 1)).min() > 10
    assert main(["evaluate", "run", "--only", "accuracy", "kernel_distance"]) == 0
    assert json.loads(Path("run/metrics.json").read_text()) == metrics  # measured again, kept


def test_evaluate_only(adapted: Path) -> None:
    shutil.copytree(adapted, "run")
    assert main(["evaluate", "run", "--only", "divergence"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert set(metrics) == set(FAMILIES["divergence"])
    assert not Path("run/pictures/codes.png").exists()
    assert main(["evaluate", "run", "--only", "source_accuracy"]) == 0
    both = json.loads(Path("run/metrics.json").read_text())
    assert set(both) == {"source_accuracy", *FAMILIES["divergence"]}


def test_evaluate_goes_on_with_figures_of_the_same_weights_only(
    adapted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(adapted, "run")))
    partial = Path("run/metrics.partial.json")
    known = {"source_only_accuracy": 0.125}
    run.save_partial_metrics(known, run.steps)
    assert main(["evaluate", "run", "--only", "source_accuracy"]) == 0
    assert "going on with 1 figures" in capsys.readouterr().out
    assert set(run.metrics()) == {"source_accuracy", "source_only_accuracy"}  # nothing is lost
    assert not partial.exists()
    (run.path / "metrics.json").unlink()
    run.save_partial_metrics(known, run.steps - 1)  # of weights that have learnt on since
    for _ in range(2):
        assert main(["evaluate", "run", "--only", "source_accuracy"]) == 0
        assert set(run.metrics()) == {"source_accuracy"}
        partial.write_text("no figures")
    assert "going on" not in capsys.readouterr().out


def test_evaluate_of_a_run_that_trains_on(
    adapted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(Path(shutil.copytree(adapted, "run")))
    steps = run.steps
    real = measuring.accuracy

    def meanwhile(classifier: nn.Module, images: ImageSet) -> float:
        run.save_weights(run.load_nets("cpu"), steps + 2)
        return real(classifier, images)

    monkeypatch.setattr(measuring, "accuracy", meanwhile)
    assert main(["evaluate", "run", "--only", "accuracy"]) == 2
    assert f"trained on from step {steps} to {steps + 2} while it was" in capsys.readouterr().err
    assert not run.metrics()
    assert run.partial_metrics(steps)  # of the weights before
    assert not run.partial_metrics(steps + 2)


def test_evaluate_without_labels_of_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("target"), (), 40, colour=True, seed=1)
    assert (
        main(["train", "adapt", "--out", "run", *QUICK, "--source", "digits", "--target", "target"])
        == 0
    )
    assert "labels of the target" not in capsys.readouterr().out
    assert main(["evaluate", "run"]) == 0
    assert set(json.loads(Path("run/metrics.json").read_text())) == (METRICS - LABELLED)
    assert not Path("run/pictures/mistakes.png").exists()
    for name in ("translations", "codes", "accuracy", "losses"):
        assert min(opened(Path(f"run/pictures/{name}.png")).size) > 100
    points = [json.loads(x) for x in Path("run/accuracy.jsonl").read_text().splitlines()]
    assert all(set(point) == {"step", "source"} for point in points)


def test_labels_of_a_target_folder_are_noted_and_a_class_may_be_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_folder(Path("source"), ("cat", "dog", "owl"), 24, colour=False, seed=0)
    make_folder(Path("target"), ("owl", "emu", "cat"), 24, colour=True, seed=1)
    both = ["--source", "source", "--target", "target"]
    assert main(["train", "adapt", "--out", "run", *QUICK, *both]) == 0
    said = capsys.readouterr().out
    assert (
        "note: the labels of the target target train nothing and choose nothing; the final "
        "figures, their upper bound and a curve of accuracy, which is only drawn, are all that "
        "looks at them" in said
    )
    assert "note: target has no training image of class dog: translations of such" in said
    assert (
        "note: the source has no class emu: such target images have no part in accuracies" in said
    )
    assert main(["evaluate", "run"]) == 0
    assert set(json.loads(Path("run/metrics.json").read_text())) == METRICS


@pytest.fixture(scope="module")
def of_ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ten target images, and a run that was trained on them."""
    path = tmp_path_factory.mktemp("ten")
    make_folder(path / "ten", (), 10, colour=True, seed=1)
    target = ["--source", "digits", "--target", str(path / "ten")]
    assert main(["train", "adapt", "--out", str(path / "run"), *QUICK, *target]) == 0
    return path


def test_a_target_of_ten_images(of_ten: Path) -> None:
    run = str(of_ten / "run")
    assert len(Run(of_ten / "run").styles()) == 8  # one is for validation, one for test
    assert main(["translate", run, str(of_ten / "ten"), "--out", "new"]) == 0
    assert len(list(Path("new").iterdir())) == 10
    assert main(["classify", run, str(of_ten / "ten"), "--out", "new.csv"]) == 0
    assert main(["encode", run, "--out", "codes.npz"]) == 0
    shutil.copytree(run, "run")
    assert main(["evaluate", "run", "--only", "source_accuracy"]) == 0


def test_evaluating_a_target_of_ten_images(of_ten: Path) -> None:
    shutil.copytree(of_ten / "run", "run")
    assert main(["evaluate", "run"]) == 0
    assert "source_accuracy" in json.loads(Path("run/metrics.json").read_text())


def test_a_target_of_ten_images_in_ten_classes() -> None:
    make_folder(Path("ten"), tuple("0123456789"), 1, colour=True, seed=1)
    assert (
        main(["train", "adapt", "--out", "run", *QUICK, "--source", "digits", "--target", "ten"])
        == 0
    )


@pytest.mark.parametrize(("method", "numbers"), [("adapt", 3 * 4 * 16), ("translate", 64)])
def test_encode(run_of: Callable[[str], Path], domains: Domains, method: str, numbers: int) -> None:
    run = str(run_of(method))
    assert main(["encode", run, "--out", "codes.npz"]) == 0
    archive = np.load("codes.npz", allow_pickle=False)
    assert archive["codes"].shape == (2 * 1797, numbers)
    assert archive["domain"].tolist() == ["digits"] * 1797 + ["digits-m"] * 1797
    assert archive["classes"].tolist() == list("0123456789")
    chosen = (archive["part"] == "test") & (archive["domain"] == "digits-m")
    assert archive["labels"][chosen].tolist() == domains.target.test.labels.tolist()
    assert main(["encode", run, "--out", "codes.tsv", "--part", "test"]) == 0
    table = np.loadtxt("codes.tsv", delimiter="\t")
    assert np.allclose(table, archive["codes"][archive["part"] == "test"], rtol=1e-4, atol=1e-5)
    with Path("codes.labels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert set(rows[0]) == {"label", "part", "domain"}
    assert [row["domain"] for row in rows] == ["digits"] * 179 + ["digits-m"] * 179
    assert [int(row["label"]) for row in rows[:179]] == domains.source.test.labels.tolist()


def test_encode_a_target_without_labels(of_ten: Path) -> None:
    arguments = [str(of_ten / "run"), "--part", "test"]
    assert main(["encode", *arguments, "--out", "codes.tsv"]) == 0
    rows = [line.split("\t") for line in Path("codes.labels.tsv").read_text().splitlines()]
    assert rows[-1] == ["", "test", "ten"]
    assert main(["encode", *arguments, "--out", "codes.npz"]) == 0
    assert np.load("codes.npz")["labels"][-1] == -1


def test_encode_grey_images_with_a_run_in_colour(adapted: Path) -> None:
    assert main(["encode", str(adapted), "--data", "digits", "--out", "grey.npz"]) == 0
    assert main(["encode", str(adapted), "--out", "both.npz"]) == 0
    grey, both = np.load("grey.npz"), np.load("both.npz")
    assert "domain" not in grey
    assert np.array_equal(grey["codes"], both["codes"][both["domain"] == "digits"])


def test_translate(adapted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("in"), ("3", "5"), 3, colour=False, seed=0)
    with Image.open("in/3/00.png") as image:
        image.save("in/3/photo.jpg")
        image.save("in/3/00.jpg")  # beside 00.png
    Path("in/5/broken.png").write_bytes(b"no picture at all")
    run = str(adapted)
    assert main(["translate", run, "in", "--out", "deep/out"]) == 0
    said = capsys.readouterr().out
    assert "note: skipped 1 of the files: in/5/broken.png is broken" in said
    assert "8 pictures of 16x16 in deep/out" in said
    made = sorted(path.relative_to("deep/out").as_posix() for path in Path("deep").rglob("*.*"))
    kept = ["3/00.png", "3/00.png.png", "3/01.png", "3/02.png", "3/photo.png"]
    assert made == [*kept, "5/00.png", "5/01.png", "5/02.png"]
    for name in made:
        picture = opened(Path("deep/out", name))
        assert (picture.size, picture.mode) == ((16, 16), "RGB")
    assert main(["translate", run, "in", "--out", "again"]) == 0
    assert main(["translate", run, "in", "--out", "other", "--seed", "9"]) == 0
    first, again, other = (Path(d, "5/01.png").read_bytes() for d in ("deep/out", "again", "other"))
    assert first == again
    assert first != other
    # A labelled set in the target's style: other commands read it.
    assert main(["data", "deep/out", "--out", "sheet.png"]) == 0


def test_translate_equals_the_estimator(adapted: Path) -> None:
    make_folder(Path("in"), (), 3, colour=False, seed=0)
    assert main(["translate", str(adapted), "in", "--out", "out"]) == 0
    paths = sorted(Path("in").iterdir())
    pixels = np.stack([read_image(path, 16, 3) for path in paths])
    expected = load(adapted).translate(pixels, seed=seeded("variant", 0, 0, 0).initial_seed())
    made = np.stack([np.asarray(opened(Path("out", path.name))) for path in paths])
    assert np.array_equal(made, expected)


def test_translate_variants(adapted: Path) -> None:
    make_folder(Path("in"), ("3", "5"), 2, colour=False, seed=0)
    assert main(["translate", str(adapted), "in", "--out", "out", "--variants", "3"]) == 0
    made = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.*"))
    assert made == [f"{c}/0{i}-{v}.png" for c in "35" for i in range(2) for v in (1, 2, 3)]
    assert len({Path("out", name).read_bytes() for name in made}) == 12


def test_variants_of_two_seeds_share_no_picture(adapted: Path) -> None:
    make_folder(Path("in"), (), 3, colour=False, seed=0)
    for seed in "01":
        arguments = ["in", "--out", seed, "--variants", "3", "--seed", seed]
        assert main(["translate", str(adapted), *arguments]) == 0
    made = [path.read_bytes() for seed in "01" for path in Path(seed).iterdir()]
    assert len(set(made)) == len(made) == 18


def test_translate_and_classify_a_set(adapted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(adapted)
    assert main(["translate", run, "digits", "--part", "test", "--out", "as-m"]) == 0
    made = sorted(path.relative_to("as-m") for path in Path("as-m").rglob("*.png"))
    y = load_data(DataConfig(data="digits", size=16)).test.labels
    assert y is not None
    assert len(made) == 179
    assert {place.parent.name: 0 for place in made}.keys() == set("0123456789")
    assert Path(f"as-m/{int(y[5])}/test-000005.png").is_file()
    # The translated set is read like any other; --styles borrows from a set as well.
    assert main(["classify", run, "digits-m", "--part", "valid", "--out", "p.csv"]) == 0
    assert "/valid-000000.png," in Path("p.csv").read_text().splitlines()[1]
    assert "accuracy by class" in capsys.readouterr().out
    assert main(["classify", run, "as-m", "--out", "again.csv"]) == 0
    arguments = ["digits", "--part", "test", "--styles", "digits-m", "--out", "other"]
    assert main(["translate", run, *arguments]) == 0
    names = [path.relative_to("other") for path in Path("other").rglob("*.png")]
    assert sorted(names) == made
    assert any(Path("as-m", n).read_bytes() != Path("other", n).read_bytes() for n in made)


def test_classes_of_a_table_become_folders(adapted: Path) -> None:
    make_folder(Path("in"), (), 3, colour=False, seed=0)
    Path("in/attributes.csv").write_text("file,class\n00.png,5\n01.png,3\n02.png,5\n")
    assert main(["translate", str(adapted), "in", "--out", "out"]) == 0
    made = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.png"))
    assert made == ["3/01.png", "5/00.png", "5/02.png"]
    assert main(["classify", str(adapted), "in", "--out", "p.csv"]) == 0
    assert Path("p.csv").read_text().splitlines()[1].startswith("00.png,")  # files as they are


def test_images_beside_subfolders_of_a_table(adapted: Path) -> None:
    make_folder(Path("in"), ("", "holiday"), 1, colour=False, seed=0)
    Path("in/attributes.csv").write_text("file,class\n00.png,5\nholiday/00.png,3\n")
    assert main(["translate", str(adapted), "in", "--out", "out"]) == 0
    made = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.png"))
    assert made == ["3/holiday/00.png", "5/00.png"]
    assert main(["classify", str(adapted), "in", "--out", "p.csv"]) == 0
    assert len(Path("p.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["../../x", "..", ".", "/x", "a/b", r"a\b"])
def test_a_class_that_leads_out_of_the_new_folder(refused, adapted: Path, name: str) -> None:
    make_folder(Path("in"), (), 1, colour=False, seed=0)
    Path("in/attributes.csv").write_text(f"file,class\n00.png,{name}\n")
    there = sorted(Path().resolve().parent.rglob("*"))
    said = refused("translate", str(adapted), "in", "--out", "new/out")
    assert f"the class '{name}' cannot be the name of a subfolder" in said
    assert sorted(Path().resolve().parent.rglob("*")) == there


def test_archives_keep_their_order(adapted: Path) -> None:
    data = toy("toy", ("cat", "dog"))
    images, labels = data.train.images[:2, 0].numpy(), np.array([7, 3])
    np.savez("two.npz", images=images, labels=labels)
    assert main(["translate", str(adapted), "two.npz", "--out", "out"]) == 0
    made = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.png"))
    assert made == ["3/000001.png", "7/000000.png"]
    assert main(["classify", str(adapted), "two.npz", "--out", "p.csv"]) == 0
    with Path("p.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["file"] for row in table] == ["7/000000.png", "3/000001.png"]
    expected = load(adapted).predict_proba(images)
    written = [[float(row[c]) for c in "0123456789"] for row in table]
    assert np.allclose(written, expected, atol=1e-6)
    np.savez("bare.npz", images=images)
    assert main(["classify", str(adapted), "bare.npz", "--out", "p.csv"]) == 0
    assert Path("p.csv").read_text().splitlines()[2].startswith("000001.png,")


def test_pixels_in_colour_for_a_run_in_grey(refused) -> None:
    make_folder(Path("a"), ("cat", "dog"), 12, colour=False, seed=0)
    make_folder(Path("b"), (), 24, colour=False, seed=1)
    assert main(train("--source", "a", "--target", "b", "--out", "run", *QUICK)) == 0
    for command, *more in (
        ("classify", "digits-m", "--out", "p.csv"),
        ("translate", "digits-m", "--out", "new"),
        ("translate", "a", "--styles", "digits-m", "--out", "new"),
    ):
        assert "digits-m is in colour, and the nets" in refused(command, "run", *more)


def test_styles_of_a_large_folder_are_from_all_of_it(
    adapted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("resynthesis.translations.STYLES", 8)
    make_folder(Path("in"), (), 1, colour=True, seed=0)
    make_folder(Path("many"), ("cat", "dog", "owl"), 8, colour=True, seed=0)
    lent: list[str] = []

    def read(path: Path, size: int, channels: int) -> np.ndarray:
        lent.append(path.parent.name)
        return read_image(path, size, channels)

    monkeypatch.setattr("resynthesis.translations.read_image", read)
    arguments = ["in", "--styles", "many", "--out", "out"]
    assert main(["translate", str(adapted), *arguments]) == 0
    assert len(lent) == 9
    assert {"cat", "dog", "owl"} < set(lent)
    Path("many/cat/00.png").write_bytes(b"no picture at all")
    monkeypatch.setattr("resynthesis.translations.STYLES", 24)
    assert main(["translate", str(adapted), *arguments[:-1], "again"]) == 0
    assert "cat/00.png is broken" in capsys.readouterr().out


def test_styles_of_a_large_archive_are_from_all_of_it(
    adapted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lent: list[Tensor] = []

    def remember(
        method: Method, nets: object, x: Tensor, styles: Tensor, *, seed: int = 0
    ) -> Tensor:
        lent.append(styles)
        return x

    monkeypatch.setattr("resynthesis.translations.translate", remember)
    monkeypatch.setattr("resynthesis.translations.STYLES", 8)
    make_folder(Path("in"), (), 1, colour=True, seed=0)
    images = np.arange(64, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 3), np.uint8)
    np.savez("many.npz", images=images)
    assert main(["translate", str(adapted), "in", "--styles", "many.npz", "--out", "out"]) == 0
    values = to_uint8(lent[0])[:, 0, 0, 0].tolist()
    assert len(set(values)) == 8
    assert max(values) > 24


def test_styles_of_a_set_are_from_all_of_its_parts(
    adapted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resynthesis.translations.CHUNK", 4)
    run, ways = Run(adapted), translations._batches
    for most in (8, 9, 30):
        whole = list(ways(run, "digits-m", "all", None, [], most=most))
        names = [name for chunk, _ in whole for name in chunk]
        assert len(names) == most
        assert torch.equal(
            translations._all(iter(whole)), torch.cat([images for _, images in whole])
        )
    assert {name.split("/")[1].split("-")[0] for name in names} == {"train", "valid", "test"}


def test_the_official_mnist_m_keeps_its_labels(
    adapted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_folder(Path("in/mnist_m_train"), (), 18, colour=True, seed=0)
    make_folder(Path("in/mnist_m_test"), (), 5, colour=True, seed=1)
    for part, n in (("train", 18), ("test", 5)):
        lines = [f"{i:02d}.png {i % 10}\n" for i in range(n)]
        Path(f"in/mnist_m_{part}_labels.txt").write_text("".join(lines))
    assert main(["translate", str(adapted), "in", "--part", "test", "--out", "out"]) == 0
    made = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.png"))
    assert made == [f"{i}/test-{i:06d}.png" for i in range(5)]
    assert main(["classify", str(adapted), "in", "--out", "p.csv"]) == 0
    assert "accuracy by class" in capsys.readouterr().out
    assert len(Path("p.csv").read_text().splitlines()) == 24


def test_what_translate_does_not_take(refused, adapted: Path, run_of) -> None:
    make_folder(Path("in"), ("3",), 2, colour=False, seed=0)
    run = str(adapted)
    assert "is in in, whose class it would become" in refused(
        "translate", run, "in", "--out", "in/out"
    )
    assert "without parts: leave out --part" in refused(
        "translate", run, "in", "--out", "out", "--part", "test"
    )
    for flag in (["--variants", "2"], ["--styles", "in"]):
        said = refused("translate", str(run_of("translate")), "in", "--out", "out", *flag)
        assert f"borrows no style: leave out {flag[0]}" in said


def test_classify(adapted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("in"), ("3", "5", "emu"), 4, colour=True, seed=0)
    Path("in/5/broken.png").write_bytes(b"no picture at all")
    assert main(["classify", str(adapted), "in", "--out", "predictions.csv"]) == 0
    said = capsys.readouterr().out
    assert "note: skipped 1 of the files: in/5/broken.png is broken" in said
    assert "predictions.csv: 12 images" in said
    with Path("predictions.csv").open() as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["file", "predicted", *"0123456789"]
    assert [row["file"] for row in table] == [
        f"{c}/0{i}.png" for c in ("3", "5", "emu") for i in range(4)
    ]
    for row in table:
        shares = {c: float(row[c]) for c in "0123456789"}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert shares[row["predicted"]] == max(shares.values())
    known = [row["predicted"] == row["file"][0] for row in table[:8]]
    found = re.search(r"accuracy by class \(the names of subfolders\): ([\d.]+)", said)
    assert found
    assert float(found[1]) == pytest.approx(np.mean(known), abs=1e-4)
    pixels = np.stack([read_image(Path("in", row["file"]), 16, 3) for row in table])
    expected = load(adapted).predict_proba(pixels)
    written = [[float(row[c]) for c in "0123456789"] for row in table]
    assert np.allclose(written, expected, atol=1e-6)


def test_classify_a_flat_folder(adapted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(Path("in"), (), 4, colour=False, seed=0)
    assert main(["classify", str(adapted), "in", "--out", "predictions.csv"]) == 0
    assert "accuracy" not in capsys.readouterr().out
    assert len(Path("predictions.csv").read_text().splitlines()) == 5


def test_compare_two_seeds(run_of: Callable[[str], Path], capsys) -> None:
    shutil.copytree(run_of("translate"), "a")
    assert main(["train", "translate", "--out", "b", *QUICK, "--seed", "1"]) == 0
    for name in "ab":
        assert main(["evaluate", name, "--only", "accuracy"]) == 0
    capsys.readouterr()
    assert main(["compare", "a", "b", "--out", "table.json"]) == 0
    assert "±" in capsys.readouterr().out
    (row,) = json.loads(Path("table.json").read_text())
    assert row["n"] == 2
    assert row["images"] == 32
    assert row["run"].startswith("translate")
    both = [json.loads(Path(n, "metrics.json").read_text())["target_accuracy"] for n in "ab"]
    assert row["metrics"]["target_accuracy"]["mean"] == pytest.approx(np.mean(both))
    assert row["metrics"]["target_accuracy"]["std"] == pytest.approx(np.std(both, ddof=1))


def test_compare_with_a_run_of_one_domain(adapted: Path, mixing: Path) -> None:
    for name, path in (("a", adapted), ("b", mixing)):
        shutil.copytree(path, name)
        Run(Path(name)).save_metrics({"source_accuracy": 0.5})
    assert main(["compare", "a", "b"]) == 0


def test_mix_files_with_a_run_of_two_domains(adapted: Path) -> None:
    make_folder(Path("in"), (), 2, colour=True, seed=0)
    files = ["in/00.png", "in/01.png"]
    assert main(["mix", str(adapted), *files, "--steps", "3", "--out", "line.png"]) == 0
    assert opened(Path("line.png")).width > 3 * 64


def test_mix_a_set_with_a_run_of_two_domains(refused, adapted: Path) -> None:
    arguments = ["mix", str(adapted), "--count", "3", "--out", "new"]
    assert "say whose images to mix by --data" in refused(*arguments)
    assert main([*arguments, "--data", "digits"]) == 0
    with Path("new/labels.csv").open() as file:
        assert [row["file"] for row in csv.DictReader(file)] == [f"00000{i}.png" for i in range(3)]


# Bad input


def train(*arguments: str, method: str = "adapt") -> list[str]:
    return ["train", method, "--out", "run", *QUICK, *arguments]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--source", "digits", "--target", "digits"], "source and target are the same images"),
        (
            ["--source", "plain.npz", "--target", "digits-m"],
            "needs labels.*plain.npz has none; digits-m has them: turn the two round",
        ),
        (["--source", "plain.npz", "--target", "./plain.npz"], "source and target are the same"),
        (
            ["--source", "plain", "--target", "digits-m"],
            "needs labels.*plain has none.*turn the two round",
        ),
        (
            ["--source", "one", "--target", "digits-m"],
            "needs labels of two or more classes, and one has none",
        ),
        (["--source", "nowhere", "--target", "digits-m"], "no data set and no path 'nowhere'"),
        (["--source", "digits", "--target", "nowhere"], "no data set and no path 'nowhere'"),
        (["--source", "digits", "--target", "empty"], "empty has no images"),
        (
            ["--source", "digits", "--target", "tiny.npz"],
            "tiny.npz has 2 images, and training, validation and test need",
        ),
        (["--classes", "3"], "labels of two or more classes, and digits has the class 3 alone$"),
        (["--classes", "3", "x"], "unknown class 'x'"),
        (["--train-size", "99999"], "digits has 1439 training images: cannot choose 99999"),
        (["--size", "48"], "must be one of 16, 28, 32, 64, 128"),
        (["--decay", "2"], "decay must be a share"),
        (["--classifier-width", "0"], "classifier_width must be at least 1"),
        (["--classifier-width", "1"], "classifier_width must be at least 2 with"),
        (["--content", "0"], "content must be at least 1"),
        (["--teacher-decay", "1"], r"teacher_decay must be in \[0, 1\)"),
        (["--confidence", "7"], "confidence must be from 0 to 1, not 7"),
        (["--self-labelling", "-3"], "self_labelling must be 0 or more, not -3"),
        (["--realism", "nan"], "realism must be 0 or more, not nan"),
    ],
)
def test_domains_and_settings_that_do_not_fit(refused, flags: list[str], says: str) -> None:
    make_folder(Path("plain"), (), 12, colour=True, seed=0)
    make_folder(Path("one"), ("cat",), 12, colour=True, seed=0)
    Path("empty").mkdir()
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    np.savez("plain.npz", images=images)
    np.savez("tiny.npz", images=images[:2])
    assert re.search(says, refused(*train(*flags)))


def test_one_folder_twice_is_refused(refused) -> None:
    make_folder(Path("set"), ("cat", "dog"), 12, colour=True, seed=0)
    Path("link").symlink_to("set")
    for memory in ("1", "1e-9"):
        flags = ["--source", "set", "--target", "link", "--memory", memory]
        assert "the same images" in refused(*train(*flags))


def test_a_copy_of_a_folder_is_the_same_images(refused) -> None:
    make_folder(Path("set"), ("cat", "dog"), 12, colour=False, seed=0)
    shutil.copytree("set", "copy")
    Path("flat").mkdir()
    for path in Path("set").rglob("*.png"):
        shutil.copy(path, Path("flat", f"{path.parent.name}-{path.name}"))
    pixels = [np.asarray(opened(path).convert("RGB")) for path in sorted(Path("flat").iterdir())]
    for target in ("copy", "flat"):
        for more in ([], ["--train-size", "4"]):
            flags = ["--source", "set", "--target", target, *more]
            assert "the same images" in refused(*train(*flags))
    images, labels = np.stack(pixels)[:, :20, :20], np.arange(24) % 2
    np.savez("labelled.npz", images=images, labels=labels)
    np.savez("some.npz", images=images[:9])
    flags = ["--source", "labelled.npz", "--target", "some.npz"]
    assert "the same images" in refused(*train(*flags))
    with pytest.raises(ValueError, match="the same images"):
        Translator(steps=1).fit(images, labels, images[:9])


def test_values_are_no_flags(refused) -> None:
    for value in ("source", "target"):
        said = refused("train", "amr", "--data", value)
        assert f"there is no data set and no path '{value}'" in said
    assert "give --target too" in refused("train", "adapt", "--source", "target")


@pytest.mark.parametrize(("given", "other"), [("source", "target"), ("target", "source")])
def test_half_a_pair_of_domains(refused, given: str, other: str) -> None:
    said = refused(*train(f"--{given}", "digits"))
    assert f"--{given} is one of two domains: give --{other} too" in said
    assert said == refused(*train(f"--{given}=digits"))


@pytest.mark.parametrize("flags", [["--train-size", "50"], ["--classes", "3", "5"]])
def test_subsets_of_one_set_are_refused(refused, flags: list[str]) -> None:
    assert "the same images" in refused(*train("--source", "digits", "--target", "digits", *flags))


@pytest.mark.parametrize("family", ["amr", "adaae"])
def test_adapt_needs_codes_that_divide(refused, family: str) -> None:
    said = refused(*train("--family", family, "--code", "2", "4", "4"))
    assert "adapt needs codes of content and style: --family split" in said


def test_acai_needs_one_answer_an_image(refused) -> None:
    assert "one domain" in refused("train", "acai", "--out", "run", *QUICK, "--family", "split")


def test_lines_as_the_target_of_a_source_in_colour(refused) -> None:
    flags = ["--source", "digits-m", "--target", "lines", "--size", "32"]
    assert "lines is drawn afresh at every step, in grey only" in refused(*train(*flags))


def test_flags_of_one_domain_are_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--probe", "--data", "--labels"):
        assert main(train(flag, "3")) == 2
        assert flag in capsys.readouterr().err
    with pytest.raises(ValueError, match="adapt wants a source and a target"):
        runs.Config(method=Adapt(), data=DataConfig())
    with pytest.raises(ValueError, match="a probe does not go with translate"):
        runs.Config(method=Translate(), probe=runs.ProbeConfig(probe=True))
    with pytest.raises(ValueError, match="amr wants one set of images"):
        runs.Config(method=METHODS["amr"](), data=DomainsConfig())


def test_refusals_of_evaluate(refused, adapted: Path, of_ten: Path) -> None:
    assert "unknown metric 'beauty'" in refused("evaluate", str(adapted), "--only", "beauty")
    assert "leave out --data" in refused("evaluate", str(adapted), "--data", "digits")
    said = refused("evaluate", str(of_ten / "run"), "--only", "target_accuracy")
    assert "'target_accuracy' cannot be measured: the target's test part has no labels" in said
    said = refused("evaluate", str(of_ten / "run"), "--only", "frechet_distance")
    assert "it takes 2 test images of each domain, and there are 1" in said


def test_refusals_of_translate_and_classify(
    refused, adapted: Path, mixing: Path, run_of: Callable[[str], Path]
) -> None:
    run, plain = str(adapted), str(run_of("translate"))
    make_folder(Path("in"), (), 2, colour=True, seed=0)
    make_folder(Path("mixed"), ("", "cat"), 2, colour=True, seed=0)
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/a.png").write_bytes(b"no picture at all")
    Path("full").mkdir()
    Path("full/thesis.tex").write_text("years of work")
    for out, command in (("new", "translate"), ("new.csv", "classify")):
        to = ["--out", out]
        assert "there is no data set and no path 'nowhere'" in refused(command, run, "nowhere", *to)
        assert "empty has no images" in refused(command, run, "empty", *to)
        assert "none of the images in broken" in refused(command, run, "broken", *to)
        assert "or none" in refused(command, run, "mixed", *to)
        assert "no run folder nowhere" in refused(command, "nowhere", "in", *to)
        said = refused(command, str(mixing), "in", *to)
        assert re.search("is no run that translates|knows one domain only", said)
    assert "full exists already" in refused("translate", run, "in", "--out", "full")
    assert "exists already" in refused("translate", run, "in", "--out", "in/00.png")
    assert "at least 1" in refused("translate", run, "in", "--out", "new", "--variants", "0")
    assert "must end in .csv" in refused("classify", run, "in", "--out", "table.txt")
    assert "cannot write in/00.png/a.csv" in refused(
        "classify", run, "in", "--out", "in/00.png/a.csv"
    )
    assert "borrows no style: leave out --variants" in refused(
        "translate", plain, "in", "--out", "new", "--variants", "2"
    )
    assert Path("full/thesis.tex").read_text() == "years of work"


def test_translate_leaves_no_empty_folders(refused, adapted: Path) -> None:
    refused("translate", str(adapted), "nowhere", "--out", "deep/out")


def test_run_folders_without_whole_styles(refused, adapted: Path) -> None:
    make_folder(Path("in"), (), 2, colour=True, seed=0)
    shutil.copytree(adapted, "run")
    arguments = ["translate", "run", "in", "--out", "new"]
    np.savez("run/styles.npz", images=np.zeros((4, 3, 32, 32), dtype=np.uint8))
    assert "styles.npz does not fit" in refused(*arguments)
    Path("run/styles.npz").write_bytes(b"PK\x03\x04 not really")
    assert "styles.npz is not a readable .npz" in refused(*arguments)
    Path("run/styles.npz").unlink()
    assert "has no styles.npz" in refused(*arguments)


def test_domains_that_changed_since(refused) -> None:
    make_folder(Path("target"), (), 12, colour=True, seed=1)
    assert main(train("--source", "digits", "--target", "target")) == 0
    Path("target/03.png").unlink()
    assert "checksum differs" in refused("evaluate", "run")
    assert "checksum differs" in refused("train", "--resume", "run")

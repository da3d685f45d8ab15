"""Mixing under labels: masks, the mixer and its traps, judged mixes, the command and estimator."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from PIL import Image
from scipy.ndimage import label
from torch import Tensor

from resynthesis import ClassAMR as Estimator
from resynthesis import load, runs
from resynthesis.cli import main
from resynthesis.data import Data, DataConfig, ImageSet, to_float
from resynthesis.estimator.base import to_labels
from resynthesis.evaluate import evaluate, read_attributes, suits, train_judge, wishes
from resynthesis.evaluate.judge import opinion
from resynthesis.evaluate.realism import classifier_score
from resynthesis.figures import drawing, evaluation_pictures, mixed, plots
from resynthesis.methods import AMR, ClassAMR, class_amr
from resynthesis.mixes import mix_set
from resynthesis.mixing import as_attributes, mask_weights, wish
from resynthesis.nets import ClassMixer, Nets, PatchCritic, build
from resynthesis.runs.session import first_nets
from resynthesis.train import begin, step
from resynthesis.wishes import say

from .conftest import quick

NAMES = ("bright", "left")


def squares(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Squares (n, 1, 16, 16), uint8, that are bright or dark and left or right, and a table."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (n, 2), generator=generator)
    images = torch.full((n, 1, 16, 16), 90, dtype=torch.uint8)
    for image, (bright, left) in zip(images, y.tolist(), strict=True):
        image[0, 4:12, 1 if left else 9 : 7 if left else 15] = 240 if bright else 10
    return images, y


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def table() -> Data:
    """Two attributes that one can see."""
    parts = [ImageSet(*squares(n, seed)) for seed, n in enumerate((512, 64, 256))]
    return Data("squares", *parts, attributes=NAMES)


@pytest.fixture(scope="module")
def run(table: Data, tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    config = runs.Config(
        method=ClassAMR(reconstruction=200.0),  # so few steps want heavier wishes beside it
        data=DataConfig(data=runs.ARRAYS, size=16),
        nets=Nets(code=(8, 2, 2), width=8),
        training=quick(250, batch_size=64, lr=3e-3, log_every=250, checkpoint_every=250),
    )
    return runs.start(config, tmp_path_factory.mktemp("wishes") / "run", data=table)


def test_labels_as_attributes() -> None:
    known, y = as_attributes(torch.tensor([2, -1, 0]), 3)
    assert known.tolist() == [0, 2]
    assert y.tolist() == [[0, 0, 1], [1, 0, 0]]
    known, y = as_attributes(torch.tensor([[1, 0], [-1, 1], [0, 0]]), 2)
    assert known.tolist() == [0, 2]
    assert y.tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize("whole", [True, False])
def test_wishes_are_drawn_attribute_by_attribute_and_classes_whole(whole: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.eye(5)[torch.randint(5, (4000,), generator=generator)]
    second = torch.eye(5)[torch.randint(5, (4000,), generator=generator)]
    wanted = wish(first, second, whole=whole, generator=generator)
    assert ((wanted == first) | (wanted == second)).all()
    sums = wanted.sum(1)[(first != second).any(1)]
    counts = [int((sums == n).sum()) / len(sums) for n in range(3)]
    assert counts == pytest.approx([0, 1, 0] if whole else [0.25, 0.5, 0.25], abs=0.03)
    share = (wanted == first)[first != second].float().mean()
    assert share == pytest.approx(0.5, abs=0.03)


def test_masks_are_drawn_with_their_probability_and_pass_its_gradient() -> None:
    torch.manual_seed(0)
    p = torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0]).expand(4000, 5).clone().requires_grad_()
    w = mask_weights(p, torch.zeros(4000, 5, 2, 2))
    assert w.shape == (2, 4000, 5, 1, 1)
    torch.testing.assert_close(w.round(), w, atol=1e-6, rtol=0)
    torch.testing.assert_close(w.sum(0), torch.ones_like(w[0]))
    torch.testing.assert_close(w[0].mean(0).flatten(), p[0].detach(), atol=0.03, rtol=0)
    (w[0].sum() - 2 * w[1].sum()).backward()
    torch.testing.assert_close(p.grad, torch.full_like(p, 3.0))


@pytest.mark.parametrize("informed", [True, False])
def test_the_mixer_heeds_the_wish_and_can_fall_under_one_half(informed: bool) -> None:
    torch.manual_seed(0)
    mixer = ClassMixer(3, Nets(code=(6, 4, 4), informed=informed))
    optimizer = torch.optim.Adam(mixer.parameters(), 1e-2)
    wishes = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    aim = torch.stack([wishes[:, 0], 1 - wishes[:, 0], *wishes.T, wishes[:, 2]], 1)[:, :6]
    for _ in range(200):
        p = mixer(wishes, wishes, 1 - wishes)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(p, aim).backward()
        optimizer.step()
    assert p.min() < 0.05
    assert p.max() > 0.95
    p = mixer(wishes, wishes, 1 - wishes)
    swapped = mixer(wishes, 1 - wishes, wishes)
    assert torch.equal(p, swapped) != informed  # whether it sees the parents


@pytest.mark.parametrize("whole", [True, False])
def test_the_mixer_begins_with_a_division_of_the_channels(whole: bool) -> None:
    torch.manual_seed(0)
    mixer = ClassMixer(4, Nets(code=(32, 4, 4)), whole=whole)
    first, second = (torch.eye(4)[:2] if whole else torch.tensor([[0.0] * 4, [1.0] * 4]))[:, None]
    own, other = mixer(first, first, second)[0], mixer(second, first, second)[0]
    assert (other > 0.9).sum() == 16
    assert (other < 0.1).sum() == 16
    if whole:  # the class from the one parent, and all else from the other
        assert ((own > 0.9) == (other < 0.1)).all()
        assert ((own < 0.1) == (other > 0.9)).all()
    else:
        assert (own > 0.9).all()  # the wish is the first parent
        one = mixer(torch.tensor([[1.0, 0, 0, 0]]), first, second)[0]
        assert (one < 0.1).nonzero().flatten().tolist() == [0, 8, 16, 24]


def test_a_class_mixing_run_reads_with_a_net_of_its_own() -> None:
    nets = build(
        Nets(code=(8, 4, 4), width=4, classifier_width=4),
        ClassAMR().players,
        channels=3,
        size=16,
        attributes=5,
    )
    x = torch.randn(2, 3, 16, 16)
    assert nets["reader"](x).shape == (2, 5)
    assert isinstance(nets["critic"], PatchCritic)
    assert nets["critic"](x).shape == (2, 4 * 4)
    with pytest.raises(ValueError, match="attributes or classes"):
        build(Nets(), ClassAMR().players, channels=1, size=32)


def test_only_labelled_images_teach_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(class_amr, "augment", lambda x: seen.append(x) or x)
    nets = build(Nets(code=(8, 2, 2), width=4), ClassAMR().players, channels=1, size=16, classes=4)
    x, y = torch.randn(8, 1, 16, 16), torch.tensor([0, 1, 2, 3, -1, -1, -1, -1])
    losses = ClassAMR().losses(nets, x, y)
    alone = torch.nn.functional.binary_cross_entropy_with_logits(
        nets["reader"](x[:4]), torch.eye(4)
    )
    torch.testing.assert_close(losses["reader"]["attributes"], alone)
    assert [len(images) for images in seen] == [4, 4]


def test_consistency_does_not_shrink_codes() -> None:
    nets = build(Nets(code=(8, 2, 2), width=4), ClassAMR().players, channels=1, size=16, classes=4)
    x, y = torch.randn(8, 1, 16, 16), torch.arange(8) % 4
    found = []
    for factor in (1.0, 0.1):
        with torch.no_grad():
            last = [m for m in nets["autoencoder"].encoder if isinstance(m, torch.nn.Conv2d)][-1]
            last.weight.mul_(factor)
        with runs.fixed_seed(0):
            loss = ClassAMR().losses(nets, x, y)["autoencoder"]["consistency"]
        found.append(loss.item())
    assert found[1] > 0.5 * found[0]  # of |f(x_m) - z_m| a tenth would be left


def test_mixes_are_made_where_anyone_looks_at_them() -> None:
    nets = build(Nets(code=(8, 2, 2), width=4), ClassAMR().players, channels=1, size=16, classes=4)
    x, y = torch.randn(8, 1, 16, 16), torch.arange(8) % 4
    for told, mixes in (
        (ClassAMR(mixed=0.0, wishes=0.0, consistency=0.0), False),
        (ClassAMR(mixed=0.0, wishes=0.0, consistency=5.0), True),
        (ClassAMR(mixed=0.0, wishes=5.0, consistency=0.0), True),
    ):
        losses = told.losses(nets, x, y)
        assert ("mixer" in losses) == mixes
        assert ("mixed" in losses["critic"]) == mixes
        assert ("consistency" in losses["autoencoder"]) == bool(told.consistency)


def test_wishes_are_granted(run: runs.Run, table: Data) -> None:
    nets = run.load_nets("cpu")
    found = evaluate(nets, table, ["wishes"])
    assert found["wish_accuracy_real"] > 0.99
    assert found["wish_accuracy"] > 0.8  # .85 to .99, as rounding has it
    assert found["wish_accuracy_second"] > 0.75
    apart = sorted(found[f"wish_accuracy_{one}"] for one in ("first", "second"))
    assert apart[0] <= found["wish_accuracy"] <= apart[1]
    assert found["wish_accuracy_random_mask"] < 0.6
    assert found["mask_low"] < 0.2
    assert found["mask_high"] > 0.7
    assert 0.02 < found["mix_distance"] < 0.9
    assert run.log()[-1]["autoencoder/reconstruction"] < 0.15 * ClassAMR().reconstruction


def test_masks_that_say_nothing_at_first_are_learnt(table: Data) -> None:
    torch.manual_seed(0)
    method = ClassAMR()
    nets = build(Nets(code=(8, 2, 2), width=8), method.players, channels=1, size=16, attributes=2)
    for part in nets["mixer"].divide.parameters():
        torch.nn.init.zeros_(part)
    before = evaluate(nets, table, ["mask_low", "mask_high"])
    assert min(before.values()) > 0.3
    assert max(before.values()) < 0.7
    state = begin(method, nets, quick(200, batch_size=64, lr=3e-3))
    state.optimizers["mixer"].param_groups[0]["lr"] = 3e-3  # slow is for longer runs
    for _ in range(200):
        x, y = table.train.take(torch.randint(len(table.train), (64,)))
        step(method, nets, state.optimizers, x, y)
    found = evaluate(nets, table, ["wishes"])
    assert found["mask_low"] < 0.1
    assert found["mask_high"] > 0.9
    assert found["wish_accuracy"] > found["wish_accuracy_random_mask"] + 0.15
    assert found["wish_accuracy_second"] > 0.6


def test_a_mixer_that_ignores_wishes_is_found_out(run: runs.Run, table: Data) -> None:
    nets = run.load_nets("cpu")
    for layer in (nets["mixer"].mask[-1], nets["mixer"].divide):
        torch.nn.init.zeros_(layer.weight)
    found = evaluate(nets, table, ["wishes"])
    assert found["wish_accuracy"] < 0.7
    assert found["mask_low"] == pytest.approx(0.5, abs=0.2)


def test_copies_of_the_first_parent_grant_no_wish_of_the_second(run: runs.Run, table: Data) -> None:
    nets = run.load_nets("cpu")
    torch.nn.init.zeros_(nets["mixer"].mask[-1].weight)
    torch.nn.init.zeros_(nets["mixer"].divide.weight)
    torch.nn.init.constant_(nets["mixer"].divide.bias, 20.0)
    found = evaluate(nets, table, ["wishes"])
    assert found["wish_accuracy_first"] > 0.95
    assert found["wish_accuracy_second"] < 0.05
    assert found["wish_accuracy"] == pytest.approx(0.5, abs=0.06)
    assert found["mix_distance"] < 1e-6


def test_what_no_pair_tells_is_left_out(
    run: runs.Run, table: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = table.test.labels
    assert labels is not None
    odd = torch.cat([(labels == 0).all(1).nonzero()[:3, 0], (labels == 1).all(1).nonzero()[:1, 0]])
    few = Data("few", table.train, table.valid, table.test.subset(odd), attributes=NAMES)
    judge = train_judge(table, torch.device("cpu"))
    found = wishes.measure(run.load_nets("cpu"), few, judge)
    assert found["wish_accuracy_real"] == 1
    assert all(0 <= value <= 1 for value in found.values())
    part = few.test.subset(torch.tensor([0, 3]))
    two = Data("two", table.train, table.valid, part, attributes=NAMES)
    assert "wish_accuracy" in evaluate(run.load_nets("cpu"), two, ["wish_accuracy"])
    monkeypatch.setattr(wishes, "wish", lambda first, second, **_: first)
    with pytest.raises(ValueError, match="2 test images of 'two' tell nothing about 'wish_acc"):
        evaluate(run.load_nets("cpu"), two, ["wish_accuracy_second"])


def test_other_methods_grant_no_wishes(trained: Path) -> None:
    assert main(["evaluate", str(trained), "--only", "wishes"]) == 2


def test_wishes_are_judged_by_their_own_labels_alone(run: runs.Run, table: Data) -> None:
    nets = run.load_nets("cpu")

    def relabelled(change: Callable[[Tensor], Tensor | None], **names: tuple[str, ...]) -> Data:
        parts = [part.with_labels(change(part.labels)) for part in table.parts.values()]
        return Data("others", *parts, **names)

    others = [
        relabelled(lambda y: None),
        relabelled(lambda y: y[:, :1], attributes=("bright",)),
        relabelled(lambda y: y[:, [0, 1, 1]], attributes=("a", "b", "c")),
        relabelled(lambda y: torch.where(y[:, :1] == 0, -1, y), attributes=NAMES),
        relabelled(lambda y: y + torch.tensor([0, 1]), attributes=NAMES),  # factors
        relabelled(torch.zeros_like, attributes=NAMES),  # no two differ
    ]
    others[3].train.labels[:, 1] = -1  # nobody is wholly known
    for data in others:
        assert not suits("wishes", data, nets)
        with pytest.raises(ValueError, match="'wish_accuracy' cannot be measured on 'others'"):
            evaluate(nets, data, ["wish_accuracy"])
    assert "wish_accuracy" not in evaluate(nets, others[0])
    named = relabelled(lambda y: y, attributes=("left", "bright"))
    two = relabelled(lambda y: y[:, 0], classes=NAMES)
    assert suits("wishes", table, nets, run.facts)
    for data in (named, two):
        assert suits("wishes", data, nets)
        assert not suits("wishes", data, nets, run.facts)
    strange = relabelled(lambda y: y, attributes=(NAMES[0], "shiny"))
    what = f"it has no {NAMES[1]}, and shiny, which the run does not know"
    for data, said in ((named, "it has the labels of the run in another order"), (strange, what)):
        with pytest.raises(ValueError, match=said):
            evaluate(nets, data, ["wish_accuracy"], facts=run.facts)


def test_the_picture_of_labels_shows_every_combination(
    run: runs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    annotate = Axes.annotate
    monkeypatch.setattr(
        Axes,
        "annotate",
        lambda axes, text, *a, **k: said.append(text) or annotate(axes, text, *a, **k),
    )
    path = tmp_path / "labels.png"
    plots.labels_picture(run.load_nets("cpu")["mixer"], NAMES, False, path)
    assert sorted(said) == ["bright", "bright + left", "left", "none"]
    with Image.open(path) as picture:
        grey = np.asarray(picture.convert("L"))
    assert (grey < 128).mean() > 0.001  # something is drawn
    one = ClassMixer(2, Nets(code=(8, 2, 2)), whole=True)  # two points say nothing
    plots.labels_picture(one, NAMES, True, tmp_path / "few.png")
    assert [p.name for p in tmp_path.iterdir()] == ["labels.png"]


def test_evaluation_draws_labels_where_there_are_three(
    animals: runs.Run, table: Data, tmp_path: Path
) -> None:
    parts = [part.with_labels(part.labels.sum(1)) for part in table.parts.values()]
    three = Data("three", *parts, ("cat", "fox", "owl"))
    config = replace(animals.config, training=quick(1, log_every=1, checkpoint_every=1))
    made = runs.start(config, tmp_path / "three", data=three)
    evaluation_pictures(made, made.load_nets("cpu"), three)
    assert (made.pictures / "wishes.png").exists()
    with Image.open(made.pictures / "labels.png") as picture:
        picture.load()
        colours = np.asarray(picture.convert("RGB")).astype(int)
    points = colours.max(2) - colours.min(2) > 60  # the text is black, and the ground white
    assert label(points)[1] == 3
    parts = [part.with_labels(part.labels[:, 0]) for part in table.parts.values()]
    two = Data("animals", *parts, ("cat", "fox"))
    made = runs.Run(shutil.copytree(animals.path, tmp_path / "two"))
    evaluation_pictures(made, made.load_nets("cpu"), two)
    assert (made.pictures / "codes.png").exists()
    assert not list(made.path.rglob("*labels.png*"))


def test_the_judge_reads_tables_and_classes(table: Data) -> None:
    judge = train_judge(table, torch.device("cpu"))
    x, y = table.test.take(torch.arange(len(table.test)))
    logits, features = opinion(judge, x)
    assert ((logits > 0) == y.bool()).float().mean() > 0.99
    assert features.shape[0] == len(x)
    classes = [part.with_labels(part.labels[:, 0]) for part in table.parts.values()]
    plain = Data("squares", *classes, ("dark", "bright"))
    logits, _ = opinion(train_judge(plain, torch.device("cpu")), x)
    assert (logits.argmax(1) == y[:, 0]).float().mean() > 0.99


def test_classifier_score_at_both_ends() -> None:
    assert classifier_score(torch.eye(10).repeat(5, 1)) == pytest.approx(10)
    assert classifier_score(torch.eye(10)[:1].repeat(50, 1)) == pytest.approx(1)
    assert classifier_score(torch.full((50, 10), 0.1)) == pytest.approx(1)


def files(folder: Path, table: Data, *wanted: tuple[int, int]) -> list[str]:
    """Test images with these attributes, as files."""
    assert table.test.labels is not None
    paths = []
    for attributes in wanted:
        at = int((table.test.labels == torch.tensor(attributes)).all(1).nonzero()[0])
        paths.append(folder / f"{attributes[0]}{attributes[1]}.png")
        Image.fromarray(table.test.images[at, 0].numpy()).save(paths[-1])
    return list(map(str, paths))


def test_labels_that_the_user_knows_go_before_what_is_read(
    run: runs.Run, table: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused
) -> None:
    a, b = files(tmp_path, table, (1, 1), (0, 0))
    mix = ["mix", str(run.path), a, b, "--out", str(tmp_path / "x.png"), "--labels"]
    assert main([*mix, "all", "--first", "left=0", "--second", "bright=1,left=1"]) == 0
    said = capsys.readouterr().out
    assert f"{a}: bright, as you say and the run reads it" in said
    assert f"{b}: bright + left, as you say and the run reads it" in said
    assert "2 wishes, a row each: bright, bright + left\n" in said
    assert "neither of the two images has 'left'" in refused(*mix, "left=1", "--first", "left=0")
    assert "unknown label 'big'" in refused(*mix, "all", "--second", "big=1")
    assert "go with --labels" in refused(*mix[:-1], "--first", "left=0")


def test_every_combination_in_one_picture(
    run: runs.Run, table: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = files(tmp_path, table, (1, 1), (0, 0))
    out = tmp_path / "wishes.png"
    assert main(["mix", str(run.path), a, b, "--labels", "all", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"{a}: bright + left, as the run reads it" in said
    assert "4 wishes, a row each: bright + left, none, left, bright" in said
    again = tmp_path / "again.png"
    main(["mix", str(run.path), a, b, "--labels", "all", "--out", str(again)])
    assert out.read_bytes() == again.read_bytes()
    one = tmp_path / "one.png"
    assert main(["mix", str(run.path), a, b, "--labels", "left=0", "--out", str(one)]) == 0
    assert "1 wishes, a row each: bright\n" in capsys.readouterr().out
    with Image.open(one) as short, Image.open(out) as tall:
        assert short.height < tall.height


def test_many_mixes_are_made_under_labels(run: runs.Run, table: Data, tmp_path: Path) -> None:
    mix_set(run, table, tmp_path / "new", count=300)
    rows = list(csv.DictReader((tmp_path / "new" / "labels.csv").read_text().splitlines()))
    assert list(rows[0]) == ["file", "parent_1", "parent_2", "weight_1", "weight_2", *NAMES]
    y = table.train.labels
    assert y is not None
    parents = y[torch.tensor([[int(row[f"parent_{i}"]) for row in rows] for i in (1, 2)])]
    wanted = torch.tensor([[float(row[name]) for name in NAMES] for row in rows])
    assert ((wanted == parents[0]) | (wanted == parents[1])).all()
    mixed = ((wanted != parents[0]).any(1) & (wanted != parents[1]).any(1)).float().mean()
    assert 0.05 < mixed < 0.25  # both differ in a quarter of the pairs, of which half get one each
    pixels = torch.stack(
        [torch.tensor(np.asarray(Image.open(tmp_path / "new" / row["file"]))) for row in rows]
    )
    read = read_attributes(run.load_nets("cpu"), to_float(pixels[:, None]), whole=False)
    assert (read == wanted).float().mean() > 0.9
    shares = [sorted(float(row[f"weight_{i}"]) for i in (1, 2)) for row in rows]
    assert all(sum(pair) == pytest.approx(1) for pair in shares)
    assert max(pair[0] for pair in shares) <= 0.5


def test_many_mixes_of_classes_are_of_one(animals: runs.Run, tmp_path: Path) -> None:
    x, y = squares(64)
    parts = [ImageSet(x, y[:, 0])] * 3
    mix_set(animals, Data("animals", *parts, ("cat", "fox")), tmp_path / "new", count=50)
    for row in csv.DictReader((tmp_path / "new" / "labels.csv").read_text().splitlines()):
        of = {int(y[int(row[f"parent_{i}"]), 0]) for i in (1, 2)}
        assert {row["cat"], row["fox"]} == {"0.000000", "1.000000"}
        assert (row["fox"] == "1.000000") in of


def test_many_mixes_need_the_labels_of_the_run(run: runs.Run, table: Data, tmp_path: Path) -> None:
    out = tmp_path / "new"
    other = Data("others", *table.parts.values(), attributes=("light", "left"))
    with pytest.raises(ValueError, match=r"labels \(bright, left\) that 'others' does not have"):
        mix_set(run, other, out, count=3)
    with pytest.raises(ValueError, match="mixes under labels have 2 parents, not 3"):
        mix_set(run, table, out, count=3, parents=3)
    bare = Data("bare", *[part.with_labels(None) for part in table.parts.values()])
    with pytest.raises(ValueError, match="that 'bare' does not have: --mixer bernoulli"):
        mix_set(run, bare, out, count=3)
    assert not out.exists()
    mix_set(run, other, out, count=3, mixer="bernoulli", parents=3)
    assert (out / "labels.csv").exists()


def test_mixes_are_judged_as_the_run_makes_them(run: runs.Run, table: Data) -> None:
    """Copies of the first parent are like real images; those of random masks are not."""
    nets = run.load_nets("cpu")
    torch.nn.init.zeros_(nets["mixer"].mask[-1].weight)
    torch.nn.init.zeros_(nets["mixer"].divide.weight)
    torch.nn.init.constant_(nets["mixer"].divide.bias, 20.0)
    copies = evaluate(nets, table, ["frechet_distance"], mixer="bernoulli")
    others = Data("others", *table.parts.values(), attributes=("light", "left"))
    facts = run.facts
    random = evaluate(nets, others, ["frechet_distance"], facts=facts, mixer="bernoulli")
    assert copies["frechet_distance"] < 0.7 * random["frechet_distance"]
    assert evaluate(nets, table, ["frechet_distance"], parents=3) == copies


@pytest.mark.parametrize("labelled", [True, False])
def test_pictures_of_training_show_wishes(
    run: runs.Run, table: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labelled: bool
) -> None:
    told: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(
        mixed,
        "grid",
        lambda rows, captions: told.append((len(rows), captions)) or drawing.grid(rows, captions),
    )
    valid = table.valid if labelled else table.valid.with_labels(None)
    data = replace(table, valid=valid)
    made = runs.Run(shutil.copytree(run.path, tmp_path / "run"))
    mixed.training_picture(made, made.load_nets("cpu"), data, 7)
    ((rows, captions),) = told
    wished = ["bright: as partner", "left: as partner"] if labelled else ["mix g(z_m), bernoulli"]
    assert captions == ["input x", "reconstruction g(f(x))", "partner", *wished]
    assert rows == len(captions)
    assert (made.pictures / "step-0000007.png").exists()


def test_a_picture_of_wishes_shows_what_is_wished_for(run: runs.Run, table: Data) -> None:
    nets = run.load_nets("cpu")
    rows, _ = mixed._wishes(run, nets, table.test)
    y = table.test.take(torch.arange(mixed.SHOWN))[1]
    assert y is not None
    assert all(len(row) == mixed.SHOWN for row in rows)
    for at, row in enumerate(rows[3:]):
        wanted = y.clone()
        wanted[:, at] = y.roll(-1, 0)[:, at]
        assert (read_attributes(nets, row.cpu(), whole=False) == wanted).float().mean() > 0.8


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("big=1", "unknown label 'big': this run knows bright, left"),
        ("left=2", "a wish is written left=1 or left=0"),
        ("left", "a wish is written left=1 or left=0"),
        ("bright=0", "neither of the two images lacks 'bright'"),
        ("left=1,left=0", "'left' is there twice"),
        ("a=b=1", "unknown label 'a=b'"),
    ],
)
def test_wishes_that_cannot_be(
    run: runs.Run, table: Data, tmp_path: Path, refused, labels: str, message: str
) -> None:
    a, b = files(tmp_path, table, (1, 1), (1, 0))
    out = str(tmp_path / "x.png")
    assert message in refused("mix", str(run.path), a, b, "--labels", labels, "--out", out)


def test_the_paper_s_reader_is_a_head_of_the_critic(
    table: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = runs.Config(
        method=ClassAMR(head=True),
        data=DataConfig(data=runs.ARRAYS, size=16),
        nets=Nets(code=(8, 2, 2), width=8, informed=False),
        training=quick(200, batch_size=64, lr=3e-3, log_every=200, checkpoint_every=200),
    )
    made = runs.start(config, tmp_path / "run", data=table)
    assert "critic/attributes" in made.log()[-1]
    assert not any(name.startswith("reader") for name in made.log()[-1])
    nets = made.load_nets("cpu")
    assert set(nets) == {"autoencoder", "mixer", "critic"}
    x, y = table.test.take(torch.arange(len(table.test)))
    assert y is not None
    assert (read_attributes(nets, x, whole=False) == y).float().mean() > 0.9
    a, b = files(tmp_path, table, (1, 1), (0, 0))
    out = str(tmp_path / "x.png")
    assert main(["mix", str(made.path), a, b, "--labels", "all", "--out", out]) == 0
    assert "4 wishes" in capsys.readouterr().out


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """A run on two classes that one can see: foxes are bright."""
    parts = [ImageSet(x, y[:, 0]) for x, y in (squares(n, n) for n in (512, 64, 64))]
    config = runs.Config(
        method=ClassAMR(),
        data=DataConfig(data=runs.ARRAYS, size=16),
        nets=Nets(code=(4, 2, 2), width=4),
        training=quick(60, batch_size=64, lr=3e-3, log_every=60, checkpoint_every=60),
    )
    data = Data("animals", *parts, ("cat", "fox"))
    return runs.start(config, tmp_path_factory.mktemp("animals") / "run", data=data)


def test_wishes_of_classes(
    animals: runs.Run, table: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str], refused
) -> None:
    fox, cat = files(tmp_path, table, (1, 1), (0, 0))
    out = str(tmp_path / "x.png")

    def told(a: str, b: str, labels: str) -> str:
        capsys.readouterr()
        assert main(["mix", str(animals.path), a, b, "--labels", labels, "--out", out]) == 0
        return capsys.readouterr().out.strip().partition("a row each: ")[2]

    assert told(cat, fox, "fox=1") == told(fox, cat, "fox=1") == told(fox, cat, "cat=0") == "fox"
    assert told(cat, fox, "fox=0") == told(cat, fox, "fox=0,cat=1") == "cat"
    assert told(cat, cat, "all") == "cat"
    everything = "cat, fox, neither cat nor fox, both cat and fox"
    assert told(cat, fox, "all") == everything
    mix = ["mix", str(animals.path), cat, cat, "--out", out, "--labels", "all"]
    assert main([*mix, "--second", "fox=1"]) == 0
    assert f"{everything}\n" in capsys.readouterr().out
    assert "an image is of one class: name that alone" in refused(*mix, "--first", "fox=0")
    for a, b, labels in ((cat, fox, "fox=1,cat=1"), (cat, cat, "fox=1"), (cat, fox, "bird=1")):
        refused("mix", str(animals.path), a, b, "--labels", labels, "--out", out)


def test_labels_of_a_file_that_is_not_there(run: runs.Run, refused) -> None:
    told = ("nowhere.png", "nowhere.png", "--labels", "all", "--out", "x.png")
    assert "there is no file nowhere.png" in refused("mix", str(run.path), *told)


def test_labels_need_two_files_a_png_and_class_amr(
    run: runs.Run, trained: Path, table: Data, tmp_path: Path, refused
) -> None:
    a, b = files(tmp_path, table, (1, 1), (0, 0))
    out = str(tmp_path / "x.png")
    said = refused("mix", str(trained), a, b, "--labels", "all", "--out", out)
    assert "only class-amr" in said
    assert "two image files" in refused("mix", str(run.path), a, "--labels", "all", "--out", out)
    gif = str(tmp_path / "x.gif")
    assert ".png" in refused("mix", str(run.path), a, b, "--labels", "all", "--out", gif)
    said = refused("mix", str(run.path), a, b, "--labels", "all", "--out", out, "--mixer", "mixup")
    assert "without --count" in said


def test_attributes_and_facts_are_kept(run: runs.Run) -> None:
    assert json.loads((run.path / "config.json").read_text())["facts"]["attributes"] == [*NAMES]
    assert runs.Run(run.path).facts.wishes == NAMES
    assert say(torch.tensor([0.0, 0.0]), NAMES) == "none"


def test_class_amr_wants_labels_and_the_nets_of_the_tables(tmp_path: Path) -> None:
    lines = runs.Config(method=ClassAMR(), data=DataConfig(data="lines"), training=quick())
    with pytest.raises(ValueError, match=r"class-amr needs .*lines|attributes or classes"):
        runs.start(lines, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="nets of the tables"):
        runs.Config(method=ClassAMR(), nets=Nets(family="adaae"))


def test_class_amr_wants_images_whose_labels_are_all_known(
    tmp_path: Path, table: Data, refused
) -> None:
    x, y = table.train.images[:12], table.train.labels[:12].clone()
    y[::2, 0] = y[1::2, 1] = -1
    y[:2] = torch.tensor([[-1, 0], [0, -1]])
    np.savez("set.npz", images=x[:, 0].numpy(), attributes=y.numpy())
    flags = ["--out", "run", "--size", "16", "--code", "4", "4", "4", "--steps", "2"]
    said = refused("train", "class-amr", "--data", "set.npz", *flags)
    assert "class-amr needs images all of whose labels are known, and 'set.npz' has none" in said
    with pytest.raises(ValueError, match="all of whose labels are known"):
        Estimator(code=(4, 4, 4), steps=2, device="cpu").fit(x[:, 0].numpy(), y.numpy())


def test_class_amr_wants_images_that_differ(tmp_path: Path, table: Data, refused) -> None:
    x, y = table.train.images[:12, 0].numpy(), np.zeros((12, 2), dtype=np.int64)
    np.savez("set.npz", images=x, attributes=y)
    flags = ["--out", "run", "--size", "16", "--code", "4", "4", "4", "--steps", "2"]
    said = refused("train", "class-amr", "--data", "set.npz", *flags)
    assert "all labelled training images of 'set.npz' have the same" in said


def test_class_amr_wants_no_factors(refused) -> None:
    flags = ["--out", "run", "--size", "16", "--code", "4", "4", "4", "--steps", "2"]
    said = refused("train", "class-amr", "--data", "dsprites-rendered", *flags)
    assert "mixes by classes or by attributes, 0 or 1, and the labels of 'dsprites-r" in said


def test_tables_in_python_are_read_as_files_are() -> None:
    table = np.array([[-1, -1, 0], [1, 0, 1], [-1, 1, 0]])
    labels, values = to_labels(table, 3)
    assert labels is not None
    assert labels.tolist() == [[0, -1, 0], [1, 0, 1], [0, 1, 0]]
    assert values == []


def test_estimator_of_attributes(run: runs.Run, table: Data) -> None:
    x = table.test.images[:, 0].numpy()
    y = table.test.labels.numpy()
    model = load(run.path)
    assert isinstance(model, Estimator)
    assert (model.predict(x[:200]) == y[:200]).mean() > 0.95
    dark, bright = x[y[:, 0] == 0][:40], x[y[:, 0] == 1][:40]
    wanted = np.stack([model.predict(bright)[:, 0], model.predict(dark)[:, 1]], 1)
    made = model.mix_as(dark, bright, wanted)
    assert made.shape == dark.shape
    assert (model.predict(made)[:, 0] == 1).mean() > 0.8
    with pytest.raises(ValueError, match=r"of 40 pairs \(the first is number \d+, from 0\) cannot"):
        model.mix_as(dark, dark, [1, 0])
    read = model.predict(dark), model.predict(bright)
    assert np.array_equal(model.mix_as(dark, bright, wanted, labels=read), made)
    told = read[0], [1, 1]  # another label, another wish that can be granted, another mask
    assert not np.array_equal(model.mix_as(dark, bright, [1, 1], labels=told), made)
    with pytest.raises(ValueError, match=r"of 40 pairs .* neither parent has it$"):
        model.mix_as(dark, bright, [1, 1], labels=([0, 0], [1, 0]))
    with pytest.raises(ValueError, match="labels must be those of the two batches, not 3"):
        model.mix_as(dark, bright, [1, 1], labels=(*read, read[0]))
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        model.mix_as(dark, bright, [1, 1], labels=([0, 0], [1, 5]))
    assert not np.array_equal(model.mix(dark, bright), model.mix(dark, bright, mixer="mixup"))
    fitted = Estimator(code=(8, 2, 2), width=4, steps=2, device="cpu").fit(x, y)
    assert fitted.predict(x[:5]).shape == (5, 2)
    with pytest.raises(ValueError, match="wanted must be 0 or 1"):
        model.mix_as(dark, bright, [2, 0])
    with pytest.raises(ValueError, match="cannot be mixed"):
        model.mix_as(dark, bright[:3], [1, 0])
    mixed = model.predict(model.mix(dark, bright, seed=1))
    assert ((mixed == read[0]) | (mixed == read[1])).mean() > 0.9
    assert len(np.unique(mixed[:, 0])) == 2  # brightness is now the one's and now the other's
    assert np.array_equal(model.mix(dark, bright, seed=1), model.mix(dark, bright, seed=1))
    assert not np.array_equal(model.mix(dark, bright, mixer="bernoulli"), model.mix(dark, bright))
    assert model.mix(dark, bright, dark, mixer="mixup").shape == dark.shape
    with pytest.raises(ValueError, match="equally many"):
        model.mix(dark, bright[:3])


def test_estimator_of_classes(tmp_path: Path, table: Data) -> None:
    x, y = table.train.images[:, 0].numpy(), table.train.labels[:, 0].numpy()
    names = np.array(["dark", "bright"])[y]
    model = Estimator(
        code=(8, 2, 2), width=4, steps=30, batch_size=64, device="cpu", precision="fp32"
    ).fit(x, names)
    assert set(model.predict(x[:20])) <= {"dark", "bright"}
    read = model.predict(x[:3])
    assert model.mix_as(x[:3], x[3:6], read).shape == (3, 16, 16)
    other = np.where(read == "dark", "bright", "dark")
    with pytest.raises(ValueError, match=r"3 of 3 pairs .* cannot grant what is wanted"):
        model.mix_as(x[:3], x[:3], other)
    with pytest.raises(ValueError, match="of the classes"):
        model.mix_as(x[:3], x[3:6], "grey")
    with pytest.raises(ValueError, match="give y"):
        Estimator().fit(x)
    model.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert isinstance(again, Estimator)
    assert (again.predict(x[:20]) == model.predict(x[:20])).all()


def test_bad_tables_are_refused() -> None:
    x, y = squares(8)
    with pytest.raises(ValueError, match="0 or 1"):
        Estimator(steps=1).fit(x[:, 0].numpy(), y.numpy() + 5)
    with pytest.raises(ValueError, match="shape"):
        Estimator(steps=1).fit(x[:, 0].numpy(), y[:3].numpy())


def test_amr_ignores_tables() -> None:
    x, y = squares(16)
    nets = build(Nets(code=(4, 4, 4), width=4), AMR().players, channels=1, size=16, attributes=2)
    state = begin(AMR(), nets, quick())
    terms = step(AMR(), nets, state.optimizers, x / 127.5 - 1, y)
    assert all(torch.isfinite(v) for v in terms.values())


@pytest.mark.parametrize(("channels", "attributes"), [(32, 4), (32, 10), (32, 40), (8, 3), (2, 5)])
def test_half_of_the_channels_are_the_first_parents_and_every_wish_has_one(
    channels: int, attributes: int
) -> None:
    mixer = ClassMixer(attributes, Nets(code=(channels, 2, 2)))
    torch.nn.init.zeros_(mixer.mask[-1].weight)
    ours, theirs = torch.zeros(1, attributes), torch.ones(1, attributes)
    assert (mixer(ours, ours, theirs) > 0.9).all()
    all_theirs = mixer(theirs, ours, theirs)[0]
    assert channels // 3 <= int((all_theirs > 0.9).sum()) <= channels // 2 + 2
    for i in range(attributes):
        wanted = ours.clone()
        wanted[0, i] = 1
        assert (mixer(wanted, ours, theirs)[0] < mixer(ours, ours, theirs)[0] - 0.05).any()


def test_every_part_of_a_batch_needs_a_labelled_image(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = torch.arange(40) % 2
    labels[10:] = -1
    part = ImageSet(torch.zeros(40, 1, 16, 16, dtype=torch.uint8), labels)
    data = Data(runs.ARRAYS, part, part, part, ("a", "b"))

    def nets(batch_size: int) -> None:
        config = runs.Config(
            method=ClassAMR(),
            data=DataConfig(data=runs.ARRAYS, size=16),
            nets=Nets(code=(8, 2, 2), width=4),
            training=quick(batch_size=batch_size),
        )
        first_nets(config, data)

    nets(2)
    with pytest.raises(ValueError, match="a batch of 1 has 0 for sure"):
        nets(1)
    monkeypatch.setenv("WORLD_SIZE", "4")
    nets(16)
    with pytest.raises(ValueError, match="has 2 for sure, for 4 processes"):
        nets(8)


def test_pictures_with_labels_that_are_not_the_runs(
    run: runs.Run, table: Data, tmp_path: Path
) -> None:
    runs.copy(run.path, tmp_path / "run")
    again = runs.Run(tmp_path / "run")
    parts = [part.with_labels(torch.arange(len(part)) % 7) for part in table.parts.values()]
    evaluation_pictures(again, again.load_nets("cpu"), Data("others", *parts, tuple("abcdefg")))
    assert (again.pictures / "labels.png").exists()
    assert not (again.pictures / "wishes.png").exists()

"""Runs across two domains: how well the target is read, and how like it translations are.

Labels of the target's test part serve the accuracies alone, those of its training part the
target-supervised classifier alone; neither chooses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from ..augment import turned
from ..data import Domains, ImageSet, seeded, to_uint8
from ..methods import Classify, DomainMethod
from ..nets import Classifier
from ..runs import Run, fixed_seed, new_nets
from ..train import begin, loop
from .choice import choose
from .codes import CHUNK, encode
from .distances import frechet, kernel, proxy_a

FAMILIES = {
    "accuracy": ("source_accuracy", "target_accuracy"),
    "references": (
        "source_only_accuracy",
        "translated_only_accuracy",
        "target_supervised_accuracy",
    ),
    "translation": (
        "translation_accuracy",
        "frechet_distance",
        "kernel_distance",
        "frechet_distance_untranslated",
        "kernel_distance_untranslated",
    ),
    "divergence": ("proxy_a_distance", "proxy_a_distance_features", "proxy_a_distance_pixels"),
}
CODES = 2000  # images of each domain for the proxy A-distance
FEW = 50  # labelled test images that an accuracy of fewer is said to be of
JUDGED = 10_000  # test images of each domain, at most, whose translations are judged
TAUGHT = 50_000  # at most so many translations teach the classifier that has seen nothing else


def reader(nets: nn.ModuleDict) -> Classifier:
    """The net that reads the target: the slow teacher where there is one."""
    return nets["teacher" if "teacher" in nets else "classifier"]  # type: ignore[return-value]


@torch.inference_mode()
def probabilities(classifier: nn.Module, x: Tensor) -> Tensor:
    """Images (n, C, H, W) to class probabilities (n, K), on the CPU."""
    device = next(classifier.parameters()).device
    return torch.cat([classifier(c.to(device)).softmax(1).cpu() for c in x.split(CHUNK)])


@torch.inference_mode()
def translate(
    method: DomainMethod, nets: nn.ModuleDict, x: Tensor, styles: Tensor, *, seed: int = 0
) -> Tensor:
    """Source images (n, C, H, W) in the target's style, (n, C, H, W), clipped, on the CPU.

    styles: some target images (m, C, H, W); each source image borrows from one, by seed.
    """
    device = next(nets.parameters()).device
    out = []
    with fixed_seed(seed):
        for chunk in x.split(CHUNK):
            style = turned(styles[torch.randint(len(styles), (len(chunk),))])
            out.append(method.translate(nets, chunk.to(device), style.to(device)).cpu())
    return torch.cat(out).clamp(-1, 1)


def accuracy(classifier: nn.Module, images: ImageSet) -> float:
    """Share of the labelled images whose most probable class is theirs.

    Raises ValueError where there is none.
    """
    right = count = 0
    for index in torch.arange(len(images)).split(CHUNK):
        x, y = images.take(index)
        assert y is not None
        guess = probabilities(classifier, x).argmax(1)
        right += int((guess == y.cpu()).sum())
        count += int((y >= 0).sum())
    if not count:
        raise ValueError("an accuracy needs labels, and there are none")
    return right / count


def stopping_point(run: Run) -> str:
    """By what rule training ended where the weights are from."""
    done, total = run.steps, run.config.training.total_steps(run.facts.train_size)
    if done < total:
        return (
            f"step {done:,} of {total:,}, where training was broken off by no rule of this "
            f"package: --resume {run.path} goes on to the end of the budget"
        )
    return f"step {done:,}, the last of a fixed budget; no label of the target chose it"


def reference(
    run: Run,
    images: ImageSet,
    *,
    steps: int | None = None,
    device: str | torch.device = "cpu",
    on_log: Callable[[dict[str, float]], None] = lambda line: None,
) -> nn.ModuleDict:
    """A classifier of the run's architecture, trained for as many steps on labelled images.

    steps: how many, where the run may have gone on since.
    """
    config = run.config
    training = replace(
        config.training,
        steps=steps or run.steps,
        lr=config.training.lr * config.method.rates.get("classifier", 1.0),
    )
    method = Classify(
        augmented=config.method.augments,
        teacher_decay=float(getattr(config.method, "teacher_decay", 0.0)),
    )
    with fixed_seed(training.seed):
        nets = new_nets(method, config.nets, run.facts).to(device)
        loop(method, begin(method, nets, training), images.known(), training, on_log=on_log)
    return nets.eval()


@torch.inference_mode()
def features(classifier: Classifier, x: Tensor) -> Tensor:
    """What the classifier sees last, averaged over places: (n, C, H, W) to (n, d), on the CPU."""
    device = next(classifier.parameters()).device
    return torch.cat([classifier.features(c.to(device)).cpu() for c in x.split(CHUNK)])


def evaluate_domains(
    run: Run,
    nets: nn.ModuleDict,
    data: Domains,
    only: Sequence[str] = (),
    *,
    known: Mapping[str, float] | None = None,
    report: Callable[[str], None] = lambda what: None,
    note: Callable[[str], None] = lambda text: None,
    on_log: Callable[[dict[str, float]], None] = lambda line: None,
    keep: Callable[[dict[str, float]], None] = lambda found: None,
) -> dict[str, float]:
    """All metrics that the data allow, or those in `only`, on the test parts.

    `only` names families, or single metrics. Three classifiers of the run's architecture are
    trained for as many steps as the run was: on the source alone, on translations of it alone, and
    on the target's training part with its labels, which is both the upper bound and the
    independent judge of translations.
    `note` gets a sentence for each metric that is left out, for want of labels or images; `on_log`
    the log lines of those classifiers; and `keep` what is known so far, on the way and at the end,
    as all of it may take half an hour: given back as `known`, it is not measured again. Raises
    ValueError where a metric is unknown, or is named singly and has to be left out, or a family of
    which nothing is left.
    """
    steps = run.steps  # once: it may be training on
    if not steps:
        raise ValueError(f"{run.path} has not learnt anything yet: go on with --resume {run.path}")
    wanted = check_domains(only, data, note)
    found = {metric: value for metric, value in (known or {}).items() if metric in wanted}
    wanted -= found.keys()

    def needs(*metrics: str) -> bool:
        return any(metric in wanted for metric in metrics)

    def begin_with(what: str) -> None:
        keep(found)
        report(what)

    def trained(what: str, images: ImageSet) -> Classifier:
        begin_with(f"a {what} classifier, after training it for comparison")
        device = next(nets.parameters()).device
        return reader(reference(run, images, steps=steps, device=device, on_log=on_log))

    if needs(*FAMILIES["accuracy"]):
        begin_with("the classifier")
    if needs("source_accuracy"):
        found["source_accuracy"] = accuracy(reader(nets), data.source.test)
    if needs("target_accuracy"):
        found["target_accuracy"] = accuracy(reader(nets), data.target.test)
    if needs("source_only_accuracy"):
        found["source_only_accuracy"] = accuracy(
            trained("source-only", data.source.train), data.target.test
        )
    if needs("translated_only_accuracy"):
        made = _translated(run, nets, data.source.train.known())
        found["translated_only_accuracy"] = accuracy(
            trained("translations-only", made), data.target.test
        )
    judged = FAMILIES["translation"]
    if needs("target_supervised_accuracy", *judged):
        # Without labels of the target, features come from the run's own reader of it.
        taught = data.target.train
        judge = trained("target-supervised", taught) if taught.has_labels else reader(nets)
        if needs("target_supervised_accuracy"):
            found["target_supervised_accuracy"] = accuracy(judge, data.target.test)
        if needs(*judged):
            begin_with("translations")
            found |= _translations(run, nets, data, judge, wanted)
    if needs(*FAMILIES["divergence"]):
        begin_with("the divergence of the domains")
        found |= _divergence(nets, data, wanted)
    keep(found)
    return found


def _translated(run: Run, nets: nn.ModuleDict, source: ImageSet) -> ImageSet:
    """The labelled source images, or as many as `TAUGHT`, redrawn once each."""
    styles = run.styles()
    images, labels = [], []
    order = torch.randperm(len(source), generator=seeded("translated"))[:TAUGHT]
    for number, index in enumerate(order.split(CHUNK)):
        x, y = source.take(index)
        assert y is not None
        images.append(to_uint8(translate(run.domain_method, nets, x, styles, seed=number)))
        labels.append(y.cpu())
    return ImageSet(torch.cat(images), torch.cat(labels))


def _translations(
    run: Run, nets: nn.ModuleDict, data: Domains, judge: Classifier, wanted: set[str]
) -> dict[str, float]:
    x, y = _some(_taught(data))
    target, _ = _some(data.target.test)
    made = translate(run.domain_method, nets, x, run.styles())
    real, fake, plain = (features(judge, images).numpy() for images in (target, made, x))
    measures = {
        "translation_accuracy": lambda: accuracy(judge, ImageSet(made, y)),
        "frechet_distance": lambda: frechet(fake, real),
        "kernel_distance": lambda: kernel(fake, real),
        "frechet_distance_untranslated": lambda: frechet(plain, real),
        "kernel_distance_untranslated": lambda: kernel(plain, real),
    }
    return {name: measure() for name, measure in measures.items() if name in wanted}


def _some(images: ImageSet) -> tuple[Tensor, Tensor | None]:
    """The images and labels, or as many as `JUDGED` by seed."""
    places = torch.arange(len(images))
    if len(images) > JUDGED:
        places = torch.randperm(len(images), generator=seeded("judged"))[:JUDGED]
    return images.take(places)


def _taught(data: Domains) -> ImageSet:
    """Source test images; those of classes that no target label teaches a judge are unknown."""
    labels, known = data.source.test.labels, data.target.train.labels
    if labels is not None and known is not None:
        labels = labels.where(torch.isin(labels, known.to(labels)), -1)
    return data.source.test.with_labels(labels)


def check_domains(
    only: Sequence[str], data: Domains, note: Callable[[str], None] = lambda text: None
) -> set[str]:
    """The metrics that `only` names and the data allow; notes and errors as in evaluate_domains."""
    wanted, unfit = choose(only, FAMILIES), _unfit(data)
    for family, metrics in FAMILIES.items():
        if family in only and unfit.keys() >= set(metrics):
            raise ValueError(f"'{family}' cannot be measured: {unfit[metrics[0]]}")
    for metric, reason in unfit.items():
        if metric in only:
            raise ValueError(f"'{metric}' cannot be measured: {reason}")
        if metric in wanted:
            note(f"{metric} is left out: {reason}")
            wanted.remove(metric)
    count = len(data.target.test.known()) if data.target.test.has_labels else FEW
    if count < FEW and wanted & {"target_accuracy", *FAMILIES["references"]}:
        note(f"accuracies on the target are of {count} labelled test images only")
    return wanted


def _unfit(data: Domains) -> dict[str, str]:
    """Metrics that these domains do not allow, and why."""
    found: dict[str, str] = {}
    distances = [m for m in FAMILIES["translation"] if m != "translation_accuracy"]
    fewest = min(len(data.source.test), len(data.target.test))
    for metrics, needed in ((distances, 2), (FAMILIES["divergence"], 4)):
        if fewest < needed:
            reason = f"it takes {needed} test images of each domain, and there are {fewest}"
            found |= dict.fromkeys(metrics, reason)
    strange = data.target.test.labels is not None  # but none that the source knows
    why = "has no class of the source" if strange else "has no labels"
    if not data.target.test.has_labels:
        metrics = ("target_accuracy", *FAMILIES["references"])
        found |= dict.fromkeys(metrics, f"the target's test part {why}")
    if not data.target.train.has_labels:
        metrics = ("target_supervised_accuracy", "translation_accuracy")
        found |= dict.fromkeys(metrics, f"the target's training part {why}")
    elif not _taught(data).has_labels:
        reason = "the target's training part has no class of the source's test images"
        found["translation_accuracy"] = reason
    return found


def _divergence(nets: nn.ModuleDict, data: Domains, wanted: set[str]) -> dict[str, float]:
    views: dict[str, list[np.ndarray]] = {metric: [] for metric in FAMILIES["divergence"]}
    for domain in (data.source, data.target):
        order = torch.randperm(len(domain.test), generator=seeded("divergence"))[:CODES]
        x, _ = domain.test.take(order)
        found = (content(nets["autoencoder"], x), features(reader(nets), x), x)
        for view, values in zip(views.values(), found, strict=True):
            view.append(values.flatten(1).cpu().numpy())
    return {metric: proxy_a(*view) for metric, view in views.items() if metric in wanted}


def content(autoencoder: nn.Module, x: Tensor) -> Tensor:
    """What of the codes (n, c, h, w) both domains share: the content where codes divide."""
    z = encode(autoencoder, x)
    return autoencoder.shared(z) if hasattr(autoencoder, "shared") else z  # type: ignore[operator]

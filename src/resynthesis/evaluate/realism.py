"""How like real images mixes are, in the eyes of a judge trained on real images alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data import Data, seeded
from ..mixing import MIXERS, mix
from ..nets import Judge
from ..runs import fixed_seed
from .codes import CHUNK, decode, encode
from .distances import frechet, kernel
from .judge import opinion
from .wishes import draw_weights

MOST = 5000


@torch.inference_mode()
def measure(
    nets: nn.ModuleDict,
    data: Data,
    judge: Judge,
    *,
    mixer: str = "mixup",
    parents: int = 2,
    under_labels: bool = False,
) -> dict[str, float]:
    """Mixes of one half of the test images against the other half.

    Mixes are those of `mixer`, or `under_labels` those of two parents under a random wish each.

    frechet_distance and kernel_distance of mixes, in the judge's features; the same of mixes of
    pixels (_pixels), and of one half of the real images (_real); where labels are classes,
    classifier_score of mixes, and of real images (_real).
    """
    test, parents = (data.test.known(), 2) if under_labels else (data.test, parents)
    order = torch.randperm(len(test), generator=seeded("realism"))
    ours, theirs = order.tensor_split(2)
    x, y = test.take(ours[:MOST])
    rest, _ = test.take(theirs[:MOST])
    z = encode(nets["autoencoder"], x)

    def made_of(index: Tensor) -> Tensor:
        labels = y[index] if under_labels and y is not None else None
        weights, _ = draw_weights(nets, z[index], mixer, labels)
        return decode(nets["autoencoder"], mix(z[index], weights))

    with fixed_seed(0):
        chosen = torch.stack([torch.randperm(len(z)) for _ in range(parents)])
        made = torch.cat([made_of(index) for index in chosen.split(CHUNK, 1)])
        faded = mix(x[chosen], MIXERS["mixup"](parents, x))
    answers = {
        "": opinion(judge, made),
        "_pixels": opinion(judge, faded),
        "_real": opinion(judge, x),
    }
    real = opinion(judge, rest)[1].numpy()
    found = {}
    for which, (_, features) in answers.items():
        found[f"frechet_distance{which}"] = frechet(features.numpy(), real)
        found[f"kernel_distance{which}"] = kernel(features.numpy(), real)
    for which in ("", "_real") if data.classes else ():
        found[f"classifier_score{which}"] = classifier_score(answers[which][0].softmax(1))
    return found


def classifier_score(p: Tensor) -> float:
    """exp of the mean over images of KL(p(y|x) || p(y)), for class probabilities p (n, K).

    From 1, where all images look alike, to K, where each is surely of one class and all classes
    are met equally often (Salimans et al., NeurIPS 2016, with a classifier of the set's own
    classes in place of Inception).
    """
    p = p.double().clamp(min=1e-12)
    return float((p * (p.log() - p.mean(0).log())).sum(1).mean().exp())

"""Training speed: a plain textbook step of AMR against ours, in alternation in one process.

    python benchmarks/speed.py                # make bench
    python benchmarks/speed.py --rounds 9 --out benchmarks/results/speed.json

The textbook step is what one writes first: float32, NCHW, the generator's step, then the critic's
step with fresh critic passes over the same fakes, torch's default Adam. Same nets, same batch,
same mixes. Prints images per second (median over rounds, smallest and largest beside it), and
the median of the ratios to the textbook step of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from resynthesis.methods import ACAI, AE, AMR, Method
from resynthesis.nets import Nets, build
from resynthesis.runs import _processor
from resynthesis.train import Training, _keep_memory, begin, step, use_bf16


def textbook_encoder(norm: bool, wrap: Callable[[nn.Module], nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = [wrap(nn.Conv2d(1, 16, 1, padding=1))]

    def block(inputs: int, outputs: int) -> None:
        layers.append(wrap(nn.Conv2d(inputs, outputs, 3, padding=1)))
        if norm:
            layers.append(nn.InstanceNorm2d(outputs, affine=True))
        layers.append(nn.LeakyReLU(0.2))

    inputs = 16
    for outputs in (16, 32, 64):
        block(inputs, outputs)
        block(outputs, outputs)
        layers.append(nn.AvgPool2d(2))
        inputs = outputs
    block(64, 128)
    return nn.Sequential(*layers, wrap(nn.Conv2d(128, 2, 3, padding=1)))


def textbook_decoder() -> nn.Sequential:
    layers: list[nn.Module] = []

    def block(inputs: int, outputs: int) -> None:
        layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
        layers.extend([nn.InstanceNorm2d(outputs, affine=True), nn.LeakyReLU(0.2)])

    inputs = 2
    for outputs in (64, 32, 16):
        block(inputs, outputs)
        block(outputs, outputs)
        layers.append(nn.Upsample(scale_factor=2))
        inputs = outputs
    block(16, 16)
    return nn.Sequential(*layers, nn.Conv2d(16, 1, 3, padding=1))


class Textbook:
    """AMR with two parents, as one writes it down first."""

    def __init__(self) -> None:
        self.encoder = textbook_encoder(True, lambda layer: layer)
        self.decoder = textbook_decoder()
        self.critic = textbook_encoder(False, spectral_norm)
        settings = {"lr": 1e-3, "betas": (0.5, 0.99), "weight_decay": 1e-5}
        both = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.generator_optimizer = torch.optim.Adam(both, **settings)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), **settings)

    def D(self, x: Tensor) -> Tensor:
        return self.critic(x).mean((1, 2, 3))

    def says(self, x: Tensor, value: float) -> Tensor:
        d = self.D(x)
        return F.binary_cross_entropy_with_logits(d, torch.full_like(d, value))

    def step(self, x: Tensor) -> None:
        alpha = torch.rand(len(x), 1, 1, 1)
        z = self.encoder(x)
        z_mix = alpha * z + (1 - alpha) * z[torch.randperm(len(x))]
        x_hat, x_mix = self.decoder(z), self.decoder(z_mix)
        loss = 10 * (x - x_hat).abs().mean() + self.says(x_hat, 1) + self.says(x_mix, 1)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        loss = self.says(x, 1) + self.says(x_hat.detach(), 0) + self.says(x_mix.detach(), 0)
        self.critic_optimizer.zero_grad()
        loss.backward()
        self.critic_optimizer.step()


def ours(method: Method, bf16: bool) -> Callable[[Tensor], None]:
    nets = build(Nets(), method.players, channels=1, size=32)
    state = begin(method, nets, Training())
    return lambda x: step(method, nets, state.optimizers, x, bf16=bf16) and None


def rate(function: Callable[[Tensor], None], x: Tensor, steps: int) -> tuple[float, float]:
    """Images per second, and the share of system time in processor time."""
    function(x)
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(steps):
        function(x)
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    return steps * len(x) / seconds, system / max(system + after.ru_utime - before.ru_utime, 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="steps of each in a round")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()

    torch.manual_seed(0)
    bf16 = use_bf16("auto", torch.device("cpu"))
    fast = "bf16" if bf16 else "fp32"
    x = torch.rand(args.batch_size, 1, 32, 32) * 2 - 1
    contestants: dict[str, Callable[[Tensor], None]] = {
        "textbook amr, eager fp32": Textbook().step,
        "amr, fp32": ours(AMR(), False),
        f"amr, {fast}": ours(AMR(), bf16),
        f"amr k=3, {fast}": ours(AMR(parents=3), bf16),
        f"amr shared-bernoulli, {fast}": ours(AMR(mixer="shared-bernoulli"), bf16),
        f"acai, {fast}": ours(ACAI(), bf16),
        f"acai variant amr, {fast}": ours(ACAI(variant="amr"), bf16),
        f"ae + gan, {fast}": ours(AE(adversary=True), bf16),
        f"ae, {fast}": ours(AE(), bf16),
    }
    first = next(iter(contestants))
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    system: dict[str, list[float]] = {name: [] for name in contestants}
    _keep_memory(torch.device("cpu"))  # the loop's habit; the textbook step profits as well
    for _ in range(args.rounds):
        for name, function in contestants.items():
            images, share = rate(function, x, args.steps)
            rates[name].append(images)
            system[name].append(share)

    rows = {}
    print(f"{'step':32} {'images/s':>9} {'min':>7} {'max':>7} {'ratio':>6} {'system':>7}")
    for name, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, rates[first], strict=True))
        rows[name] = {
            "images_per_second": statistics.median(found),
            "min": min(found),
            "max": max(found),
            "ratio_to_textbook": ratio,
            "system_share": statistics.median(system[name]),
        }
        print(
            f"{name:32} {statistics.median(found):9.0f} {min(found):7.0f} {max(found):7.0f} "
            f"{ratio:6.2f} {rows[name]['system_share']:7.1%}"
        )
    about = {
        "batch_size": args.batch_size,
        "rounds": args.rounds,
        "steps_per_round": args.steps,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    if args.out:
        args.out.write_text(json.dumps({**about, "steps": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

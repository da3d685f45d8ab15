"""What going on needs: nets, optimizers, random generators and the place, in one file."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from ..train import State
from .files import read_about, write_tensors


def save(state: State, path: Path) -> None:
    """Writes a state, and where torch's generators are, in place of what was there."""
    tensors = {f"nets.{k}": v for k, v in state.nets.state_dict().items()}
    for player, optimizer in state.optimizers.items():
        for i, slots in optimizer.state_dict()["state"].items():
            for key, value in slots.items():
                tensors[f"optimizers.{player}.{i}.{key}"] = value
    tensors["random.cpu"] = torch.get_rng_state()
    device = next(state.nets.parameters()).device
    if device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(device)
    place = {"step": state.step, "seconds": state.seconds, "sums": state.sums}
    write_tensors(path, tensors, {"place": json.dumps(place)})


def step_of(path: Path) -> int:
    """How far the state in a file had come. Raises KeyError or ValueError where it is broken."""
    return int(json.loads(read_about(path)["place"])["step"])


def fill(state: State, tensors: dict[str, Tensor], about: dict[str, str]) -> None:
    """Fills a fresh state from what was in the file, and sets torch's generators.

    Raises KeyError, ValueError or RuntimeError where it is of other nets.
    """
    place = json.loads(about["place"])
    state.nets.load_state_dict(_under(tensors, "nets."))
    for player, optimizer in state.optimizers.items():
        _fill(optimizer, _under(tensors, f"optimizers.{player}."))
    torch.set_rng_state(tensors["random.cpu"])
    device = next(state.nets.parameters()).device
    if device.type == "cuda" and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"], device)
    state.step, state.seconds, state.sums = place["step"], place["seconds"], place["sums"]


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _fill(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Sets an optimizer's state, in the memory format of the parameters it belongs to."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for name, value in tensors.items():
        i, key = name.split(".", 1)
        parameter = parameters[int(i)]
        if value.ndim:
            like = torch.empty_like(parameter).copy_(value)
        else:  # Adam's step, which fused kernels want on the parameter's device
            like = value.to(parameter.device if optimizer.defaults.get("fused") else "cpu")
        optimizer.state[parameter][key] = like

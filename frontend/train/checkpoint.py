"""Checkpoints of training as plain .npz files: arrays and one JSON text, nothing pickled."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CompileError

State = dict[str, Tensor]
_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Training after `epoch` epochs of phase number `phase`; `order` and `random` are generator states."""

    recipe: str
    phase: int
    epoch: int
    steps: int
    order: Tensor
    random: Tensor
    model: State
    optimiser: State
    kept: dict[str, State]

    @staticmethod
    def moments(optimiser: torch.optim.Optimizer) -> State:
        """Adam's running moments, keyed "parameter/moment" with parameters numbered as the optimiser does."""
        state = optimiser.state_dict()["state"]
        return {f"{i}/{name}": torch.as_tensor(v) for i, parts in state.items() for name, v in parts.items()}

    def give(self, optimiser: torch.optim.Optimizer) -> None:
        """Put the moments back into `optimiser`, which has the same parameters."""
        whole: dict[str, Any] = optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in self.optimiser.items():
            number, name = key.split("/", 1)
            state.setdefault(int(number), {})[name] = value
        optimiser.load_state_dict(whole | {"state": state})


def capture(model: nn.Module) -> State:
    """All that `model` is: parameters, buffers, and how often its learned scales have seen data.

    More than state_dict(): Brevitas leaves out what scales have collected before they start to be learned.
    """
    state = {name: t.detach().clone() for name, t in (*model.named_parameters(), *model.named_buffers())}
    return state | {f"{path}!counter": torch.tensor(module.counter) for path, module in _counting(model)}


@torch.no_grad()
def put(model: nn.Module, state: State) -> None:
    """Make `model`, built alike, what it was at `capture`. Names that `state` lacks stay as they are."""
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if name in state:
            tensor.copy_(state[name])
    for path, module in _counting(model):
        module.counter = int(state[f"{path}!counter"])


def _counting(model: nn.Module) -> list[tuple[str, Any]]:
    return [(path, m) for path, m in model.named_modules() if isinstance(getattr(m, "counter", None), int)]


def save_checkpoint(path: Path, state: Checkpoint) -> None:
    """Write `state` to `path`, whole or not at all."""
    meta = {
        "version": _VERSION, "recipe": state.recipe, "phase": state.phase, "epoch": state.epoch,
        "steps": state.steps, "kept": sorted(state.kept),
    }  # fmt: skip
    arrays = {"order": state.order, "random": state.random}
    arrays |= {f"model:{k}": v for k, v in state.model.items()}
    arrays |= {f"optimiser:{k}": v for k, v in state.optimiser.items()}
    arrays |= {f"kept:{name}:{k}": v for name, kept in state.kept.items() for k, v in kept.items()}
    plain: dict[str, Any] = {k: v.detach().cpu().numpy() for k, v in arrays.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    with temporary.open("wb") as file:
        np.savez(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **plain)
    os.replace(temporary, path)


def load_checkpoint(path: Path, recipe: str) -> Checkpoint:
    """Read `path`. Raises CompileError where it is no checkpoint, or one of another recipe or other data."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("meta").tobytes())
        found = _assemble(meta, {k: torch.from_numpy(v) for k, v in arrays.items()})
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CompileError("this is no checkpoint", node=str(path), fix="delete the file to start anew") from error
    if found.recipe != recipe:
        raise CompileError(
            f"the checkpoint is of another run: {found.recipe}", node=str(path),
            fix="give the recipe and data it was made with, or delete the file to start anew",
        )  # fmt: skip
    return found


def _assemble(meta: dict[str, Any], tensors: State) -> Checkpoint:
    if meta["version"] != _VERSION:
        raise ValueError(f"version {meta['version']}")

    def part(prefix: str) -> State:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    kept = {name: part(f"kept:{name}:") for name in meta["kept"]}
    return Checkpoint(
        str(meta["recipe"]), int(meta["phase"]), int(meta["epoch"]), int(meta["steps"]),
        tensors["order"], tensors["random"], part("model:"), part("optimiser:"), kept,
    )  # fmt: skip

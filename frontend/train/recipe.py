"""What every training recipe is, and how a model is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...errors import CompileError
from .augment import Augmentation, Clean
from .objective import Distil

_HIGHEST_RATE = 1e6

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands: epoch (from 1) of epochs, mean loss and accuracy over the epoch's training batches.

    A recipe of several phases counts epochs anew in each; `phase` counts from 1.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    phase: int = 1


Watch = Callable[[Progress], None]


class Scalars(Protocol):
    """Where curves go; TensorBoard's SummaryWriter is one (see `scalars.tensorboard`)."""

    def add_scalar(self, tag: str, value: float, step: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """Epochs of shuffled mini-batches; every learning rate falls from its start to 0 along a cosine.

    `augment` makes what the model sees of each batch; `seed` decides the order of images and all random choices.
    """

    epochs: int = 60
    batch_size: int = 64
    seed: int = 0
    augment: Augmentation = field(default_factory=Clean)

    def __post_init__(self) -> None:
        whole = all(isinstance(n, int) for n in (self.epochs, self.batch_size, self.seed))
        if not whole or self.epochs < 1 or self.batch_size < 2 or not 0 <= self.seed < 2**32:
            raise CompileError(
                f"{self.epochs} epochs of batches of {self.batch_size}, seed {self.seed}",
                fix="at least one epoch, two images a batch (batch norm needs them), a seed below 2^32; whole numbers",
            )


@dataclass(frozen=True, slots=True)
class Aids:
    """What training may use besides data; none of it but `distil` changes the result on one kind of device.

    `checkpoint`: a .npz file, written after each epoch and resumed from where it exists. `scalars`: curves.
    `distil`: a teacher. `device`: where the model and each batch go, such as "cuda"; the model returns to the CPU.
    """

    checkpoint: Path | None = None
    scalars: Scalars | None = None
    distil: Distil | None = None
    device: str = "cpu"


class Recipe(Protocol):
    """A way to train and prune a card. A recipe is a frozen dataclass: its fields are all that decides the result."""

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """Train `model` in place on x [N, ...] with class labels y [N] and return it in eval mode, masks final."""
        ...


def check_rates(**rates: float) -> None:
    """Raise CompileError for a learning rate that is not positive, or beyond what Adam's arithmetic takes."""
    for name, rate in rates.items():
        if not 0 < rate <= _HIGHEST_RATE:
            raise CompileError(f"{name} is {rate}", fix=f"give positive learning rates, {_HIGHEST_RATE:g} at most")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread: sums are then always added in one order, and for models this small it is no slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def predict(model: nn.Module, x: FloatArray, batch_size: int = 256, device: str = "cpu") -> FloatArray:
    """Logits [N, classes] in eval mode, computed on `device`; the model's mode is left as it was, on the CPU."""
    if len(x) == 0:
        raise CompileError("no images to predict", fix="give at least one")
    was_training = model.training
    model.eval().to(device)
    batches = (torch.from_numpy(x[i : i + batch_size]).to(device) for i in range(0, len(x), batch_size))
    with one_thread():
        parts = [model(batch).cpu().numpy() for batch in batches]
    model.train(was_training).to("cpu")
    return np.concatenate(parts)


def accuracy(model: nn.Module, x: FloatArray, y: IntArray) -> float:
    """Share of x [N, ...] whose largest logit is y [N]; among equal logits the lowest index wins."""
    return float((predict(model, x).argmax(1) == y).mean())

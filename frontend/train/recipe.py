"""What every training recipe is, and how a model is judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import CompileError
from .augment import Augmentation, Clean
from .objective import Distil

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
        if self.epochs < 1 or self.batch_size < 2:
            raise CompileError(
                f"{self.epochs} epochs of batches of {self.batch_size}",
                fix="at least one epoch, and two images a batch (batch norm needs them)",
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
    """Raise CompileError for a learning rate that is not positive and finite."""
    for name, rate in rates.items():
        if not (rate > 0 and math.isfinite(rate)):
            raise CompileError(f"{name} is {rate}", fix="give positive learning rates")


def check_data(x: FloatArray, y: IntArray) -> tuple[Tensor, Tensor]:
    """Training data as tensors. Raises CompileError for NaN, lengths that differ, or labels that are no integers."""
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y) or len(x) < 2:
        raise CompileError(
            f"inputs of shape {list(x.shape)} with labels of shape {list(y.shape)}",
            fix="give x as [N, ...] and y as [N], with N of at least 2",
        )
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        raise CompileError(f"labels of type {y.dtype} from {y.min()}", fix="number the classes 0, 1, 2, ...")
    if not np.isfinite(x).all():
        raise CompileError("the training images hold NaN or infinity", fix="clean the data")
    return torch.from_numpy(np.array(x, np.float32)), torch.from_numpy(np.array(y, np.int64))


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

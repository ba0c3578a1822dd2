"""What every training recipe is, and the loop they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...errors import CompileError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands: epoch (from 1) of epochs, mean loss and accuracy over the epoch's training batches."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float


Watch = Callable[[Progress], None]


class Recipe(Protocol):
    """A way to train and prune a card. A recipe is a frozen dataclass: its fields are all that decides the result."""

    def train(self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None) -> nn.Module:
        """Train `model` in place on x [N, ...] with class labels y [N] and return it in eval mode, masks final."""
        ...


@dataclass(frozen=True, slots=True)
class Schedule:
    """Epochs of shuffled mini-batches; every learning rate falls from its start to 0 along a cosine."""

    epochs: int = 60
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise CompileError(
                f"{self.epochs} epochs of batches of {self.batch_size}",
                fix="at least one epoch, and two images a batch (batch norm needs them)",
            )


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


def fit(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    schedule: Schedule,
    groups: Sequence[dict[str, Any]],
    before_step: Callable[[], None],
    progress: Watch | None = None,
) -> None:
    """Minimise cross-entropy with Adam over parameter `groups` (each with its own lr).

    `before_step` runs before every forward pass: where a recipe prunes. Raises CompileError when the loss
    diverges.
    """
    steps = schedule.epochs * (len(x) // schedule.batch_size or 1)
    optimiser = torch.optim.Adam(list(groups))
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order = torch.Generator().manual_seed(schedule.seed)
    model.train()
    for epoch in range(1, schedule.epochs + 1):
        loss_sum, right, seen = 0.0, 0, 0
        for batch in _batches(len(x), schedule.batch_size, order):
            before_step()
            optimiser.zero_grad()
            logits = model(x[batch])
            loss = nn.functional.cross_entropy(logits, y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cosine.step()
            loss_sum += float(loss.detach()) * len(batch)
            right += int((logits.argmax(1) == y[batch]).sum())
            seen += len(batch)
        if not np.isfinite(loss_sum):
            raise CompileError(f"the loss is {loss_sum} in epoch {epoch}", fix="lower the learning rate")
        if progress is not None:
            progress(Progress(epoch, schedule.epochs, loss_sum / seen, right / seen))


def _batches(n: int, size: int, order: torch.Generator) -> Iterator[Tensor]:
    """A shuffled epoch in full batches (what is left over waits for another epoch's shuffle)."""
    shuffled = torch.randperm(n, generator=order)
    for i in range(max(1, n // size)):
        yield shuffled[i * size : (i + 1) * size]


@torch.no_grad()
def predict(model: nn.Module, x: FloatArray, batch_size: int = 256) -> FloatArray:
    """Logits [N, classes] in eval mode; the model's mode is left as it was."""
    was_training = model.training
    model.eval()
    with one_thread():
        parts = [model(torch.from_numpy(x[i : i + batch_size])).numpy() for i in range(0, len(x), batch_size)]
    model.train(was_training)
    return np.concatenate(parts)


def accuracy(model: nn.Module, x: FloatArray, y: IntArray) -> float:
    """Share of x [N, ...] whose largest logit is y [N]; among equal logits the lowest index wins."""
    return float((predict(model, x).argmax(1) == y).mean())

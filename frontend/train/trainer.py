"""The loop that all recipes share: phases of epochs, each of which can be interrupted and resumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CompileError
from .checkpoint import Checkpoint, capture, load_checkpoint, put, save_checkpoint
from .checks import check_data, check_model, digest, to_device
from .layers import Masked, masked_layers
from .objective import objective
from .recipe import Aids, FloatArray, IntArray, Progress, Schedule, Watch

State = dict[str, Tensor]


class Trainer:
    """Trains one model through the phases of one recipe.

    Phases and everything between them must follow from the recipe alone: when resumed, the phases that the
    checkpoint has behind it are skipped, and what was done between them is overwritten by what it holds. `recipe`
    (its repr) and the data's shape must be those that the checkpoint was made with.
    """

    def __init__(
        self, recipe: object, model: nn.Module, x: FloatArray, y: IntArray, schedule: Schedule,
        progress: Watch | None, aids: Aids | None,
    ) -> None:  # fmt: skip
        self.model, self.schedule, self._watch, self._aids = model, schedule, progress, aids or Aids()
        self._x, self._y = check_data(x, y)
        self._order = torch.Generator().manual_seed(schedule.seed)
        self._random = torch.Generator().manual_seed(schedule.seed + 0x5EED)
        self._kept: dict[str, State] = {}
        self._phase, self._steps, self._resume = 0, 0, None
        check_model(model, self._x, self._y)
        self._recipe = f"{recipe!r} on {list(x.shape)} ({digest(model, self._x, self._y)})"
        path = self._aids.checkpoint
        if path is not None and path.exists():
            self._resume = load_checkpoint(path, self._recipe)
            self._kept = self._resume.kept
        to_device(model, self._aids.device)

    @property
    def steps_an_epoch(self) -> int:
        return len(self._x) // self.schedule.batch_size or 1

    def keep(self, name: str) -> None:
        """Remember the model as it is now, for `kept`."""
        if not self._skipping:
            self._kept[name] = capture(self.model)

    def kept(self, name: str) -> State:
        """The model's state as it was at `keep`. (What stands there while phases are skipped is of no account.)"""
        return self._kept.get(name) or capture(self.model)

    @property
    def _skipping(self) -> bool:
        return self._resume is not None and self._phase < self._resume.phase

    def phase(
        self,
        groups: Sequence[dict[str, Any]],
        before_step: Callable[[int], None],
        *,
        epochs: int | None = None,
        first: int = 0,
        after_epoch: Callable[[int], None] = lambda epoch: None,
    ) -> None:
        """Minimise the loss with Adam over parameter `groups` (each with its own lr) from epoch `first` to `epochs`.

        The cosine of the learning rates runs over all of `epochs`, so that a phase that begins later takes it up
        where it then is. `before_step(step)`, step counted from 0 within the phase, runs before every forward
        pass: where a recipe prunes; `after_epoch(epoch)` with the epochs done. Raises CompileError when the
        loss diverges.
        """
        self._phase += 1
        epochs = epochs or self.schedule.epochs
        if self._skipping:
            return
        optimiser = torch.optim.Adam([dict(group) for group in groups])  # it writes into what it is given
        rates = [float(group["lr"]) for group in optimiser.param_groups]
        done = self._restore(optimiser, first)
        self.model.train()
        for epoch in range(done + 1, epochs + 1):
            loss, right = self._epoch(optimiser, rates, epoch, epochs, first, before_step)
            if not math.isfinite(loss):
                raise CompileError(f"the loss is {loss} in epoch {epoch}", fix="lower the learning rate")
            after_epoch(epoch)
            self._tell(Progress(epoch, epochs, loss, right, self._phase))
            self._save(optimiser, epoch)

    def _epoch(
        self, optimiser: torch.optim.Optimizer, rates: list[float], epoch: int, epochs: int, first: int,
        before_step: Callable[[int], None],
    ) -> tuple[float, float]:  # fmt: skip
        loss_sum, right, seen, n = 0.0, 0, 0, self.steps_an_epoch
        layers = [layer for _, layer in masked_layers(self.model)]
        for i, batch in enumerate(self._batches()):
            step = (epoch - 1) * n + i
            share = step / (epochs * n)
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = 0.5 * rate * (1 + math.cos(math.pi * share))
            for layer in layers:
                layer.progress = share
            before_step(step - first * n)
            loss, hits = self._step(optimiser, batch)
            loss_sum, right, seen = loss_sum + loss * len(batch), right + hits, seen + len(batch)
        return loss_sum / seen, right / seen

    def _step(self, optimiser: torch.optim.Optimizer, batch: Tensor) -> tuple[float, int]:
        augment, device = self.schedule.augment, self._aids.device
        x, y = self._x[batch].to(device), self._y[batch].to(device)
        optimiser.zero_grad()
        views = augment.views(x, self._random)
        loss, logits = objective(self.model, views, y, augment.consistency, self._aids.distil)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return float(loss.detach()), int((logits.argmax(1) == y).sum())

    def _batches(self) -> Iterator[Tensor]:
        """A shuffled epoch in full batches (what is left over waits for another epoch's shuffle)."""
        size = self.schedule.batch_size
        shuffled = torch.randperm(len(self._x), generator=self._order)
        for i in range(self.steps_an_epoch):
            yield shuffled[i * size : (i + 1) * size]

    def _tell(self, progress: Progress) -> None:
        self._steps += 1
        if self._aids.scalars is not None:
            self._aids.scalars.add_scalar("train/loss", progress.loss, self._steps)
            self._aids.scalars.add_scalar("train/accuracy", progress.accuracy, self._steps)
        if self._watch is not None:
            self._watch(progress)

    def _restore(self, optimiser: torch.optim.Optimizer, first: int) -> int:
        """Epochs of this phase that are done."""
        found = self._resume
        if found is None or found.phase != self._phase:
            return first
        self._resume = None
        put(self.model, found.model)
        found.give(optimiser)
        self._order.set_state(found.order)
        self._random.set_state(found.random)
        self._steps = found.steps
        return found.epoch

    def _save(self, optimiser: torch.optim.Optimizer, epoch: int) -> None:
        if self._aids.checkpoint is not None:
            state = Checkpoint(
                self._recipe, self._phase, epoch, self._steps, self._order.get_state(), self._random.get_state(),
                capture(self.model), Checkpoint.moments(optimiser), self._kept,
            )  # fmt: skip
            save_checkpoint(self._aids.checkpoint, state)

    def finish(self) -> nn.Module:
        """The model on the CPU, in eval mode."""
        return self.model.to("cpu").eval()


def refresh_all(layers: Sequence[Masked]) -> None:
    """Scales from the latent weights as they now are."""
    for layer in layers:
        layer.refresh()

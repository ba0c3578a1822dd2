"""Pruning by the magnitude of trained (latent) weights: once and fine-tuned, or gradually while training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from ...errors import CompileError
from .layers import Masked, layers_to_prune
from .ranking import Ranking, check_pruning, rank_masks
from .recipe import Aids, FloatArray, IntArray, Schedule, Watch, check_rates, one_thread
from .trainer import Trainer, refresh_all
from .weights import Estimator, Ste


@dataclass(frozen=True, slots=True)
class FineTune:
    """Train dense for `dense_epochs`, prune the smallest weights at once, fine-tune for schedule.epochs.

    Source: Han et al., "Learning both Weights and Connections" (NeurIPS 2015). Fine-tuning starts at `tune_lr`.
    """

    sparsity: float = 0.9
    ranking: Ranking = "global"
    lr: float = 0.01
    tune_lr: float = 0.001
    dense_epochs: int = 60
    estimator: Estimator = field(default_factory=Ste)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_pruning(self.sparsity, self.ranking)
        check_rates(lr=self.lr, tune_lr=self.tune_lr)
        if self.dense_epochs < 1:
            raise CompileError(f"{self.dense_epochs} dense epochs", fix="at least one")

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = start(model, self.estimator)
        parameters = list(model.parameters())
        with one_thread():
            trainer = Trainer(self, model, x, y, self.schedule, progress, aids)
            dense = [{"params": parameters, "lr": self.lr}]
            trainer.phase(dense, lambda _: refresh_all(layers), epochs=self.dense_epochs)
            prune(layers, self.sparsity, self.ranking)
            trainer.phase([{"params": parameters, "lr": self.tune_lr}], lambda _: refresh_all(layers))
            refresh_all(layers)
        return trainer.finish()


@dataclass(frozen=True, slots=True)
class Gradual:
    """Prune while training: sparsity s_t = s_f + (s_i - s_f) (1 - (t - t0) / (n dt))^3 every dt = `every` steps.

    Source: Zhu and Gupta, "To prune, or not to prune" (2017), equation 1. Pruning runs from `begin` to `end`, shares
    of all steps, and starts at `initial`; a pruned weight stays pruned.
    """

    sparsity: float = 0.9
    ranking: Ranking = "global"
    lr: float = 0.01
    initial: float = 0.0
    begin: float = 0.1
    end: float = 0.75
    every: int = 50
    estimator: Estimator = field(default_factory=Ste)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_pruning(self.sparsity, self.ranking)
        check_rates(lr=self.lr)
        if not (0 <= self.initial <= self.sparsity and 0 <= self.begin < self.end <= 1 and self.every >= 1):
            raise CompileError(
                f"pruning from {self.initial} at {self.begin} until {self.end}, every {self.every} steps",
                fix="initial at most the final sparsity, 0 <= begin < end <= 1, every of at least 1",
            )

    def target(self, step: int, steps: int) -> float:
        """The sparsity at `step` (from 0) of `steps`; 0 before pruning begins."""
        t0, last = int(self.begin * steps), int(self.end * steps)
        if step < t0:
            return 0.0
        left = 1 - min(1.0, (step - t0) / max(1, last - t0))
        return self.sparsity + (self.initial - self.sparsity) * left**3

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = start(model, self.estimator)
        with one_thread():
            trainer = Trainer(self, model, x, y, self.schedule, progress, aids)
            steps = self.schedule.epochs * trainer.steps_an_epoch

            def before_step(step: int) -> None:
                refresh_all(layers)
                if step % self.every == 0 or step == int(self.end * steps):
                    prune(layers, self.target(step, steps), self.ranking)

            trainer.phase([{"params": list(model.parameters()), "lr": self.lr}], before_step)
            prune(layers, self.sparsity, self.ranking)
        return trainer.finish()


def start(model: nn.Module, estimator: Estimator) -> list[Masked]:
    """The layers to prune, their weights trained through `estimator`."""
    layers = layers_to_prune(model)
    for layer in layers:
        layer.estimator = estimator
    return layers


def prune(layers: Sequence[Masked], sparsity: float, ranking: Ranking) -> None:
    """Prune `layers` to `sparsity` by the magnitude of their weights; what is pruned already stays so."""
    ranks = [layer.weight.abs().masked_fill(layer.mask == 0, -1.0).add(1.0) for layer in layers]
    for layer, mask in zip(layers, rank_masks(ranks, sparsity, ranking), strict=True):
        layer.set_mask(mask * layer.mask)

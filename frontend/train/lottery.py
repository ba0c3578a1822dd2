"""Lottery tickets and learning-rate rewinding: prune a share of what is left, go back, train again.

Sources: Frankle et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (ICML 2020); Renda et al.,
"Comparing Rewinding and Fine-tuning in Neural Network Pruning" (ICLR 2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from ...errors import CompileError
from .checkpoint import put
from .magnitude import prune, start
from .ranking import Ranking, check_pruning
from .recipe import Aids, FloatArray, IntArray, Schedule, Watch, check_rates, one_thread
from .trainer import State, Trainer, refresh_all
from .weights import Estimator, Ste


@dataclass(frozen=True, slots=True)
class _Rounds:
    """What the two recipes share: all but what goes back to where it was."""

    rewinds_weights: ClassVar[bool]

    sparsity: float = 0.9
    ranking: Ranking = "global"
    lr: float = 0.01
    share: float = 0.2
    rewind_epochs: int = 1
    estimator: Estimator = field(default_factory=Ste)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_pruning(self.sparsity, self.ranking)
        check_rates(lr=self.lr)
        if not (0.01 <= self.share < 1 and 0 <= self.rewind_epochs < self.schedule.epochs):
            raise CompileError(
                f"pruning {self.share} a round, rewinding to epoch {self.rewind_epochs} of {self.schedule.epochs}",
                fix="a share from 0.01 to below 1, and an epoch before the last",
            )

    def rounds(self) -> list[float]:
        """The sparsity of each round after the dense one."""
        return rounds(self.sparsity, self.share)

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = start(model, self.estimator)
        groups = [{"params": list(model.parameters()), "lr": self.lr}]
        with one_thread():
            trainer = Trainer(self, model, x, y, self.schedule, progress, aids)
            if self.rewind_epochs == 0:
                trainer.keep("rewind")

            def after_epoch(epoch: int) -> None:
                if epoch == self.rewind_epochs:
                    trainer.keep("rewind")

            trainer.phase(groups, lambda _: refresh_all(layers), after_epoch=after_epoch)
            for target in self.rounds():
                prune(layers, target, self.ranking)
                if self.rewinds_weights:
                    _rewind(model, trainer.kept("rewind"))
                refresh_all(layers)
                trainer.phase(groups, lambda _: refresh_all(layers), first=self.rewind_epochs)
            refresh_all(layers)
        return trainer.finish()


@dataclass(frozen=True, slots=True)
class LotteryTicket(_Rounds):
    """Iterative magnitude pruning with weight rewinding.

    Train for schedule.epochs; then round by round prune `share` of the weights that are left, set the others (and
    batch norm) back to what they were after `rewind_epochs`, and train on from there, until `sparsity` is reached.
    """

    rewinds_weights: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class LearningRateRewinding(_Rounds):
    """As LotteryTicket, but the weights stay: only the learning rates go back to where they were."""

    rewinds_weights: ClassVar[bool] = False


def rounds(sparsity: float, share: float) -> list[float]:
    """Sparsities 1 - (1 - share)^k as long as they stay below `sparsity`, then that."""
    found, left = list[float](), 1.0 - share
    while 1.0 - left < sparsity - 1e-9:
        found.append(1.0 - left)
        left *= 1.0 - share
    return [*found, sparsity]


def _rewind(model: nn.Module, kept: State) -> None:
    """Everything but the masks as it was."""
    put(model, {name: tensor for name, tensor in kept.items() if name.split(".")[-1] != "mask"})

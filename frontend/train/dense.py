"""Plain training of a model as it is: a dense float network, or one with masks that stay."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from .layers import masked_layers
from .recipe import Aids, FloatArray, IntArray, Schedule, Watch, check_rates, one_thread
from .trainer import Trainer, refresh_all
from .weights import Estimator, Ste


@dataclass(frozen=True, slots=True)
class Dense:
    """No pruning: all weights are trained, quantised ones through `estimator`; masks stay as they are."""

    lr: float = 0.01
    estimator: Estimator = field(default_factory=Ste)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_rates(lr=self.lr)

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train; the model need not have masked layers."""
        layers = [layer for _, layer in masked_layers(model)]
        for layer in layers:
            layer.estimator = self.estimator
        with one_thread():
            trainer = Trainer(self, model, x, y, self.schedule, progress, aids)
            trainer.phase([{"params": list(model.parameters()), "lr": self.lr}], lambda _: refresh_all(layers))
            refresh_all(layers)
        return trainer.finish()

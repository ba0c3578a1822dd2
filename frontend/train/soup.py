"""Sparse model soups: average replicas that share a mask.

Source: Zimmer et al., "Sparse Model Soups: A Recipe for Improved Pruning via Model Averaging" (ICLR 2024).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from ...errors import CompileError
from .checks import check_data
from .dense import Dense
from .layers import layers_to_prune, masked_layers
from .recipe import Aids, FloatArray, IntArray, Recipe, Schedule, Watch, check_rates, one_thread
from .trainer import refresh_all
from .weights import Estimator, Ste


@dataclass(frozen=True, slots=True)
class SparseSoup:
    """Prune with `base`, retrain `replicas` copies with seeds of their own, average them under the shared mask.

    Latent weights and batch norm's parameters are averaged, its statistics are taken anew from training images.
    `schedule` and `lr` are those of the retraining; replica i uses schedule.seed + 1 + i.
    """

    base: Recipe
    replicas: int = 3
    lr: float = 0.003
    estimator: Estimator = field(default_factory=Ste)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_rates(lr=self.lr)
        if self.replicas < 2:
            raise CompileError(f"a soup of {self.replicas}", fix="at least two replicas")

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Checkpoints are kept for the base and each replica, beside the file of `aids`."""
        self.base.train(model, x, y, progress, aids)
        copies = []
        for i in range(self.replicas):
            replica = copy.deepcopy(model)
            for parameter in replica.parameters():
                parameter.requires_grad_(True)  # score recipes freeze the weights
            schedule = dataclasses.replace(self.schedule, seed=self.schedule.seed + 1 + i)
            own = _aids_of(aids, i)
            copies.append(Dense(self.lr, self.estimator, schedule).train(replica, x, y, progress, own))
        stir(model, copies)
        renew_statistics(model, x, self.schedule.batch_size)
        return model.eval()


def _aids_of(aids: Aids | None, replica: int) -> Aids | None:
    if aids is None or aids.checkpoint is None:
        return aids
    path = aids.checkpoint
    return dataclasses.replace(aids, checkpoint=path.with_name(f"{path.stem}-replica{replica}{path.suffix}"))


@torch.no_grad()
def stir(model: nn.Module, replicas: Sequence[nn.Module]) -> None:
    """Give `model` the mean of the replicas' parameters. Raises CompileError unless all share its masks."""
    layers = layers_to_prune(model)
    for replica in replicas:
        others = [layer for _, layer in masked_layers(replica)]
        if any(not torch.equal(a.mask, b.mask) for a, b in zip(layers, others, strict=True)):
            raise CompileError("the replicas' masks differ", fix="retrain replicas of one pruned model")
    parts = [dict(replica.named_parameters()) for replica in replicas]
    for name, parameter in model.named_parameters():
        parameter.copy_(torch.stack([part[name] for part in parts]).mean(0))
    refresh_all(layers)


@torch.no_grad()
def renew_statistics(model: nn.Module, x: FloatArray, batch_size: int, batches: int = 50) -> None:
    """Batch-norm statistics anew: the plain mean over the first `batches` of x [N, ...]."""
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    images, _ = check_data(x, torch.zeros(len(x), dtype=torch.int64).numpy())
    model.train()
    with one_thread():
        for i in range(max(1, min(batches, len(x) // batch_size))):
            model(images[i * batch_size : (i + 1) * batch_size])
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    model.eval()

"""Edge-popup: find a subnetwork of a frozen random network by training a score a weight.

Source: Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?" (CVPR 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .layers import Masked, layers_to_prune
from .ranking import Ranking, check_pruning, rank_masks
from .recipe import Aids, FloatArray, IntArray, Schedule, Watch, check_rates, one_thread
from .trainer import Trainer


@dataclass(frozen=True, slots=True)
class ScoreRecipe:
    """What edge-popup and biprop have in common: all but the weights that the scores choose from."""

    sparsity: float = 0.9
    ranking: Ranking = "global"
    score_lr: float = 0.01
    lr: float = 0.01
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        check_pruning(self.sparsity, self.ranking)
        check_rates(score_lr=self.score_lr, lr=self.lr)


@dataclass(frozen=True, slots=True)
class EdgePopup(ScoreRecipe):
    """Train scores s with W frozen at +-sigma: M = top-k of |s|, dL/ds = sign(s) * W * dL/dW^.

    The weights are the paper's signed constants, sigma = sqrt(2 / fan-in), divided by sqrt(share kept) so that
    activations keep their variance; sigma stays the layer's scale whatever the mask. Batch norm is trained along.
    """

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = layers_to_prune(model)
        with torch.no_grad():
            for layer in layers:
                sigma = math.sqrt(2 / (layer.weight[0].numel() * (1 - self.sparsity)))
                layer.weight.copy_(torch.where(layer.weight < 0, -sigma, sigma))
                layer.refresh()
                layer.rescale = False
        train_scores(self, model, layers, x, y, progress, aids)
        for layer in layers:
            layer.rescale = True
        return model


def train_scores(
    recipe: ScoreRecipe, model: nn.Module, layers: Sequence[Masked], x: FloatArray, y: IntArray,
    progress: Watch | None, aids: Aids | None,
) -> None:  # fmt: skip
    """Train a score for each weight of `layers`, weights frozen, all else trained; masks are final afterwards."""
    frozen = {id(layer.weight) for layer in layers}
    others = [p for p in model.parameters() if id(p) not in frozen]
    generator = torch.Generator().manual_seed(recipe.schedule.seed)
    for layer in layers:
        layer.weight.requires_grad_(False)
        layer.start_scores(_first_scores(layer.weight, generator))

    def prune(_: int = 0) -> None:
        scores = [layer.scores for layer in layers if layer.scores is not None]
        for layer, mask in zip(layers, rank_masks(scores, recipe.sparsity, recipe.ranking), strict=True):
            layer.set_mask(mask)

    with one_thread():
        trainer = Trainer(recipe, model, x, y, recipe.schedule, progress, aids)
        groups = [
            {"params": [layer.scores for layer in layers], "lr": recipe.score_lr},
            {"params": others, "lr": recipe.lr},
        ]
        trainer.phase(groups, prune)
        prune()
    for layer in layers:
        layer.drop_scores()
    trainer.finish()


def _first_scores(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in +-1 for every layer alike, so that a global ranking starts out layer-wise."""
    return torch.empty_like(weight).uniform_(-1.0, 1.0, generator=generator)

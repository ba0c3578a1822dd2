"""Biprop: find a binary subnetwork of a frozen random network by training a score a weight.

Source: Diffenderfer and Kailkhura, "Multi-Prize Lottery Ticket Hypothesis" (ICLR 2021), algorithm 1; edge-
popup from Ramanujan et al., "What's Hidden in a Randomly Weighted Neural Network?" (CVPR 2020).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ...errors import CompileError
from .layers import MaskedBinary, masked_layers
from .ranking import Ranking, kept, rank_masks
from .recipe import FloatArray, IntArray, Schedule, Watch, check_data, fit, one_thread


@dataclass(frozen=True, slots=True)
class Biprop:
    """Train scores s with W frozen: M = top-k of |s|, W^ = alpha * M * sign(W), dL/ds = sign(s) * W * dL/dW^.

    Batch norm and activation scales are trained along with the scores. Same model, data and fields: same
    bits.
    """

    sparsity: float = 0.9
    ranking: Ranking = "global"
    score_lr: float = 0.01
    lr: float = 0.01
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        kept(1, self.sparsity)
        if self.ranking not in ("global", "layer"):
            raise CompileError(f"ranking is {self.ranking!r}", fix="use 'global' or 'layer'")
        if not (self.score_lr > 0 and self.lr > 0):
            raise CompileError(f"learning rates {self.score_lr} and {self.lr}", fix="give positive learning rates")

    def train(self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = [layer for _, layer in masked_layers(model)]
        if not layers:
            raise CompileError(
                "the model has no masked layer to prune", fix="build it from MaskedBinaryConv2d or Linear"
            )
        images, labels = check_data(x, y)
        frozen = {id(layer.weight) for layer in layers}
        others = [p for p in model.parameters() if id(p) not in frozen]
        self._start(layers)
        groups = [
            {"params": [layer.scores for layer in layers], "lr": self.score_lr},
            {"params": others, "lr": self.lr},
        ]
        with one_thread():
            fit(model, images, labels, self.schedule, groups, lambda: self._prune(layers), progress)
            self._prune(layers)
        for layer in layers:
            layer.drop_scores()
        return model.eval()

    def _start(self, layers: list[MaskedBinary]) -> None:
        generator = torch.Generator().manual_seed(self.schedule.seed)
        for layer in layers:
            layer.weight.requires_grad_(False)
            layer.start_scores(_first_scores(layer.weight, generator))

    def _prune(self, layers: list[MaskedBinary]) -> None:
        scores = [layer.scores for layer in layers if layer.scores is not None]
        for layer, mask in zip(layers, rank_masks(scores, self.sparsity, self.ranking), strict=True):
            layer.set_mask(mask)


def _first_scores(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform in +-1 for every layer alike, so that a global ranking starts out layer-wise."""
    return torch.empty_like(weight).uniform_(-1.0, 1.0, generator=generator)

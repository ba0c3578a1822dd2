"""Biprop: find a binary subnetwork of a frozen random network by training a score a weight.

Source: Diffenderfer and Kailkhura, "Multi-Prize Lottery Ticket Hypothesis" (ICLR 2021), algorithm 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from .layers import layers_to_prune
from .popup import ScoreRecipe, train_scores
from .recipe import Aids, FloatArray, IntArray, Watch


@dataclass(frozen=True, slots=True)
class Biprop(ScoreRecipe):
    """Train scores s with W frozen: M = top-k of |s|, W^ = alpha * M * sign(W), dL/ds = sign(s) * W * dL/dW^.

    Batch norm and activation scales are trained along with the scores. Same model, data and fields: same
    bits. `scale_fan` first multiplies each layer's weights so that their standard deviation is
    sqrt(2 / (fan-in * share kept)), as the authors' experiments do: W^ then keeps the activations' variance.
    """

    scale_fan: bool = False

    def train(
        self, model: nn.Module, x: FloatArray, y: IntArray, progress: Watch | None = None, aids: Aids | None = None
    ) -> nn.Module:
        """See Recipe.train. Raises CompileError for a model without masked layers and for bad data."""
        layers = layers_to_prune(model)
        if self.scale_fan:
            with torch.no_grad():
                for layer in layers:
                    fan_in = layer.weight[0].numel()
                    layer.weight.mul_(math.sqrt(2 / (fan_in * (1 - self.sparsity))) / layer.weight.std())
                    layer.refresh()
        train_scores(self, model, layers, x, y, progress, aids)
        return model

"""Masked layers: W^ = M * quantised(W), the mask applied to the *quantised* weight.

Source: Diffenderfer and Kailkhura, "Multi-Prize Lottery Ticket Hypothesis" (ICLR 2021), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from ...errors import CompileError
from .weights import Estimator, MaskedProduct, Ste, scale_for, weight_quantiser

# Stands in for a latent weight that is exactly 0: Brevitas binarises 0 to +1, and so does this.
_NUDGE = 1e-8


class Masked(nn.Module):
    """What both masked layers share; mixed in before the Brevitas layer.

    `mask` is a {0, 1} buffer shaped like `weight`; `scores` is a parameter of that shape while a recipe
    trains the mask (`start_scores`), else None. `bits`: 1 binary, 2 ternary, up to 8. `estimator` and `progress`
    in [0, 1] decide the gradient of latent weights. `rescale` off keeps alpha as it is when the mask changes.
    """

    weight: Tensor
    weight_quant: Any
    mask: Tensor
    scores: nn.Parameter | None
    bits: int
    per_filter: bool
    estimator: Estimator
    progress: float
    rescale: bool

    def _init_mask(self, bits: int, per_filter: bool) -> None:
        self.bits, self.per_filter, self.estimator, self.progress, self.rescale = bits, per_filter, Ste(), 0.0, True
        self.register_buffer("mask", torch.ones_like(self.weight))
        self.register_parameter("scores", None)
        self._scale.alpha = scale_for(self.weight.detach(), self.mask, bits, per_filter)
        self.refresh()

    @property
    def _scale(self) -> Any:
        quant = self.weight_quant.tensor_quant
        return quant.scaling_impl

    @property
    def alpha(self) -> Tensor:
        """The layer's scale, float32: 0-d, or [out, 1, ...] with one a filter. `step` is what a unit is worth."""
        scale: Tensor = self._scale.alpha
        return scale

    @property
    def step(self) -> Tensor:
        """What one unit of the integer weights is worth, shaped like `alpha`."""
        return self.alpha * 2.0 ** (1 - self.bits)

    @torch.no_grad()
    def integers(self) -> Tensor:
        """The masked weights as whole numbers (float32, shaped like the weight): W^ = integers * step."""
        layer: Any = self  # the Brevitas half
        quantised = layer.quant_weight()
        q: Tensor = getattr(quantised, "value", quantised)
        return torch.round(q / self.step) * self.mask

    def start_scores(self, scores: Tensor) -> None:
        """Let a recipe train the mask through `scores` (shaped like the weight)."""
        if scores.shape != self.weight.shape:
            raise CompileError(
                f"scores of shape {list(scores.shape)} for a weight of shape {list(self.weight.shape)}",
                fix="give one score a weight",
            )
        self.scores = nn.Parameter(scores.detach().clone())

    def drop_scores(self) -> None:
        """Make the present mask final."""
        self.scores = None

    @torch.no_grad()
    def set_mask(self, mask: Tensor) -> None:
        """Prune to `mask`: {0, 1}, shaped like the weight, with at least one weight left."""
        if mask.shape != self.weight.shape:
            raise CompileError(
                f"a mask of shape {list(mask.shape)} for a weight of shape {list(self.weight.shape)}",
                fix="give one mask element a weight",
            )
        if not bool(((mask == 0) | (mask == 1)).all()):
            raise CompileError("a mask holds values other than 0 and 1", fix="threshold the scores first")
        if not bool(mask.any()):
            raise CompileError("a mask prunes a whole layer", fix="lower the sparsity or keep a weight in every layer")
        self.mask.copy_(mask)
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Recompute alpha (`scale_for`) from weight and mask, and move latent weights off 0.

        (The sign of 0 is a guess, not a weight.)
        """
        self.weight.masked_fill_(self.weight == 0, _NUDGE)
        if not bool(torch.isfinite(self.weight).all()):
            raise CompileError("a layer's weights hold NaN or infinity", fix="lower the learning rate")
        if self.rescale:
            self.alpha.copy_(scale_for(self.weight, self.mask, self.bits, self.per_filter))

    def masked(self, quantised: Any) -> Tensor:
        """W^ from the quantised weight (a tensor, or Brevitas' QuantTensor)."""
        q: Tensor = getattr(quantised, "value", quantised)
        slope = self.estimator.slope(self.weight.detach(), self.progress) if self.weight.requires_grad else None
        if self.scores is None and slope is None:
            return q * self.mask
        out: Tensor = MaskedProduct.apply(q, self.weight, self.mask, self.scores, slope)  # type: ignore[no-untyped-call]
        return out


class MaskedConv2d(Masked, qnn.QuantConv2d):  # type: ignore[misc]
    """2-d convolution [N, C, H, W] -> [N, out, H', W'] with masked weights of `bits` bits; no bias."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *,
        stride: int = 1, padding: int = 0, bits: int = 1, per_filter: bool = False,
    ) -> None:  # fmt: skip
        qnn.QuantConv2d.__init__(
            self, in_channels, out_channels, kernel_size,
            stride=stride, padding=padding, bias=False, **weight_quantiser(bits),
        )  # fmt: skip
        self._init_mask(bits, per_filter)

    def inner_forward_impl(self, x: Any, quant_weight: Any, quant_bias: Any) -> Tensor:
        y: Tensor = qnn.QuantConv2d.inner_forward_impl(self, x, self.masked(quant_weight), quant_bias)
        return y


class MaskedLinear(Masked, qnn.QuantLinear):  # type: ignore[misc]
    """Linear layer [N, in] -> [N, out] with masked weights of `bits` bits; no bias."""

    def __init__(self, in_features: int, out_features: int, *, bits: int = 1, per_filter: bool = False) -> None:
        qnn.QuantLinear.__init__(self, in_features, out_features, bias=False, **weight_quantiser(bits))
        self._init_mask(bits, per_filter)

    def inner_forward_impl(self, x: Any, quant_weight: Any, quant_bias: Any) -> Tensor:
        y: Tensor = qnn.QuantLinear.inner_forward_impl(self, x, self.masked(quant_weight), quant_bias)
        return y


def masked_layers(module: nn.Module) -> Iterator[tuple[str, Masked]]:
    """Every masked layer of `module` with its path, in the order of registration."""
    for name, child in module.named_modules():
        if isinstance(child, Masked):
            yield name, child


def layers_to_prune(module: nn.Module) -> list[Masked]:
    """The masked layers of `module`. Raises CompileError where there is none."""
    layers = [layer for _, layer in masked_layers(module)]
    if not layers:
        raise CompileError("the model has no masked layer to prune", fix="build it from MaskedConv2d or MaskedLinear")
    return layers


def sparsity(module: nn.Module) -> float:
    """The share of pruned weights over all masked layers of `module`, in [0, 1]."""
    masks = [layer.mask for _, layer in masked_layers(module)]
    total = sum(m.numel() for m in masks)
    return 1.0 - sum(int(m.sum()) for m in masks) / total if total else 0.0

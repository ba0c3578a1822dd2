"""Masked binary layers: W^ = alpha * M * sign(W), the mask applied to the *quantised* weight.

Source: Diffenderfer and Kailkhura, "Multi-Prize Lottery Ticket Hypothesis" (ICLR 2021), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.core.quant import BinaryQuant
from brevitas.inject import ExtendedInjector
from brevitas.proxy import WeightQuantProxyFromInjector
from torch import Tensor, nn

from ...errors import CompileError

# Stands in for a latent weight that is exactly 0: Brevitas binarises 0 to +1, and so does this.
_NUDGE = 1e-8


class LayerScale(nn.Module):
    """The scale alpha of one layer: a float32 buffer, so that what was trained with is what is exported."""

    alpha: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.tensor(1.0))

    def forward(self, _: Tensor) -> Tensor:
        return self.alpha


class BinaryWeight(ExtendedInjector):  # type: ignore[misc]
    """Brevitas weight quantiser sign(W) * alpha, with sign(0) = +1 and one alpha a layer."""

    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = BinaryQuant
    scaling_impl = LayerScale
    signed = True
    narrow_range = True
    bit_width = 1


class _StraightThrough(torch.autograd.Function):
    """Forward q * M; backward dL/dq = g * M and dL/ds = sign(s) * W * g, with g = dL/dW^ (edge-popup, biprop)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, weight: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
        ctx.save_for_backward(weight, scores, mask)
        return q * mask

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, Tensor, None]:
        weight, scores, mask = ctx.saved_tensors
        return grads[0] * mask, None, scores.sign() * weight * grads[0], None


class MaskedBinary(nn.Module):
    """What both masked layers share; mixed in before the Brevitas layer.

    `mask` is a {0, 1} buffer shaped like `weight`; `scores` is a parameter of that shape while a recipe
    trains the mask (`start_scores`), else None. `set_mask` also sets alpha = ||W*M||_1 / ||M||_1, rounded as
    `refresh` says.
    """

    weight: Tensor
    weight_quant: Any
    mask: Tensor
    scores: nn.Parameter | None

    def _init_mask(self) -> None:
        self.register_buffer("mask", torch.ones_like(self.weight))
        self.register_parameter("scores", None)
        self.refresh()

    @property
    def alpha(self) -> Tensor:
        """The layer's scale, a 0-d float32 buffer."""
        scale: Tensor = self.weight_quant.tensor_quant.scaling_impl.alpha
        return scale

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
        """Recompute alpha from weight and mask, and move latent weights off 0 (sign(0) is a guess, not a
        weight).

        Alpha is rounded to 8 significant bits (0.4 % at most). Its products with activations of 8 bits and a
        power-of-two step, and sums of these below 2^16 steps, are then exact in float32: every executor gets
        the same accumulator in whatever order it adds, and equal logits stay equal.
        """
        self.weight.masked_fill_(self.weight == 0, _NUDGE)
        if not bool(torch.isfinite(self.weight).all()):
            raise CompileError("a layer's weights hold NaN or infinity", fix="lower the learning rate")
        alpha = (self.weight.abs() * self.mask).sum() / self.mask.sum()
        self.alpha.copy_(alpha.to(torch.bfloat16))

    def masked(self, quantised: Any) -> Tensor:
        """W^ from the quantised weight (a tensor, or Brevitas' QuantTensor)."""
        q: Tensor = getattr(quantised, "value", quantised)
        if self.scores is None:
            return q * self.mask
        out: Tensor = _StraightThrough.apply(q, self.weight, self.scores, self.mask)  # type: ignore[no-untyped-call]
        return out


class MaskedBinaryConv2d(MaskedBinary, qnn.QuantConv2d):  # type: ignore[misc]
    """2-d convolution [N, C, H, W] -> [N, out, H', W'] with W^ = alpha * M * sign(W); no bias."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        qnn.QuantConv2d.__init__(
            self, in_channels, out_channels, kernel_size,
            stride=stride, padding=padding, bias=False, weight_quant=BinaryWeight,
        )  # fmt: skip
        self._init_mask()

    def inner_forward_impl(self, x: Any, quant_weight: Any, quant_bias: Any) -> Tensor:
        y: Tensor = qnn.QuantConv2d.inner_forward_impl(self, x, self.masked(quant_weight), quant_bias)
        return y


class MaskedBinaryLinear(MaskedBinary, qnn.QuantLinear):  # type: ignore[misc]
    """Linear layer [N, in] -> [N, out] with W^ = alpha * M * sign(W); no bias."""

    def __init__(self, in_features: int, out_features: int) -> None:
        qnn.QuantLinear.__init__(self, in_features, out_features, bias=False, weight_quant=BinaryWeight)
        self._init_mask()

    def inner_forward_impl(self, x: Any, quant_weight: Any, quant_bias: Any) -> Tensor:
        y: Tensor = qnn.QuantLinear.inner_forward_impl(self, x, self.masked(quant_weight), quant_bias)
        return y


def masked_layers(module: nn.Module) -> Iterator[tuple[str, MaskedBinary]]:
    """Every masked layer of `module` with its path, in the order of registration."""
    for name, child in module.named_modules():
        if isinstance(child, MaskedBinary):
            yield name, child


def sparsity(module: nn.Module) -> float:
    """The share of pruned weights over all masked layers of `module`, in [0, 1]."""
    masks = [layer.mask for _, layer in masked_layers(module)]
    total = sum(m.numel() for m in masks)
    return 1.0 - sum(int(m.sum()) for m in masks) / total if total else 0.0

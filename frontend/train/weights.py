"""Weight quantisers of masked layers, and what gradient passes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from brevitas.core.quant import BinaryQuant
from brevitas.core.scaling import PowerOfTwoIntScaling
from brevitas.inject import ExtendedInjector
from brevitas.proxy import WeightQuantProxyFromInjector
from brevitas.quant import Int8WeightPerTensorFloat
from torch import Tensor, nn

from ...errors import CompileError


class LayerScale(nn.Module):
    """The scale alpha of a layer, or one a filter: a float32 buffer, so that what was trained with is exported."""

    alpha: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("alpha", torch.tensor(1.0))

    def forward(self, _: Tensor, threshold: Tensor | None = None) -> Tensor:
        return self.alpha if threshold is None else self.alpha / threshold


class BinaryWeight(ExtendedInjector):  # type: ignore[misc]
    """Brevitas weight quantiser sign(W) * alpha, with sign(0) = +1."""

    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = BinaryQuant
    scaling_impl = LayerScale
    signed = True
    narrow_range = True
    bit_width = 1


class IntegerWeight(Int8WeightPerTensorFloat):  # type: ignore[misc]
    """Brevitas weight quantiser round(W / step) * step in -(2^(b-1) - 1) ... 2^(b-1) - 1; ternary for b = 2.

    Brevitas divides the layer's scale by 2^(b-1), which is exact: step = alpha / 2^(b-1).
    """

    scaling_impl = LayerScale
    int_scaling_impl = PowerOfTwoIntScaling
    narrow_range = True


def weight_quantiser(bits: int) -> dict[str, Any]:
    """Keyword arguments for a Brevitas layer whose weights have `bits` bits: 1 binary, 2 ternary, up to 8."""
    if not 1 <= bits <= 8:
        raise CompileError(f"weights of {bits} bits", fix="1 (binary), 2 (ternary) or up to 8")
    if bits == 1:
        return {"weight_quant": BinaryWeight}
    return {"weight_quant": IntegerWeight, "weight_bit_width": bits}


def scale_for(weight: Tensor, mask: Tensor, bits: int, per_filter: bool) -> Tensor:
    """alpha for `weight` (float, [out, ...]) under its {0, 1} `mask`, shaped to multiply it.

    Binary: ||W*M||_1 / ||M||_1, as biprop has it. Ternary: 1.4 times that is the step, so that weights below 0.7
    of the mean magnitude become 0 (Li and Liu, "Ternary Weight Networks", 2016, equation 6). More bits: the
    largest magnitude is the last level. The step is rounded to 8 significant bits (0.4 % at most): its products with
    activations of 8 bits and a power-of-two step, and sums of these below 2^16 steps, are then exact in float32.
    """
    axes = tuple(range(1, weight.ndim)) if per_filter else tuple(range(weight.ndim))
    magnitude = weight.abs() * mask
    if bits <= 2:
        step = magnitude.sum(axes, keepdim=per_filter) / mask.sum(axes, keepdim=per_filter).clamp(min=1)
        step = step * (1.4 if bits == 2 else 1.0)
    else:
        step = magnitude.amax(axes, keepdim=per_filter) / (2 ** (bits - 1) - 1)
    # A filter without weights has no magnitude; any positive step does.
    step = torch.where(step > 0, step, torch.ones_like(step))
    return step.to(torch.bfloat16).to(torch.float32) * 2.0 ** (bits - 1)


class Estimator(Protocol):
    """Stands in for the derivative of sign(w) while latent weights are trained."""

    def slope(self, weight: Tensor, progress: float) -> Tensor | None:
        """What to multiply the straight-through gradient by, shaped like `weight`; None for 1. `progress` in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class Ste:
    """The plain straight-through estimator: the gradient passes as it is, or only where |w| <= `clip`."""

    clip: float = math.inf

    def slope(self, weight: Tensor, progress: float) -> Tensor | None:
        return None if math.isinf(self.clip) else (weight.abs() <= self.clip).to(weight.dtype)


@dataclass(frozen=True, slots=True)
class ReSte:
    """The derivative of sign(w) |w|^(1/o), with o growing from 1 to `power` over training.

    Source: Wu et al., "Estimator Meets Equilibrium Perspective: A Rectified Straight Through Estimator for Binary
    Neural Networks Training" (ICCV 2023), equations 8 to 10: the slope (1/o) |w|^((1-o)/o), 0 beyond
    `threshold`, and the secant through +-`small` below that. Here o grows linearly, and w is measured in standard
    deviations of its layer, so that the two bounds mean the same in every layer.
    """

    power: float = 3.0
    threshold: float = 3.0
    small: float = 0.1

    def __post_init__(self) -> None:
        if not (self.power >= 1 and 0 < self.small < self.threshold):
            raise CompileError(f"ReSTE with {self}", fix="power of at least 1, and 0 < small < threshold")

    def slope(self, weight: Tensor, progress: float) -> Tensor:
        o = 1 + (self.power - 1) * progress
        z = (weight / weight.std().clamp(min=1e-12)).abs()
        steep = torch.full_like(z, self.small ** ((1 - o) / o))
        slope = torch.where(z < self.small, steep, z.clamp(min=self.small) ** ((1 - o) / o) / o)
        return slope * (z <= self.threshold)


class MaskedProduct(torch.autograd.Function):
    """Forward q * M; backward dL/dq = g * M * slope and dL/ds = sign(s) * W * g, with g = dL/dW^ (edge-popup)."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, weight: Tensor, mask: Tensor, scores: Tensor | None, slope: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(weight, mask, scores, slope)
        return q * mask

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None, Tensor | None, None]:
        weight, mask, scores, slope = ctx.saved_tensors
        through = grads[0] * mask
        for_scores = None if scores is None else scores.sign() * weight * grads[0]
        return through if slope is None else through * slope, None, None, for_scores, None

"""FixedSoftmax: class probabilities from integer logits, in 32-bit integer arithmetic, 2^16 for certainty.

With d = max(x) - x[j] and n.a.b = round(d * scale * log2(e)) in 12 binary places (n whole, a and b six places each):

    e[j] = A[a] * B[b] >> (n + h)     A[a] = round(2^15 * 2^(-a / 64)), B[b] = round(2^15 * 2^(-b / 4096))
    y[j] = ((e[j] >> k) * floor(2^31 / (s >> k)) + 2^14) >> 15,   s = sum of e, k so that s >> k has 16 bits

h = ceil(log2(classes)) keeps the sum in 31 bits; what is 24 octaves or more below the largest counts as 0. This is the
meaning: it is no float softmax, but within `error_bound` of it, and C equals it to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, integer, shape_of
from .qtype import QType

ONE = 1 << 16
"""What a probability of 1 is."""
MOST_CLASSES = 4096
_OCTAVES = 24
_PLACES, _STEPS = 12, 64
COARSE = np.rint(2.0**15 * 2.0 ** (-np.arange(_STEPS) / _STEPS)).astype(np.int64)
FINE = np.rint(2.0**15 * 2.0 ** (-np.arange(_STEPS) / _STEPS**2)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class SoftmaxPlan:
    """The softmax of `classes` logits: octaves = d * multiplier / 2^shift; e is 0 where d > limit."""

    classes: int
    multiplier: int
    shift: int
    limit: int

    def __post_init__(self) -> None:
        small = self.multiplier >= 0 and self.limit >= 0 and self.limit * self.multiplier < 1 << 32
        if not (small and 1 <= self.classes <= MOST_CLASSES and _PLACES <= self.shift <= 43):
            raise CompileError(f"no softmax: {self}", fix=f"compile again; at most {MOST_CLASSES} classes")

    @property
    def headroom(self) -> int:
        """h."""
        return (self.classes - 1).bit_length()

    @property
    def rounding(self) -> int:
        """Half of the last of the 12 places, in the product's units."""
        return (1 << (self.shift - _PLACES)) >> 1


def softmax_plan(scale: float, lo: int, hi: int, classes: int) -> SoftmaxPlan:
    """The plan for logits of integers lo ... hi, each worth `scale`. CompileError for too many classes."""
    if classes > MOST_CLASSES:
        raise CompileError(f"a softmax over {classes} classes", fix=f"use at most {MOST_CLASSES}, or mean logits")
    octaves = scale * math.log2(math.e)
    limit = min(hi - lo, (1 << 32) - 1, math.floor(_OCTAVES / octaves))
    if limit == 0:  # one step is 24 octaves: only the largest is there
        return SoftmaxPlan(classes, 0, _PLACES, 0)
    shift = min(43, math.floor(32 - math.log2(limit * octaves)))
    while round(octaves * 2.0**shift) * limit + (1 << (shift - _PLACES) >> 1) >= 1 << 32:
        shift -= 1
    return SoftmaxPlan(classes, round(octaves * 2.0**shift), shift, limit)


def fixed_softmax(plan: SoftmaxPlan, logits: Array) -> Array:
    """int64 [N, classes] of integer logits [N, classes]; a row sums to nearly 2^16."""
    x = np.asarray(logits, np.int64)
    d = x.max(1, keepdims=True) - x
    z = (np.minimum(d, plan.limit) * plan.multiplier + plan.rounding) >> (plan.shift - _PLACES)
    down = np.minimum((z >> _PLACES) + plan.headroom, 31)
    e = (COARSE[(z >> 6) & 63] * FINE[z & 63]) >> down
    e = np.where(d > plan.limit, 0, e)
    total = e.sum(1, keepdims=True)
    k = np.maximum(np.frexp(total.astype(np.float64))[1] - 16, 0)  # exact: below 2^31
    y: Array = ((e >> k) * ((1 << 31) // (total >> k)) + (1 << 14)) >> 15
    return y


def error_bound(plan: SoftmaxPlan) -> float:
    """No probability y / 2^16 is further from the exact softmax of the real logits than this.

    Of the exponentials: half a place of 2^-12 octaves, the multiplier's rounding at `limit`, both tables' roundings.
    Relative errors of at most r move a probability by at most r / 2 (1 + r); what is cut off, by its own share. Of the
    division: e >> k loses up to 2^-15, divisor and reciprocal 2^-15 of p each, the last rounding 2^-17.
    """
    octaves = 2.0**-13 + plan.limit * 0.5 / 2.0**plan.shift
    relative = octaves * math.log(2) + 2.0**-15 + 2.0**-16
    cut = max(2.0**-_OCTAVES, 2.0 ** (plan.headroom - 30))
    return relative / 2 * (1 + relative) + (plan.classes + 1) * cut + 2.0**-15 + 2.0**-14 + 2.0**-17


def attributes(plan: SoftmaxPlan) -> dict[str, int]:
    """Those of the operator."""
    return {"multiplier": plan.multiplier, "shift": plan.shift, "limit": plan.limit}


def plan_of(node: ir.Node) -> SoftmaxPlan:
    """The plan that a FixedSoftmax has."""
    shape = shape_of(node.inputs[0])
    if len(shape) != 2:
        raise CompileError("FixedSoftmax takes [N, classes]", node=node, fix="compile the deck again")
    return SoftmaxPlan(shape[1], *(integer(node, name, -1) for name in ("multiplier", "shift", "limit")))


def _verify(node: ir.Node) -> None:
    arity(1)(node)
    plan_of(node)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    return fixed_softmax(plan_of(node), args[0])


OPS = (
    OpDef(
        CARDC, "FixedSoftmax", _verify, lambda n: TensorType(shape_of(n.inputs[0]), QType(0, ONE, (1 / ONE,))), _execute
    ),
)

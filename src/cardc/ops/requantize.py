"""Requantize: y = clip(round((x * m[c] + b[c]) / 2^n), lo, hi), the dyadic form of an affine chain and a quantiser.

`m`, `b` are int64 [C] (or [1]); `shift` is n; lo and hi are the range of the result's type. `rounding` is "floor"
(the shift itself) or "half_even" (to nearest, ties to even, for scales that are powers of two). Found by the pass so
that it equals the thresholds on the whole reachable range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, in_range, integer, per_channel, result, shape_of, text
from .qtype import qtype

ROUNDINGS = ("floor", "half_even")


def apply_dyadic(x: Array, m: Array, b: Array, shift: int, lo: int, hi: int, rounding: str = "floor") -> Array:
    """The meaning, on arrays: x [N, C, ...] int64, m and b [C] or [1] int64 -> int64 of x's shape."""
    y = x * per_channel(m, x.ndim) + per_channel(b, x.ndim)
    if rounding == "half_even" and shift > 0:
        # Half less one, and one more where the quotient is odd: a tie then goes up only to an even number.
        y = y + (1 << (shift - 1)) - 1 + ((y >> shift) & 1)
    clipped: Array = np.clip(y >> shift, lo, hi)
    return clipped


def _verify(node: ir.Node) -> None:
    arity(3)(node)
    if text(node, "rounding", "floor") not in ROUNDINGS or not 0 <= integer(node, "shift", 0) <= 62:
        raise CompileError("Requantize with an unknown rounding or shift", node=node, fix="compile the model again")


def _infer(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), qtype(result(node)))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    q = qtype(result(node))
    x, m, b = (a.astype(np.int64) for a in args)
    y = apply_dyadic(x, m, b, integer(node, "shift", 0), q.lo, q.hi, text(node, "rounding", "floor"))
    return in_range(node, y, q)


OPS = (OpDef(CARDC, "Requantize", _verify, _infer, _execute),)

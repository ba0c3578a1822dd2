"""Requantize: y = clip((x * m[c] + b[c]) >> n, lo, hi), the dyadic form of an affine chain and a quantiser.

`m`, `b` are int64 [C] (or [1]); `shift` is n; lo and hi are the range of the result's type. The shift rounds
towards minus infinity. Found by the pass so that it equals the thresholds on the whole reachable range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .base import CARDC, Array, OpDef, TensorType, arity, in_range, integer, per_channel, result, shape_of
from .qtype import qtype


def apply_dyadic(x: Array, m: Array, b: Array, shift: int, lo: int, hi: int) -> Array:
    """The meaning, on arrays: x [N, C, ...] int64, m and b [C] or [1] int64 -> int64 of x's shape."""
    y = (x * per_channel(m, x.ndim) + per_channel(b, x.ndim)) >> shift
    clipped: Array = np.clip(y, lo, hi)
    return clipped


def _infer(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), qtype(result(node)))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    q = qtype(result(node))
    x, m, b = (a.astype(np.int64) for a in args)
    return in_range(node, apply_dyadic(x, m, b, integer(node, "shift", 0), q.lo, q.hi), q)


OPS = (OpDef(CARDC, "Requantize", arity(3), _infer, _execute),)

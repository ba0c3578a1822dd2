"""Threshold: y[n, c] = base + step * #{k : d[c] * x[n, c] >= t[c, k]}, the exact form of any monotone chain.

`t` is [C, L] (or [1, L] for all channels alike), ascending along L; `d` is [C] of +-1, -1 where the chain falls
(left out: all +1). `x` is an integer accumulator with integer `t`, or the float32 graph input with float32 `t`.
L is the number of levels less one; a level that is never reached has a threshold above the range of `x`. `axis` is
where the channels of a float graph input lie: 1, or the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, constant, in_range, integer, result, shape_of
from .qtype import qtype

_MANY = 32
"""More thresholds than this are searched, fewer compared one by one."""


def _verify(node: ir.Node) -> None:
    arity(2, 3)(node)
    t = constant(node.inputs[1])
    if t is None or t.ndim != 2 or (np.diff(t.astype(np.float64), axis=1) < 0).any():
        raise CompileError("thresholds must be a constant [C, L] array, ascending", node=node, fix="compile again")


def _infer(node: ir.Node) -> TensorType:
    # The type is chosen by the quantiser that the thresholds replace; it cannot be told from the inputs.
    return TensorType(shape_of(node.inputs[0]), qtype(result(node)))


def apply_thresholds(x: Array, t: Array, d: Array | None, base: int, step: int) -> Array:
    """The meaning, on arrays: x [N, C, ...], t [C or 1, L], d [C] or None -> int64 of x's shape."""
    trail = (1,) * (x.ndim - 2)
    if d is not None:
        x = x * d.reshape(1, -1, *trail)
    count = np.zeros(x.shape, np.int64)
    if t.shape[1] > _MANY:
        for c in range(x.shape[1]):
            count[:, c] = np.searchsorted(t[min(c, len(t) - 1)], x[:, c], side="right")
        count[x != x] = 0  # not a number passes no threshold, but is sorted behind them all
        return base + step * count
    for k in range(t.shape[1]):
        count += x >= t[:, k].reshape(1, -1, *trail)
    return base + step * count


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    q, axis = qtype(result(node)), integer(node, "axis", 1)
    d = args[2] if len(args) > 2 else None
    x = np.moveaxis(args[0], axis, 1)
    y = apply_thresholds(x, args[1], d, integer(node, "base", q.lo), q.step)
    return in_range(node, np.moveaxis(y, 1, axis), q)


OPS = (OpDef(CARDC, "Threshold", _verify, _infer, _execute),)

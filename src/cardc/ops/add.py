"""Add on integers: y = a * ma[c] + b * mb[c], a residual connection whose branches share a common unit.

`ma`, `mb` are int64 [C] or [1]; both left out means 1. Shapes of `a` and `b` are equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, constant, in_range, operand, per_channel, result, shape_of
from .qtype import QType, find_qtype, qtype


def _infer(node: ir.Node) -> TensorType:
    a, b = operand(node, 0), operand(node, 1)
    if shape_of(a) != shape_of(b):
        raise CompileError(
            f"Add of shapes {list(shape_of(a))} and {list(shape_of(b))}", node=node, fix="give both branches one shape"
        )
    low, high = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for k, value in enumerate((a, b)):
        m = _multiplier(node, k)
        ends = np.stack([m * qtype(value).lo, m * qtype(value).hi])
        low, high = low + ends.min(axis=0), high + ends.max(axis=0)
    # What a unit is worth is decided by the pass that adds the branches; it cannot be told from the inputs.
    known = find_qtype(result(node))
    scale = known.scale if known is not None else qtype(a).scale
    return TensorType(shape_of(a), QType(int(low.min()), int(high.max()), scale))


def _multiplier(node: ir.Node, k: int) -> Array:
    m = constant(node.inputs[2 + k]) if len(node.inputs) > 2 else None
    return np.ones(1, np.int64) if m is None else m.astype(np.int64)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    a, b = (
        args[k].astype(np.int64) * (per_channel(args[2 + k].astype(np.int64), args[k].ndim) if len(args) > 2 else 1)
        for k in (0, 1)
    )
    return in_range(node, a + b, qtype(result(node)))


OPS = (OpDef(CARDC, "Add", arity(2, 4), _infer, _execute),)

"""AveragePool and GlobalAveragePool on floats; SumPool on integers: the sum of each window, zeros outside.

The division by the window's size is left to the scale: mean = scale / size * sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, ONNX, Array, OpDef, TensorType, arity, in_range, integer, operand, result, shape_of
from .qtype import QType, qtype
from .window import Window, window, window_shape


def averaged_window(node: ir.Node) -> Window:
    """The window of an average or sum pool, global ones included.

    Raises CompileError where padding would make the divisor vary over positions.
    """
    if node.op_type == "GlobalAveragePool":
        spatial = shape_of(node.inputs[0])[2:]
        zero = (0,) * len(spatial)
        return Window(spatial, (1,) * len(spatial), (1,) * len(spatial), zero, zero)
    win = window(node)
    if node.op_type == "AveragePool" and win.padded and not integer(node, "count_include_pad", 0):
        raise CompileError(
            "AveragePool divides by another number at the border",
            node=node,
            fix="use count_include_pad=True, or no padding",
        )
    return win


def _sum(x: Array, win: Window) -> Array:
    seen = win.view(x, 0)
    total: Array = seen.sum(axis=tuple(range(-len(win.kernel), 0)), dtype=x.dtype)
    return total


def _infer_float(node: ir.Node) -> TensorType:
    win = averaged_window(node) if node.op_type == "GlobalAveragePool" else window(node)
    return TensorType(window_shape(node, shape_of(node.inputs[0])[1], win), None)


def _execute_float(node: ir.Node, args: Sequence[Array]) -> Array:
    if node.op_type == "GlobalAveragePool" or integer(node, "count_include_pad", 0):
        win = averaged_window(node)
        return (_sum(args[0], win) / np.float32(prod(win.kernel))).astype(np.float32)
    win = window(node)
    counted = _sum(np.ones((1, 1, *args[0].shape[2:]), np.float32), win)
    return (_sum(args[0], win) / np.maximum(counted, 1)).astype(np.float32)


def _infer(node: ir.Node) -> TensorType:
    win, q = window(node), qtype(operand(node, 0))
    n = prod(win.kernel)
    lo, hi = (min(q.lo, 0), max(q.hi, 0)) if win.padded else (q.lo, q.hi)
    # The pool's own scale is a mean's: a unit of the sum is worth 1 / n of a unit of the input.
    scale = tuple(s / n for s in q.scale)
    return TensorType(window_shape(node, shape_of(node.inputs[0])[1], win), QType(lo * n, hi * n, scale))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    return in_range(node, _sum(args[0].astype(np.int64), window(node)), qtype(result(node)))


OPS = (
    OpDef(ONNX, "AveragePool", arity(1), _infer_float, _execute_float),
    OpDef(ONNX, "GlobalAveragePool", arity(1), _infer_float, _execute_float),
    OpDef(CARDC, "SumPool", arity(1), _infer, _execute),
)

"""MaxPool: the largest element of each window; padding never wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .base import CARDC, ONNX, Array, OpDef, TensorType, arity, operand, result, shape_of
from .qtype import qtype
from .window import window, window_shape


def _shape(node: ir.Node) -> tuple[int, ...]:
    return window_shape(node, shape_of(node.inputs[0])[1], window(node))


def _max(x: Array, node: ir.Node, fill: float) -> Array:
    win = window(node)
    rank = len(win.kernel)
    best: Array = win.view(x, fill).max(axis=tuple(range(-rank, 0)))
    return best


def _execute_float(node: ir.Node, args: Sequence[Array]) -> Array:
    return _max(args[0], node, -np.inf)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    return _max(args[0], node, qtype(result(node)).lo)


OPS = (
    OpDef(ONNX, "MaxPool", arity(1), lambda n: TensorType(_shape(n), None), _execute_float),
    OpDef(CARDC, "MaxPool", arity(1), lambda n: TensorType(_shape(n), qtype(operand(n, 0))), _execute),
)

"""ArgMax: the index of the largest channel (axis 1), the lowest on ties; the last node of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, ONNX, Array, OpDef, TensorType, arity, integer, shape_of
from .qtype import QType


def _verify(node: ir.Node) -> None:
    arity(1)(node)
    rank = len(shape_of(node.inputs[0]))
    if integer(node, "axis", 0) % rank != 1 or integer(node, "select_last_index", 0):
        raise CompileError("ArgMax over another axis than the channels", node=node, fix="use axis=1, the first on ties")


def _shape(node: ir.Node) -> tuple[int, ...]:
    n, _, *spatial = shape_of(node.inputs[0])
    return (n, 1, *spatial) if integer(node, "keepdims", 1) else (n, *spatial)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    y = np.asarray(args[0].argmax(axis=1), np.int64)
    return np.expand_dims(y, 1) if integer(node, "keepdims", 1) else y


def _infer(node: ir.Node) -> TensorType:
    return TensorType(_shape(node), QType(0, max(0, shape_of(node.inputs[0])[1] - 1)))


OPS = (
    OpDef(ONNX, "ArgMax", _verify, lambda n: TensorType(_shape(n), None), _execute),
    OpDef(CARDC, "ArgMax", _verify, _infer, _execute),
)

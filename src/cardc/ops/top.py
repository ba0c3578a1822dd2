"""TopK: the k largest (or smallest) channels in order, the lowest index first among equals; the end of a classifier.

One result, as every operator here: the values (`indices` 0) or where they are (`indices` 1). Import makes it of the
ONNX operator, of which one output may be in use; an order that ONNX leaves open (sorted = 0) is this one.
Source: ONNX operator definitions, TopK-11.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, Array, OpDef, TensorType, arity, integer, operand, shape_of
from .qtype import QType, find_qtype


def _verify(node: ir.Node) -> None:
    arity(1)(node)
    channels = shape_of(node.inputs[0])[1]
    if not 1 <= integer(node, "k", 1) <= channels:
        raise CompileError(
            f"TopK asks for {integer(node, 'k', 1)} of {channels} channels",
            node=node,
            fix=f"use k from 1 to {channels}",
        )


def _infer(node: ir.Node) -> TensorType:
    n, channels, *spatial = shape_of(node.inputs[0])
    q = find_qtype(operand(node, 0))
    if q is not None and integer(node, "indices", 0):
        q = QType(0, max(0, channels - 1))
    return TensorType((n, integer(node, "k", 1), *spatial), q)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    x = args[0]
    falling = -x if integer(node, "largest", 1) else x
    where = np.argsort(falling, axis=1, kind="stable")[:, : integer(node, "k", 1)]
    return np.asarray(where, np.int64) if integer(node, "indices", 0) else np.take_along_axis(x, where, axis=1)


OPS = (OpDef(CARDC, "TopK", _verify, _infer, _execute),)

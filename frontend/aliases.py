"""Operators that do nothing at inference: Identity, Dropout, a Cast of float32 to itself, a Sum of one, a Pad by 0.

Of QONNX: DebugMarker.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import ONNX, QONNX, constant, integer, ints, operand
from ..ops.shapes import cast_type

NAMES = ("Identity", "Dropout", "Cast")
MARKS = ("DebugMarker",)
"""Of QONNX: names for tensors, which Brevitas's debugging hooks left in exported files."""
_ONE_OF = ("Sum", "Mean", "Max", "Min")


def aliased(node: ir.Node) -> ir.Value | None:
    """The tensor that the result of `node` equals, or None.

    Raises CompileError for a Dropout in training mode and for a Cast that rounds.
    """
    if not node.inputs or node.inputs[0] is None:
        return None
    if node.domain == QONNX and node.op_type in MARKS:
        return operand(node, 0)
    if node.domain != ONNX:
        return None
    if node.op_type == "Identity" or (node.op_type in _ONE_OF and len(node.inputs) == 1):
        return operand(node, 0)
    if node.op_type == "Pad" and _pads_nothing(node):
        return operand(node, 0)
    if node.op_type == "Dropout":
        _check_dropout(node)
        return operand(node, 0)
    if node.op_type == "Cast" and operand(node, 0).const_value is None:
        return _cast(node)
    return None


def _pads_nothing(node: ir.Node) -> bool:
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    pads = given if given is not None else np.asarray(ints(node, "pads", (1,)))
    return not pads.any()


def _check_dropout(node: ir.Node) -> None:
    training = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    dropping = integer(node, "training_mode", 0) or (training is not None and bool(training.ravel()[0]))
    if dropping or any(v.uses() for v in node.outputs[1:]):
        raise CompileError("Dropout in training mode", node=node, fix="call model.eval() before the export")


def _cast(node: ir.Node) -> ir.Value:
    to = cast_type(node)
    if to != ir.DataType.FLOAT:
        raise CompileError(
            f"an activation is cast to {to.name}", node=node, fix="keep activations in float32, with quantisers"
        )
    return operand(node, 0)

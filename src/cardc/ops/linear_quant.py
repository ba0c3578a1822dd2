"""ONNX's own quantisers: QuantizeLinear and DequantizeLinear (opsets 10 to 21, per tensor or per axis).

q = saturate(round(x / s) + z), half to even;  x = (q - z) * s in float32. The type of the zero point gives the range.
Import turns each pair on an activation into Quantize and Dequantize, each one on a constant into a Quant.
Source: ONNX operator definitions, QuantizeLinear-21, DequantizeLinear-21.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, constant, integer, operand, shape_of

RANGES = {
    ir.DataType.INT8: (-128, 127), ir.DataType.UINT8: (0, 255),
    ir.DataType.INT16: (-(2**15), 2**15 - 1), ir.DataType.UINT16: (0, 2**16 - 1),
    ir.DataType.INT4: (-8, 7), ir.DataType.UINT4: (0, 15),
    ir.DataType.INT2: (-2, 1), ir.DataType.UINT2: (0, 3),
    ir.DataType.INT32: (-(2**31), 2**31 - 1),
}  # fmt: skip
"""The integers of each type that these operators speak of."""


def element_type(node: ir.Node) -> ir.DataType:
    """The integer type that a QuantizeLinear makes, or that a DequantizeLinear reads."""
    tensor = operand(node, 0).const_value
    if node.op_type == "DequantizeLinear" and tensor is not None:
        return tensor.dtype
    zero = node.inputs[2].const_value if len(node.inputs) > 2 and node.inputs[2] is not None else None
    if zero is not None:
        return zero.dtype
    given = integer(node, "output_dtype", 0)
    return ir.DataType(given) if given else ir.DataType.UINT8


def scale_and_zero(node: ir.Node) -> tuple[Array, Array]:
    """Scale (float32) and zero point (int64) of `node`, shaped so that they broadcast along its axis."""
    scale = constant(operand(node, 1))
    zero = constant(node.inputs[2]) if len(node.inputs) > 2 else None
    if scale is None:
        raise CompileError(f"the scale of {node.op_type} is not constant", node=node, fix="use static quantisation")
    whole = np.zeros(scale.shape, np.int64) if zero is None else zero.astype(np.int64)
    if scale.size == 1:
        return scale.astype(np.float32).reshape(()), whole.reshape(())
    rank = len(shape_of(node.inputs[0]))
    axis = integer(node, "axis", 1) % max(1, rank)
    laid = [-1 if a == axis else 1 for a in range(rank)]
    return scale.astype(np.float32).reshape(laid), whole.reshape(laid)


def _verify(node: ir.Node) -> None:
    arity(2, 3)(node)
    scale, _ = scale_and_zero(node)
    if not np.isfinite(scale).all() or (scale <= 0).any():
        raise CompileError(f"{node.op_type}'s scale is not positive", node=node, fix="calibrate the model again")
    if element_type(node) not in RANGES or integer(node, "block_size", 0):
        raise CompileError(
            f"{node.op_type} with type {element_type(node).name} or blocks is not supported",
            node=node,
            fix="quantise to integers of 2 to 16 bits, per tensor or per channel",
        )


def _quantize(node: ir.Node, args: Sequence[Array]) -> Array:
    scale, zero = scale_and_zero(node)
    lo, hi = RANGES[element_type(node)]
    y: Array = np.clip(np.round(args[0].astype(np.float32) / scale).astype(np.float64) + zero, lo, hi)
    return y.astype(np.int64)


def _dequantize(node: ir.Node, args: Sequence[Array]) -> Array:
    scale, zero = scale_and_zero(node)
    return ((args[0].astype(np.int64) - zero).astype(np.float32) * scale).astype(np.float32)


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


OPS = (
    OpDef(ONNX, "QuantizeLinear", _verify, _same, _quantize),
    OpDef(ONNX, "DequantizeLinear", _verify, _same, _dequantize),
)

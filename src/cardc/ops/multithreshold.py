"""MultiThreshold (FINN): y = out_scale * #{k : x >= t[c, k]} + out_bias, c along axis 1, and Trunc (QONNX).

`t` is [C, L] or [1, L]. Trunc drops the low bits of an integer times a scale:
y = s' * floor(clip(round(x / s) / 2^k)), with one scale (5 inputs: k = bits in - bits out, s' = s, no clipping) or
two (6 inputs: 2^k = s' / s, clipped to the bits out). Both rise, and so become thresholds.
Source: qonnx 1.0.0, custom_op.general.multithreshold and trunc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import QONNX, Array, OpDef, TensorType, arity, constant, integer, operand, real, shape_of, text
from .quant import ROUNDINGS, level_range, rounded


def _verify_thresholds(node: ir.Node) -> None:
    arity(2)(node)
    t, shape = constant(operand(node, 1)), shape_of(node.inputs[0])
    if t is None or t.ndim != 2 or not np.isfinite(t).all() or t.shape[0] not in (1, shape[1]):
        raise CompileError(
            f"MultiThreshold's thresholds are not a constant [C, L] array for {list(shape)}",
            node=node,
            fix="export one row of finite thresholds a channel, or one for all",
        )
    if not real(node, "out_scale", 1.0) > 0:
        raise CompileError("MultiThreshold with out_scale <= 0", node=node, fix="use a positive out_scale")


def _thresholds(node: ir.Node, args: Sequence[Array]) -> Array:
    x, t = args
    trail = (1,) * (x.ndim - 2)
    count = np.zeros(x.shape, np.float32)
    for k in range(t.shape[1]):
        count += x >= t[:, k].reshape(1, -1, *trail)
    scale, bias = np.float32(real(node, "out_scale", 1.0)), np.float32(real(node, "out_bias", 0.0))
    return (scale * count + bias).astype(np.float32)


def _number(node: ir.Node, index: int, name: str) -> float:
    value = constant(operand(node, index))
    if value is None or value.size != 1 or not np.isfinite(value).all():
        raise CompileError(f"Trunc's {name} is not one finite constant", node=node, fix="export the model in eval mode")
    return float(value.ravel()[0])


def truncation(node: ir.Node) -> tuple[float, float, float, tuple[int, int]]:
    """Scale in, divisor, scale out, and the range of the integers (of both signs where the operator has none)."""
    scale, last = _number(node, 1, "scale"), len(node.inputs) - 1
    bits = _number(node, last, "output bit width")
    if last == 5:
        out = _number(node, 4, "output scale")
        signed, narrow = bool(integer(node, "signed", 1)), bool(integer(node, "narrow", 0))
        return scale, float(2.0 ** np.round(np.log2(out / scale))), out, level_range(bits, signed, narrow)
    drop = _number(node, 3, "input bit width") - bits
    return scale, 2.0**drop, scale, (-(2 ** (round(bits) - 1)), 2 ** round(bits) - 1)


def _verify_trunc(node: ir.Node) -> None:
    arity(5, 6)(node)
    bits = [_number(node, k, "bit width") for k in (3, len(node.inputs) - 1)]
    mode = text(node, "rounding_mode", "FLOOR").upper()
    if _number(node, 2, "zero point") != 0 or mode not in ROUNDINGS:
        raise CompileError("Trunc with a zero point, or an unknown rounding", node=node, fix="use a zero point of 0")
    if any(b != round(b) or not 1 <= b <= 32 for b in bits) or (len(node.inputs) == 5 and bits[0] < bits[1]):
        raise CompileError(f"Trunc from {bits[0]:g} to {bits[1]:g} bits", node=node, fix="truncate to fewer bits")
    if _number(node, 1, "scale") <= 0 or (len(node.inputs) == 6 and _number(node, 4, "output scale") <= 0):
        raise CompileError("Trunc's scale is not positive", node=node, fix="check the training: scale > 0")


def _trunc(node: ir.Node, args: Sequence[Array]) -> Array:
    scale, divisor, out, (lo, hi) = truncation(node)
    y = np.round(args[0] / np.float32(scale)) / np.float32(divisor)
    if len(args) == 6:
        y = np.clip(y, lo, hi)
    return (rounded(y, text(node, "rounding_mode", "FLOOR")) * np.float32(out)).astype(np.float32)


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


OPS = (
    OpDef(QONNX, "MultiThreshold", _verify_thresholds, _same, _thresholds, elementwise=True),
    OpDef(QONNX, "Trunc", _verify_trunc, _same, _trunc, elementwise=True),
)

"""QONNX quantisers, and Quantize / Dequantize, the two halves they are split into.

Quant: y = s * (clip(round(x / s + z), lo, hi) - z) in float32, [lo, hi] from bit width, signed and narrow; with one
signed bit y = s * (sign(x / s + z) - z). BipolarQuant: y = s where x >= 0, -s elsewhere. Here sign(0) = +1.
Source: QONNX operator definitions, qonnx 1.0.0 (where one signed bit is the exporter's way to say bipolar).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import (
    CARDC,
    QONNX,
    Array,
    OpDef,
    TensorType,
    arity,
    constant,
    integer,
    operand,
    per_channel,
    result,
    shape_of,
    text,
)
from .qtype import QType, qtype

SIGN = "SIGN"
"""The rounding mode of a Quantize that was a BipolarQuant: x >= 0, with no division by the scale."""
ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "ROUND_TO_ZERO")


def rounded(x: Array, mode: str) -> Array:
    """`x` rounded to integers, by QONNX's rounding modes."""
    match mode.upper():
        case "ROUND" | "HALF_EVEN":
            return np.round(x)
        case "CEIL":
            return np.ceil(x)
        case "FLOOR":
            return np.floor(x)
        case "UP":
            return np.sign(x) * np.ceil(np.abs(x))
        case "DOWN" | "ROUND_TO_ZERO":
            return np.trunc(x)
        case "HALF_UP":
            return np.sign(x) * np.floor(np.abs(x) + np.float32(0.5))
        case "HALF_DOWN":
            return np.sign(x) * np.ceil(np.abs(x) - np.float32(0.5))
        case _:
            raise ValueError(f"rounding mode {mode}")


def level_range(bits: float, signed: bool, narrow: bool) -> tuple[int, int]:
    """Lowest and highest integer of a quantiser; one signed bit is {-1, +1}."""
    n = round(bits)
    if signed and n == 1:
        return -1, 1
    if signed:
        return -(2 ** (n - 1)) + int(narrow), 2 ** (n - 1) - 1
    return 0, 2**n - 1 - int(narrow)


def _parameter(node: ir.Node, index: int, name: str) -> Array:
    value = constant(operand(node, index))
    if value is None or not np.isfinite(value).all():
        raise CompileError(
            f"the quantiser's {name} is not a finite constant", node=node, fix="export the model in eval mode"
        )
    return value


def _verify_quant(node: ir.Node) -> None:
    arity(4)(node)
    scale, bits = _parameter(node, 1, "scale"), _parameter(node, 3, "bit width")
    _parameter(node, 2, "zero point")
    if (scale <= 0).any():
        raise CompileError("the quantiser's scale is not positive", node=node, fix="check the training: scale > 0")
    if bits.size != 1 or float(bits.ravel()[0]) != round(float(bits.ravel()[0])) or not 1 <= bits.ravel()[0] <= 32:
        raise CompileError(f"bit width {bits.tolist()} is not a whole number 1..32", node=node, fix="use 1 to 32 bits")
    for flag in ("signed", "narrow"):
        integer(node, flag, 0)
    if text(node, "rounding_mode", "ROUND").upper() not in ROUNDINGS:
        mode = text(node, "rounding_mode", "ROUND")
        raise CompileError(f"rounding mode {mode} is not known", node=node, fix=f"use one of {', '.join(ROUNDINGS)}")


def _verify_bipolar(node: ir.Node) -> None:
    arity(2)(node)
    if (_parameter(node, 1, "scale") <= 0).any():
        raise CompileError("the quantiser's scale is not positive", node=node, fix="check the training: scale > 0")


def _quant(node: ir.Node, args: Sequence[Array]) -> Array:
    x, s, z = args[0], args[1].astype(np.float32), args[2].astype(np.float32)
    y = levels_of(x / s + z, float(args[3].ravel()[0]), node)
    return ((y - z) * s).astype(np.float32)


def levels_of(y: Array, bits: float, node: ir.Node) -> Array:
    """y = x / s + z to the integers of the Quant `node`, still with the zero point, as floats."""
    signed, narrow = bool(integer(node, "signed", 1)), bool(integer(node, "narrow", 0))
    lo, hi = level_range(bits, signed, narrow)
    if signed and round(bits) == 1:
        return np.where(y >= 0, np.float32(1), np.float32(-1))
    clipped: Array = np.clip(rounded(y, text(node, "rounding_mode", "ROUND")), lo, hi)
    return clipped


def _bipolar(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.where(args[0] >= 0, args[1], -args[1]).astype(np.float32)


def quantize(x: Array, q: QType, mode: str, zero: int) -> Array:
    """float32 -> the integers of `q`, as the quantiser that `q` came from would; NaN becomes the lowest.

    `zero` is that quantiser's zero point. It is inside the rounding, as ties to even depend on it, and `q` has it
    subtracted.
    """
    if mode == SIGN:
        return np.where(x >= 0, 1, -1).astype(np.int64)
    y = x.astype(np.float32) / per_channel(np.asarray(q.scale, np.float32), x.ndim) + np.float32(zero)
    if q.bipolar:
        return np.where(y >= 0, 1, -1).astype(np.int64)
    y = rounded(y, mode) - zero
    clipped: Array = np.clip(np.nan_to_num(y, nan=q.lo, posinf=q.hi, neginf=q.lo), q.lo, q.hi).astype(np.int64)
    return clipped


def _quantize(node: ir.Node, args: Sequence[Array]) -> Array:
    mode, zero = text(node, "rounding_mode", "ROUND"), integer(node, "zero_point", 0)
    return quantize(args[0], qtype(result(node)), mode, zero)


def dequantize(x: Array, q: QType, axis: int) -> Array:
    """Integers -> float32 values; per-channel scales lie along `axis`."""
    scale = np.asarray(q.scale, np.float64)
    if scale.size > 1:
        scale = scale.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return np.asarray(x * scale).astype(np.float32)


def _dequantize(node: ir.Node, args: Sequence[Array]) -> Array:
    return dequantize(args[0], qtype(operand(node, 0)), integer(node, "axis", 1))


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


def _infer_quant(node: ir.Node) -> TensorType:
    shape = shape_of(node.inputs[0])
    parameters = [shape_of(v) for v in node.inputs[1:]]
    # Numpy would lay a larger scale out over a larger result; no exporter means that.
    if any(len(p) > len(shape) or any(n not in (1, m) for n, m in zip(p[::-1], shape[::-1])) for p in parameters):  # noqa: B905
        raise CompileError(
            f"the quantiser's parameters of shapes {[list(p) for p in parameters]} do not fit {list(shape)}",
            node=node,
            fix="use one scale for the tensor, or one a channel",
        )
    return TensorType(shape, None)


def _infer_quantize(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), qtype(result(node)))


OPS = (
    OpDef(QONNX, "Quant", _verify_quant, _infer_quant, _quant, elementwise=True),
    OpDef(QONNX, "BipolarQuant", _verify_bipolar, _infer_quant, _bipolar, elementwise=True),
    OpDef(CARDC, "Quantize", arity(1), _infer_quantize, _quantize, elementwise=True),
    OpDef(CARDC, "Dequantize", arity(1), _same, _dequantize),
)

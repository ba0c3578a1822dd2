"""FloatQuant (QONNX): numbers rounded to a sign, an exponent of few bits and a mantissa of few bits, times a scale.

    y = s clip(2^k round(x / (s 2^k)), -max, max),   k = max(floor(log2 |x / s|), 1 - bias) - m

m mantissa bits, largest number min(max_val, (2 - 2^-m) 2^(2^e - 1 - bias)). Every y is a whole multiple of the smallest
step s 2^(1 - bias - m): that is how minifloats become integers, exactly.
Source: qonnx 1.0.0, custom_op.general.floatquant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import QONNX, Array, OpDef, TensorType, arity, constant, integer, operand, shape_of, text

_MOST_BITS = 8


@dataclass(frozen=True, slots=True)
class Minifloat:
    """The format: bits of exponent and mantissa, the exponent's bias, the largest number (without the scale)."""

    exponent: int
    mantissa: int
    bias: float
    largest: float

    @property
    def step(self) -> float:
        """The distance of the smallest numbers."""
        return float(2.0 ** (1 - self.bias - self.mantissa))

    @property
    def steps(self) -> int:
        """The largest number in steps."""
        return int(self.largest / self.step)


def minifloat(node: ir.Node) -> Minifloat:
    """The format of a FloatQuant. CompileError where a parameter is no constant or makes no sense."""
    names = ("exponent's bit width", "mantissa's bit width", "exponent bias", "largest value")
    found = []
    for index, name in enumerate(names, 2):
        value = constant(operand(node, index))
        if value is None or value.size != 1 or not np.isfinite(value).all():
            raise CompileError(f"FloatQuant's {name} is not one finite constant", node=node, fix="export in eval mode")
        found.append(float(value.ravel()[0]))
    exponent, mantissa, bias, most = found
    whole = all(v == round(v) for v in (exponent, mantissa, bias))
    if not whole or not 1 <= exponent <= _MOST_BITS or not 0 <= mantissa <= _MOST_BITS or abs(bias) > 128 or most <= 0:
        raise CompileError(
            f"FloatQuant of {exponent:g} exponent and {mantissa:g} mantissa bits, bias {bias:g}, up to {most:g}",
            node=node,
            fix=f"use whole numbers of bits, at most {_MOST_BITS} each",
        )
    top = (2.0 - 2.0**-mantissa) * 2.0 ** (2.0**exponent - 1 - bias)
    return Minifloat(round(exponent), round(mantissa), bias, min(top, most))


def _verify(node: ir.Node) -> None:
    arity(6)(node)
    scale = constant(operand(node, 1))
    if scale is None or not np.isfinite(scale).all() or (scale <= 0).any():
        raise CompileError("FloatQuant's scale is no positive constant", node=node, fix="check the training: scale > 0")
    kind = minifloat(node)
    if text(node, "rounding_mode", "ROUND").upper() != "ROUND" or not integer(node, "saturation", 1):
        raise CompileError(
            "FloatQuant that does not round to nearest, or does not saturate",
            node=node,
            fix="use ROUND and saturation=1",
        )
    if kind.largest / kind.step != kind.steps:
        raise CompileError("FloatQuant's largest value is none of its numbers", node=node, fix="export the model again")


def steps_of(x: Array, kind: Minifloat) -> Array:
    """x / scale in steps of `kind`, rounded to its numbers: float32, whole."""
    x = np.clip(x, -2 * kind.largest, 2 * kind.largest).astype(
        np.float32
    )  # as large as any; infinities have no exponent
    size = np.abs(x) + np.finfo(np.float32).tiny
    step = np.exp2(np.maximum(np.floor(np.log2(size)) - kind.mantissa, np.log2(np.float32(kind.step))))
    numbers = np.clip(step * np.round(x / step), -kind.largest, kind.largest)
    return np.asarray(numbers / np.float32(kind.step))


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    kind, scale = minifloat(node), args[1].astype(np.float32)
    return (steps_of(args[0] / scale, kind) * np.float32(kind.step) * scale).astype(np.float32)


OPS = (
    OpDef(QONNX, "FloatQuant", _verify, lambda n: TensorType(shape_of(n.inputs[0]), None), _execute, elementwise=True),
)

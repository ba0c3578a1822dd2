"""Affine chains in exact rational arithmetic: y = a[c] x + b[c] for each channel, and a common unit for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import constant, operand, real, shape_of
from ..ops.qtype import QType

AFFINE = ("Add", "Sub", "Mul", "Div", "Neg", "Identity", "BatchNormalization")


@dataclass(frozen=True, slots=True)
class Line:
    """y = a x + b for each channel."""

    a: tuple[Fraction, ...]
    b: tuple[Fraction, ...]

    @property
    def uniform(self) -> bool:
        """One positive factor and one offset for all channels: the order of values is kept."""
        return self.a[0] > 0 and len(set(self.a)) == 1 and len(set(self.b)) == 1

    def unit(self) -> Fraction:
        """The largest u with every a and b a whole multiple of it."""
        return common_unit([*self.a, *self.b])


def common_unit(numbers: Sequence[Fraction]) -> Fraction:
    """The largest rational that divides every one of `numbers` (1 where all are 0)."""
    present = [v for v in numbers if v]
    if not present:
        return Fraction(1)
    shared = lcm(*(v.denominator for v in present))
    return Fraction(gcd(*(int(v * shared) for v in present)), shared)


def start(q: QType, width: int) -> Line:
    """The real value of integers of type `q` with `width` channels."""
    a = [Fraction(s) for s in (q.scale if len(q.scale) > 1 else q.scale * width)]
    return Line(tuple(a), (Fraction(0),) * width)


def extend(line: Line, node: ir.Node) -> Line:
    """`line`, then `node`, one of AFFINE with constant operands.

    Raises CompileError for a constant that is not one finite number a channel.
    """
    width = len(line.a)
    a, b = list(line.a), list(line.b)
    match node.op_type:
        case "BatchNormalization":
            gamma, beta, mean, var = (vector(node, i, width) for i in range(1, 5))
            epsilon = np.float32(real(node, "epsilon", 1e-5))
            spread = [Fraction(float(np.sqrt(np.float32(float(v)) + epsilon))) for v in var]
            a = [x * g / s for x, g, s in zip(a, gamma, spread, strict=True)]
            b = [(x - m) * g / s + t for x, m, g, s, t in zip(b, mean, gamma, spread, beta, strict=True)]
        case "Neg":
            a, b = [-x for x in a], [-x for x in b]
        case "Mul":
            k = vector(node, 1, width)
            a, b = ([x * y for x, y in zip(v, k, strict=True)] for v in (a, b))
        case "Div":
            k = vector(node, 1, width)
            if 0 in k:
                raise CompileError("division by zero", node=node, fix="check the model's constants")
            a, b = ([x / y for x, y in zip(v, k, strict=True)] for v in (a, b))
        case "Add" | "Sub":
            sign = 1 if node.op_type == "Add" else -1
            b = [x + sign * y for x, y in zip(b, vector(node, 1, width), strict=True)]
    return Line(tuple(a), tuple(b))


def vector(node: ir.Node, index: int, width: int) -> list[Fraction]:
    """Constant input `index` of `node` as one exact number for each channel."""
    array, shape = constant(operand(node, index)), shape_of(operand(node, 0))
    # A constant broadcasts from the last axis, and behind a reshape axis 1 may count something else than channels.
    along = (width,) if node.op_type == "BatchNormalization" else (width, *(1,) * (len(shape) - 2))
    laid = array is not None and (array.size == 1 or (shape[1] == width and array.shape in (along, (1, *along))))
    if array is None or not laid or not np.isfinite(array).all():
        raise CompileError(
            f"{node.op_type} has a constant that is not one finite number a channel",
            node=node,
            fix="use scalars or one number a channel",
        )
    values = [Fraction(float(v)) for v in array.ravel()]
    return values * width if len(values) == 1 else values


def whole(values: Sequence[Fraction], unit: Fraction) -> list[int]:
    """`values` as multiples of `unit`, which divides them."""
    return [int(v / unit) for v in values]

"""A quantised constant taken apart: the integers that its quantiser made, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import QONNX, Array, integer, ints, operand, result
from ..ops.float_quant import minifloat, steps_of
from ..ops.quant import levels_of

Values = Mapping[ir.Value, Array]


@dataclass(frozen=True, slots=True)
class Weight:
    """Integers (any numpy type) and their scale, float32, which broadcasts against them."""

    q: Array
    scale: Array


def weight_of(tip: ir.Node, known: Values) -> Weight:
    """The constant that ends in `tip`, `known` being the value of every constant tensor.

    Raises CompileError where anything but a mask, a positive scale or a move follows the quantiser.
    """
    path: list[ir.Node] = []
    node = tip
    while node.domain != QONNX:
        path.append(node)
        source = _quantised_input(node)
        if source is None:
            raise CompileError("a weight has no quantiser", node=node, fix="quantise the weight in training")
        node = source
    weight = _quantised(node, known)
    for step in reversed(path):
        weight = _apply(step, weight, known)
    return weight


def _quantised_input(node: ir.Node) -> ir.Node | None:
    """The producer of the operand that is no plain constant; a mask may stand on either side of it."""
    for value in node.inputs:
        if value is not None and value.producer() is not None:
            return value.producer()
    return None


def _apply(node: ir.Node, weight: Weight, known: Values) -> Weight:
    if node.op_type == "Mul":
        source = _quantised_input(node)
        left, right = operand(node, 0), operand(node, 1)
        return _times(weight, known[right if left.producer() is source else left], node)
    scale = np.broadcast_to(weight.scale, weight.q.shape)
    match node.op_type:
        case "Transpose":
            perm = ints(node, "perm", tuple(range(weight.q.ndim))[::-1])
            return Weight(weight.q.transpose(perm), scale.transpose(perm))
        case "Reshape" | "Flatten" | "Unsqueeze":
            shape = known[result(node)].shape
            return Weight(weight.q.reshape(shape), scale.reshape(shape))
        case "Identity":
            return weight
    raise CompileError(
        f"{node.op_type} stands between a weight's quantiser and its layer",
        node=node,
        fix="only a mask, a scale and a transposition may stand there",
    )


def _quantised(node: ir.Node, known: Values) -> Weight:
    w, scale = known[operand(node, 0)], known[operand(node, 1)].astype(np.float32)
    if node.op_type == "BipolarQuant":
        _no_zeros(node, w)
        return Weight(np.where(w > 0, 1, -1), scale)
    if node.op_type == "FloatQuant":
        lookup(node).verify(node)
        kind = minifloat(node)
        return Weight(steps_of(w / scale, kind), scale * np.float32(kind.step))
    zero, bits = known[operand(node, 2)].astype(np.float32), float(known[operand(node, 3)].ravel()[0])
    y = w / scale + zero
    if round(bits) == 1 and integer(node, "signed", 1):
        _no_zeros(node, y)
    q = levels_of(y, bits, node) - zero
    if not np.array_equal(q, np.round(q)):
        raise CompileError("the zero point is not a whole number", node=node, fix="quantise with an integer zero point")
    return Weight(q, scale)


def _no_zeros(node: ir.Node, w: Array) -> None:
    zeros = int((w == 0).sum())
    if zeros:
        raise CompileError(
            f"{zeros} of {w.size} weights are exactly 0 before binarisation, where sign(0) = +1",
            node=node,
            fix="multiply the mask into the quantised weight (cardc.frontend.train layers do), not before it",
        )


def _times(weight: Weight, factor: Array, node: ir.Node) -> Weight:
    """A {0, 1} factor is a mask and goes to the integers; any other one must be positive and goes to the scale."""
    if np.isin(factor, (0, 1)).all():
        q = weight.q * factor.astype(np.int64)
        return Weight(q, np.broadcast_to(weight.scale, q.shape))
    if not (factor > 0).all():
        raise CompileError(
            "a weight is multiplied by a constant that is neither a mask of 0 and 1 nor a positive scale",
            node=node,
            fix="let the mask hold 0 and 1 only",
        )
    return Weight(weight.q, (weight.scale * factor.astype(np.float32)).astype(np.float32))


def channel_scales(weight: Weight, axis: int, node: ir.Node) -> tuple[float, ...]:
    """The scale as one number, or one for each index along `axis`.

    Raises CompileError where it varies inside an output channel.
    """
    scale = np.broadcast_to(weight.scale, weight.q.shape).astype(np.float64)
    rows = np.moveaxis(scale, axis, 0).reshape(scale.shape[axis], -1)
    if not (rows == rows[:, :1]).all():
        raise CompileError(
            "the weight's scale varies inside an output channel",
            node=node,
            fix="use one scale a layer or one an output channel",
        )
    first = rows[:, 0]
    return (float(first[0]),) if (first == first[0]).all() else tuple(float(s) for s in first)

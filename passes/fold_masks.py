"""fold-masks: Quant(W) [* mask] [transposed] -> Dequantize(integers), the masked weight as one integer tensor.

    BipolarQuant(W, s) * M  =  s * (sign(W) * M),   M in {0, 1}   ->  integers in {-1, 0, +1}, scale s

Applies to the weight of every Conv and MatMul that is made of constants: a quantiser, then any of Mul by a mask
or by a scale, Transpose, Reshape. Other quantised constants (a bias) become plain float constants, which the
thresholds absorb. Keeps: the value of every weight, compared bit for bit in float32 after the rewrite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops import lookup
from ..ops.base import CARDC, ONNX, QONNX, Array, constant, integer, ints, operand, result, text
from ..ops.graph import add_initializer, drop_unused, fresh, make_node, rewire
from ..ops.qtype import QType
from ..ops.quant import dequantize, level_range, rounded
from .base import Pass, PassLog


@dataclass(frozen=True, slots=True)
class _Weight:
    """Integers and their scale (a scalar, or an array that broadcasts against the integers)."""

    q: Array
    scale: Array


@dataclass(frozen=True)
class FoldMasks(Pass):
    name: ClassVar[str] = "fold-masks"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        for node in list(graph):
            if node.domain != ONNX or node.op_type not in ("Conv", "MatMul"):
                continue
            tip = operand(node, 1).producer()
            if tip is None or not _all_constant(tip):
                continue
            try:
                self._fold(graph, node, tip)
                done += 1
            except CompileError as error:
                errors.append(error)
        raise_all(errors)
        drop_unused(graph)
        return done + _fold_rest(graph)

    def _fold(self, graph: ir.Graph, layer: ir.Node, tip: ir.Node) -> None:
        axis = 0 if layer.op_type == "Conv" else 1
        weight = _evaluate(tip)
        q = weight.q.astype(np.int64)
        scale = _per_channel(weight, axis, tip)
        kind = QType(int(q.min(initial=0)), int(q.max(initial=0)), scale)
        if (kind.lo, kind.hi) == (-1, 1) and not (q == 0).any():
            kind = QType(-1, 1, scale, 2)
        if not np.array_equal(dequantize(q, kind, axis), _value(operand(layer, 1))):
            raise CompileError(
                "the masked weight is not an integer times one float32 scale a channel",
                node=tip,
                fix="let the mask be 0 or 1, multiplied into the quantised weight",
            )
        stem = f"{layer.name}_weight"
        constant_q = add_initializer(graph, stem, q, kind)
        deq = make_node(
            CARDC, "Dequantize", [constant_q], name=f"{stem}_dequantize", out=fresh(graph, f"{stem}_value"),
            attributes={"axis": axis},
        )  # fmt: skip
        graph.insert_before(layer, deq)
        layer.replace_input_with(1, result(deq))


def _all_constant(node: ir.Node) -> bool:
    return all(
        v is None or v.const_value is not None or ((p := v.producer()) is not None and _all_constant(p))
        for v in node.inputs
    )


def _value(value: ir.Value) -> Array:
    """The float value of a constant expression: what the QONNX graph computes."""
    known = constant(value)
    if known is not None:
        return known
    node = value.producer()
    if node is None:
        raise AssertionError(f"{value.name} is not constant")
    lookup(node).verify(node)
    return lookup(node).execute(node, [_value(v) for v in node.inputs if v is not None])


def _evaluate(node: ir.Node) -> _Weight:
    """The integers and the scale of a constant expression that ends in `node`."""
    if node.domain == QONNX:
        return _quantised(node)
    source = operand(node, 0).producer()
    if node.op_type == "Mul":
        left, right = operand(node, 0), operand(node, 1)
        # The quantised operand may stand on either side of the mask.
        if source is None:
            source, right = right.producer(), left
        if source is None:
            raise CompileError("a weight without a quantiser", node=node, fix="quantise the weight in training")
        return _times(_evaluate(source), _value(right), node)
    if source is None or node.op_type not in ("Transpose", "Reshape", "Identity"):
        raise CompileError(
            f"{node.op_type} stands between a weight's quantiser and its layer",
            node=node,
            fix="only a mask, a scale and a transposition may stand there",
        )
    inner = _evaluate(source)
    scale = np.broadcast_to(inner.scale, inner.q.shape)
    if node.op_type == "Transpose":
        perm = ints(node, "perm", tuple(range(inner.q.ndim))[::-1])
        return _Weight(inner.q.transpose(perm), scale.transpose(perm))
    if node.op_type == "Reshape":
        shape = _value(result(node)).shape
        return _Weight(inner.q.reshape(shape), scale.reshape(shape))
    return inner


def _quantised(node: ir.Node) -> _Weight:
    lookup(node).verify(node)
    w, scale = _value(operand(node, 0)), _value(operand(node, 1)).astype(np.float32)
    if not np.isfinite(w).all():
        raise CompileError("a weight is not finite", node=node, fix="train again: the weights hold NaN or infinity")
    if node.op_type == "BipolarQuant":
        zeros = int((w == 0).sum())
        if zeros:
            raise CompileError(
                f"{zeros} of {w.size} weights are exactly 0 before binarisation, where sign(0) = +1",
                node=node,
                fix="multiply the mask into the quantised weight (cardc.frontend.train layers do), not before it",
            )
        return _Weight(np.where(w > 0, 1, -1), scale)
    zero = _value(operand(node, 2)).astype(np.float32)
    bits = float(_value(operand(node, 3)).ravel()[0])
    lo, hi = level_range(bits, bool(integer(node, "signed", 1)), bool(integer(node, "narrow", 0)))
    q = np.clip(rounded(w / scale + zero, text(node, "rounding_mode", "ROUND")), lo, hi) - zero
    if not np.array_equal(q, np.round(q)):
        raise CompileError("the zero point is not a whole number", node=node, fix="quantise with an integer zero point")
    return _Weight(q, scale)


def _times(weight: _Weight, factor: Array, node: ir.Node) -> _Weight:
    """A {0, 1} factor is a mask and goes to the integers; any other one must be positive and goes to the scale."""
    if np.isin(factor, (0, 1)).all():
        return _Weight(weight.q * factor.astype(np.int64), np.broadcast_to(weight.scale, weight.q.shape))
    if not (factor > 0).all():
        raise CompileError(
            "a weight is multiplied by a constant that is neither a mask of 0 and 1 nor a positive scale",
            node=node,
            fix="let the mask hold 0 and 1 only",
        )
    return _Weight(weight.q, (weight.scale * factor.astype(np.float32)).astype(np.float32))


def _per_channel(weight: _Weight, axis: int, node: ir.Node) -> tuple[float, ...]:
    """The scale as one number, or one for each index along `axis`."""
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


def _fold_rest(graph: ir.Graph) -> int:
    """Quantised constants that are no layer's weight become float constants."""
    done = 0
    for node in list(graph):
        if node.domain == CARDC or not node.inputs or not _all_constant(node):
            continue
        if any(use.node.domain == ONNX and use.node.op_type in ("Conv", "MatMul") for use in node.outputs[0].uses()):
            continue
        rewire(graph, result(node), add_initializer(graph, f"{result(node).name}_value", _value(result(node))))
        graph.remove(node, safe=True)
        done += 1
    return done

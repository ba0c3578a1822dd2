"""fold-masks: Quant(W) [* mask] [transposed] -> Dequantize(integers), the masked weight as one integer tensor.

    BipolarQuant(W, s) * M  =  s * (sign(W) * M),   M in {0, 1}   ->  integers in {-1, 0, +1}, scale s

Applies to the weight of every Conv, ConvTranspose and MatMul that is made of constants: a quantiser, then any of
Mul by a mask or by a scale, Transpose, Reshape; or whole numbers of at most 16 bits. Other quantised constants become
plain float constants, which the thresholds absorb. Keeps: the value of every weight, bit for bit in float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir

from ..errors import CompileError, raise_all
from ..ops.base import CARDC, ONNX, Array, integer, operand, result, shape_of
from ..ops.constants import constant_values
from ..ops.graph import add_initializer, drop_unused, fresh, is_cardc, make_node, rewire
from ..ops.qtype import QType
from ..ops.quant import dequantize
from .base import Pass, PassLog
from .weights import Weight, channel_scales, weight_of

_WHOLE = 2**15
Values = Mapping[ir.Value, Array]


@dataclass(frozen=True)
class FoldMasks(Pass):
    name: ClassVar[str] = "fold-masks"

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        known = constant_values(graph)
        errors: list[CompileError] = []
        for node in list(graph):
            if node.domain != ONNX or node.op_type not in ("Conv", "ConvTranspose", "MatMul"):
                continue
            tip = operand(node, 1).producer()
            if operand(node, 1) not in known or is_cardc(tip, "Dequantize"):
                continue
            try:
                weight = _whole(known[operand(node, 1)]) if tip is None else weight_of(tip, known)
                if weight is not None:
                    _fold(graph, node, weight, known)
                    done += 1
            except CompileError as error:
                errors.append(error)
        raise_all(errors)
        drop_unused(graph)  # or the folded weights would count among the rest
        done += _fold_rest(graph, known)
        drop_unused(graph)
        return done


def _whole(w: Array) -> Weight | None:
    """A weight without a quantiser that is integers of at most 16 bits all the same, as FINN's streamlining leaves."""
    if not np.array_equal(w, np.round(w)) or np.abs(w).max(initial=0) >= _WHOLE:
        return None
    return Weight(w, np.ones((), np.float32))


def _fold(graph: ir.Graph, layer: ir.Node, weight: Weight, known: Values) -> None:
    axis = _output_axis(layer)
    tip = operand(layer, 1).producer()
    q = weight.q.astype(np.int64)
    scale = channel_scales(weight, axis, layer)
    kind = QType(int(q.min(initial=0)), int(q.max(initial=0)), scale)
    if (kind.lo, kind.hi) == (-1, 1) and not (q == 0).any():
        kind = QType(-1, 1, scale, 2)
    if not np.array_equal(dequantize(q, kind, axis), known[operand(layer, 1)]):
        raise CompileError(
            "the masked weight is not an integer times one float32 scale a channel",
            node=tip,
            fix="let the mask be 0 or 1, multiplied into the quantised weight",
        )
    stem = f"{layer.name}_weight"
    integers = add_initializer(graph, stem, q, kind)
    back = make_node(
        CARDC, "Dequantize", [integers], name=f"{stem}_dequantize", out=fresh(graph, f"{stem}_value"),
        attributes={"axis": axis},
    )  # fmt: skip
    graph.insert_before(layer, back)
    layer.replace_input_with(1, result(back))


def _output_axis(layer: ir.Node) -> int:
    """The axis of a layer's weight that tells output channels apart: a transposed convolution has it second, but for
    a depthwise one, whose channels are the groups.
    """
    if layer.op_type == "ConvTranspose":
        shape = shape_of(operand(layer, 1))
        return 0 if shape[1] == 1 and shape[0] == integer(layer, "group", 1) else 1
    return 0 if layer.op_type == "Conv" else 1


def _fold_rest(graph: ir.Graph, known: Values) -> int:
    """Quantised constants that are no layer's weight become float constants."""
    done = 0
    for node in list(graph):
        if node.domain == CARDC or result(node) not in known:
            continue
        rewire(graph, result(node), add_initializer(graph, f"{result(node).name}_value", known[result(node)]))
        graph.remove(node, safe=True)
        done += 1
    return done

"""A layer behind joined tensors of unlike scales: Conv(Concat(a, b), w) -> Conv(a, w[:, a]) + Conv(b, w[:, b]).

Each part is a layer on integers of one scale. Their sum is left to requantize-sums, or to the output. Applies to
convolutions of one group and to matrix products, where the tensors have at most two scales.
"""

from __future__ import annotations

import onnx_ir as ir

from ..ops.base import CARDC, ONNX, constant, integer, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, make_node, replace
from ..ops.qtype import QType, qtype
from .linear import integer_node, integer_weights
from .realise import realise

_LAYERS = ("Conv", "MatMul")


def part_weights(graph: ir.Graph, concat: ir.Node) -> list[ir.Node]:
    """Give each layer that reads `concat` the joined tensors in two parts of one scale each; the sums in their place.

    None where a reader is no such layer, or there are more scales. CompileError where a branch has no integers.
    """
    readers = [use.node for use in result(concat).uses()]
    layers = all(n.domain == ONNX and n.op_type in _LAYERS and integer(n, "group", 1) == 1 for n in readers)
    if not readers or not layers or result(concat).is_graph_output():
        return []
    values = [realise(graph, v, concat) for v in concat.inputs if v is not None]
    scales = list(dict.fromkeys(qtype(v).scale for v in values))
    if len(scales) != 2 or any(len(s) > 1 for s in scales):
        return []
    return [_parted(graph, node, values, scales) for node in readers]


def _parted(graph: ir.Graph, layer: ir.Node, values: list[ir.Value], scales: list[tuple[float, ...]]) -> ir.Node:
    w = integer_weights(layer)
    numbers, q = constant(w), qtype(w)
    if numbers is None:
        raise AssertionError("integer_weights looks for constant weights")
    axis = 0 if layer.op_type == "MatMul" else 1
    new: list[ir.Node] = []
    sums: list[ir.Value] = []
    for number, scale in enumerate(scales):
        stem = f"{result(layer).name}_part{number}"
        mine, picked, first = list[ir.Value](), list[int](), 0
        for value in values:
            width = shape_of(value)[1]
            if qtype(value).scale == scale:
                mine.append(value)
                picked += range(first, first + width)
            first += width
        x = mine[0]
        if len(mine) > 1:
            out = fresh(graph, f"{stem}_joined")
            new.append(make_node(CARDC, "Concat", mine, name=out, out=out, attributes={"axis": 1}))
            x = result(new[-1])
        part = add_initializer(graph, f"{stem}_weight", numbers.take(picked, axis), QType(q.lo, q.hi, q.scale, q.step))
        new.append(integer_node(graph, layer, [x, part]))
        new[-1].name, result(new[-1]).name = fresh(graph, f"{layer.name}_part{number}"), fresh(graph, f"{stem}_int")
        out = fresh(graph, f"{stem}_value")
        new.append(make_node(CARDC, "Dequantize", [result(new[-1])], name=out, out=out))
        sums.append(result(new[-1]))
    total = ir.node("Add", sums, domain="", num_outputs=1, name=layer.name)
    result(total).name = fresh(graph, f"{result(layer).name}_sum")
    infer_node(total)
    replace(graph, layer, [*new, total])
    return total

"""A layer behind joined tensors of unlike scales: Conv(Concat(a, b), w) -> Conv(a, w[:, a]) + Conv(b, w[:, b]).

Each part is a layer on integers of one scale. The sum of two is left to requantize-sums, or to the output. Of three or
more scales s_g, the weights are multiplied by m_g = s_g / u, u the last place of the smallest float32 scale, so that
all parts count in units of u: exact where |m_g w| < 2^31, else u is made larger, as far as every m_g keeps 20 bits, and
the pass says so. Applies to convolutions of one group and to matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx_ir as ir

from ..ops.base import CARDC, ONNX, constant, integer, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, make_node, replace
from ..ops.qtype import QType, qtype, set_qtype
from .linear import integer_node, integer_weights
from .realise import realise

_LAYERS = ("Conv", "MatMul")


_LARGEST = 1 << 31
_LEAST = 1 << 20


def part_weights(graph: ir.Graph, concat: ir.Node, notes: list[str]) -> list[ir.Node]:
    """Give each layer that reads `concat` the joined tensors in two parts of one scale each; the sums in their place.

    None where a reader is no such layer, or its weights leave no room. CompileError where a branch has no integers.
    """
    readers = [use.node for use in result(concat).uses()]
    layers = all(n.domain == ONNX and n.op_type in _LAYERS and integer(n, "group", 1) == 1 for n in readers)
    if not readers or not layers or result(concat).is_graph_output():
        return []
    values = [realise(graph, v, concat) for v in concat.inputs if v is not None]
    scales = list(dict.fromkeys(qtype(v).scale for v in values))
    if any(len(s) > 1 for s in scales):
        return []
    if len(scales) == 2:
        return [_parted(graph, node, values, scales, None) for node in readers]
    found = [_multipliers(integer_weights(node), [s[0] for s in scales]) for node in readers]
    if any(m is None for m in found):
        return []
    for node, m in zip(readers, found, strict=True):
        if m is not None and not m.exact:
            notes.append(f"{node.name}: the scales of what it joins are rounded to 20 bits or more")
    return [_parted(graph, node, values, scales, m) for node, m in zip(readers, found, strict=True)]


@dataclass(frozen=True, slots=True)
class _Multipliers:
    """Whole numbers of a unit that stand for scales."""

    m: tuple[int, ...]
    unit: float
    exact: bool


def _multipliers(weights: ir.Value, scales: list[float]) -> _Multipliers | None:
    """Those of `scales`, so large as weights of 32 bits allow; None where that leaves one too few bits."""
    most = max(abs(qtype(weights).lo), abs(qtype(weights).hi), 1)
    unit = Fraction(float(np.spacing(np.float32(min(scales)))))
    while round(Fraction(max(scales)) / unit) * most >= _LARGEST:
        unit *= 2
    ratios = [Fraction(s) / unit for s in scales]
    m = tuple(round(r) for r in ratios)
    return (
        _Multipliers(m, float(unit), all(r == k for r, k in zip(ratios, m, strict=True))) if min(m) >= _LEAST else None
    )


def _parted(
    graph: ir.Graph, layer: ir.Node, values: list[ir.Value], scales: list[tuple[float, ...]], by: _Multipliers | None
) -> ir.Node:
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
        m = 1 if by is None else by.m[number]
        unit = q.scale if by is None else tuple(s * by.unit / scale[0] for s in q.scale)
        kind = QType(q.lo * m, q.hi * m, unit, q.step * m)
        part = add_initializer(graph, f"{stem}_weight", numbers.take(picked, axis).astype(np.int64) * m, kind)
        new.append(integer_node(graph, layer, [x, part]))
        new[-1].name, result(new[-1]).name = fresh(graph, f"{layer.name}_part{number}"), fresh(graph, f"{stem}_int")
        if by is not None:
            sums.append(result(new[-1]))
            continue
        out = fresh(graph, f"{stem}_value")
        new.append(make_node(CARDC, "Dequantize", [result(new[-1])], name=out, out=out))
        sums.append(result(new[-1]))
    if by is not None:
        return _added(graph, layer, new, sums, tuple(s * by.unit for s in q.scale))
    total = ir.node("Add", sums, domain="", num_outputs=1, name=layer.name)
    result(total).name = fresh(graph, f"{result(layer).name}_sum")
    infer_node(total)
    replace(graph, layer, [*new, total])
    return total


def _added(
    graph: ir.Graph, layer: ir.Node, new: list[ir.Node], sums: list[ir.Value], scale: tuple[float, ...]
) -> ir.Node:
    """The integers `sums`, all in units of `scale`, added up in place of `layer`; the Dequantize of the result."""
    stem = result(layer).name or "joined"
    for value in sums:
        acc = qtype(value)
        set_qtype(value, QType(acc.lo, acc.hi, scale, acc.step))
    total = sums[0]
    for k, value in enumerate(sums[1:]):
        out = fresh(graph, f"{stem}_sum{k}")
        new.append(make_node(CARDC, "Add", [total, value], name=out, out=out, q=QType(0, 0, scale)))
        total = result(new[-1])
    back = make_node(CARDC, "Dequantize", [total], name=f"{layer.name}_value", out=fresh(graph, f"{stem}_value"))
    replace(graph, layer, [*new, back])
    return back

"""Operators that join or spread integer tensors: what lift-integers makes of each, one function an operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.average import averaged_window
from ..ops.base import CARDC, constant, integer, operand, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, make_node
from ..ops.qtype import QType, qtype, set_qtype
from ..ops.spread import pad_amounts, resize_factors
from .rational import common_unit, start, whole
from .realise import LIMIT, in_units, realise
from .sums import is_sum, quantisers_behind

_SMALL = 1 << 8
"""Multipliers up to here cost no more than what a search could find."""

Lift = Callable[[ir.Graph, ir.Node], list[ir.Node]]


def lift_join(graph: ir.Graph, node: ir.Node, *, last_resort: bool = False) -> list[ir.Node]:
    """The integer nodes in place of `node`, the last of which gives its result; none where it stays.

    A sum of scales without a small common unit, with nothing but quantisers behind it, is left to requantize-sums,
    but for the `last_resort`. Raises CompileError where the inputs cannot be joined exactly.
    """
    if last_resort or not is_sum(node) or not quantisers_behind(node):
        return _LIFTS[node.op_type](graph, node)
    try:
        lifted = _LIFTS[node.op_type](graph, node)
    except CompileError:
        return []
    return lifted if all(_small(v) for n in lifted for v in n.inputs[2:]) else []


def _small(multipliers: ir.Value | None) -> bool:
    values = constant(multipliers)
    return values is None or int(np.abs(values.astype(np.int64)).max(initial=0)) <= _SMALL


def _add(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    if any(v is not None and v.const_value is not None for v in node.inputs):
        return []  # a bias or an offset: the chain in front of a quantiser takes it along
    values = [operand(node, k) for k in (0, 1)]
    if shape_of(values[0]) != shape_of(values[1]):
        raise CompileError(
            f"{node.op_type} of shapes {list(shape_of(values[0]))} and {list(shape_of(values[1]))}",
            node=node,
            fix="give both branches one shape",
        )
    branches = [realise(graph, value, node) for value in values]
    sign = -1 if node.op_type == "Sub" else 1
    width = shape_of(branches[0])[1]
    a, b = (start(qtype(v), width).a for v in branches)
    unit = common_unit([*a, *b])
    ma, mb = whole(a, unit), [sign * v for v in whole(b, unit)]
    worst = max(
        abs(m) * max(abs(qtype(v).lo), abs(qtype(v).hi)) for ms, v in ((ma, branches[0]), (mb, branches[1])) for m in ms
    )
    if 2 * worst > LIMIT:
        raise CompileError(
            f"the branches of {node.op_type} have scales without a common unit",
            node=node,
            fix="use one quantiser for both branches (the same brevitas.nn.QuantIdentity)",
        )
    inputs = list(branches)
    if set(ma) | set(mb) != {1}:
        for name, m in (("a", ma), ("b", mb)):
            values_ = np.asarray(m if len(set(m)) > 1 else m[:1], np.int64)
            kind = QType(int(values_.min()), int(values_.max()))
            inputs.append(add_initializer(graph, f"{result(node).name}_m{name}", values_, kind))
    joined = ir.node("Add", inputs, domain=CARDC, num_outputs=1, name=node.name)
    result(joined).name = fresh(graph, f"{result(node).name}_int")
    # The scale first: inference keeps what it finds.
    set_qtype(result(joined), QType(0, 0, (float(unit),)))
    infer_node(joined)
    return [joined]


def _concat(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    values = [v for v in node.inputs if v is not None]
    if integer(node, "axis", 1) % len(shape_of(values[0])) != 1:
        raise CompileError("Concat over another axis than the channels", node=node, fix="concatenate along axis 1")
    branches = [realise(graph, value, node) for value in values]
    if len({qtype(v).scale for v in branches}) > 1:
        unit = common_unit([Fraction(s) for v in branches for s in qtype(v).scale])
        try:
            branches = [in_units(graph, v, unit, node) for v in branches]
        except CompileError as error:
            raise CompileError(
                "the tensors that Concat joins have scales without a common unit",
                node=node,
                fix="use one quantiser for all that is joined",
            ) from error
    return [_plain(graph, node, "Concat", branches, {"axis": 1})]


def _average(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    win = averaged_window(node)
    attributes = {"kernel_shape": win.kernel, "strides": win.strides, "pads": (*win.begin, *win.end)}
    return [_plain(graph, node, "SumPool", [realise(graph, operand(node, 0), node)], attributes)]


def _resize(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    return [_plain(graph, node, "Resize", [realise(graph, operand(node, 0), node)], {"factors": resize_factors(node)})]


def _pad(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    amounts = pad_amounts(node)
    pads = (*(b for b, _ in amounts), *(e for _, e in amounts))
    return [_plain(graph, node, "Pad", [realise(graph, operand(node, 0), node)], {"pads": pads})]


def _plain(
    graph: ir.Graph, node: ir.Node, op: str, inputs: list[ir.Value], attributes: Mapping[str, object]
) -> ir.Node:
    out = fresh(graph, f"{result(node).name}_int")
    return make_node(CARDC, op, inputs, name=node.name or op, out=out, attributes=attributes)


_LIFTS: Mapping[str, Lift] = MappingProxyType({
    "Add": _add,
    "Sub": _add,
    "Concat": _concat,
    "AveragePool": _average,
    "GlobalAveragePool": _average,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
})  # fmt: skip

JOINS = tuple(_LIFTS)
"""ONNX operators that this module lifts."""

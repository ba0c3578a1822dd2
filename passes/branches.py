"""A quantiser behind tensors joined: Quantize(f(Concat(a, b))) -> Concat(Quantize(f(a)), Quantize(f(b))).

Each branch gets its part of the constants; afterwards all have the quantiser's scale, so that integers are joined.
"""

from __future__ import annotations

import onnx_ir as ir

from ..ops.base import CARDC, ONNX, constant, integer, operand, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, is_cardc, make_node, replace
from ..ops.qtype import QType, qtype, set_qtype
from .pools import by_channel, to_quantiser
from .split_quantizers import SOURCE


def part_concat(graph: ir.Graph, concat: ir.Node) -> bool:
    """Quantise each of the tensors that `concat` joins, where their scales differ; return whether that was done."""
    if (concat.domain, concat.op_type) != (ONNX, "Concat"):
        return False
    shape = shape_of(result(concat))
    if len(shape) < 2 or integer(concat, "axis", 1) % len(shape) != 1 or _one_scale(concat):
        return False
    chain = to_quantiser(concat)
    if not chain or not all(by_channel(node, shape[1], len(shape)) for node in chain):
        return False
    new: list[ir.Node] = []
    parts: list[ir.Value] = []
    first = 0
    for index in range(len(concat.inputs)):
        value = operand(concat, index)
        channels = slice(first, first + shape_of(value)[1])
        first = channels.stop
        for node in chain:
            new.append(_again(graph, node, value, channels, shape[1], f"part{index}"))
            value = result(new[-1])
        parts.append(value)
    stem = result(chain[-1]).name or "joined"
    new.append(
        make_node(CARDC, "Concat", parts, name=concat.name or stem, out=fresh(graph, stem), attributes={"axis": 1})
    )
    source = result(chain[-1]).metadata_props.get(SOURCE)
    if source is not None:
        result(new[-1]).metadata_props[SOURCE] = source
    replace(graph, chain[-1], new)
    for node in (*chain[-2::-1], concat):
        graph.remove(node, safe=True)
    return True


def _one_scale(concat: ir.Node) -> bool:
    makers = [v.producer() for v in concat.inputs if v is not None]
    if not all(maker is not None and is_cardc(maker, "Dequantize") for maker in makers):
        return False
    return len({qtype(operand(maker, 0)).scale for maker in makers if maker is not None}) == 1


def _again(graph: ir.Graph, node: ir.Node, value: ir.Value, channels: slice, width: int, tag: str) -> ir.Node:
    """`node` on a branch that is `channels` of `width`."""
    inputs = [value]
    for other in node.inputs[1:]:
        if other is not None:
            inputs.append(_part(graph, node, other, channels, width))
    again = ir.node(node.op_type, inputs, {**node.attributes}, domain=node.domain, num_outputs=1)
    again.name = fresh(graph, f"{node.name}_{tag}")
    result(again).name = fresh(graph, f"{result(node).name}_{tag}")
    if is_cardc(node):
        q = qtype(result(node))
        scale = q.scale if len(q.scale) == 1 else q.scale[channels]
        set_qtype(result(again), QType(q.lo, q.hi, scale, q.step))
    infer_node(again)
    return again


def _part(graph: ir.Graph, node: ir.Node, value: ir.Value, channels: slice, width: int) -> ir.Value:
    array = constant(value)
    if array is None or array.size == 1:
        return value
    if node.op_type in ("BatchNormalization", "MultiThreshold"):
        axis = 0
    else:
        axis = array.ndim - len(shape_of(result(node))) + 1
    if array.shape[axis] != width:  # one row of thresholds for all channels
        return value
    pick = (*(slice(None),) * axis, channels)
    return add_initializer(graph, f"{value.name}_part", array[pick])

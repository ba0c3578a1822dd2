"""Channels-last operators as channels-first ones between two transpositions, which cancel where they meet (layouts).

    op_last(x) = T'(op(T(x))),   T: [N, ..., C] -> [N, C, ...],   T' its inverse

Takes the domain `qonnx.custom_op.channels_last` (whose Conv has weights [O, *kernel, I]), MaxPoolNHWC, and ONNX
operators that an exporter applied along the last axis: Concat, Resize, Upsample, Pad, ReduceMean, Softmax, ArgMax,
MatMul on a tensor of rank 3 or more (a dense layer at each position: a convolution of kernel 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ..ops.base import ONNX, QONNX, Array, constant, integer, ints, operand, result, shape_of
from .edit import CHANNELS_LAST, beside, constant_beside, moved_back, rank_of, reshape, to_first, to_last, transpose

Nodes = list[ir.Node]


def _wrapped(
    graph: ir.Graph, node: ir.Node, op: str, others: Sequence[ir.Value], attributes: Mapping[str, Any], count: int = 1
) -> Nodes:
    """`op` on the first `count` inputs of `node` moved to channels-first, its result moved back."""
    rank = rank_of(operand(node, 0))
    ins = [transpose(graph, node, operand(node, k), to_first(rank), f"first{k or ''}") for k in range(count)]
    inner = beside(graph, node, op, [*(result(n) for n in ins), *others], attributes)
    return [*ins, inner, moved_back(graph, node, result(inner), to_last(rank), "last")]


def _conv(graph: ir.Graph, node: ir.Node) -> Nodes:
    w = operand(node, 1)
    weight = transpose(graph, node, w, to_first(rank_of(w)), "weight_first")
    others = [result(weight), *(v for v in node.inputs[2:] if v is not None)]
    return [weight, *_wrapped(graph, node, "Conv", others, {**node.attributes})]


def _same(graph: ir.Graph, node: ir.Node) -> Nodes:
    op = "MaxPool" if node.op_type == "MaxPoolNHWC" else node.op_type
    return _wrapped(graph, node, op, [v for v in node.inputs[1:] if v is not None], {**node.attributes})


def _batch_norm(graph: ir.Graph, node: ir.Node) -> Nodes:
    if rank_of(operand(node, 0)) > 2:
        return _same(graph, node)
    return [beside(graph, node, node.op_type, [operand(node, k) for k in range(5)], {**node.attributes})]


def _last_axis(node: ir.Node, axis: int) -> bool:
    rank = rank_of(operand(node, 0))
    return rank > 2 and axis % rank == rank - 1


def _concat(graph: ir.Graph, node: ir.Node) -> Nodes | None:
    if not _last_axis(node, integer(node, "axis", 0)):
        return None
    return _wrapped(graph, node, "Concat", [], {"axis": 1}, len(node.inputs))


def _along(graph: ir.Graph, node: ir.Node) -> Nodes | None:
    """Softmax and its kin, ArgMax: along the last axis of a map."""
    if not _last_axis(node, integer(node, "axis", 0 if node.op_type == "ArgMax" else -1)):
        return None
    attributes = {**node.attributes, "axis": ir.AttrInt64("axis", 1)}
    if node.op_type != "ArgMax" or integer(node, "keepdims", 1):
        return _wrapped(graph, node, node.op_type, [], attributes)
    first = transpose(graph, node, operand(node, 0), to_first(rank_of(operand(node, 0))), "first")
    return [first, beside(graph, node, node.op_type, [result(first)], attributes)]


def _spread(graph: ir.Graph, node: ir.Node) -> Nodes | None:
    """Resize, Upsample and Pad that touch axis 1 and leave the last one alone."""
    rank = rank_of(operand(node, 0))
    values = [constant(v) if v is not None else None for v in node.inputs[1:]]
    if rank < 3 or not _grows_in_front(node, values):
        return None
    order = to_first(rank)
    others = [constant_beside(graph, node, f"laid{k}", _laid(v, order, node)) for k, v in enumerate(values)]
    attributes = {**node.attributes}
    for key in ("scales", "pads"):
        if key in attributes:
            attributes[key] = _laid_attribute(attributes[key], order)
    return _wrapped(graph, node, node.op_type, others, attributes)


def _grows_in_front(node: ir.Node, values: Sequence[Array | None]) -> bool:
    shape = shape_of(operand(node, 0))
    rank = len(shape)
    if node.op_type == "Pad":
        pads = values[0] if values else None
        given = [int(p) for p in pads.ravel()] if pads is not None else list(ints(node, "pads", ()))
        return len(given) == 2 * rank and bool(given[1] or given[rank + 1]) and not (given[-1] or given[rank - 1])
    for array in reversed(values):
        if array is not None and array.size == rank:
            factors = array / np.asarray(shape) if np.issubdtype(array.dtype, np.integer) else array
            return bool(factors[1] != 1 and factors[-1] == 1)
    scales = node.attributes.get("scales")
    return scales is not None and scales.as_floats()[1] != 1 and scales.as_floats()[-1] == 1


def _laid(array: Array | None, order: Sequence[int], node: ir.Node) -> Array:
    """A vector with a number (or, of pads, two) for each axis, in the new order of axes."""
    if array is None:
        return np.zeros(0, np.float32)
    if array.size == len(order):
        return array.ravel()[list(order)]
    if array.size == 2 * len(order):
        return array.reshape(2, -1)[:, list(order)].ravel()
    return array


def _laid_attribute(attr: ir.Attr, order: Sequence[int]) -> ir.Attr:
    if attr.type == ir.AttributeType.FLOATS:
        return ir.AttrFloat32s(attr.name, [attr.as_floats()[i] for i in order])
    pads = np.asarray(attr.as_ints()).reshape(2, -1)[:, list(order)].ravel()
    return ir.AttrInt64s(attr.name, [int(p) for p in pads])


def _mean(graph: ir.Graph, node: ir.Node) -> Nodes | None:
    """ReduceMean over all positions as GlobalAveragePool, of either layout."""
    shape = shape_of(operand(node, 0))
    rank = len(shape)
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    axes = tuple(int(a) for a in given.ravel()) if given is not None else ints(node, "axes", ())
    where = sorted(a % rank for a in axes)
    nodes: Nodes = []
    value = operand(node, 0)
    if rank < 3 or where not in ([*range(1, rank - 1)], [*range(2, rank)]):
        return None
    last = where[0] == 1
    if last:
        nodes.append(transpose(graph, node, value, to_first(rank), "first"))
        value = result(nodes[-1])
    nodes.append(beside(graph, node, "GlobalAveragePool", [value]))
    if not integer(node, "keepdims", 1):
        return [*nodes, reshape(graph, node, result(nodes[-1]), (1, shape[-1] if last else shape[1]), "flat")]
    return [*nodes, transpose(graph, node, result(nodes[-1]), to_last(rank), "last")] if last else nodes


def _dense(graph: ir.Graph, node: ir.Node) -> Nodes | None:
    """x [N, ..., K] @ w [K, M] as a convolution of kernel 1."""
    x, w = operand(node, 0), operand(node, 1)
    rank = rank_of(x)
    if rank not in (3, 4) or rank_of(w) != 2 or shape_of(x)[-1] != shape_of(w)[0] or x.const_value is not None:
        return None
    k, m = shape_of(w)
    turned = transpose(graph, node, w, (1, 0), "weight_rows")
    kernel = reshape(graph, node, result(turned), (m, k, *(1,) * (rank - 2)), "weight_kernel")
    attributes: dict[str, Any] = {"kernel_shape": [1] * (rank - 2)}
    return [turned, kernel, *_wrapped(graph, node, "Conv", [result(kernel)], attributes)]


RULES = {
    (CHANNELS_LAST, "Conv"): _conv,
    (CHANNELS_LAST, "MaxPool"): _same,
    (CHANNELS_LAST, "AveragePool"): _same,
    (CHANNELS_LAST, "GlobalAveragePool"): _same,
    (CHANNELS_LAST, "BatchNormalization"): _batch_norm,
    (QONNX, "MaxPoolNHWC"): _same,
    (ONNX, "Concat"): _concat,
    (ONNX, "Softmax"): _along,
    (ONNX, "LogSoftmax"): _along,
    (ONNX, "ArgMax"): _along,
    (ONNX, "Resize"): _spread,
    (ONNX, "Upsample"): _spread,
    (ONNX, "Pad"): _spread,
    (ONNX, "ReduceMean"): _mean,
    (ONNX, "MatMul"): _dense,
}

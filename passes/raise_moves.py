"""Pools and reshapes in front of the functions behind which no later pass could use them.

    MaxPool(f(x)) = f(MaxPool(x))     f never falls in any channel
    Reshape(f(x)) = f(Reshape(x))     f the same for every element

Exact in float32; the move then works on integers. The first half of sink-moves: done only where no quantiser follows
that could go in front of the move instead, but a layer, an average, a normalisation of either sign.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops import lookup
from ..ops.base import CARDC, ONNX, QONNX, constant, operand, result, shape_of
from ..ops.graph import fresh, infer_node, replace
from .pools import by_channel

_MOVES = ("MaxPool", "Reshape", "Flatten")
_TURNING = ("Mul", "Div", "BatchNormalization", "Neg")
SINKING = ("Relu", "Clip", "MultiThreshold", "Trunc", "Floor", "Round")


def raise_moves(graph: ir.Graph) -> int:
    """Bring moves forward, in place; return how many steps that took."""
    done = 0
    for node in list(graph):
        if node.domain != ONNX or node.op_type not in _MOVES or quantiser_follows(node):
            continue
        move = node
        while (before := operand(move, 0).producer()) is not None and _passes(move, before):
            move = _swap(graph, move, before)
            done += 1
    return done


def _is_quantiser(node: ir.Node) -> bool:
    return (node.domain == QONNX and node.op_type in ("Quant", "BipolarQuant")) or node.domain == CARDC


def _scalars(node: ir.Node) -> bool:
    if node.op_type == "MultiThreshold":
        return shape_of(node.inputs[1])[0] == 1  # one row of thresholds for all channels
    return all((c := constant(v)) is not None and c.size == 1 for v in node.inputs[1:] if v is not None)


def same_channels(move: ir.Node) -> bool:
    """Whether `move` only adds or takes away axes of one element behind the channels: [N, C] and [N, C, 1, 1]."""
    before, after = shape_of(operand(move, 0)), shape_of(result(move))
    plain = move.op_type in ("Reshape", "Flatten") and len(before) > 1 and before[:2] == after[:2]
    return plain and max((*before[2:], *after[2:]), default=1) == 1


def quantiser_follows(move: ir.Node) -> bool:
    """Whether a quantiser (or the output) follows `move`, and nothing between them keeps it from going in front."""
    node = move
    while True:
        users = list(result(node).uses())
        if result(node).is_graph_output():
            return True
        if len(users) != 1:
            return False
        node = users[0].node
        if node.domain == ONNX and node.op_type in _MOVES:
            continue
        channels = same_channels(move) and by_channel(node, shape_of(result(node))[1], len(shape_of(result(node))))
        if not lookup(node).elementwise or not (channels or _scalars(node)):
            return False
        if _is_quantiser(node):
            return True
        if move.op_type == "MaxPool" and node.op_type not in SINKING:
            return False


def _passes(move: ir.Node, f: ir.Node) -> bool:
    """Whether `move` may go in front of `f`, on whose result alone it works."""
    alone = len(result(f).uses()) == 1 and not result(f).is_graph_output()
    if not alone or _is_quantiser(f) or not lookup(f).elementwise:
        return False
    if move.op_type != "MaxPool":
        rank = len(shape_of(operand(f, 0)))
        return _scalars(f) and all(len(shape_of(v)) <= min(rank, 1) for v in f.inputs[1:] if v is not None)
    return lookup(f).monotone and _rises(f)


def _rises(f: ir.Node) -> bool:
    values = [constant(v) for v in f.inputs[1:] if v is not None]
    if any(c is None for c in values):
        return False
    arrays = [c for c in values if c is not None]
    if f.op_type == "BatchNormalization":
        return bool((arrays[0] >= 0).all())
    if f.op_type == "MultiThreshold":
        return True
    rank = len(shape_of(operand(f, 0)))
    for c in arrays:
        laid = (1,) * (rank - c.ndim) + c.shape
        if len(laid) != rank or any(d != 1 for axis, d in enumerate(laid) if axis != 1):
            return False
    return f.op_type not in _TURNING or (bool(arrays) and all(bool((np.asarray(c) > 0).all()) for c in arrays))


def _swap(graph: ir.Graph, move: ir.Node, f: ir.Node) -> ir.Node:
    """f then move as move then f; returns the new move."""
    name = result(move).name or "moved"
    inputs = [operand(f, 0), *move.inputs[1:]]
    first = ir.node(move.op_type, inputs, {**move.attributes}, domain=move.domain, num_outputs=1, name=move.name)
    result(first).name = fresh(graph, f"{name}_first")
    infer_node(first)
    inputs = [result(first), *f.inputs[1:]]
    second = ir.node(f.op_type, inputs, {**f.attributes}, domain=f.domain, num_outputs=1, name=f.name)
    infer_node(second)
    second.outputs[0].metadata_props.update(result(move).metadata_props)
    replace(graph, move, [first, second])
    graph.remove(f, safe=True)
    return first

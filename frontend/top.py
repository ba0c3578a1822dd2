"""TopK of one output as the operator that has one: along the channels, ArgMax where that is all it asks for.

TopK(x, 1).indices  ->  ArgMax(x)         TopK(x, k)  ->  T'(cardc.TopK(T(x))), T moves its axis to the channels
"""

from __future__ import annotations

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import CARDC, ONNX, constant, integer, operand, result
from ..ops.graph import rewire
from .edit import beside, moved_back, rank_of, transpose


def _top(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    indices = _which_output(graph, node)
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    if len(node.inputs) > 1 and (given is None or given.size != 1):
        raise CompileError("TopK's k is not one constant", node=node, fix="export it with a fixed k")
    count = int(given.ravel()[0]) if given is not None else integer(node, "k", 1)
    x, rank = operand(node, 0), rank_of(operand(node, 0))
    axis = integer(node, "axis", -1)
    if not -rank <= axis < rank or axis % rank == 0:
        raise CompileError(f"TopK over axis {axis} of rank {rank}", node=node, fix="use the axis of the classes")
    order = [0, axis % rank, *(a for a in range(1, rank) if a != axis % rank)]
    nodes: list[ir.Node] = []
    if axis % rank != 1:
        nodes.append(transpose(graph, node, x, order, "first"))
        x = result(nodes[-1])
    largest = integer(node, "largest", 1)
    if count == 1 and largest and indices:
        nodes.append(beside(graph, node, "ArgMax", [x], {"axis": 1, "keepdims": 1}))
    else:
        attributes = {"k": count, "largest": largest, "indices": int(indices)}
        nodes.append(beside(graph, node, "TopK", [x], attributes, domain=CARDC))
    if axis % rank != 1:
        nodes.append(moved_back(graph, node, result(nodes[-1]), [order.index(a) for a in range(rank)], "back"))
    return nodes


def _which_output(graph: ir.Graph, node: ir.Node) -> bool:
    """Whether the indices are wanted; they are the first output from then on. CompileError where both are."""
    if len(node.outputs) < 2:
        return False
    values, indices = node.outputs[:2]
    wanted = [bool(v.uses()) or v in graph.outputs for v in (values, indices)]
    if all(wanted):
        raise CompileError(
            "both outputs of TopK are in use", node=node, fix="keep one: the indices give the values of the logits"
        )
    if not wanted[1]:
        return False
    values.name, indices.name = indices.name, values.name
    rewire(graph, indices, values)
    return True


RULES = {(ONNX, "TopK"): _top}

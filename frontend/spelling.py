"""ONNX operators that are others in disguise: Sum, Mean, Squeeze, Unsqueeze, half-open Clip, constants on the left."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops import lookup
from ..ops.base import ONNX, operand, result
from .edit import beside, constant_beside, reshape


def _sum(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """Sum and Mean of several as additions in their order (and a division)."""
    total = operand(node, 0)
    nodes: list[ir.Node] = []
    for k in range(1, len(node.inputs)):
        nodes.append(beside(graph, node, "Add", [total, operand(node, k)], tag=f"add{k}" if k > 1 else ""))
        total = result(nodes[-1])
    if node.op_type == "Mean":
        count = constant_beside(graph, node, "count", np.asarray(len(node.inputs), np.float32))
        nodes.append(beside(graph, node, "Div", [total, count], tag="mean"))
    return nodes


def _extreme(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    """Max and Min of several as those of two, a constant second."""
    if len(node.inputs) == 2 and (operand(node, 0).const_value is None or operand(node, 1).const_value is not None):
        return None
    inputs = sorted((operand(node, k) for k in range(len(node.inputs))), key=lambda v: v.const_value is not None)
    nodes: list[ir.Node] = []
    for k, value in enumerate(inputs[1:]):
        left = result(nodes[-1]) if nodes else inputs[0]
        nodes.append(beside(graph, node, node.op_type, [left, value], tag=f"part{k}" if k else ""))
    return nodes


def _moved(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """Squeeze and Unsqueeze as Reshape."""
    return [reshape(graph, node, operand(node, 0), lookup(node).infer(node).shape, "reshaped")]


def _clip(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    """Clip with an upper bound alone, or with none."""
    bounds = list(node.inputs[1:])
    if not bounds or all(v is not None for v in bounds):
        return None
    low, high = (*bounds, None, None)[:2]
    if low is None:
        low = constant_beside(graph, node, "min", np.asarray(-np.inf, np.float32))
    if high is None:
        high = constant_beside(graph, node, "max", np.asarray(np.inf, np.float32))
    return [beside(graph, node, "Clip", [operand(node, 0), low, high])]


def _argmin(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """ArgMin as ArgMax of what is turned round: the same among equals."""
    turned = beside(graph, node, "Neg", [operand(node, 0)], tag="turned")
    return [turned, beside(graph, node, "ArgMax", [result(turned)], {**node.attributes})]


RULES = {
    (ONNX, "Sum"): _sum,
    (ONNX, "Mean"): _sum,
    (ONNX, "Max"): _extreme,
    (ONNX, "Min"): _extreme,
    (ONNX, "Squeeze"): _moved,
    (ONNX, "Unsqueeze"): _moved,
    (ONNX, "Clip"): _clip,
    (ONNX, "ArgMin"): _argmin,
}

"""Layers with weights: what lift-integers makes of Conv, ConvTranspose and MatMul."""

from __future__ import annotations

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import CARDC, constant, integer, operand, result, shape_of
from ..ops.conv_transpose import forward_weights, transposed
from ..ops.graph import add_initializer, fresh, infer_node, make_node
from ..ops.qtype import QType, qtype
from .realise import integers_of, one_scale, realise

LINEAR = ("Conv", "ConvTranspose", "MatMul")


def lift_linear(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """The integer nodes in place of `node`, the last of which gives its result.

    Raises CompileError where weights or input are not quantised, or the input's channels have no common unit.
    """
    w = integer_weights(node)
    x = realise(graph, operand(node, 0), node)
    if node.op_type == "MatMul" or integer(node, "group", 1) != shape_of(x)[1]:
        x = one_scale(graph, x, node)
    return _transposed(graph, node, x, w) if node.op_type == "ConvTranspose" else [integer_node(graph, node, [x, w])]


def integer_weights(node: ir.Node) -> ir.Value:
    """The integers of the weights of `node`. CompileError where they are not quantised."""
    w = integers_of(operand(node, 1))
    if w is None or w.const_value is None:
        raise CompileError(
            f"the weights of {node.op_type} are not quantised",
            node=node,
            fix="train the layer with a weight quantiser (brevitas.nn.QuantConv2d, QuantLinear)",
        )
    return w


def integer_node(graph: ir.Graph, node: ir.Node, inputs: list[ir.Value], domain: str = CARDC) -> ir.Node:
    """`node` again, on integers."""
    lifted = ir.node(node.op_type, inputs, {**node.attributes}, domain=domain, num_outputs=1, name=node.name)
    result(lifted).name = fresh(graph, f"{result(node).name}_int")
    infer_node(lifted)
    return lifted


def _transposed(graph: ir.Graph, node: ir.Node, x: ir.Value, w: ir.Value) -> list[ir.Node]:
    what = transposed(node)
    weights, q = constant(w), qtype(w)
    if weights is None:
        raise AssertionError("lift_linear looks for constant weights")
    nodes: list[ir.Node] = []
    stem = result(node).name or "transposed"
    if max(what.factors) > 1:
        out, factors = fresh(graph, f"{stem}_stuffed"), {"factors": what.factors}
        nodes.append(make_node(CARDC, "ZeroStuff", [x], name=f"{node.name}_stuff", out=out, attributes=factors))
        x = result(nodes[-1])
    turned = forward_weights(weights, what.group)
    # One scale for each channel inside a group serves all groups alike.
    scale = q.scale * (turned.shape[0] // len(q.scale)) if len(q.scale) > 1 else q.scale
    forward = add_initializer(graph, f"{node.name}_weight_forward", turned, QType(q.lo, q.hi, scale, q.step))
    attributes = {
        "kernel_shape": what.win.kernel,
        "strides": what.win.strides,
        "dilations": what.win.dilations,
        "pads": (*what.win.begin, *what.win.end),
        "group": what.group,
    }
    out = fresh(graph, f"{stem}_int")
    nodes.append(make_node(CARDC, "Conv", [x, forward], name=node.name or stem, out=out, attributes=attributes))
    return nodes

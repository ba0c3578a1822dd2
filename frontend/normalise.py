"""One spelling for what exporters write in several: domains, names, Gemm, layers with a bias."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import ONNX, QONNX, constant, integer, operand, real, result
from ..ops.graph import add_initializer, fresh, make_node, replace

_QUANT_DOMAINS = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")


def normalise_domain(node: ir.Node) -> None:
    """Quantisers of every exporter get the QONNX domain; `ai.onnx` is the empty one."""
    if node.domain == "ai.onnx":
        node.domain = ONNX
    if node.domain in _QUANT_DOMAINS:
        node.domain = QONNX
        if node.op_type == "IntQuant":
            node.op_type = "Quant"


def name_everything(graph: ir.Graph) -> None:
    """Every node and tensor gets a unique name; given ones stay."""
    seen: set[str] = set()
    for node in graph:
        if not node.name or node.name in seen:
            node.name = fresh(graph, f"{node.op_type.lower()}_{len(seen)}")
        seen.add(node.name)
        for value in node.outputs:
            if not value.name:
                value.name = fresh(graph, f"{node.name}_out")


def split_bias(graph: ir.Graph) -> int:
    """Gemm(x, w, b) and Conv(x, w, b) as MatMul or Conv and an Add: the product alone is integer."""
    done = 0
    for node in list(graph):
        if node.domain != ONNX or node.op_type not in ("Gemm", "Conv"):
            continue
        if node.op_type == "Conv" and len(node.inputs) < 3:
            continue
        replace(graph, node, _gemm(graph, node) if node.op_type == "Gemm" else _conv(graph, node))
        done += 1
    return done


def _conv(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    x, w, bias = operand(node, 0), operand(node, 1), operand(node, 2)
    conv = ir.node("Conv", [x, w], attributes=node.attributes, domain=ONNX, num_outputs=1, name=node.name)
    conv.outputs[0].name = fresh(graph, f"{result(node).name}_product")
    conv.outputs[0].type, conv.outputs[0].shape = result(node).type, result(node).shape
    spatial = len(result(node).shape or ()) - 2
    return [conv, *_add_bias(graph, node, conv.outputs[0], bias, (1, -1, *(1,) * spatial))]


def _gemm(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    x, w = operand(node, 0), operand(node, 1)
    stem = result(node).name or "gemm"
    nodes: list[ir.Node] = []
    if integer(node, "transB", 0):
        transposed = fresh(graph, f"{stem}_weight")
        nodes.append(
            make_node(
                ONNX,
                "Transpose",
                [w],
                name=f"{node.name}_transpose",
                out=transposed,
                attributes={"perm": [1, 0]},
            )
        )
        w = result(nodes[-1])
    product = fresh(graph, f"{stem}_product")
    nodes.append(make_node(ONNX, "MatMul", [x, w], name=node.name or "matmul", out=product))
    if (alpha := real(node, "alpha", 1.0)) != 1.0:
        factor = add_initializer(graph, f"{stem}_alpha", np.asarray(alpha, np.float32))
        out = fresh(graph, f"{stem}_scaled")
        nodes.append(make_node(ONNX, "Mul", [result(nodes[-1]), factor], name=f"{node.name}_alpha", out=out))
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        bias = node.inputs[2]
        if (beta := real(node, "beta", 1.0)) != 1.0 and (known := constant(bias)) is not None:
            bias = add_initializer(graph, f"{stem}_beta", known * np.float32(beta))
        nodes += _add_bias(graph, node, result(nodes[-1]), bias, (1, -1))
    return nodes


def _add_bias(graph: ir.Graph, node: ir.Node, value: ir.Value, bias: ir.Value, shape: tuple[int, ...]) -> list[ir.Node]:
    """Add(value, bias laid along axis 1); a bias that is a quantised constant keeps its quantiser."""
    nodes: list[ir.Node] = []
    stem = result(node).name or "bias"
    known = constant(bias)
    if known is not None:
        bias = add_initializer(graph, f"{stem}_bias", known.reshape(shape))
    else:
        target = add_initializer(graph, f"{stem}_bias_shape", np.asarray(shape, np.int64))
        out = fresh(graph, f"{stem}_bias")
        reshape = ir.node("Reshape", [bias, target], num_outputs=1, name=f"{node.name}_bias_shape")
        reshape.outputs[0].name = out
        reshape.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        size = int(np.prod([d for d in bias.shape or () if isinstance(d, int)]))
        reshape.outputs[0].shape = ir.Shape([size if d == -1 else d for d in shape])
        nodes.append(reshape)
        bias = reshape.outputs[0]
    add = make_node(ONNX, "Add", [value, bias], name=f"{node.name}_bias", out=fresh(graph, f"{stem}_biased"))
    return [*nodes, add]

"""One spelling for what exporters write in several: domains, names, Gemm, layers with a bias."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import ONNX, QONNX, Array, integer, operand, real, result, shape_of
from ..ops.constants import constant_values
from ..ops.graph import add_initializer, fresh, make_node, replace
from .edit import CHANNELS_LAST

_QUANT_DOMAINS = (
    "onnx.brevitas",
    "brevitas.onnx",
    "finn.custom_op.general",
    "qonnx.custom_op.general",
    "finn",
    "qonnx",
)
QUANTISERS = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "FloatQuant", "MultiThreshold")
"""Names that ONNX does not have: early exporters left their domain empty."""
_LAST_DOMAINS = ("finn.custom_op.channels_last", CHANNELS_LAST)


def normalise_domain(node: ir.Node) -> None:
    """Quantisers of every exporter get the QONNX domain; `ai.onnx` is the empty one."""
    if node.domain == "ai.onnx":
        node.domain = ONNX
    if node.domain in _QUANT_DOMAINS or (node.domain == ONNX and node.op_type in QUANTISERS):
        node.domain = QONNX
        if node.op_type == "IntQuant":
            node.op_type = "Quant"
    if node.domain in _LAST_DOMAINS:
        node.domain = CHANNELS_LAST


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


def constants_second(graph: ir.Graph) -> int:
    """c + x as x + c, c * x as x * c, c - x as -x + c: the same float32, and a chain is walked along first inputs."""
    done = 0
    for node in list(graph):
        if node.domain != ONNX or node.op_type not in ("Add", "Mul", "Sub") or len(node.inputs) != 2:
            continue
        first, second = operand(node, 0), operand(node, 1)
        if first.const_value is None or second.const_value is not None:
            continue
        stem = result(node).name or "swapped"
        new = []
        if node.op_type == "Sub":
            new = [make_node(ONNX, "Neg", [second], name=f"{node.name}_neg", out=fresh(graph, f"{stem}_neg"))]
            second = result(new[0])
        op = "Add" if node.op_type == "Sub" else node.op_type
        new.append(make_node(ONNX, op, [second, first], name=node.name or stem, out=fresh(graph, f"{stem}_swapped")))
        replace(graph, node, new)
        done += 1
    return done


def split_bias(graph: ir.Graph) -> int:
    """Gemm(x, w, b), Conv(x, w, b), ConvTranspose(x, w, b) as MatMul or Conv and an Add: the product alone is integer.

    A quantised bias becomes the float32 constant that it is worth. Raises CompileError for a computed one.
    """
    done = 0
    known = constant_values(graph)
    for node in list(graph):
        if node.domain != ONNX or node.op_type not in ("Gemm", "Conv", "ConvTranspose"):
            continue
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if node.op_type != "Gemm" and bias is None:
            continue
        if bias is not None and bias not in known:
            raise CompileError(
                f"the bias of {node.op_type} is not constant", node=node, fix="export the model in eval mode"
            )
        array = known[bias] if bias is not None else None
        replace(graph, node, (_gemm if node.op_type == "Gemm" else _conv)(graph, node, array))
        done += 1
    return done


def _conv(graph: ir.Graph, node: ir.Node, bias: Array | None) -> list[ir.Node]:
    out = fresh(graph, f"{result(node).name}_product")
    conv = make_node(
        ONNX, node.op_type, [operand(node, 0), operand(node, 1)], name=node.name or out, out=out,
        attributes={**node.attributes},
    )  # fmt: skip
    spatial = len(shape_of(result(node))) - 2
    return [conv, *_add_bias(graph, node, result(conv), bias, (1, -1, *(1,) * spatial))]


def _gemm(graph: ir.Graph, node: ir.Node, bias: Array | None) -> list[ir.Node]:
    x, w = operand(node, 0), operand(node, 1)
    stem, name = result(node).name or "gemm", node.name or "gemm"
    nodes: list[ir.Node] = []
    if integer(node, "transB", 0):
        out, perm = fresh(graph, f"{stem}_weight"), {"perm": [1, 0]}
        nodes.append(make_node(ONNX, "Transpose", [w], name=f"{name}_transpose", out=out, attributes=perm))
        w = result(nodes[-1])
    nodes.append(make_node(ONNX, "MatMul", [x, w], name=name, out=fresh(graph, f"{stem}_product")))
    if (alpha := real(node, "alpha", 1.0)) != 1.0:
        factor = add_initializer(graph, f"{stem}_alpha", np.asarray(alpha, np.float32))
        out = fresh(graph, f"{stem}_scaled")
        nodes.append(make_node(ONNX, "Mul", [result(nodes[-1]), factor], name=f"{name}_alpha", out=out))
    if bias is not None:
        bias = bias * np.float32(real(node, "beta", 1.0))
    return [*nodes, *_add_bias(graph, node, result(nodes[-1]), bias, (1, -1))]


def _add_bias(
    graph: ir.Graph, node: ir.Node, value: ir.Value, bias: Array | None, shape: tuple[int, ...]
) -> list[ir.Node]:
    """Add(value, bias laid along axis 1)."""
    if bias is None:
        return []
    stem = result(node).name or "bias"
    laid = add_initializer(graph, f"{stem}_bias", bias.reshape(shape))
    return [make_node(ONNX, "Add", [value, laid], name=f"{node.name}_bias", out=fresh(graph, f"{stem}_biased"))]

"""What the rewrites of import share: a node beside another, a constant, a transposition of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ..ops.base import CARDC, ONNX, Array, result, shape_of
from ..ops.graph import add_initializer, fresh, make_node
from ..ops.qtype import SOURCE, QType
from .moved import ALIAS

CHANNELS_LAST = "qonnx.custom_op.channels_last"


def beside(
    graph: ir.Graph,
    node: ir.Node,
    op: str,
    inputs: Sequence[ir.Value],
    attributes: Mapping[str, Any] | None = None,
    *,
    domain: str = ONNX,
    tag: str = "",
) -> ir.Node:
    """A node that stands in for `node` or helps to; `tag` tells helpers apart in their names."""
    stem = f"{result(node).name}_{tag or op.lower()}"
    name = f"{node.name}_{tag}" if tag else node.name or stem
    return make_node(domain, op, inputs, name=name, out=fresh(graph, stem), attributes=attributes)


def constant_beside(graph: ir.Graph, node: ir.Node, tag: str, array: Array) -> ir.Value:
    """A constant named after `node`."""
    return add_initializer(graph, f"{result(node).name}_{tag}", array)


def transpose(graph: ir.Graph, node: ir.Node, value: ir.Value, perm: Sequence[int], tag: str) -> ir.Node:
    """Transpose of `value`, named after `node`."""
    return beside(graph, node, "Transpose", [value], {"perm": list(perm)}, tag=tag)


def reshape(graph: ir.Graph, node: ir.Node, value: ir.Value, shape: Sequence[int], tag: str) -> ir.Node:
    """Reshape of `value` to `shape`, named after `node`."""
    wanted = constant_beside(graph, node, f"{tag}_shape", np.asarray(shape, np.int64))
    return beside(graph, node, "Reshape", [value, wanted], tag=tag)


def quantised(graph: ir.Graph, node: ir.Node, x: ir.Value, q: QType) -> list[ir.Node]:
    """Dequantize(Quantize(x)) of integer type `q` for the result of `node`; rounds to even, zero point subtracted."""
    name = result(node).name or "quantised"
    quantize = make_node(
        CARDC, "Quantize", [x], name=fresh(graph, f"{node.name}_quantize"), out=fresh(graph, f"{name}_int"), q=q,
        attributes={"rounding_mode": "ROUND", "zero_point": 0},
    )  # fmt: skip
    result(quantize).metadata_props[SOURCE] = name
    return [quantize, beside(graph, node, "Dequantize", [result(quantize)], domain=CARDC, tag="value")]


def moved_back(graph: ir.Graph, node: ir.Node, value: ir.Value, perm: Sequence[int], tag: str) -> ir.Node:
    """The result of `node` as a transposition of `value`, which goes by its name where it is used as it is."""
    value.metadata_props[ALIAS] = result(node).name or ""
    return transpose(graph, node, value, perm, tag)


def to_first(rank: int) -> tuple[int, ...]:
    """The permutation [N, ..., C] -> [N, C, ...]."""
    return (0, rank - 1, *range(1, rank - 1))


def to_last(rank: int) -> tuple[int, ...]:
    """The permutation [N, C, ...] -> [N, ..., C]."""
    return (0, *range(2, rank), 1)


def rank_of(value: ir.Value) -> int:
    return len(shape_of(value))

"""A maximum between falling operators: Quantize(f(MaxPool(x))) -> s MaxPool(s Quantize(f(x))), s[c] the sign of f.

s f rises in every channel, and what rises commutes with a maximum: s f(max x) = max s f(x); s s = 1.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops import lookup
from ..ops.base import CARDC, ONNX, Array, constant, operand, result, shape_of
from ..ops.graph import add_initializer, fresh, infer_node, is_cardc, make_node, replace
from ..ops.qtype import QType, qtype, set_qtype
from .split_quantizers import SOURCE


def sink_chain(graph: ir.Graph, pool: ir.Node) -> bool:
    """Put the chain from `pool` to its quantiser in front of it; return whether that was possible.

    Not done where the pool reads a layer or a quantiser at once: it then works on their integers as it stands.
    """
    before = operand(pool, 0).producer()
    if before is None or not lookup(before).elementwise or is_cardc(before):
        return False
    chain = to_quantiser(pool)
    channels = shape_of(result(pool))[1]
    if not chain or not all(by_channel(node, channels, len(shape_of(result(pool)))) for node in chain):
        return False
    signs = np.prod([_sign(node, channels) for node in chain], axis=0).astype(np.int64)
    value, new = operand(pool, 0), list[ir.Node]()
    for node in chain:
        again = ir.node(node.op_type, [value, *node.inputs[1:]], {**node.attributes}, domain=node.domain, num_outputs=1)
        again.name = fresh(graph, f"{node.name}_early")
        result(again).name = fresh(graph, f"{result(node).name}_early")
        if is_cardc(node):
            set_qtype(result(again), qtype(result(node)))
        infer_node(again)
        new.append(again)
        value = result(again)
    quantize = chain[-1]
    falls = bool((signs < 0).any())
    if falls:
        new.append(_times(graph, value, signs, f"{pool.name}_turn"))
    stem = result(quantize).name or "pooled"
    inputs = [result(new[-1])]
    new.append(
        make_node(
            CARDC, "MaxPool", inputs, name=pool.name or stem, out=fresh(graph, stem), attributes={**pool.attributes}
        )
    )
    if falls:
        new.append(_times(graph, result(new[-1]), signs, f"{pool.name}_back", qtype(result(quantize))))
    source = result(quantize).metadata_props.get(SOURCE)
    if source is not None:
        result(new[-1]).metadata_props[SOURCE] = source
    replace(graph, quantize, new)
    for node in (*chain[-2::-1], pool):
        graph.remove(node, safe=True)
    return True


def to_quantiser(pool: ir.Node) -> tuple[ir.Node, ...]:
    """The operators behind `pool` (or another move), a Quantize last; none where they branch or meet anything else."""
    chain: list[ir.Node] = []
    value = result(pool)
    while True:
        uses = list(value.uses())
        if len(uses) != 1 or value.is_graph_output() or uses[0].idx != 0:
            return ()
        node = uses[0].node
        constants = all(v is None or v.const_value is not None for v in node.inputs[1:])
        if not lookup(node).elementwise or not constants:
            return ()
        chain.append(node)
        if is_cardc(node, "Quantize"):
            return tuple(chain)
        value = result(node)


def by_channel(node: ir.Node, channels: int, rank: int) -> bool:
    """Whether the node's constants tell nothing but channels apart."""
    if node.op_type in ("BatchNormalization", "MultiThreshold"):
        return True
    laid = (1, channels, *(1,) * (rank - 2))
    shapes = [c.shape for c in map(constant, node.inputs[1:]) if c is not None and c.size > 1]
    return all((1,) * (rank - len(shape)) + shape == laid for shape in shapes)


def _sign(node: ir.Node, channels: int) -> Array:
    """+1 where the operator rises, -1 where it falls: [C]."""
    values: Array = np.ones(1)
    if node.domain == ONNX and node.op_type == "Neg":
        values = -values
    elif node.domain == ONNX and node.op_type in ("Mul", "Div", "BatchNormalization"):
        factor = constant(node.inputs[1])
        values = values if factor is None else np.where(factor.ravel() < 0, -1.0, 1.0)
    return np.broadcast_to(values, channels)


def _times(graph: ir.Graph, x: ir.Value, signs: Array, name: str, q: QType | None = None) -> ir.Node:
    """x * signs[c] on integers; of type `q`, or of one that holds both signs."""
    old = qtype(x)
    ends = [int(s) * v for s in np.unique(signs) for v in (old.lo, old.hi)]
    q = q or QType(min(ends), max(ends), old.scale)
    factor = add_initializer(graph, f"{name}_signs", signs, QType(-1, 1))
    zero = add_initializer(graph, f"{name}_zero", np.zeros(1, np.int64), QType(0, 0))
    return make_node(CARDC, "Affine", [x, factor, zero], name=fresh(graph, name), out=fresh(graph, f"{name}_out"), q=q)

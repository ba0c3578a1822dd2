"""The values of everything in a graph that depends on no input: initializers, and what is computed from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from . import lookup
from .base import Array, constant


def constant_values(graph: ir.Graph) -> dict[ir.Value, Array]:
    """Every tensor of `graph` that is known, by value; nodes are run once each, in the graph's order.

    Raises CompileError for a node that breaks its operator's rule. The graph must be sorted.
    """
    known: dict[ir.Value, Array] = {}
    for initializer in graph.initializers.values():
        array = constant(initializer)
        if array is not None:
            known[initializer] = array
    for node in graph:
        inputs = [v for v in node.inputs if v is not None]
        if inputs and all(v in known for v in inputs):
            lookup(node).verify(node)
            known[node.outputs[0]] = run_constant(node, [known[v] for v in inputs])
    return known


def run_constant(node: ir.Node, args: Sequence[Array]) -> Array:
    """`node` on constants. Raises CompileError where the result is infinite or no number."""
    with np.errstate(all="ignore"):
        array = lookup(node).execute(node, args)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise CompileError(
            "a constant expression gives infinity or no number", node=node, fix="check the model's constants"
        )
    return array

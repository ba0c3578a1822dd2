"""Small edits on an onnx_ir graph: new initializers, nodes in place of others, fresh names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from . import lookup
from .base import CARDC, Array
from .qtype import QType, dtype_of, set_qtype

_NAMES = "cardc.names"
_Holder = ir.Value | ir.Node | None
_Names = dict[str | None, _Holder]


def fresh(graph: ir.Graph, stem: str) -> str:
    """A name that no tensor or node of `graph` has: `stem`, or `stem_1`, ...

    Names seen are kept beside the graph, so that a thousand calls do not look through it a thousand times. They hold
    every name that a tensor was ever given; whether one is still in use is asked of its holder, and where that is
    unclear the graph is looked through again.
    """
    names = _names(graph)
    name, k = stem, 0
    while name in names:
        holder = names[name]
        if holder is None or not _holds(graph, holder, name):
            names = _names(graph, again=True)
            if name not in names:
                break
        k += 1
        name = f"{stem}_{k}"
    names[name] = None  # given away; who gets it is not known yet
    return name


def _names(graph: ir.Graph, *, again: bool = False) -> _Names:
    owner, names = graph.meta.get(_NAMES, (None, {}))
    if owner is graph and not again:
        return names  # type: ignore[no-any-return]
    found: _Names = {v.name: v for v in (*graph.inputs, *graph.initializers.values())}
    for node in graph:
        found[node.name] = node
        found.update((v.name, v) for v in node.outputs)
    graph.meta[_NAMES] = (graph, found)  # a clone copies this, and is not its owner
    return found


def _holds(graph: ir.Graph, holder: ir.Value | ir.Node, name: str) -> bool:
    if holder.name != name:
        return False
    if isinstance(holder, ir.Node):
        return holder.graph is graph
    maker = holder.producer()
    return (maker is not None and maker.graph is graph) or holder.is_graph_input() or name in graph.initializers


def add_initializer(graph: ir.Graph, stem: str, array: Array, q: QType | None = None) -> ir.Value:
    """A new constant of `graph`; with `q`, an integer tensor stored in the narrowest type that holds it."""
    name = fresh(graph, stem)
    if q is not None:
        array = np.asarray(array).astype(dtype_of(q).numpy())
    array = np.asarray(array)
    tensor = ir.tensor(np.array(array, order="C"), name=name)  # ascontiguousarray would make a scalar 1-D
    value = ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
    if q is not None:
        set_qtype(value, q)
    graph.register_initializer(value)
    return value


def make_node(
    domain: str,
    op: str,
    inputs: Sequence[ir.Value],
    *,
    name: str,
    out: str,
    q: QType | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> ir.Node:
    """A node with one output called `out`, its shape and type inferred; `q` where the operator cannot infer it."""
    node = ir.node(op, inputs, attributes=attributes, domain=domain, num_outputs=1, name=name)
    value = node.outputs[0]
    value.name = out
    value.type = ir.TensorType(ir.DataType.FLOAT)
    if q is not None:
        set_qtype(value, q)
    infer_node(node)
    return node


def infer_node(node: ir.Node) -> None:
    """Set shape and type of `node`'s output from those of its inputs."""
    found = lookup(node).infer(node)
    value = node.outputs[0]
    value.shape = ir.Shape(found.shape)
    if found.q is not None:
        set_qtype(value, found.q)
    elif value.type is None:
        value.dtype = ir.DataType.FLOAT


def replace(graph: ir.Graph, old: ir.Node, new: Sequence[ir.Node]) -> None:
    """Put `new` where `old` stands; the last of them takes over `old`'s output, its uses and its name."""
    before, after = old.outputs[0], new[-1].outputs[0]
    name = before.name
    graph.insert_before(old, new)
    rewire(graph, before, after)
    graph.remove(old, safe=True)
    after.name = name


def rewire(graph: ir.Graph, before: ir.Value, after: ir.Value) -> None:
    """Let every use of `before`, graph outputs included, use `after`."""
    before.replace_all_uses_with(after, replace_graph_outputs=True)


def drop_unused(graph: ir.Graph) -> int:
    """Remove nodes and initializers that nothing uses; return how many nodes went."""
    gone = 0
    outputs = set(graph.outputs)
    for node in reversed(list(graph)):
        if all(not v.uses() and v not in outputs for v in node.outputs):
            graph.remove(node, safe=True)
            gone += 1
    for name in [n for n, v in graph.initializers.items() if not v.uses() and v not in outputs]:
        del graph.initializers[name]
    return gone


def is_cardc(node: ir.Node | None, *names: str) -> bool:
    return node is not None and node.domain == CARDC and (not names or node.op_type in names)

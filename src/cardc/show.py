"""A graph as text, one line a node, for people: `--print-after`, `cardc inspect`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .errors import printable
from .ops.base import constant, operand, result, shape_of
from .ops.graph import is_cardc
from .ops.qtype import find_qtype


def graph_text(model: ir.Model) -> str:
    """Every node as `type name = Op(inputs) {attributes}`, in order of computation."""
    lines = [f"input  {_typed(v)}" for v in model.graph.inputs]
    for node in model.graph:
        args = ", ".join("-" if v is None else _argument(v) for v in node.inputs)
        attributes = ", ".join(f"{printable(a.name)}={_short(a.value)}" for a in node.attributes.values())
        tail = f" {{{attributes}}}" if attributes else ""
        prefix = f"{node.domain.rsplit('.', 1)[0]}." if is_cardc(node) else ""
        lines.append(f"       {_typed(node.outputs[0])} = {prefix}{printable(node.op_type)}({args}){tail}")
    lines += [f"output {_typed(v)}" for v in model.graph.outputs]
    return "\n".join(lines)


def _typed(value: ir.Value) -> str:
    q = find_qtype(value)
    shape = "x".join(str(d) for d in value.shape) if value.shape is not None else "?"
    return f"{printable(value.name or '?')}: {q or 'float'} {shape}"


def _argument(value: ir.Value) -> str:
    array = constant(value)
    if array is None:
        return printable(value.name or "?")
    if array.size <= 4:
        return _short(array.ravel().tolist())
    q = find_qtype(value)
    zeros = f", {np.mean(array == 0):.0%} zero" if q is not None and (array == 0).any() else ""
    return f"{printable(value.name or '?')}<{q or array.dtype} {'x'.join(map(str, array.shape))}{zeros}>"


def _short(value: object) -> str:
    text = printable(str(list(value)) if isinstance(value, (tuple, list)) else str(value))
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What the weights and shapes of a Conv or MatMul say, before any backend has looked at it."""

    name: str
    op: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    input_type: str
    accumulator: str
    weights: int
    nonzeros: int
    macs: int


def layer_facts(model: ir.Model) -> list[LayerFacts]:
    """The linear layers of an integer graph, in order. Shapes are without the batch; `macs` counts every weight."""
    found = []
    for node in model.graph:
        w = constant(node.inputs[1]) if is_cardc(node, "Conv", "MatMul") else None
        if w is None:
            continue
        out = shape_of(result(node))[1:]
        positions = int(np.prod(out[1:], dtype=np.int64))
        found.append(
            LayerFacts(
                node.name or "",
                node.op_type,
                shape_of(operand(node, 0))[1:],
                out,
                str(find_qtype(operand(node, 0))),
                str(find_qtype(result(node))),
                w.size,
                int(np.count_nonzero(w)),
                w.size * positions,
            )
        )
    return found

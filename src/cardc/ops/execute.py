"""Run a graph in numpy, at any level: the meaning that every backend is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from . import lookup
from .base import Array, as_int
from .qtype import find_qtype


def execute(model: ir.Model, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every tensor of `model` by name, for a batch of inputs (axis 0 of each array, any size).

    Float tensors come back float32, integer tensors int64. Raises CompileError on a missing or misshapen input.
    """
    values: dict[str, Array] = {}
    for graph_input in model.graph.inputs:
        name = graph_input.name or ""
        if name not in inputs:
            raise CompileError(f"input {name!r} is missing", fix="give one array for each graph input")
        values[name] = _accept(graph_input, inputs[name])
    for name, initializer in model.graph.initializers.items():
        if initializer.const_value is not None:
            raw = initializer.const_value.numpy()
            values[name] = as_int(raw) if find_qtype(initializer) is not None else raw
    # Values at the ends of float32 may overflow on their way into a quantiser, which takes infinities.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for node in model.graph:
            args = [values[v.name or ""] for v in node.inputs if v is not None]
            values[node.outputs[0].name or ""] = lookup(node).execute(node, args)
    return values


def _accept(value: ir.Value, x: Array) -> Array:
    want = tuple(value.shape)[1:] if value.shape is not None else ()
    if x.ndim == 0 or x.shape[1:] != want:
        raise CompileError(
            f"input {value.name!r} has shape {list(x.shape)}, not [N, {', '.join(map(str, want))}]",
            fix="reshape the array; the first axis is the batch",
        )
    q = find_qtype(value)
    if q is None:
        return _real(value, x)
    if not np.issubdtype(x.dtype, np.integer):
        raise CompileError(f"input {value.name!r} takes integers, not {x.dtype}", fix="quantise it first")
    if x.size and (x.min() < q.lo or x.max() > q.hi):
        raise CompileError(f"input {value.name!r} leaves its range {q}", fix="quantise it first")
    return as_int(x)


def _real(value: ir.Value, x: Array) -> Array:
    if x.dtype.kind not in "fiub":
        raise CompileError(f"input {value.name!r} holds {x.dtype}, not numbers", fix="convert it to float32")
    with np.errstate(over="ignore"):
        real: Array = x.astype(np.float32)
    if not np.isfinite(real).all():
        raise CompileError(
            f"input {value.name!r} holds values that are no finite numbers", fix="check where they come from"
        )
    return real

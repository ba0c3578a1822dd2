"""The integer graph's own values behind the input quantiser: what the hardware is compared with."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops import lookup
from ...ops.base import Array, as_int, shape_of
from ...ops.qtype import QType, find_qtype, qtype
from .edges import split_host


def reference(model: ir.Model, x: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Every integer tensor by name for integers `x` [N, *shape] at the input boundary."""
    boundary, nodes = split_host(model)
    values: dict[str, Array] = {boundary.name or "": check_input(boundary, x)}
    for name, value in model.graph.initializers.items():
        if value.const_value is not None:
            raw = value.const_value.numpy()
            values[name] = as_int(raw) if find_qtype(value) is not None else raw
    computed = {boundary.name or "": values[boundary.name or ""]}
    for node in nodes:
        y = lookup(node).execute(node, [values[v.name or ""] for v in node.inputs if v is not None])
        values[node.outputs[0].name or ""] = computed[node.outputs[0].name or ""] = as_int(y)
    return computed


def check_input(boundary: ir.Value, x: Array) -> NDArray[np.int64]:
    """`x` as int64; CompileError unless it is [N, *shape] of integers that the boundary's type holds."""
    q, shape = qtype(boundary), shape_of(boundary)[1:]
    if x.ndim == 0 or x.shape[1:] != shape or not np.issubdtype(x.dtype, np.integer):
        raise CompileError(
            f"input {boundary.name!r} is {x.dtype} {list(x.shape)}, not integers [N, {', '.join(map(str, shape))}]",
            fix="quantise the input first; the first axis is the batch",
        )
    if x.size and (x.min() < q.lo or x.max() > q.hi or ((x - q.lo) % q.step).any()):
        raise CompileError(f"input {boundary.name!r} leaves its type {q}", fix="quantise the input first")
    return as_int(x)


def golden_inputs(q: QType, shape: tuple[int, ...], n: int) -> NDArray[np.int64]:
    """`n` inputs: all lowest, all highest, then random ones; the same every time."""
    rng = np.random.default_rng(20210412)
    x = q.lo + q.step * rng.integers(0, q.levels, size=(n, *shape))
    x[:1], x[1:2] = q.lo, q.hi
    return as_int(x)

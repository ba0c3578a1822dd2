"""Additions of bytes to bytes: a table of all sums in flash, or packed arithmetic where the DSP extension is."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...ops import lookup
from ...ops.base import Array, constant, operand
from ...passes.layouts import Layout, layout_of
from ...passes.schedule import Stage
from .step import Places, Step, c_map
from .view import View, view_of

_MOST = 4096  # entries of a table


def add_bytes(step: Step, stage: Stage, places: Places, dst: str, out: Layout) -> bool:
    """Add `cardc_add_bytes` for the Add of `stage`; whether that can be: bytes in and out, all channels alike, and a
    table that is not larger than what it saves."""
    node = stage.node
    a, b = (view_of(node, k, places) for k in (0, 1))
    sizes = places.sizes(operand(node, 0))
    if not (a.layout.is_bytes and b.layout.is_bytes and out.is_bytes) or a.sizes != sizes or b.sizes != sizes:
        return False
    entries = a.layout.levels * b.layout.levels
    if entries > min(_MOST, layout_of(stage.output).elements):
        return False
    outputs = _outputs(node, stage.finish, a, b, out)
    if outputs is None:
        return False
    sums = _by_sum(outputs)
    shift = 0 if sums is not None else (b.layout.levels - 1).bit_length()
    table = sums if sums is not None else np.pad(outputs, ((0, 0), (0, (1 << shift) - outputs.shape[1])))
    low, top = (0, 0) if sums is None else _clip_of(sums)
    layer = step.struct(
        "cardc_add_bytes_layer", "layer",
        [("table", step.array("table", "uint8_t", table, "what becomes of each sum")), ("shift", shift),
         ("packed", int(top > 0)), ("low", low), ("top", top), ("a_plane", a.strides[0]), ("a_row", a.strides[1]),
         ("b_plane", b.strides[0]), ("b_row", b.strides[1]), ("to", c_map(out))],
    )  # fmt: skip
    step.call("cardc_add_bytes", layer, a.pointer, b.pointer, dst)
    return True


def _outputs(node: ir.Node, finish: ir.Node | None, a: View, b: View, out: Layout) -> NDArray[np.uint8] | None:
    """The stored output for each stored number of a and of b, the operators' own results; None where channels differ
    or an output is no byte."""
    channels = a.sizes[0]
    shape = (1, channels, a.layout.levels, b.layout.levels)
    grid = np.meshgrid(*(v.layout.lo + v.layout.step * np.arange(v.layout.levels) for v in (a, b)), indexing="ij")
    y = _run(node, [np.broadcast_to(g, shape).astype(np.int64) for g in grid], 2)
    y = _run(finish, [y], 1) if finish is not None else y
    stored = (y[0] - out.lo) // out.step
    if (stored != stored[:1]).any() or stored.min() < 0 or stored.max() > 255:
        return None
    return np.asarray(stored[0], np.uint8)


def _run(node: ir.Node, args: list[Array], given: int) -> Array:
    others = [None if value is None else constant(value) for value in node.inputs[given:]]
    return lookup(node).execute(node, [*args, *(c for c in others if c is not None)])


def _by_sum(outputs: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The outputs by a + b, where they depend on nothing else."""
    i, j = np.indices(outputs.shape)
    found = np.zeros(sum(outputs.shape) - 1, np.uint8)
    found[i + j] = outputs
    return found if (found[i + j] == outputs).all() else None


def _clip_of(sums: NDArray[np.uint8]) -> tuple[int, int]:
    """(low, top) such that sums[s] = clip(s - low, 0, top); (0, 0) where that does not hold or a sum is no byte."""
    top, low = int(sums.max()), int(np.argmax(sums > 0)) - 1
    same = low >= 0 and len(sums) <= 256 and (np.clip(np.arange(len(sums)) - low, 0, top) == sums).all()
    return (low, top) if same else (0, 0)

"""A finish from bytes to bytes as a table in flash: pixels to what a card quantises them to, one load an element."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...ops import lookup
from ...ops.base import constant
from ...passes.layouts import Layout

_OFTEN = 2  # elements for each entry, below which the table costs more than it saves


def lookup_table(node: ir.Node | None, source: Layout, out: Layout) -> NDArray[np.uint8] | None:
    """The byte of `out` for each byte of `source` behind `node` (Threshold, Requantize, Affine), the operator's own
    results; None where `out` has no bytes, channels differ, or there are few elements."""
    if node is None or not out.is_bytes or source.elements < _OFTEN * source.levels:
        return None
    x = source.lo + source.step * np.arange(source.levels, dtype=np.int64)
    every = np.broadcast_to(x[:, None, None, None], (source.levels, source.channels, 1, 1))
    others = [None if value is None else constant(value) for value in node.inputs[1:]]
    y = lookup(node).execute(node, [every, *(a for a in others if a is not None)])
    if (y != y[:, :1]).any():
        return None
    return ((y[:, 0, 0, 0] - out.lo) // out.step).astype(np.uint8)

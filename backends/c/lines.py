"""Finishes of a convolution as lines (passes.encodings.lines) or one table: constants that `cardc_conv_runs` reads."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...ops import lookup
from ...ops.base import Array, constant
from ...ops.graph import is_cardc
from ...passes.encodings import fold, lines
from ...passes.layouts import Layout
from .step import Step

_MOST = 2048  # bytes of a table that all channels share


def stairs_of(node: ir.Node, sums: fold.Sums, out: Layout) -> list[Array]:
    """What each channel stores for its sums low .. high: the results of the operator `node` itself."""
    low, stored = _outputs(node, sums, out)
    return [stored[c, sums.low[c] - low : sums.high[c] - low + 1] for c in range(len(stored))]


def _outputs(node: ir.Node, sums: fold.Sums, out: Layout) -> tuple[int, Array]:
    """The lowest sum of all channels, and what each channel stores from it on: [channels, sums]."""
    low, high = int(sums.low.min(initial=0)), int(sums.high.max(initial=0))
    every = np.arange(low, high + 1, dtype=np.int64)
    x = sums.gain * every[None, None] + sums.offset[None, :, None]
    others = [None if value is None else constant(value) for value in node.inputs[1:]]
    y = lookup(node).execute(node, [x, *(a for a in others if a is not None)])
    return low, (y[0] - out.lo) // out.step


def add_shared(step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout) -> tuple[str, int]:
    """One finish table for all channels as an array of `step`, and how far below 0 it begins; ("0", 0) where
    channels differ or the table is too large for what it saves."""
    if node is None or not is_cardc(node, "Threshold", "Requantize") or not out.is_bytes:
        return "0", 0
    if int(sums.high.max(initial=0) - sums.low.min(initial=0)) >= min(_MOST, out.elements // 4):
        return "0", 0
    low, stored = _outputs(node, sums, out)
    if (stored != stored[:1]).any() or stored.min() < 0 or stored.max() > 255:
        return "0", 0
    return step.array("table", "uint8_t", stored[0], "the output of each sum, for all channels"), -low


def add_lines(
    step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout, *, in_bytes: bool
) -> tuple[str, int, bool]:
    """The lines of all channels as an array of `step`, the largest output, and whether every channel has one, so that
    there is no need for a cardc_finish; ("0", 0, False) where none has.

    `in_bytes`: whether the kernel's sums are bytes; they begin with the lowest sum.
    """
    if node is None or not is_cardc(node, "Threshold", "Requantize") or not out.is_bytes:
        return "0", 0, False
    stairs = stairs_of(node, sums, out)
    top = max((int(s.max()) for s in stairs), default=0)
    if min((int(s.min()) for s in stairs), default=0) < 0 or top > 255:
        return "0", 0, False
    found = [lines.fit(s, top, -int(low) if in_bytes else None) for s, low in zip(stairs, sums.low, strict=True)]
    missing = [line.kind == lines.NONE for line in found]
    if all(missing):
        return "0", 0, False
    whole = not any(missing)
    words = np.array([line.words() for line in found], np.int64)
    return step.array("lines", "int32_t", words, "multiplier, offset, ends of each channel's line"), top, whole

"""Finishes of a convolution as lines (passes.encodings.lines) or one table: constants that `cardc_conv_runs` reads."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...passes.channel_ends import lines_of, shared_of
from ...passes.encodings import fold, lines
from ...passes.layouts import Layout
from .step import Step


def add_shared(step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout) -> tuple[str, int]:
    """One finish table for all channels as an array of `step`, and how far below 0 it begins; ("0", 0) where
    channels differ or the table is too large for what it saves."""
    found = shared_of(node, sums, out)
    if found is None:
        return "0", 0
    table, bias = found
    return step.array("table", "uint8_t", table, "the output of each sum, for all channels"), bias


def add_lines(
    step: Step, node: ir.Node | None, sums: fold.Sums, out: Layout, *, in_bytes: bool
) -> tuple[str, int, bool]:
    """The lines of all channels as an array of `step`, the largest output, and whether every channel has one, so that
    there is no need for a cardc_finish; ("0", 0, False) where none has.

    `in_bytes`: whether the kernel's sums are bytes; they begin with the lowest sum.
    """
    found = lines_of(node, sums, out, in_bytes=in_bytes)
    if found is None or all(line.kind == lines.NONE for line in found[0]):
        return "0", 0, False
    whole = all(line.kind != lines.NONE for line in found[0])
    words = np.array([line.words() for line in found[0]], np.int64)
    return step.array("lines", "int32_t", words, "multiplier, offset, ends of each channel's line"), found[1], whole

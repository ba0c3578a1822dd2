"""Layers whose weights are Rice codes: calls of `cardc_conv_rice` and `cardc_dense_rice`."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...ops.window import window
from ...passes.choose_layout import pads_of
from ...passes.encodings import rice
from ...passes.layouts import Layout
from .step import Step, c_map

Ints = NDArray[np.int64]
_FAR = 0xFFFF  # bytes from the start of the input to where the last tap of the first output is


def add_dense_rice(step: Step, rows: Ints, finish: str, src: str, dst: str) -> None:
    """Add the kernel of ternary weights `rows` [outputs, inputs]."""
    fields: list[tuple[str, object]] = [("weights", _codes(step, rows)), ("outputs", len(rows))]
    layer = step.struct("cardc_dense_rice_layer", "layer", [*fields, ("inputs", rows.shape[1])])
    step.call("cardc_dense_rice", layer, finish, src, dst)


def add_conv_rice(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout, work: str
) -> None:
    """Add the kernel of the Conv `node` with ternary weights `w`. CompileError where their places do not fit."""
    win = window(node, w.shape[2:])
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    across, (down, dilation) = win.strides[-1], ((win.strides[0], win.dilations[0]) if w.ndim == 4 else (1, 1))
    top, left, _, _ = pads_of(node)
    outputs, depth, kh, kw = w4.shape
    origin = layout.interior - top * layout.row - left
    cells = origin + np.arange(kh)[:, None] * dilation * layout.row + np.arange(kw) * win.dilations[-1]
    if across > 255 or cells.max() + (layout.channels - 1) * layout.plane > _FAR:
        raise CompileError("an input too large for Rice codes", node=node, fix="use encoding lanes or taps here")
    fields = [
        ("weights", _codes(step, rice.in_order(w))),
        ("cells", step.array("cells", "uint16_t", cells, "bytes from the start of a channel")),
        ("plane", layout.plane),
        ("row_step", down * layout.row),
        ("cell_count", kh * kw),
        ("depth", depth),
        ("group_channels", outputs // integer(node, "group", 1)),
        ("most", max(1, rice.max_taps(w))),
        ("col_step", across),
        ("max_u", max(1, layout.levels - 1)),
        ("to", c_map(out)),
    ]
    layer = step.struct("cardc_conv_rice_layer", "layer", fields)
    step.call("cardc_conv_rice", layer, finish, src, dst, work)


def _codes(step: Step, rows: Ints) -> str:
    encoded = rice.encode(rows)
    return f"{{{step.array('codes', 'uint16_t', encoded.codes, 'gaps and signs, Rice codes')}, {encoded.k}}}"

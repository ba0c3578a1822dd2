"""Layers whose weights are Rice codes: calls of `cardc_conv_rice` and `cardc_dense_rice`."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...ops.window import window
from ...passes.choose_layout import pads_of
from ...passes.encodings import rice, sparse_conv
from ...passes.layouts import Layout
from .step import Step, c_map

Ints = NDArray[np.int64]
KERNELS = {"rice": "cardc_conv_taps", "rice-lanes": "cardc_conv_lanes"}
"""What runs the decoded taps of an output channel, by encoding."""


def add_dense_rice(step: Step, rows: Ints, finish: str, src: str, dst: str) -> None:
    """Add the kernel of ternary weights `rows` [outputs, inputs]."""
    fields: list[tuple[str, object]] = [("weights", _codes(step, rows)), ("outputs", len(rows))]
    layer = step.struct("cardc_dense_rice_layer", "layer", [*fields, ("inputs", rows.shape[1])])
    step.call("cardc_dense_rice", layer, finish, src, dst)


def add_conv_rice(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout,
    table: tuple[str, int], work: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv `node` with ternary weights `w`. CompileError where their places do not fit."""
    win = window(node, w.shape[2:])
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    across, (down, dilation) = win.strides[-1], ((win.strides[0], win.dilations[0]) if w.ndim == 4 else (1, 1))
    top, left, _, _ = pads_of(node)
    origin, group = layout.interior - top * layout.row - left, integer(node, "group", 1)
    g = sparse_conv.ConvGeometry(
        layout.channels, layout.plane, layout.row, origin, (dilation, win.dilations[-1]), group
    )  # fmt: skip
    try:
        encoded = sparse_conv.encode(w4, g)
    except CompileError as error:
        error.node = node
        raise
    kh, kw = w4.shape[2:]
    cells = origin + np.arange(kh)[:, None] * dilation * layout.row + np.arange(kw) * win.dilations[-1]
    if encoded.parts != 1 or across > 255 or cells.max() > 0xFFFF:
        raise CompileError("an input too large for Rice codes", node=node, fix="use encoding lanes or taps here")
    residue = [*encoded.residue, 0, 0, 0, 0][:4]
    one = c_map(out).replace(f"{{{out.channels},", "{1,", 1)
    sizes = [encoded.part_stride, down * layout.row, across, max(1, layout.levels - 1), 1, len(encoded.residue)]
    fields = [
        ("weights", _codes(step, w4.reshape(len(w4), -1))),
        ("one", f"{{NULL, NULL, {', '.join(map(str, sizes))}, {{{', '.join(map(str, residue))}}}, {one}}}"),
        ("cells", step.array("cells", "uint16_t", cells, "bytes from the start of a channel")),
        ("plane", layout.plane),
        ("cell_count", kh * kw),
        ("depth", w4.shape[1]),
        ("groups", group),
        ("group_channels", len(w4) // group),
        ("most", max(1, rice.max_taps(w))),
    ]
    layer = step.struct("cardc_conv_rice_layer", "layer", fields)
    kernel = KERNELS[step.encoding]
    step.functions.add(kernel)
    step.call("cardc_conv_rice", layer, finish, src, dst, *table, work, kernel)


def _codes(step: Step, rows: Ints) -> str:
    encoded = rice.encode(rows)
    return f"{{{step.array('codes', 'uint8_t', encoded.codes, 'gaps and signs, Rice codes')}, {encoded.k}}}"

"""What a convolution by runs copies and where in its scratch memory everything lies (see encodings.runs)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import constant, integer, operand, result, shape_of
from ..ops.window import Window, window
from .choose_layout import pads_of
from .encodings import runs
from .layouts import Layout

_COPIES = 16384  # bytes: what the copies of a band may take, where one row of output does not need more


def _square(win: Window) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, strides, dilations as (down, across); a 1-D window has height 1."""
    one = len(win.kernel) == 1
    parts = ((1, *p) if one else p for p in (win.kernel, win.strides, win.dilations))
    kernel, strides, dilations = ((int(p[0]), int(p[1])) for p in parts)
    return kernel, strides, dilations


def geometry(node: ir.Node, max_u: int, origin: int = 0, row: int = 0) -> runs.RunsGeometry | None:
    """The copies of the Conv `node`, with the highest bands that fit; None where its weights or its size rule runs out.
    `origin` and `row` are those of its input's storage: they change no size."""
    w = constant(operand(node, 1))
    if w is None or not np.isin(w, (-1, 0, 1)).all():
        return None
    kernel, strides, dilations = _square(window(node, w.shape[2:]))
    most = int(np.count_nonzero(w.reshape(len(w), -1), axis=1).max(initial=0))
    if strides[1] > runs.MAX_STRIDE or most * max_u > 0xFFFF:
        return None
    out, group = shape_of(result(node)), integer(node, "group", 1)
    height, lane = int(out[2]) if len(out) == 4 else 1, 2 if max_u > 63 else 1
    for rows in range(height, 0, -1):
        g = runs.RunsGeometry(
            w.shape[1] * group, origin, row, kernel, strides, dilations, group, int(out[-1]), rows, lane
        )
        if g.copy_bytes <= (_COPIES if rows > 1 else runs.MAX_OFFSET):
            return g
    return None


def plan(node: ir.Node, layout: Layout, table_bytes: int) -> tuple[runs.RunsGeometry, runs.Work] | None:
    """The copies of `node`, which reads its input as `layout` says, and the scratch memory of its kernel."""
    top, left, _, _ = pads_of(node)
    max_u = max(1, layout.levels - 1)
    g = geometry(node, max_u, layout.interior - top * layout.row - left, layout.row)
    w = constant(operand(node, 1))
    if g is None or w is None:
        return None
    taps = np.count_nonzero(w.reshape(len(w), -1), axis=1).astype(np.int64)
    out = shape_of(result(node))
    return g, runs.work(taps, int(out[2]) if len(out) == 4 else 1, max_u, table_bytes, g)

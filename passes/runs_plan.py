"""What a convolution by runs copies and where in its scratch memory everything lies (see encodings.runs)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ..ops.base import constant, integer, operand, result, shape_of
from ..ops.window import Window, window
from .choose_layout import pads_of
from .encodings import runs
from .layouts import Layout

_COPIES = 16384  # bytes: what the copies of a band may take, where one row of output does not need more
BAND = "band"
"""An attribute of a Conv: how many rows choose-encodings lets a band have at most."""


def _square(win: Window) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, strides, dilations as (down, across); a 1-D window has height 1."""
    one = len(win.kernel) == 1
    parts = ((1, *p) if one else p for p in (win.kernel, win.strides, win.dilations))
    kernel, strides, dilations = ((int(p[0]), int(p[1])) for p in parts)
    return kernel, strides, dilations


def geometry(
    node: ir.Node, max_u: int, origin: int = 0, row: int = 0, room: int | None = None, at_once: int = 0
) -> runs.RunsGeometry | None:
    """The copies of the Conv `node`, with the highest bands that fit; None where its weights or its size rule runs out.
    `origin` and `row` are those of its input's storage: they change no size. With `room`, copies of more bytes than
    that are ruled out too. `at_once` is how many rows a call makes at most; 0: all."""
    w = constant(operand(node, 1))
    if w is None or not np.isin(w, (-1, 0, 1)).all():
        return None
    kernel, strides, dilations = _square(window(node, w.shape[2:]))
    most = int(np.count_nonzero(w.reshape(len(w), -1), axis=1).max(initial=0))
    if strides[1] > runs.MAX_STRIDE or most * max_u > 0xFFFF:
        return None
    out, group = shape_of(result(node)), integer(node, "group", 1)
    height, lane = at_once or (int(out[2]) if len(out) == 4 else 1), 2 if max_u > 63 else 1
    for rows in range(min(height, integer(node, BAND, height)), 0, -1):
        g = runs.RunsGeometry(
            w.shape[1] * group, origin, row, kernel, strides, dilations, group, int(out[-1]), rows, lane
        )
        most = _COPIES if rows > 1 else runs.MAX_OFFSET
        if g.copy_bytes <= (most if room is None else min(most, room)):
            return g
    return None


def flat(g: runs.RunsGeometry, height: int, plane: int = 0) -> runs.RunsGeometry | None:
    """`g` for rows that touch, which are one for a kernel of one tap; None where they are not. `height` of the output,
    `plane` of the input's storage."""
    width = g.width * height
    if g.kernel != (1, 1) or g.stride != (1, 1) or g.rows != height or width > 0xFFFF - 3:
        return None
    return replace(g, width=width, rows=1, row=plane)


def spare_bytes(model: ir.Model, ram: int, *, whole: bool = False) -> int:
    """What the tensors of `model` leave of `ram` bytes at the worst place, roughly: a byte an element, and a third more
    for borders; a quarter of the memory is for input, output, stack and the rest of the program. But for `whole`
    tensors, a quarter of the memory is always left, as streams may hold a few rows of each."""
    ends: dict[int, int] = {}
    nodes = list(model.graph)
    for k, node in enumerate(nodes):
        ends.update({id(v): k for v in node.inputs if v is not None})
    live, most = 0, 0
    leaving: list[tuple[int, int]] = [(ends.get(id(v), 0), _elements(v)) for v in model.graph.inputs]
    for k, node in enumerate(nodes):
        leaving += [(ends.get(id(v), k), _elements(v)) for v in node.outputs]
        live = sum(size for end, size in leaving if end >= k)
        most = max(most, live)
    return max(0 if whole else ram // 4, ram * 3 // 4 - most * 4 // 3)


def _elements(value: ir.Value) -> int:
    return int(np.prod(shape_of(value)[1:]))


def plan(
    node: ir.Node, layout: Layout, table_bytes: int, at_once: int = 0, band: int = 0
) -> tuple[runs.RunsGeometry, runs.Work] | None:
    """The copies of `node`, which reads its input as `layout` says and makes `at_once` rows in a call (0: all), at most
    `band` of them in a band (0: any), and the scratch memory of its kernel."""
    top, left, _, _ = pads_of(node)
    max_u = max(1, layout.levels - 1)
    g = geometry(node, max_u, layout.interior - top * layout.row - left, layout.row, at_once=band or at_once)
    w = constant(operand(node, 1))
    if g is None or w is None:
        return None
    if layout.bare and any(pads_of(node)):
        g = replace(g, bare=(left, layout.width, layout.border or 0))
    taps = np.count_nonzero(w.reshape(len(w), -1), axis=1).astype(np.int64)
    out = shape_of(result(node))
    return g, runs.work(taps, at_once or (int(out[2]) if len(out) == 4 else 1), max_u, table_bytes, g)

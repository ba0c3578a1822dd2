"""Which convolutions run as dot products of patches (see encodings.patches), what that costs, and their scratch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.window import window
from .channel_ends import Finish, ends_of
from .choose_layout import choose_layout, pads_of
from .conv_terms import finish_terms
from .encodings import patches
from .kernel_costs import Cost, is_int8, spent
from .layer_shape import tail_of, to_bytes
from .layouts import Layout
from .schedule import finish_of
from .vectors_plan import read_layout

# Instructions on a Cortex-M55 (zig -O2), beside those that are counted out below.
_BAND, _CHANNEL, _PAIR = 90, 60, 35
_ROW, _COPIED = 30, 7  # a row that is copied or gathered; a channel of it
_COLUMN, _SCALE, _WIDE_SCALE, _LINE = 8, 15, 25, 18  # outputs: a column of 8 pixels, a row of it
_PLAIN = 12  # an output that goes to the caller as it is
_FEATURES = frozenset({"mve", "dsp", "unaligned"})


def plan(node: ir.Node, layout: Layout, at_once: int = 0, out_row: int = 0) -> patches.PatchGeometry | None:
    """The patches of the Conv `node`, which reads its input as `layout` says and makes `at_once` rows in a call (0:
    all), into rows `out_row` apart (0: not known); None where weights have more than 8 bits or places more than 16."""
    w = constant(operand(node, 1))
    if w is None or not is_int8(w) or not layout.is_bytes:
        return None
    win = window(node, w.shape[2:])
    one = len(win.kernel) == 1
    kernel, stride, dilation = (
        (1, int(p[0])) if one else (int(p[0]), int(p[1])) for p in (win.kernel, win.strides, win.dilations)
    )
    top, left, _, _ = pads_of(node)
    out = shape_of(result(node))
    height, width = at_once or (int(out[2]) if len(out) == 4 else 1), int(out[-1])
    origin = layout.interior - top * layout.row - left
    g = patches.PatchGeometry(int(w.shape[1]), kernel, stride, dilation, width, 1, origin, layout.row)
    whole = not (at_once or layout.lines) and not any(pads_of(node))
    touch = whole and g.pointwise and stride == (1, 1) and width == layout.row == out_row
    g = replace(g, rows=patches.highest(g, height), touch=touch)
    return g if g.fits else None


def layout_for(node: ir.Node) -> Layout:
    """How the input of the Conv `node` lies if it runs by patches, at the widest."""
    return read_layout(node, word_rows=True)


def patches_cost(node: ir.Node, _: Finish, room: int | None = None) -> Cost | None:
    """The cost of the convolution `node`; None where it cannot run by patches, or not in `room` bytes."""
    w, wide = constant(operand(node, 1)), plan(node, layout_for(node))
    if w is None or wide is None or (room is not None and wide.size > room):
        return None
    layout, out = read_layout(node, word_rows=False), shape_of(result(node))
    end = finish_of(node)
    value = result(node if end is None else end)
    out_row = choose_layout(value, word_rows=False).row
    g = plan(node, layout, out_row=out_row)
    if g is None:
        return None
    height, group, total = int(out[2]) if len(out) == 4 else 1, integer(node, "group", 1), 0.0
    for y in range(0, height, g.rows):
        rows = min(g.rows, height - y)
        total += group * _band(g, rows, len(w) // group) + _ended(node, w, g, rows)
    encoded = group * -(-len(w) // group // 2) * 2 * g.patch
    return Cost(total, float(encoded + 4 * len(w) + 2 * g.parts.size))


def _band(g: patches.PatchGeometry, rows: int, outputs: int) -> float:
    """A band of `rows` rows for one group of `outputs` channels."""
    pixels = rows * g.width
    copied = 1 if g.touch else (rows - 1) * g.down + g.span
    columns = pixels if g.touch else g.columns
    transposed = copied * (_ROW + g.depth * (_COPIED + 6 * -(-columns // 8)))
    part = 5 + 2 * -(-g.part // patches.PATCH)
    gathered = 0 if g.pointwise else rows * (_ROW + g.width * (7 + g.parts.size * part))
    triples = -(-pixels // patches.TRIPLE)
    dots = -(-outputs // 2) * (_PAIR + triples * (10 + 12 * (g.patch // patches.PATCH)))
    return float(_BAND + transposed + gathered + dots + outputs * _CHANNEL)


def _ended(node: ir.Node, w: Array, g: patches.PatchGeometry, rows: int) -> float:
    """The outputs of a band of `rows` rows, of all channels."""
    tail, in_bytes = tail_of(node), to_bytes(node)
    lines, wide = (1, rows * g.width) if g.touch else (rows, g.width)
    columns = -(-wide // 8)
    if in_bytes and tail.kind == "scaled":
        return float(len(w) * columns * (_COLUMN + lines * (_WIDE_SCALE if tail.wide else _SCALE)))
    by_line = 0
    if in_bytes and not tail.wide:
        by_line = int(np.count_nonzero(ends_of(node, w, 2, packed=True, either=True).kinds))
    quick = by_line * columns * (_COLUMN + lines * _LINE)
    rest = len(w) - by_line
    quick += _PLAIN * rest * lines * wide if tail.kind == "plain" else 0
    return quick + spent(finish_terms(tail, float(rest * lines * wide), float(rest * lines)), _FEATURES)

"""Which convolutions run as dot products of patches (see encodings.patches), what that costs, and their scratch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.qtype import qtype
from ..ops.window import window
from .channel_ends import ends_of
from .choose_layout import choose_layout, pads_of
from .conv_terms import finish_terms
from .encodings import patches
from .kernel_costs import Cost, is_int8, spent
from .layer_shape import tail_of, to_bytes
from .layouts import Layout
from .schedule import finish_of
from .vectors_plan import read_layout


@dataclass(frozen=True, slots=True)
class _Rates:
    """Instructions (zig -O2) of the parts of a layer, beside those that are counted out below."""

    band: float
    channel: float
    pair: float  # of outputs
    row: float  # that is copied or gathered
    copied: float  # a channel of a row
    lanes: float  # that many bytes of it, or one where those of the input do not touch
    single: float
    patch: float  # that is gathered
    part: float
    word: float  # of a part
    at_once: int  # bytes of a word
    together: int  # patches that are multiplied together
    group: float  # of these
    vector: float  # of these
    column: float  # outputs: so many of them
    columns: int
    scale: float  # of a row of them
    wide_scale: float
    line: float
    clip: float  # of a row of them by scale where not every byte is an output
    plain: float  # that goes to the caller as it is


_MVE = _Rates(90, 60, 35, 30, 7, 6, 0, 7, 5, 2, 16, 3, 10, 12, 8, 8, 15, 25, 18, 0, 12)
_DSP = _Rates(90, 90, 42, 45, 22, 17, 7, 18, 9, 5, 4, 2, 18, 82, 0, 1, 8, 10, 14, 6, 8)


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


def patches_cost(node: ir.Node, features: frozenset[str], room: int | None = None) -> Cost | None:
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
        total += group * _band(g, rows, len(w) // group, features) + _ended(node, w, g, rows, features)
    encoded = group * -(-len(w) // group // 2) * 2 * g.patch
    return Cost(total, float(encoded + 4 * len(w) + 2 * g.parts.size))


def _rates(features: frozenset[str]) -> _Rates:
    return _MVE if "mve" in features else _DSP


def _band(g: patches.PatchGeometry, rows: int, outputs: int, features: frozenset[str]) -> float:
    """A band of `rows` rows for one group of `outputs` channels."""
    r, pixels = _rates(features), rows * g.width
    copied = 1 if g.touch else (rows - 1) * g.down + g.span
    transposed = copied * (r.row + g.depth * (r.copied + _columns(g, pixels if g.touch else g.columns, features)))
    part = r.part + r.word * -(-g.part // r.at_once)
    gathered = 0 if g.pointwise else rows * (r.row + g.width * (r.patch + g.parts.size * part))
    filled = -(-pixels // patches.TRIPLE) * patches.TRIPLE
    dots = -(-filled // r.together) * (r.group + r.vector * (g.patch // patches.PATCH))
    return float(r.band + transposed + gathered + -(-outputs // 2) * (r.pair + dots) + outputs * r.channel)


def _columns(g: patches.PatchGeometry, columns: int, features: frozenset[str]) -> float:
    """The copy of a channel of a row."""
    r = _rates(features)
    if "mve" in features:
        return r.lanes * -(-columns // 8)
    step = g.stride[1] if g.pointwise else 1
    return r.single * columns if step > 1 else r.lanes * (columns // 4) + r.single * (columns % 4)


def _ended(node: ir.Node, w: Array, g: patches.PatchGeometry, rows: int, features: frozenset[str]) -> float:
    """The outputs of a band of `rows` rows, of all channels."""
    r, tail, in_bytes = _rates(features), tail_of(node), to_bytes(node)
    lines, wide = (1, rows * g.width) if g.touch else (rows, g.width)
    columns = -(-wide // r.columns)
    if in_bytes and tail.kind == "scaled":
        end = finish_of(node)
        clip = r.clip if end is not None and qtype(result(end)).levels < 256 else 0
        return float(len(w) * columns * (r.column + lines * (clip + (r.wide_scale if tail.wide else r.scale))))
    by_line = 0
    if in_bytes and not tail.wide:
        by_line = int(np.count_nonzero(ends_of(node, w, 2, packed=True, either=True).kinds))
    quick = by_line * columns * (r.column + lines * r.line)
    rest = len(w) - by_line
    quick += r.plain * rest * lines * wide if tail.kind == "plain" else 0
    return quick + spent(finish_terms(tail, float(rest * lines * wide), float(rest * lines)), features)

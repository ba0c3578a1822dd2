"""Which convolutions run by vectors (see encodings.vectors), what that costs, and the scratch memory that they need."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.window import window
from .choose_layout import choose_layout, copy_layout, pads_of
from .encodings import vectors
from .encodings.sparse_conv import ConvGeometry
from .kernel_costs import Cost, is_int8, is_ternary
from .layouts import Layout
from .runs_costs import Finish
from .schedule import base

# Instructions on a Cortex-M55 (zig -O2), beside those that are counted out below.
_TILE, _CALL = 9, 35  # of sums: a tile of seven vectors, a chunk of taps in a band
_WIDEN, _WIDENED = 9, 25  # a vector that is added up to 16 bits, a chunk of them
_BAND, _CHANNEL = 75, 45
_COLUMN, _LINE, _HALVES, _LOOK_UP = 10, 14, 15, 8  # outputs: a column of 16 or 8 pixels, a row of it
_SCALE = 10  # four outputs by multiplication and shift
_PLAIN = 45  # an output with neither line nor table
_TABLE = 330  # a table of a channel, beside an instruction for each entry
_ENTRIES = 4091  # of plan-memory's largest table, less what may be written behind its end


def layout_for(node: ir.Node) -> Layout | None:
    """How the input of the Conv `node` lies if it runs by vectors, at the widest; None where it cannot: for other
    strides than 1, weights that are not ternary, or more than 16 bits of places or sums."""
    w = constant(operand(node, 1))
    if w is None or not is_ternary(w) or set(window(node, w.shape[2:]).strides) != {1}:
        return None
    layout = read_layout(node, word_rows=True)
    most = int(np.count_nonzero(w.reshape(len(w), -1), axis=1).max(initial=0))
    fits = layout.is_bytes and layout.size <= vectors.MAX_OFFSET and most * max(1, layout.levels - 1) <= 0xFFFF
    return layout if fits else None


def read_layout(node: ir.Node, *, word_rows: bool) -> Layout:
    """What `node` reads, in rows as others want them or as it does."""
    stored = choose_layout(base(operand(node, 0)), word_rows)
    return (copy_layout(node, stored, word_rows) if stored.is_bytes else None) or stored


def products_layout(node: ir.Node) -> Layout | None:
    """How the input of the Conv `node` lies if its weights are multiplied by vectors, at the widest; None where they
    cannot be: for other strides than 1, weights of more than 8 bits, or more than 16 bits of places."""
    w = constant(operand(node, 1))
    if w is None or not is_int8(w) or set(window(node, w.shape[2:]).strides) != {1}:
        return None
    layout = read_layout(node, word_rows=True)
    return layout if layout.is_bytes and layout.size <= vectors.MAX_OFFSET else None


def products_lane(w: Array, levels: int) -> int:
    """Bytes that the sums of the weights `w` [O, ...] and inputs of `levels` levels take: 2 or 4."""
    reach = np.abs(w.reshape(len(w), -1)).sum(axis=1).max(initial=0) * max(1, levels - 1)
    return 2 if reach <= 0xFFFF else 4


def geometry(node: ir.Node, layout: Layout) -> ConvGeometry:
    """What the places of the weights of `node` follow from, for an input that lies as `layout` says."""
    top, left, _, _ = pads_of(node)
    win = window(node, shape_of(node.inputs[1])[2:])
    dilations = (1, *win.dilations)[-2:]
    origin = layout.interior - top * layout.row - left
    group = integer(node, "group", 1)
    return ConvGeometry(layout.channels, layout.plane, layout.row, origin, (dilations[0], dilations[1]), group)


def work(node: ir.Node, layout: Layout, table_bytes: int, at_once: int = 0, lane: int = 0) -> vectors.Work:
    """The kernel's scratch memory; `at_once` is how many rows a call makes at most, 0: all; `lane` bytes of a sum, 0:
    as +-1 taps need."""
    out = shape_of(result(node))
    height = at_once or (int(out[2]) if len(out) == 4 else 1)
    return vectors.work(height, int(out[-1]), layout.row, max(1, layout.levels - 1), table_bytes, lane)


def products_work(node: ir.Node, layout: Layout, at_once: int = 0) -> vectors.Work:
    """The same for weights that are multiplied."""
    w = constant(operand(node, 1))
    return work(node, layout, 0, at_once, 4 if w is None else products_lane(w, layout.levels))


def products_cost(node: ir.Node, finish: Finish) -> Cost | None:
    """The cost of the convolution `node` with its weights multiplied; None where it cannot be."""
    w = constant(operand(node, 1))
    if products_layout(node) is None or w is None:
        return None
    layout = read_layout(node, word_rows=False)
    out, depth = shape_of(result(node)), w.size // max(1, len(w))
    height, width = int(out[2]) if len(out) == 4 else 1, int(out[-1])
    plan, spent = products_work(node, layout), float(_CHANNEL * len(w))
    for y in range(0, height, plan.rows):
        rows = min(plan.rows, height - y)
        count = -(-((rows - 1) * layout.row + width) // vectors.VECTOR) * plan.lane
        tiles, rest = -(-count // 7), count % 7
        each = 18 * (count // 7) + (4 + 2 * rest if rest else 0)
        scaled = -(-width // 4) * (_COLUMN + rows * _SCALE)
        ends = scaled if finish == "line" else _PLAIN * rows * width
        spent += len(w) * (depth * each + 2 * count + _TILE * tiles + _CALL + _BAND + ends)
    return Cost(spent, float(w.size + 2 * depth + 4 * len(w)))


def vectors_cost(node: ir.Node, finish: Finish) -> Cost | None:
    """The cost of the convolution `node`; None where it cannot run by vectors."""
    w = constant(operand(node, 1))
    if layout_for(node) is None or w is None:
        return None
    layout = read_layout(node, word_rows=False)
    taps = np.count_nonzero(w.reshape(len(w), -1), axis=1).astype(np.int64)
    minus = (w.reshape(len(w), -1) < 0).sum(axis=1)
    max_u, out = max(1, layout.levels - 1), shape_of(result(node))
    height, width = int(out[2]) if len(out) == 4 else 1, int(out[-1])
    plan = work(node, layout, 0)
    spent = float(_CHANNEL * len(w)) + _tables(taps, max_u, height * width, finish)
    for y in range(0, height, plan.rows):
        spent += _band(taps, minus, max_u, min(plan.rows, height - y), width, layout.row, plan.lane, finish)
    return Cost(spent, 2.0 * np.count_nonzero(w) + 4 * len(w) + (12 * len(w) if finish == "line" else 0))


def _band(
    taps: Array, minus: Array, max_u: int, rows: int, width: int, row: int, lane: int, finish: Finish
) -> float:  # fmt: skip
    """All channels of one band."""
    count = -(-((rows - 1) * row + width) // vectors.VECTOR) * lane
    tiles, rest = -(-count // 7), count % 7
    each = 17 * (count // 7) + (3 + 2 * rest if rest else 0)  # a tap: 3 instructions a tile, 2 a vector
    wide = (taps * max_u > 255) & (lane == 1)
    if finish == "line":
        wide &= minus * max_u > 190  # plus taps stop at 255
    chunks = np.where(wide, -(-taps // (255 // max_u)), 1)
    sums = taps * each + chunks * (2 * count + _TILE * tiles + _CALL)
    widened = np.where(wide, chunks * (_WIDEN * count + _WIDENED), 0)
    halves = wide | (lane == 2)
    columns = np.where(halves, -(-width // 8), -(-width // 16))
    pixel = np.where(halves, _HALVES, _LINE) if finish == "line" else _LOOK_UP
    ends = columns * (_COLUMN + rows * pixel) if finish != "none" else _PLAIN * rows * width
    return float((sums + widened + ends + _BAND).sum())


def _tables(taps: Array, max_u: int, pixels: int, finish: Finish) -> float:
    """What a finish table of each channel costs, or where it has none."""
    if finish != "table":
        return 0.0
    reach = taps * max_u
    return float(np.where(reach < _ENTRIES, _TABLE + reach, _PLAIN * pixels).sum())

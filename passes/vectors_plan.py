"""Which convolutions run by vectors (see encodings.vectors), what that costs, and the scratch memory that they need."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.window import window
from .channel_ends import Ends, ends_of
from .choose_layout import choose_layout, copy_layout, pads_of
from .conv_terms import finish_terms, worth_table
from .encodings import lines, vectors
from .encodings.phases import MAX_STRIDE, Phases
from .encodings.sparse_conv import ConvGeometry
from .kernel_costs import Cost, is_int8, is_ternary, spent
from .layer_shape import tail_of
from .layouts import Layout
from .schedule import base
from .tails import Tail

# Instructions on a Cortex-M55 (zig -O2), beside those that are counted out below.
_TILE, _CALL = 9, 35  # of sums: a tile of seven vectors, a chunk of taps in a band
_WIDEN, _WIDENED = 9, 25  # a vector that is added up to 16 bits, a chunk of them
_BAND, _CHANNEL = 75, 45
_COLUMN, _LINE, _HALVES, _LOOK_UP = 10, 14, 15, 8  # outputs: a column of 16 or 8 pixels, a row of it
_SCALE, _WIDE_SCALE = 16, 25  # eight outputs by multiplication and shift, in 32 bits and in 64
_PHASE, _ROW = 30, 7  # copies for strides: one of a channel, a row of it
_FEATURES = frozenset({"mve", "dsp", "unaligned"})
_ENTRIES = 4091  # of plan-memory's largest table, less what may be written behind its end


def layout_for(node: ir.Node) -> Layout | None:
    """How the input of the Conv `node` lies if it runs by vectors, at the widest; None where it cannot: for weights
    that are not ternary, or more than 16 bits of places or sums."""
    w = constant(operand(node, 1))
    if w is None or not is_ternary(w):
        return None
    layout = read_layout(node, word_rows=True)
    most = int(np.count_nonzero(w.reshape(len(w), -1), axis=1).max(initial=0))
    return layout if _near(node, layout) and most * max(1, layout.levels - 1) <= 0xFFFF else None


def _near(node: ir.Node, layout: Layout) -> bool:
    """Whether 16 bits hold the places of taps in bytes that lie as `layout` says, or in copies of them."""
    if not layout.is_bytes:
        return False
    copies = phases(node, layout)
    if copies is None:
        return layout.size <= vectors.MAX_OFFSET
    return copies.size <= vectors.MAX_OFFSET and copies.stride[1] <= MAX_STRIDE


def phases(node: ir.Node, layout: Layout, at_once: int = 0) -> Phases | None:
    """The copies that the Conv `node` makes of its input, which lies as `layout` says, where strides are not 1;
    `at_once` is how many rows a call makes at most, 0: all."""
    win = window(node, shape_of(node.inputs[1])[2:])
    kernel, stride, dilation = (
        (1, int(p[0])) if len(p) == 1 else (int(p[0]), int(p[1])) for p in (win.kernel, win.strides, win.dilations)
    )
    if set(stride) == {1}:
        return None
    out, g = shape_of(result(node)), geometry(node, layout)
    rows = at_once or (int(out[2]) if len(out) == 4 else 1)
    return Phases(g.in_channels, g.group, kernel, stride, dilation, int(out[-1]), rows, g.origin, g.row)


def _roomy(node: ir.Node, layout: Layout, room: int | None) -> bool:
    """Whether the copies for strides, if any, take at most `room` bytes (None: any)."""
    copies = phases(node, layout)
    return room is None or copies is None or copies.size <= room


def pitch_of(node: ir.Node, layout: Layout) -> int:
    """From a row of what is summed to the next: bytes of the input that lies as `layout` says, or of its copies."""
    copies = phases(node, layout)
    return layout.row if copies is None else copies.pitch


def read_layout(node: ir.Node, *, word_rows: bool) -> Layout:
    """What `node` reads, in rows as others want them or as it does."""
    stored = choose_layout(base(operand(node, 0)), word_rows)
    return (copy_layout(node, stored, word_rows) if stored.is_bytes else None) or stored


def products_layout(node: ir.Node) -> Layout | None:
    """How the input of the Conv `node` lies if its weights are multiplied by vectors, at the widest; None where they
    cannot be: for weights of more than 8 bits, or more than 16 bits of places."""
    w = constant(operand(node, 1))
    if w is None or not is_int8(w):
        return None
    layout = read_layout(node, word_rows=True)
    return layout if _near(node, layout) else None


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
    height, copies = at_once or (int(out[2]) if len(out) == 4 else 1), phases(node, layout, at_once)
    pitch, size = (layout.row, 0) if copies is None else (copies.pitch, copies.size)
    return vectors.work(height, int(out[-1]), pitch, max(1, layout.levels - 1), table_bytes, lane, size)


def products_work(node: ir.Node, layout: Layout, at_once: int = 0) -> vectors.Work:
    """The same for weights that are multiplied."""
    w = constant(operand(node, 1))
    return work(node, layout, 0, at_once, 4 if w is None else products_lane(w, layout.levels))


def products_cost(node: ir.Node, room: int | None = None) -> Cost | None:
    """The cost of the convolution `node` with its weights multiplied; None where it cannot be, or not in `room` bytes
    of copies."""
    w = constant(operand(node, 1))
    layout = read_layout(node, word_rows=False)
    if products_layout(node) is None or w is None or not _roomy(node, layout, room):
        return None
    out, depth = shape_of(result(node)), w.size // max(1, len(w))
    height, width = int(out[2]) if len(out) == 4 else 1, int(out[-1])
    plan, total, pitch = products_work(node, layout), _CHANNEL * len(w) + _copied(node, layout), pitch_of(node, layout)
    ends, tail, wide = ends_of(node, w, plan.lane, packed=True, either=True), tail_of(node), np.ones(len(w), np.bool_)
    free = ends.kinds == lines.NONE
    scaled = _scaled(ends, tail, plan.lane)
    for y in range(0, height, plan.rows):
        rows = min(plan.rows, height - y)
        count = -(-((rows - 1) * pitch + width) // vectors.VECTOR) * plan.lane
        tiles, rest = -(-count // 7), count % 7
        each = 18 * (count // 7) + (4 + 2 * rest if rest else 0)
        total += len(w) * (depth * each + 2 * count + _TILE * tiles + _CALL + _BAND)
        total += _ended(ends, wide, free & ends.shared, scaled, rows, width, tail.wide)
        total += _each(wide[free & ~scaled & (not ends.shared)], tail, rows, width)
    return Cost(total, float(w.size + 2 * depth + 4 * len(w)))


def vectors_cost(node: ir.Node, room: int | None = None) -> Cost | None:
    """The cost of the convolution `node`; None where it cannot run by vectors, or not in `room` bytes of copies."""
    w = constant(operand(node, 1))
    layout = read_layout(node, word_rows=False)
    if layout_for(node) is None or w is None or not _roomy(node, layout, room):
        return None
    taps = np.count_nonzero(w.reshape(len(w), -1), axis=1).astype(np.int64)
    minus = (w.reshape(len(w), -1) < 0).sum(axis=1)
    max_u, out = max(1, layout.levels - 1), shape_of(result(node))
    height, width = int(out[2]) if len(out) == 4 else 1, int(out[-1])
    plan = work(node, layout, 0)
    pitch = pitch_of(node, layout)
    ends, tail = ends_of(node, w, plan.lane, packed=True, either=True), tail_of(node)
    tabled, total = _tables(taps * max_u, ends, tail, height * width)
    total += _CHANNEL * len(w) + _copied(node, layout)
    scaled = _scaled(ends, tail, plan.lane)
    for y in range(0, height, plan.rows):
        rows = min(plan.rows, height - y)
        sums, halves = _band(taps, minus, max_u, rows, width, pitch, plan.lane, ends)
        total += sums + _ended(ends, halves, tabled, scaled, rows, width, tail.wide)
        total += _each(halves[~(tabled | scaled | (ends.kinds != lines.NONE))], tail, rows, width)
    return Cost(total, 2.0 * np.count_nonzero(w) + 4 * len(w) + (12 * len(w) if ends.kinds.any() else 0))


def _copied(node: ir.Node, layout: Layout) -> float:
    """What the copies cost that strides ask for."""
    copies = phases(node, layout)
    if copies is None:
        return 0.0
    row = _ROW + 4 * -(-copies.pitch // vectors.VECTOR)
    return float(copies.in_channels * sum(_PHASE + row * rows for rows in copies.phases.values()))


def _band(
    taps: Array, minus: Array, max_u: int, rows: int, width: int, row: int, lane: int, ends: Ends
) -> tuple[float, Array]:  # fmt: skip
    """The sums of all channels of one band, and which of them are of 16 bits."""
    count = -(-((rows - 1) * row + width) // vectors.VECTOR) * lane
    tiles, rest = -(-count // 7), count % 7
    each = 17 * (count // 7) + (3 + 2 * rest if rest else 0)  # a tap: 3 instructions a tile, 2 a vector
    wide = (taps * max_u > 255) & (lane == 1) & (ends.kinds != lines.BYTES)  # plus taps stop at 255
    chunks = np.where(wide, -(-taps // (255 // max_u)), 1)
    sums = taps * each + chunks * (2 * count + _TILE * tiles + _CALL)
    widened = np.where(wide, chunks * (_WIDEN * count + _WIDENED), 0)
    return float((sums + widened + _BAND).sum()), wide | (lane == 2)


def _ended(
    ends: Ends, halves: Array, tabled: Array, scaled: Array, rows: int, width: int, wide: bool
) -> float:  # fmt: skip
    """Outputs of a band: by line, table or scale, or one by one."""
    by_line = ends.kinds != lines.NONE
    eight = halves | (ends.kinds == lines.HALVES)
    columns = np.where(eight, -(-width // 8), -(-width // 16))
    pixel = np.where(by_line, np.where(eight, _HALVES, _LINE), _LOOK_UP)
    quick = columns * (_COLUMN + rows * pixel)
    by_scale = -(-width // 8) * (_COLUMN + rows * (_WIDE_SCALE if wide else _SCALE))
    return float(np.where(by_line | tabled, quick, np.where(scaled, by_scale, 0)).sum())


def _each(halves: Array, tail: Tail, rows: int, width: int) -> float:
    """Outputs one by one, of channels whose sums are of 16 bits or, not `halves`, of 8."""
    pixels = float(len(halves) * rows * width)
    ends = finish_terms(tail, pixels, float(len(halves) * rows * -(-width // vectors.VECTOR)))
    return spent(ends | {"run_each_byte": pixels}, _FEATURES)


def _scaled(ends: Ends, tail: Tail, lane: int) -> Array:
    """Which channels, whose sums take `lane` bytes, end by multiplication and shift."""
    narrow = ends.in_bytes and tail.kind == "scaled" and (not tail.wide or lane == 4) and not ends.shared
    return np.asarray((ends.kinds == lines.NONE) & narrow)


def _tables(reach: Array, ends: Ends, tail: Tail, pixels: int) -> tuple[Array, float]:
    """Which channels end by table, and what their own tables cost."""
    free = ends.kinds == lines.NONE
    if ends.shared:
        return free, 0.0
    if tail.kind != "thresholds" or not ends.in_bytes:
        return np.zeros(len(reach), np.bool_), 0.0
    fits = np.array([worth_table(tail, pixels, int(r), unaligned=True) for r in reach], np.bool_)
    fits &= free & (reach + 5 <= min(16 * pixels, _ENTRIES))
    made = {"run_tables": float(fits.sum()), "run_entry": float(reach[fits].sum())}
    return fits, spent(made | {"table_level": float(fits.sum() * tail.levels)}, _FEATURES)

"""Which layout a tensor gets: what its readers ask for, and what they do where they cannot have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.window import window
from .layouts import Code, Layout, chw
from .schedule import MOVES, base, finish_of, readers

_BYTE_READERS = ("Conv", "MatMul", "MaxPool")
WORDS = ("lanes", "runs")
"""Encodings of convolutions whose kernels read rows word by word."""
BEHIND = (*WORDS, "rice", "vectors", "products")
"""Encodings of convolutions whose kernels read behind the last row."""
OWN_PADDING = ("long", "stacked")
"""Encodings of convolutions whose kernels read rows of any length and pad them themselves."""
_BYTE = 256  # levels
_WORD = 4


def choose_layout(value: ir.Value, word_rows: bool) -> Layout:
    """The layout of `value` that its readers ask for; `word_rows` where one of them wants word-aligned rows.

    Bytes where those hold its levels, else plain integers.
    """
    users = readers(value)
    q = qtype(value)
    wanted = gives_levels(value) or any(is_cardc(n, *_BYTE_READERS) for n in users)
    # Bytes are added in fewer instructions than wider integers, and take half of the memory.
    scaled = is_cardc(value.producer(), "Requantize")
    wanted = wanted or (scaled and any(is_cardc(n, "Add", "SumPool") for n in users))
    convs = _convs(value)
    if wanted and _code(value, q, convs).levels <= _BYTE:
        # Strides are for those that see the tensor in its own shape; where one does not, only plain order serves all.
        plain = any(chw(operand(n, 0)) != chw(value) for n in convs)
        code = _code(value, q, convs)
        convs = [n for n in convs if text(n, "encoding", "") not in OWN_PADDING]
        if not any(any(pads_of(n)) for n in convs):
            code = replace(code, border=None)
        words = [n for n in convs if text(n, "encoding", "") in WORDS]
        if word_rows and not plain and all(pointwise(n) and _rows_touch(n) for n in words):
            layout = byte_layout(chw(value), code, convs, word_rows=False)
            plane = -(-layout.plane // _WORD) * _WORD
            return replace(layout, plane=plane, size=layout.size + (layout.channels - 1) * (plane - layout.plane))
        return byte_layout(chw(value), code, [] if plain else convs, word_rows and not plain)
    return plain_layout(chw(value), plain_width(q))


def pointwise(conv: ir.Node) -> bool:
    """Whether `conv` is one tap over all pixels, by a kernel that takes rows which touch as one."""
    win = window(conv, shape_of(conv.inputs[1])[2:])
    one = all(k == 1 for k in win.kernel) and all(s == 1 for s in win.strides)
    return one and not any(pads_of(conv)) and text(conv, "encoding", "") == "runs"


def _rows_touch(conv: ir.Node) -> bool:
    """Whether there is nothing between the rows of the tensor that the stage of `conv` makes."""
    finish = finish_of(conv)
    out = result(conv if finish is None else finish)
    layout = choose_layout(out, any(text(n, "encoding", "") in WORDS for n in _convs(out)))
    return layout.row == layout.width


def plain_width(q: QType) -> int:
    """Bytes of the narrowest of int16, int32 and int64 that holds `q`."""
    return next((n for n in (2, 4) if -(2 ** (8 * n - 1)) <= q.lo and q.hi < 2 ** (8 * n - 1)), 8)


def plain_layout(shape: tuple[int, int, int], width_bytes: int) -> Layout:
    """Integers as they are, one after the other."""
    c, h, w = shape
    return Layout(c, h, w, h * w, w, 0, width_bytes * c * h * w, width_bytes)


def gives_levels(value: ir.Value) -> bool:
    """Whether the kernel that makes `value` counts levels and so writes bytes: thresholds, rounding to even, pools."""
    node = value.producer()
    if node is None or is_cardc(node, "Threshold"):
        return True
    if node.op_type in ("MaxPool", *MOVES):  # as wide as what they read
        return all(qtype(v).levels <= 256 for v in (*node.inputs, value) if v is not None and v.const_value is None)
    return is_cardc(node, "Requantize") and text(node, "rounding", "floor") != "floor"


def _code(value: ir.Value, q: QType, convs: Sequence[ir.Node]) -> Code:
    lo, hi, step, padded = q.lo, q.hi, q.step, any(any(pads_of(n)) for n in convs)
    if (lo > 0 or hi < 0 or lo % step) and any(any(pads_of(n)) for v in _pooled_with(value) for n in _convs(v)):
        # A range without a zero, such as -1, +1: store it with one.
        lo, hi, step = min(lo, 0), max(hi, 0), 1
    levels = (hi - lo) // step + 1
    return Code(lo, step, levels, -lo // step if padded else None)


def _convs(value: ir.Value) -> list[ir.Node]:
    return [n for n in readers(value) if is_cardc(n, "Conv")]


def _pooled_with(value: ir.Value) -> list[ir.Value]:
    """`value` and the tensors that max-pools make of it or it of them: a pool copies bytes, so all have one code."""
    while is_cardc(node := value.producer(), "MaxPool") and node is not None:
        value = base(operand(node, 0))
    family = [value]
    for member in family:
        family += [result(n) for n in readers(member) if is_cardc(n, "MaxPool")]
    return family


def byte_layout(shape: tuple[int, int, int], code: Code, convs: Sequence[ir.Node], word_rows: bool) -> Layout:
    """Bytes with the border that `convs` read; rows and planes of whole words where `word_rows`."""
    c, h, w = shape
    top, left, bottom, right = (max(side) for side in zip((0, 0, 0, 0), *map(pads_of, convs), strict=True))
    # A window must not reach from one row (plane) past the next, or the taps' addresses would be ambiguous.
    reach_y, reach_x = (max(side) for side in zip((1, 1), *map(reach_of, convs), strict=True))
    row = max(w + max(left, right), reach_x)
    row = -(-row // _WORD) * _WORD if word_rows else row
    plane = row * max(h + max(top, bottom), reach_y)
    interior = top * row + left
    end = interior + (c - 1) * plane + (h - 1 + bottom) * row + w + right
    size = -(-end // _WORD) * _WORD
    return Layout(c, h, w, plane, row, interior, size, 1, code.lo, code.step, code.levels, code.border)


def pads_of(conv: ir.Node) -> tuple[int, int, int, int]:
    """top, left, bottom, right: how far `conv` reads outside its input."""
    win = window(conv, shape_of(conv.inputs[1])[2:])
    two = len(win.kernel) == 2
    return (win.begin[0] if two else 0, win.begin[-1], win.end[0] if two else 0, win.end[-1])


def reach_of(conv: ir.Node) -> tuple[int, int]:
    """Rows and columns that one window of `conv` spans."""
    win = window(conv, shape_of(conv.inputs[1])[2:])
    spans = [d * (k - 1) + 1 for k, d in zip(win.kernel, win.dilations, strict=True)]
    return (1, spans[0]) if len(spans) == 1 else (spans[0], spans[1])


def as_seen(node: ir.Node, stored: Layout) -> Layout | None:
    """`stored`, the layout of the tensor behind `node`'s input, in the shape that `node` sees; None where a view under
    that shape would need other strides than rows and planes."""
    c, h, w = chw(operand(node, 0))
    if (c, h, w) == (stored.channels, stored.height, stored.width):
        return stored
    if not stored.contiguous:
        return None
    return replace(stored, channels=c, height=h, width=w, plane=h * w, row=w)


def copy_layout(node: ir.Node, stored: Layout, word_rows: bool) -> Layout | None:
    """The layout that `node`'s input must first be copied to; None where it can read `stored` as it is.

    Raises CompileError where one copy does not do.
    """
    seen = as_seen(node, stored)
    if stored.bare:  # for kernels that copy what they read anyway
        return None
    if is_cardc(node, "MatMul"):
        contiguous = plain_layout((stored.channels, stored.height, stored.width), 1)
        return None if stored.contiguous else replace(contiguous, lo=stored.lo, step=stored.step, levels=stored.levels)
    if seen is None:
        raise CompileError(
            f"{node.op_type} reads a reshaped tensor that other layers need with a border",
            node=node,
            fix="do not reshape between convolutions",
        )
    if not is_cardc(node, "Conv") or text(node, "encoding", "") in OWN_PADDING:
        return None
    code = Code(seen.lo, seen.step, seen.levels, -seen.lo // seen.step if any(pads_of(node)) else None)
    wanted = byte_layout(chw(operand(node, 0)), code, [node], word_rows)
    top, left, bottom, right = pads_of(node)
    aligned = not word_rows or pointwise(node) or not (seen.row % _WORD or seen.plane % _WORD)
    reach_y, reach_x = reach_of(node)
    room = seen.border is not None and seen.interior >= top * seen.row + left
    room = room and seen.row >= max(seen.width + max(left, right), reach_x)
    room = room and seen.plane >= seen.row * max(seen.height + max(top, bottom), reach_y)
    return None if aligned and (room or not any(pads_of(node))) else wanted

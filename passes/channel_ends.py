"""How the sums of each output channel of a convolution by runs or vectors become what is stored: by a line, a table
that all channels share, a table of its own, or one by one; as the emitter of C will find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops import lookup
from ..ops.base import Array, constant, operand, result
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .choose_layout import choose_layout
from .encodings import fold, lines
from .layer_shape import to_bytes
from .layouts import Layout
from .schedule import base, finish_of

_MOST = 2048  # bytes of a table that all channels share

Ints = NDArray[np.int64]
Finish = Literal["line", "shared", "table", "none"]
"""What ends the sums: packed arithmetic, one table for all channels, a table of each channel, or nothing quick."""


@dataclass(frozen=True, slots=True)
class Ends:
    """`kinds` of the lines of each channel (lines.NONE, BYTES, HALVES); `shared`: whether one table in flash serves all
    channels; `in_bytes`: whether outputs are stored as bytes."""

    kinds: Ints
    shared: bool
    in_bytes: bool


def outputs_of(node: ir.Node, sums: fold.Sums, out: Layout) -> tuple[int, Array]:
    """The lowest sum of all channels, and what `node` stores for each channel from it on: [channels, sums]."""
    low, high = int(sums.low.min(initial=0)), int(sums.high.max(initial=0))
    every = np.arange(low, high + 1, dtype=np.int64)
    x = sums.gain * every[None, None] + sums.offset[None, :, None]
    others = [None if value is None else constant(value) for value in node.inputs[1:]]
    y = lookup(node).execute(node, [x, *(a for a in others if a is not None)])
    return low, (y[0] - out.lo) // out.step


def stairs_of(node: ir.Node, sums: fold.Sums, out: Layout) -> list[Array]:
    """What each channel stores for its sums low .. high: the results of the operator `node` itself."""
    low, stored = outputs_of(node, sums, out)
    return [stored[c, sums.low[c] - low : sums.high[c] - low + 1] for c in range(len(stored))]


def lines_of(
    node: ir.Node | None, sums: fold.Sums, out: Layout, *, in_bytes: bool
) -> tuple[list[lines.Line], int] | None:
    """The line of each channel behind the finish `node`, and the largest output; None where there cannot be any.

    `in_bytes`: whether the kernel's sums are bytes; they begin with the lowest sum.
    """
    if node is None or not is_cardc(node, "Threshold", "Requantize") or not out.is_bytes:
        return None
    stairs = stairs_of(node, sums, out)
    top = max((int(s.max()) for s in stairs), default=0)
    if min((int(s.min()) for s in stairs), default=0) < 0 or top > 255:
        return None
    return [lines.fit(s, top, -int(low) if in_bytes else None) for s, low in zip(stairs, sums.low, strict=True)], top


def shared_of(node: ir.Node | None, sums: fold.Sums, out: Layout) -> tuple[Array, int] | None:
    """What all channels store for each sum, and how far below 0 that begins; None where channels differ or a table is
    too large for what it saves."""
    if node is None or not is_cardc(node, "Threshold", "Requantize") or not out.is_bytes:
        return None
    if int(sums.high.max(initial=0) - sums.low.min(initial=0)) >= min(_MOST, out.elements // 4):
        return None
    low, stored = outputs_of(node, sums, out)
    if (stored != stored[:1]).any() or stored.min() < 0 or stored.max() > 255:
        return None
    return stored[0], -low


def ends_of(node: ir.Node, w: Array, lane: int, *, packed: bool, either: bool = False) -> Ends:
    """The ends of the Conv `node` of weights `w`, whose kernel's sums take `lane` bytes; `packed`: whether the core has
    the DSP extension, which lines are for; `either`: whether a shared table is looked for where there are no lines."""
    finish = finish_of(node)
    out = choose_layout(result(node if finish is None else finish), word_rows=False)
    none = Ends(np.full(len(w), lines.NONE, np.int64), False, out.is_bytes)
    source = choose_layout(base(operand(node, 0)), word_rows=False)
    if source.levels <= 1 or lane > 2:
        return none
    sums = fold.of_bytes(w.reshape(len(w), -1).astype(np.int64), fold.Stored(source.lo, source.step, source.levels - 1))
    found = lines_of(finish, sums, out, in_bytes=lane == 1) if packed else None
    kinds = none.kinds if found is None else np.array([line.kind for line in found[0]], np.int64)
    if kinds.any() or (packed and not either):
        return Ends(kinds, False, out.is_bytes)
    return Ends(kinds, shared_of(finish, sums, out) is not None, out.is_bytes)


def finish_kind(node: ir.Node, dsp: bool) -> Finish:
    """How the sums of the convolution `node` are finished, most likely; `dsp`: with packed arithmetic."""
    finish = finish_of(node)
    if finish is None or not is_cardc(finish, "Threshold", "Requantize") or not to_bytes(node):
        return "none"
    if dsp and (is_cardc(finish, "Requantize") or qtype(result(finish)).levels <= 2):
        return "line"
    given = [constant(operand(finish, k)) for k in range(1, len(finish.inputs))]
    return "shared" if all(c is not None and (c == c[:1]).all() for c in given) else "table"

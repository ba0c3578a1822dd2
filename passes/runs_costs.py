"""What a convolution by runs costs: instructions, estimated from the places of its weights, and bytes of flash.

The rates are least squares over random layers run on emulated cores (zig -O2); a test compares the estimates with fresh
measurements.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand, result
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .encodings import runs
from .kernel_costs import Cost
from .schedule import finish_of

Finish = Literal["line", "shared", "table", "none"]
"""What ends the sums: packed arithmetic, one table for all channels, a table of each channel, or nothing quick."""

_NAMES = (
    "tap",  # on a tile of 32 bytes
    "tile",  # of one chunk of a channel
    "run",  # a chunk of a channel in a band
    "row",  # of copies
    "rest",  # a word of a row that is no multiple of four
    "copied", "shifted", "stepped", "halved",  # words of copies: aligned, not, by strides, to 16 bits
    "line",  # a row of output
    "one", "more", "chunk",  # output words of one chunk of bytes, of more, and for each of these
    "channel",  # in a band
    "listed",  # a tap in a band
    "entry",  # of a table
    "plain",  # an output without
)  # fmt: skip
# Cortex-M4: the DSP extension. The first rate is the loop's length.
_LINE = (13.0, 4.8, 176, 4.7, 6.0, 0.9, 2.0, 16.5, 5.2, 0, 12.5, 16.6, 3.9, 115, 6.0, 0, 0)
# Cortex-M0+, whose loop has 13 instructions, and RV32IMC, 20: the mean of both.
_TABLE = (16.6, 52, 198, 11.6, 4.9, 1.9, 5.6, 19.3, 10, 12.4, 13, 14, 9.4, 140, 6.5, 16.5, 33)
_TABLE_BYTES = 4091  # of plan-memory's largest table, less what may be written behind its end


def finish_kind(node: ir.Node, dsp: bool) -> Finish:
    """How the sums of the convolution `node` by runs or vectors are finished, most likely; `dsp`: with packed
    arithmetic."""
    finish = finish_of(node)
    if finish is None or not is_cardc(finish, "Threshold", "Requantize"):
        return "none"
    if dsp and (is_cardc(finish, "Requantize") or qtype(result(finish)).levels <= 2):
        return "line"
    given = [constant(operand(finish, k)) for k in range(1, len(finish.inputs))]
    return "shared" if all(c is not None and (c == c[:1]).all() for c in given) else "table"


def features(w: Array, g: runs.RunsGeometry, height: int, max_u: int, finish: Finish) -> dict[str, float]:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]."""
    taps = np.count_nonzero(w.reshape(len(w), -1), axis=1)
    minus = (w.reshape(len(w), -1) < 0).sum(axis=1)
    bands = [min(g.rows, height - y) for y in range(0, height, g.rows)]
    words = sum(r * -(-g.width // 4) for r in bands)
    tiles = sum(-(-r * g.pitch * g.lane // runs.TILE) for r in bands)
    room = 255 // max_u
    chunks = np.maximum(1, -(-taps // room)) if g.lane == 1 else np.ones(len(taps), np.int64)
    if finish == "line" and g.lane == 1:
        chunks = np.where(minus * max_u <= 190, 1, chunks)  # plus taps stop at 255
    found: dict[str, float] = {name: 0.0 for name in _NAMES}
    found["tap"], found["tile"] = float(taps.sum() * tiles), float(chunks.sum() * tiles)
    found["run"] = float(chunks.sum() * len(bands))
    for column, _, _, extra in g.copies():
        copied = g.in_channels * sum(r + extra for r in bands) * g.pitch / 4 * g.lane
        plain = "copied" if column * g.dilation[1] % 4 == 0 else "shifted"
        found["row"] += g.in_channels * sum(r + extra for r in bands)
        found["rest"] += g.in_channels * sum(r + extra for r in bands) * (g.pitch // 4 % 4 if g.pitch > 8 else 0)
        found["halved" if g.lane == 2 else "stepped" if g.stride[1] > 1 else plain] += copied
    found["line"] = float(len(w) * height)
    single = int((chunks == 1).sum()) if g.lane == 1 else 0
    found["one"], found["more"] = float(single * words), float((len(w) - single) * words)
    found["chunk"] = float((chunks[chunks > 1]).sum() * words)
    found["channel"], found["listed"] = float(len(w) * len(bands)), float(taps.sum() * len(bands))
    reach, pixels = taps * max_u, height * g.width
    tabled = (reach <= pixels) & (reach < _TABLE_BYTES) & (finish == "table")
    found["entry"] = float(reach[tabled].sum())
    if finish in ("table", "none"):
        found["plain"] = float((~tabled).sum() * pixels)
    return found


def runs_cost(w: Array, g: runs.RunsGeometry, height: int, max_u: int, finish: Finish) -> Cost:
    """The cost of the weights `w` in bands as `g` says, for an output of `height` rows."""
    rates = _LINE if finish == "line" else _TABLE
    spent = sum(rate * n for rate, n in zip(rates, features(w, g, height, max_u, finish).values(), strict=True))
    return Cost(spent, 2.0 * np.count_nonzero(w) + 4 * len(w) + (12 * len(w) if finish == "line" else 0))

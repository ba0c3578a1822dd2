"""What a convolution by stacked rows copies, in which bands, and where in its scratch memory that lies (see
encodings.stacked)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand, result, shape_of
from ..ops.window import window
from .choose_layout import pads_of
from .encodings import stacked
from .encodings.pairs import bits_of
from .layouts import chw

_MOST = 24576  # bytes of scratch memory that such a layer may take
PART = "part"
"""An attribute of a Conv: how many rows of a lane choose-encodings lets a band have at most."""


def geometry(node: ir.Node, levels: int, room: int | None = None) -> stacked.StackedGeometry | None:
    """The copies of the Conv `node`, whose input is bytes of `levels` levels, with bands as high as fit
    `room` bytes (None: any); None where none do, or its weights, their sums or its size rule stacked rows out. A window
    of one dimension goes down a column."""
    w = constant(operand(node, 1))
    lanes = 0 if w is None else stacked.lanes_of(w.astype(np.int64), max(1, levels - 1))
    if w is None or lanes == 0:
        return None
    win, out, width = window(node, w.shape[2:]), shape_of(result(node)), chw(operand(node, 0))[2]
    kernel, stride, dilation = (_two(p) for p in (win.kernel, win.strides, win.dilations))
    pad = pads_of(node)[:2]
    if len(win.kernel) == 1:
        width, pad = 1, (pad[1], 0)
    down = int(out[2])
    across = int(out[3]) if len(out) == 4 else 1
    lanes = min(lanes, down)
    most = -(-down // lanes)
    bits = bits_of(w.astype(np.int64))
    g = stacked.StackedGeometry(kernel, stride, dilation, pad, down, across, w.shape[1], width, bits, lanes, most)
    for bands in range(1, most + 1):
        g = replace(g, part=min(-(-most // bands), integer(node, PART, most)))
        if g.work_bytes <= (_MOST if room is None else min(_MOST, room)):
            return g if _small(g) else None
    return None


def _two(pair: tuple[int, ...]) -> tuple[int, int]:
    return (int(pair[0]), 1 if len(pair) == 1 else int(pair[1]))


def _small(g: stacked.StackedGeometry) -> bool:
    """Whether sizes fit the kernel's numbers."""
    return max(*g.kernel, *g.stride, *g.dilation, *g.pad, g.phases) <= 255 and max(g.rows, g.words, g.part) <= 0xFFFF


def weights4(w: Array) -> stacked.Ints:
    """Weights of a convolution, those of one dimension as high as they were wide: int64 [O, I, kh, kw]."""
    return np.asarray(w.reshape(*w.shape, 1) if w.ndim == 3 else w, np.int64)

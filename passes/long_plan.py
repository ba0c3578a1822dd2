"""What a convolution by long multiplications copies, and where in its scratch memory that lies (see encodings.long)."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand, result, shape_of
from ..ops.window import window
from .choose_layout import pads_of
from .encodings import long

_MOST = 16384  # bytes of scratch memory that such a layer may take


def geometry(node: ir.Node, levels: int) -> long.LongGeometry | None:
    """The copies of the Conv `node`, whose input is bytes of `levels` levels; None where its weights, their sums or its
    size rule long multiplications out."""
    w = constant(operand(node, 1))
    if w is None or not long.fits(w.astype(np.int64), max(1, levels - 1)):
        return None
    win, out = window(node, w.shape[2:]), shape_of(result(node))
    one = len(win.kernel) == 1
    kernel, stride, dilation = ((1, *p) if one else p for p in (win.kernel, win.strides, win.dilations))
    g = long.LongGeometry(
        (int(kernel[0]), int(kernel[1])), (int(stride[0]), int(stride[1])), (int(dilation[0]), int(dilation[1])),
        pads_of(node)[:2], 1 if one else int(out[2]), int(out[-1]), w.shape[1],
    )  # fmt: skip
    return g if g.work_bytes <= _MOST and _small(node, g) else None


def _small(node: ir.Node, g: long.LongGeometry) -> bool:
    """Whether sizes fit the kernel's numbers, and no tap sees nothing but padding."""
    if max(*g.kernel, *g.stride, *g.dilation, g.phases, g.chunks) > 255 or max(g.rows, g.blocks, g.width) > 0xFFFF:
        return False
    reach = [d * (k - 1) + 1 for k, d in zip(g.kernel, g.dilation, strict=True)]
    return all(pad < reach[i % 2] for i, pad in enumerate(pads_of(node)))


def weights4(w: Array) -> long.Ints:
    """Weights of a convolution, those of one dimension with a height of 1: int64 [O, I, kh, kw]."""
    return np.asarray(w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w, np.int64)

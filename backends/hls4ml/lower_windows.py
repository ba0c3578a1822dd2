"""MaxPool and SumPool to our own layer: any stride, padding and dilation (hls4ml's stream pools take no padding)."""

from __future__ import annotations

import onnx_ir as ir

from ...ops.base import shape_of
from ...ops.window import Window, window
from .builder import Builder
from .layout import Layout


def maxpool(node: ir.Node, b: Builder) -> None:
    """cardc.MaxPool -> CardcPool; padding holds the lowest value of the range."""
    _pool(node, b, fill=b.tensor(node).q.lo, total=False)


def sumpool(node: ir.Node, b: Builder) -> None:
    """cardc.SumPool -> CardcPool that adds; padding holds zeros."""
    _pool(node, b, fill=0, total=True)


def _pool(node: ir.Node, b: Builder, *, fill: int, total: bool) -> None:
    x, win = b.natural(node), window(node)
    out = Layout.natural(shape_of(node.outputs[0])[1:])
    sizes = _sizes(win)
    height, width, channels = x.layout.hls_shape
    constants = {
        **sizes,
        "height": height,
        "width": width,
        "n_chan": channels,
        "out_height": out.hls_shape[0],
        "out_width": out.hls_shape[1],
        "in_height": height + sizes["pad_top"] + _pad_end(win, 0),
        "in_width": width + sizes["pad_left"] + win.end[-1],
        "fill": fill,
        "total": int(total),
    }
    # Windows that share no pixel need one running value a channel and column, and no window of registers.
    apart = sizes["stride_height"] >= sizes["filt_height"] and sizes["stride_width"] >= sizes["filt_width"]
    apart |= out.hls_shape[0] == out.hls_shape[1] == 1
    undilated = max(win.dilations) == 1
    b.add(
        node,
        "CardcPool",
        out,
        x,
        attributes={**constants, "apart": int(apart and undilated), "out_shape": list(out.hls_shape)},
        constants=constants,
        reuse=b.reuse(node),
    )


def _pad_end(win: Window, axis: int) -> int:
    return win.end[axis] if len(win.kernel) == 2 else 0


def _sizes(win: Window) -> dict[str, int]:
    """Height and width of everything; a 1-D window has a height of one. `filt` is a dilated window's reach."""
    flat = len(win.kernel) == 1
    dilate_height, dilate_width = (1 if flat else win.dilations[0]), win.dilations[-1]
    return {
        "filt_height": 1 if flat else dilate_height * (win.kernel[0] - 1) + 1,
        "filt_width": dilate_width * (win.kernel[-1] - 1) + 1,
        "stride_height": 1 if flat else win.strides[0],
        "stride_width": win.strides[-1],
        "dilate_height": dilate_height,
        "dilate_width": dilate_width,
        "pad_top": 0 if flat else win.begin[0],
        "pad_left": win.begin[-1],
    }

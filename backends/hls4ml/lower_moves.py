"""MaxPool to our own layer, Flatten and Reshape to no hardware at all."""

from __future__ import annotations

import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import shape_of
from ...ops.window import window
from .builder import Builder
from .layout import Layout


def maxpool(node: ir.Node, b: Builder) -> None:
    """cardc.MaxPool -> CardcMaxPool: any stride and padding (hls4ml's own stream pooling takes no padding)."""
    x, win = b.tensor(node), window(node)
    out = Layout.natural(shape_of(node.outputs[0])[1:])
    one = len(win.kernel) == 1
    height, width, channels = x.layout.hls_shape
    out_height, out_width, _ = out.hls_shape
    pad_top, pad_left = (0, win.begin[0]) if one else win.begin
    pad_bottom, pad_right = (0, win.end[0]) if one else win.end
    if max(win.dilations) > 1:
        raise CompileError(
            "MaxPool with dilation is not supported by the hls4ml backend", node=node, fix="use dilation 1"
        )
    constants = {
        "height": height,
        "width": width,
        "n_chan": channels,
        "out_height": out_height,
        "out_width": out_width,
        "filt_height": 1 if one else win.kernel[0],
        "filt_width": win.kernel[-1],
        "stride_height": 1 if one else win.strides[0],
        "stride_width": win.strides[-1],
        "pad_top": pad_top,
        "pad_left": pad_left,
        "in_height": height + pad_top + pad_bottom,
        "in_width": width + pad_left + pad_right,
        "lowest": x.q.lo,
    }
    b.add(
        node,
        "CardcMaxPool",
        out,
        attributes=constants,
        constants=constants,
        reuse=b.options.reuse.get(node.name or "", 1),
    )


def reshape(node: ir.Node, b: Builder) -> None:
    """Flatten and Reshape: the hardware's order stays, later weights follow it.

    CompileError for a reshape to channels and positions that the hardware would have to permute.
    """
    x = b.tensor(node)
    layout = x.layout.reshaped(shape_of(node.outputs[0])[1:])
    if len(layout.shape) > 1 and not layout.is_natural:
        raise CompileError(
            f"{node.op_type} to {list(layout.shape)} would move data between channels and positions",
            node=node,
            fix="flatten only in front of a dense layer, or reshape a tensor of one channel",
        )
    b.add(node, "Reshape", layout, attributes={"target_shape": list(layout.hls_shape)}, traced=False)

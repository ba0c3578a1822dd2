"""MatMul and Conv to hls4ml's own Dense and Conv2D, with every type explicit."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import shape_of
from ...ops.conv import geometry
from ...ops.qtype import qtype
from ...ops.window import Window
from .builder import PARALLEL_TAPS, Builder, integers
from .layer import Weights
from .layout import Layout
from .lower_xnor import as_signs, xnor
from .options import DISTRIBUTED
from .strategy import choose
from .types import HlsInt, narrowest

_NO_BIAS = HlsInt(1, signed=False)


def weight_type(w: NDArray[np.int64]) -> HlsInt:
    """The type of weights: two bits for binary and ternary ones, never `ap_uint<1>`.

    hls4ml multiplies `ap_int<2>` weights as if they were all in {-1, 0, +1}, so a -2 needs three bits; and it
    reads a product of two `ap_uint<1>` as an XNOR of {-1, +1}, so weights are always signed.
    """
    lo, hi = int(w.min(initial=0)), int(w.max(initial=0))
    return HlsInt(2, signed=True) if lo >= -1 and hi <= 1 else narrowest(min(lo, -3), hi)


def _bias(n: int) -> Weights:
    return Weights("bias", np.zeros(n, np.int64), _NO_BIAS)


def matmul(node: ir.Node, b: Builder) -> None:
    """cardc.MatMul -> Dense; weight rows follow the hardware's order of the features."""
    x = b.tensor(node)
    if len(x.layout.shape) != 1:
        raise CompileError(
            f"MatMul of a tensor of shape {list(x.layout.shape)} is not supported by the hls4ml backend",
            node=node,
            fix="flatten it in front of the layer, or write the layer as a convolution of kernel 1",
        )
    w = integers(node, 1)[x.layout.order]
    n_in, n_out = w.shape
    b.check_registers(node, n_in)
    strategy, reuse = choose(node, b, n_in, n_out, int(np.count_nonzero(w)))
    if strategy != DISTRIBUTED and as_signs(x.q, w, reuse):
        xnor(node, b, x, w, Layout.natural((n_out,)), {}, (strategy, reuse))
        return
    axes = (1, 0) if strategy == "resource" else ()
    q = qtype(node.outputs[0])
    b.add(
        node,
        "Dense",
        Layout.natural((n_out,)),
        x,
        weights=(Weights("weight", w, weight_type(w), axes), _bias(n_out)),
        accum=narrowest(q.lo, q.hi),
        attributes={"n_in": n_in, "n_out": n_out},
        constants={"n_in": n_in, "n_out": n_out},
        strategy=strategy,
        reuse=reuse,
    )


def _full_kernel(w: NDArray[np.int64], win: Window, group: int) -> NDArray[np.int64]:
    """[O, C / group, *kernel] -> [O, C, kh, kw]: groups and dilation written out as zeros, which are free
    where the layer is unrolled."""
    outs, per_group = w.shape[:2]
    reach = [d * (k - 1) + 1 for k, d in zip(win.kernel, win.dilations, strict=True)]
    full = np.zeros((outs, per_group * group, *reach), np.int64)
    taps = tuple(slice(None, None, d) for d in win.dilations)
    for o in range(outs):
        first = o // (outs // group) * per_group
        place: tuple[int | slice, ...] = (o, slice(first, first + per_group), *taps)
        full[place] = w[o]
    return full if len(reach) == 2 else full[:, :, None, :]


def conv(node: ir.Node, b: Builder) -> None:
    """cardc.Conv (1-D or 2-D, any stride, padding, dilation, groups) -> Conv2D on [H, W, C]."""
    x = b.natural(node)
    win, group = geometry(node)
    w = _full_kernel(integers(node, 1), win, group)
    one = len(win.kernel) == 1
    pad_top, pad_left = (0, win.begin[0]) if one else win.begin
    pad_bottom, pad_right = (0, win.end[0]) if one else win.end
    stride_y, stride_x = (1, win.strides[0]) if one else win.strides
    if w.shape[2] == 1 and stride_y > 1:
        # hls4ml's stream kernels of height 1 take no notice of the vertical stride: a second row of zeros,
        # and one row of padding for it to lie on, makes them.
        w = np.concatenate([w, np.zeros_like(w)], axis=2)
        pad_bottom += 1
    n_filt, n_chan, kernel_y, kernel_x = w.shape
    n_in = n_chan * kernel_y * kernel_x
    out = Layout.natural(shape_of(node.outputs[0])[1:])
    (in_y, in_x, _), (out_y, out_x, _) = x.layout.hls_shape, out.hls_shape
    if b.io_type == "io_parallel" and out_y * out_x * n_in > PARALLEL_TAPS:
        raise CompileError(
            f"a convolution of {out_y * out_x:,} positions x {n_in:,} taps is too large for io_parallel",
            node=node,
            fix="use io_type io_stream",
        )
    b.check_registers(node, n_in)
    beyond = b.io_type == "io_stream"
    strategy, reuse = choose(node, b, n_in, n_filt, int(np.count_nonzero(w)), beyond_inputs=beyond)
    padded = any((pad_top, pad_bottom, pad_left, pad_right))
    if not padded and strategy != DISTRIBUTED and as_signs(x.q, w.reshape(n_filt, -1).T, reuse):
        sizes = {"in_height": in_y, "in_width": in_x, "n_chan": n_chan, "out_height": out_y, "out_width": out_x}
        sizes |= {"filt_height": kernel_y, "filt_width": kernel_x, "stride_height": stride_y, "stride_width": stride_x}
        xnor(node, b, x, w.transpose(2, 3, 1, 0).reshape(n_in, n_filt), out, sizes, (strategy, reuse))
        return
    axes = (3, 0, 1, 2) if strategy == "resource" else ()
    q = qtype(node.outputs[0])
    sizes = {
        "n_chan": n_chan,
        "n_filt": n_filt,
        "filt_height": kernel_y,
        "filt_width": kernel_x,
        "stride_height": stride_y,
        "stride_width": stride_x,
        "out_height": out_y,
        "out_width": out_x,
    }
    place = {
        "in_height": in_y,
        "in_width": in_x,
        "pad_top": pad_top,
        "pad_bottom": pad_bottom,
        "pad_left": pad_left,
        "pad_right": pad_right,
    }
    if b.io_type == "io_stream":  # there a layer of its own pads, and the convolution sees the padded tensor
        written = {
            "in_height": in_y + pad_top + pad_bottom,
            "in_width": in_x + pad_left + pad_right,
            **dict.fromkeys(("pad_top", "pad_bottom", "pad_left", "pad_right"), 0),
        }
    else:
        written = place
    b.add(
        node,
        "Conv2D",
        out,
        x,
        weights=(Weights("weight", w.transpose(2, 3, 1, 0), weight_type(w), axes), _bias(n_filt)),
        accum=narrowest(q.lo, q.hi),
        attributes={**sizes, **place, "data_format": "channels_last"},
        constants={**sizes, **written},
        strategy=strategy,
        reuse=reuse,
    )

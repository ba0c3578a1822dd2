"""Convolutions by long multiplications: a call of `cardc_conv_long`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...passes.choose_layout import pads_of
from ...passes.encodings import fold, long
from ...passes.layouts import Layout
from ...passes.long_plan import geometry, weights4
from ...passes.schedule import Stage
from .finish import add_finish
from .lines import add_lines, add_shared
from .step import Step, c_map


def add_conv_long(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, src: str, layout: Layout, dst: str,
    out: Layout, work: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv of `stage` with the weights `w` and all that ends its sums. Raises CompileError where
    weights, sums or sizes do not fit."""
    node = stage.node
    g = geometry(node, layout.levels)
    if g is None:
        fix = "compile from the imported model"
        raise CompileError("this convolution cannot run by long multiplications", node=node, fix=fix)
    lines, most, whole, shared, bias = "0", 0, False, "0", 0
    if integer(node, "packed", 0):
        lines, most, whole = add_lines(step, stage.finish, sums, out, in_bytes=False)
    else:
        shared, bias = add_shared(step, stage.finish, sums, out)
    border = -layout.lo // layout.step if any(pads_of(node)) else 0
    encoded = long.encode(weights4(w), layout.levels - 1, border, g)
    biases = step.array("biases", "uint16_t", encoded.biases, "what each channel's lowest sum lacks to 0")
    starts = biases
    if border:
        starts = step.array("starts", "uint16_t", encoded.starts, "the same with all inputs at the border's byte")
    comment = f"{'x'.join(map(str, w.shape))}, of each row of a phase as many as words hold"
    finish = "NULL" if whole else add_finish(step, stage.finish, sums, out)
    fields: list[tuple[str, object]] = [
        ("weights", step.array("weights", "uint8_t", encoded.weights, comment)),
        ("biases", biases),
        ("starts", starts),
        ("lines", lines),
        ("shared", shared),
        ("shared_bias", bias),
        ("terms_at", g.terms_at),
        ("sums_at", g.sums_at),
        ("from", c_map(layout)),
        ("interior", layout.interior),
        ("depth", g.depth),
        ("group_channels", w.shape[0] // integer(node, "group", 1)),
        ("rows", g.rows),
        ("blocks", g.blocks),
        ("segments", g.segments),
        ("band", g.band),
        ("kernel_height", g.kernel[0]),
        ("stride_height", g.stride[0]),
        ("dilation_height", g.dilation[0]),
        ("stride_width", g.stride[1]),
        ("phases", g.phases),
        ("chunks", g.chunks),
        ("taps", g.taps),
        ("skip", g.skip),
        ("lead", g.lead),
        ("pad_top", g.pad[0]),
        ("pad_left", g.pad[1]),
        ("border", border),
        ("bits", encoded.bits),
        ("top", most),
        ("to", c_map(out)),
    ]
    step.call("cardc_conv_long", step.struct("cardc_conv_long_layer", "layer", fields), finish, src, dst, work)

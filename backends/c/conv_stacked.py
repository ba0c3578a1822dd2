"""Convolutions by stacked rows: a call of `cardc_conv_stacked`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...passes.choose_layout import pads_of
from ...passes.encodings import fold, stacked
from ...passes.layouts import Layout
from ...passes.schedule import Stage
from ...passes.stacked_plan import geometry, weights4
from .finish import add_finish
from .lines import add_shared
from .step import Step, c_map


def add_conv_stacked(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, src: str, layout: Layout, dst: str,
    out: Layout, work: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv of `stage` with the weights `w` and all that ends its sums. Raises CompileError where
    weights, sums or sizes do not fit."""
    node = stage.node
    g = geometry(node, layout.levels)
    if g is None:
        fix = "compile from the imported model"
        raise CompileError("this convolution cannot run by stacked rows", node=node, fix=fix)
    shared, bias = add_shared(step, stage.finish, sums, out)
    encoded = stacked.encode(weights4(w), layout.levels - 1)
    source, to = (layout, out) if w.ndim == 4 else (_upright(layout), _upright(out))
    comment = f"{'x'.join(map(str, w.shape))}, {encoded.bits} bits each"
    fields: list[tuple[str, object]] = [
        ("weights", step.array("weights", "uint8_t", encoded.weights, comment)),
        ("biases", step.array("biases", "int32_t", encoded.biases, "what each channel's lowest sum lacks to 0")),
        ("shared", shared),
        ("shared_bias", bias),
        ("blank_at", g.blank_at),
        ("places_at", g.places_at),
        ("terms_at", g.terms_at),
        ("sums_at", g.sums_at),
        ("from", c_map(source)),
        ("interior", layout.interior),
        ("depth", g.depth),
        ("group_channels", w.shape[0] // integer(node, "group", 1)),
        ("rows", g.rows),
        ("words", g.words),
        ("part", g.part),
        ("lanes", g.lanes),
        ("bits_of_lane", stacked.BITS[g.lanes]),
        ("kernel_height", g.kernel[0]),
        ("stride_height", g.stride[0]),
        ("dilation_height", g.dilation[0]),
        ("kernel_width", g.kernel[1]),
        ("stride_width", g.stride[1]),
        ("dilation_width", g.dilation[1]),
        ("phases", g.phases),
        ("pad_top", g.pad[0]),
        ("pad_left", g.pad[1]),
        ("border", -layout.lo // layout.step if any(pads_of(node)) else 0),
        ("bits", encoded.bits),
        ("to", c_map(to)),
    ]
    finish = add_finish(step, stage.finish, sums, out)
    step.call("cardc_conv_stacked", step.struct("cardc_conv_stacked_layer", "layer", fields), finish, src, dst, work)


def _upright(layout: Layout) -> Layout:
    """A row as a column."""
    return replace(layout, height=layout.width, width=1, row=1)

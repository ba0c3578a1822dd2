"""Convolutions and matrix products: from a stage and its encoding to a call of a kernel."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import constant, integer, operand, shape_of, text
from ...ops.window import Window, window
from ...passes.choose_layout import pads_of
from ...passes.encodings import fold, int8, pairs, sparse_conv
from ...passes.layouts import Layout
from ...passes.schedule import Stage
from ...passes.scratch import rows_of, table_bytes
from .conv_long import add_conv_long
from .conv_patches import add_conv_patches
from .conv_runs import add_conv_runs
from .conv_stacked import add_conv_stacked
from .conv_vectors import add_conv_products, add_conv_vectors
from .dense import add_dense
from .finish import add_finish
from .rice import add_conv_rice
from .step import Step, c_map
from .straight import add_conv_straight

Ints = NDArray[np.int64]


def add_product(
    step: Step, stage: Stage, src: str, layout: Layout, dst: str, out: Layout, table: tuple[str, int], work: str
) -> None:
    """Add the kernel of `stage`, a Conv or MatMul: it reads `src` (laid out by `layout`), writes `dst` (`out`)."""
    step.encoding = text(stage.node, "encoding", "")
    weights = _weights(stage.node)
    if stage.node.op_type == "MatMul":
        add_dense(step, stage, weights.T.copy(), src, layout, dst, out, work)
        return
    rows, stored = weights.reshape(weights.shape[0], -1), fold.Stored(layout.lo, layout.step, layout.levels - 1)
    sums = _checked(stage.node, fold.of_bytes(rows, stored))
    if step.encoding == "long":
        add_conv_long(step, stage, weights, sums, src, layout, dst, out, work)
        return
    if step.encoding == "stacked":
        add_conv_stacked(step, stage, weights, sums, src, layout, dst, out, work)
        return
    if step.encoding == "runs":
        most = table_bytes(stage, rows_of(stage))
        add_conv_runs(step, stage, weights, sums, src, layout, dst, out, most, work)
        return
    finish = add_finish(step, stage.finish, sums, out)
    if step.encoding == "int8":
        _conv_int8(step, stage.node, weights, finish, src, layout, dst, out)
    elif step.encoding == "pairs":
        _conv_pairs(step, stage.node, weights, finish, src, layout, dst, out, work)
    elif step.encoding == "vectors":
        room = table_bytes(stage, rows_of(stage))
        add_conv_vectors(step, stage, weights, sums, finish, src, layout, dst, out, room, work)
    elif step.encoding == "products":
        add_conv_products(step, stage, weights, sums, finish, src, layout, dst, out, work)
    elif step.encoding == "patches":
        add_conv_patches(step, stage, weights, sums, finish, src, layout, dst, out, work)
    elif step.encoding in ("lanes", "taps"):
        _conv_sparse(step, stage.node, weights, finish, src, layout, dst, out, table)
    elif step.encoding == "straight":
        add_conv_straight(step, stage.node, weights, finish, src, layout, dst, out)
    elif step.encoding == "rice":
        add_conv_rice(step, stage.node, weights, finish, src, layout, dst, out, work)
    else:
        raise _unknown(stage.node, step.encoding)


def _weights(node: ir.Node) -> Ints:
    w = constant(operand(node, 1))
    if w is None:
        raise CompileError(f"{node.op_type} weights are not constant", node=node, fix="export the model in eval mode")
    return w.astype(np.int64)


def _unknown(node: ir.Node, encoding: str) -> CompileError:
    fix = "compile again from the imported model"
    return CompileError(f"{node.op_type} has the unknown weight encoding {encoding!r}", node=node, fix=fix)


def _checked(node: ir.Node, sums: fold.Sums) -> fold.Sums:
    if max(int(np.abs(sums.low).max(initial=0)), int(np.abs(sums.high).max(initial=0))) >= 2**31:
        raise CompileError(
            "a sum of this layer does not fit 32 bits",
            node=node,
            fix="use fewer bits for weights or activations, or fewer inputs a neuron",
        )
    return sums


def _square(win: Window) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, strides, dilations as (down, across); a 1-D window has height 1."""
    if len(win.kernel) == 1:
        return (1, win.kernel[0]), (1, win.strides[0]), (1, win.dilations[0])
    return (*win.kernel[:2],), (*win.strides[:2],), (*win.dilations[:2],)  # type: ignore[return-value]


def _narrow(node: ir.Node, what: str, value: int, limit: int) -> int:
    if value > limit:
        raise CompileError(f"{what} {value} is more than {limit}", node=node, fix=f"use at most {limit}")
    return value


def _origin(node: ir.Node, layout: Layout) -> int:
    top, left, _, _ = pads_of(node)
    return layout.interior - top * layout.row - left


def _conv_sparse(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout,
    table: tuple[str, int],
) -> None:  # fmt: skip
    _, strides, dilations = _square(window(node, w.shape[2:]))
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    geometry = sparse_conv.ConvGeometry(
        layout.channels, layout.plane, layout.row, _origin(node, layout), dilations, integer(node, "group", 1)
    )
    try:
        encoded = sparse_conv.encode(w4, geometry)
    except CompileError as error:
        error.node = node
        raise
    residue = [*encoded.residue, 0, 0, 0, 0][:4]
    layer = step.struct(
        "cardc_conv_sparse",
        "layer",
        [
            ("offsets", step.array("offsets", "uint16_t", encoded.offsets, "bytes from the window's first element")),
            ("counts", step.array("counts", "uint8_t", encoded.counts, "taps by channel, part, sign, class")),
            ("part_stride", encoded.part_stride),
            ("row_step", strides[0] * layout.row),
            ("col_step", _narrow(node, "stride", strides[1], 255)),
            ("max_u", max(1, layout.levels - 1)),
            ("parts", encoded.parts),
            ("classes", len(encoded.residue)),
            ("residue", f"{{{', '.join(map(str, residue))}}}"),
            ("to", c_map(out)),
        ],
    )
    step.call(f"cardc_conv_{step.encoding}", layer, finish, src, dst, *table)


def _conv_int8(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout
) -> None:
    kernel, strides, dilations = _square(window(node, w.shape[2:]))
    layer = step.struct(
        "cardc_conv_dense",
        "layer",
        [
            ("weights", step.array("weights", "int8_t", int8.encode(w), "x".join(map(str, w.shape)))),
            ("origin", _origin(node, layout)),
            ("plane", layout.plane),
            ("row", layout.row),
            ("row_step", strides[0] * layout.row),
            ("col_step", _narrow(node, "stride", strides[1], 255)),
            ("kernel_height", _narrow(node, "kernel height", kernel[0], 255)),
            ("kernel_width", _narrow(node, "kernel width", kernel[1], 255)),
            ("dilation_height", _narrow(node, "dilation", dilations[0], 255)),
            ("dilation_width", _narrow(node, "dilation", dilations[1], 255)),
            ("depth", w.shape[1]),
            ("group_channels", w.shape[0] // integer(node, "group", 1)),
            ("to", c_map(out)),
        ],
    )
    step.call("cardc_conv_int8", layer, finish, src, dst)


def _conv_pairs(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout, work: str
) -> None:
    kernel, strides, dilations = _square(window(node, w.shape[2:]))
    group = integer(node, "group", 1)
    try:
        encoded = pairs.encode(w, group, layout.levels - 1)
    except CompileError as error:
        error.node = node
        raise
    comment = f"{'x'.join(map(str, w.shape))}, two channels together"
    layer = step.struct(
        "cardc_conv_pairs_layer",
        "layer",
        [
            ("weights", step.array("weights", "uint8_t", encoded.weights, comment)),
            ("origin", _origin(node, layout)),
            ("plane", layout.plane),
            ("row", layout.row),
            ("row_step", strides[0] * layout.row),
            ("col_step", _narrow(node, "stride", strides[1], 255)),
            ("kernel_height", _narrow(node, "kernel height", kernel[0], 255)),
            ("kernel_width", _narrow(node, "kernel width", kernel[1], 255)),
            ("dilation_height", _narrow(node, "dilation", dilations[0], 255)),
            ("dilation_width", _narrow(node, "dilation", dilations[1], 255)),
            ("bits", encoded.bits),
            ("depth", w.shape[1]),
            ("room", encoded.room),
            ("group_channels", w.shape[0] // group),
            ("to", c_map(out)),
        ],
    )
    step.call("cardc_conv_pairs", layer, finish, src, dst, work)


def elements(value: ir.Value) -> int:
    """How many elements `value` has for one input."""
    return int(np.prod(shape_of(value)[1:]))

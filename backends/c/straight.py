"""Weights as code: a sum in C, written out, for each output of a ternary layer."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...ops.window import window
from ...passes.choose_layout import pads_of
from ...passes.encodings import sparse_conv
from ...passes.layouts import Layout
from .step import Step, c_map

Ints = NDArray[np.int64]
_TOGETHER = 32  # outputs whose sums are finished in one call
_LEAST_INT = 2**15 - 1  # what every compiler's int holds


def add_dense_straight(step: Step, rows: Ints, levels: int, finish: str, src: str, dst: str) -> None:
    """Add the layer of ternary weights `rows` [outputs, inputs] on bytes below `levels`, 32 outputs at a time."""
    step.body += ["{", f"    const uint8_t *x = {src};", f"    int32_t sums[{min(_TOGETHER, len(rows))}];"]
    for first in range(0, len(rows), _TOGETHER):
        part = rows[first : first + _TOGETHER]
        for k, row in enumerate(part):
            step.body += _statement(f"sums[{k}]", _sum(row, np.arange(len(row)), levels))
            # Else compilers keep inputs for later sums, in more registers than there are.
            step.body.append("    CARDC_PIN(x);")
        step.body.append(f"    cardc_finish_outputs({finish}, {first}, sums, {len(part)}, {dst});")
    step.body.append("}")
    step.functions.add("cardc_finish_outputs")


def add_conv_straight(
    step: Step, node: ir.Node, w: Ints, finish: str, src: str, layout: Layout, dst: str, out: Layout
) -> None:
    """Add the Conv `node` of ternary weights `w` [O, I / group, *kernel]: a function for each output channel."""
    win = window(node, w.shape[2:])
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    down, dilation = (win.strides[0], win.dilations[0]) if w.ndim == 4 else (1, 1)
    top, left, _, _ = pads_of(node)
    origin, group = layout.interior - top * layout.row - left, integer(node, "group", 1)
    if origin < 0:
        fix = "compile again from the imported model"
        raise CompileError("a convolution's window leaves its input's storage", node=node, fix=fix)
    g = sparse_conv.ConvGeometry(
        layout.channels, layout.plane, layout.row, origin, (dilation, win.dilations[-1]), group
    )  # fmt: skip
    places = np.broadcast_to(sparse_conv.places(w4.shape, g), w4.shape)
    sums = [_sum(*row, layout.levels) for row in zip(w4.reshape(len(w4), -1), places.reshape(len(w4), -1), strict=True)]
    names = {total: f"{{prefix}}_l{step.index}_c{k}" for k, total in enumerate(dict.fromkeys(sums))}
    for total, name in names.items():
        step.structs.append(_function(name, total, win.strides[-1]))
    table = f"l{step.index}_channels"
    lines = wrap(", ".join(names[total] for total in sums), 96, initial_indent="    ", subsequent_indent="    ")
    step.structs.append([f"static const CARDC_ROM cardc_straight_sums {table}[{len(sums)}] = {{", *lines, "};"])
    fields = [("channels", table), ("row_step", down * layout.row), ("col_step", win.strides[-1]), ("to", c_map(out))]
    step.call("cardc_conv_straight", step.struct("cardc_conv_straight_layer", "layer", fields), finish, src, dst)


def _function(name: str, total: str, step: int) -> list[str]:
    head = f"static void {name}(const uint8_t *x, int32_t *sums, const int32_t *end) {{"
    body = _statement("*sums++", total)
    body = [f"    {line}" for line in body] if "x[" in total else ["        (void)x;", *(f"    {b}" for b in body)]
    return [head, "    do {", *body, f"        x += {step};", "    } while (sums != end);", "}"]


def _statement(target: str, total: str) -> list[str]:
    return [f"    {line}" for line in wrap(f"{target} = {total};", 96, subsequent_indent="    ")]


def _sum(row: Ints, places: Ints, levels: int) -> str:
    """The +1 weights first, so that a sum begins with a load; 32 bits wide where 16 might not hold it."""
    plus, minus = (np.sort(places[row == sign]).tolist() for sign in (1, -1))
    wide = max(len(plus), len(minus)) * (levels - 1) > _LEAST_INT
    return " ".join(["(int32_t)0" if wide else "0", *(f"+ x[{i}]" for i in plus), *(f"- x[{i}]" for i in minus)])

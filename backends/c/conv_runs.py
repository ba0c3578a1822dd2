"""Convolutions by runs of words: a call of `cardc_conv_runs`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...passes.encodings import fold, runs
from ...passes.layouts import Layout, layout_of
from ...passes.runs_plan import flat, plan
from ...passes.schedule import Stage
from ...passes.scratch import band_of, rows_of
from .finish import add_finish
from .lines import add_lines, add_shared
from .step import Step, c_map


def add_conv_runs(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, src: str, layout: Layout, dst: str,
    out: Layout, table_bytes: int, work: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv of `stage` with ternary weights `w` and all that ends its sums; `table_bytes` is
    what plan-memory gave to a finish table. Raises CompileError where the weights or their places do not fit."""
    node = stage.node
    planned = plan(node, layout, table_bytes, rows_of(stage), band_of(stage))
    if planned is None:
        raise CompileError("this convolution cannot run by runs", node=node, fix="compile from the imported model")
    g, places = planned
    touching = flat(g, layout.height, layout.plane)
    whole = not (rows_of(stage) or layout.lines or out.lines or layout.bare or out.bare)
    if touching is not None and whole and (layout.row, out.row) == (layout.width, out.width):
        g, out = touching, replace(out, height=1, width=touching.width, row=touching.width)
        taps = np.count_nonzero(w.reshape(len(w), -1), axis=1).astype(np.int64)
        places = runs.work(taps, 1, max(1, layout.levels - 1), table_bytes, g)
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    try:
        encoded = runs.encode(w4, g)
    except CompileError as error:
        error.node = node
        raise
    copies = np.array([c[2:] for c in g.copies()], np.uint32)
    lines, top, whole, shared, bias = "0", 0, False, "0", 0
    if layout.levels > 1 and integer(node, "packed", 0):
        lines, top, whole = add_lines(step, stage.finish, sums, out, in_bytes=g.lane == 1)
    elif layout.levels > 1:
        shared, bias = add_shared(step, stage.finish, sums, layout_of(stage.output))
    finish = "NULL" if whole else add_finish(step, stage.finish, sums, out)
    fields: list[tuple[str, object]] = [
        ("offsets", step.array("offsets", "uint16_t", encoded.offsets, "bytes into the copies")),
        ("counts", step.array("counts", "uint16_t", encoded.counts, "-1s and +1s of each channel")),
        ("copies", step.array("copies", "uint32_t", copies, "first byte, rows beyond the band's, pads")),
        ("plane", layout.plane),
        ("row_step", g.stride[0] * g.row),
        ("list_at", places.list_at),
        ("sums_at", places.sums_at),
        ("table_at", places.table_at),
        ("table_bytes", places.table_bytes),
        ("tables", places.tables),
        ("in_channels", g.in_channels),
        ("rows", g.rows),
        ("pitch", g.pitch),
        ("copies_of", len(copies)),
        ("col_step", g.stride[1]),
        ("lane", g.lane),
        ("max_u", max(1, layout.levels - 1)),
        ("chunks", places.chunks),
        ("top", top),
        ("lines", lines),
        ("shared", shared),
        ("shared_bias", bias),
        ("to", c_map(out)),
    ]
    step.call("cardc_conv_runs", step.struct("cardc_conv_runs_layer", "layer", fields), finish, src, dst, work)

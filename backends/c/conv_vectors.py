"""Convolutions by vectors over the input as it lies: calls of `cardc_conv_vectors`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...passes.encodings import fold, products, vectors
from ...passes.layouts import Layout, layout_of
from ...passes.schedule import Stage
from ...passes.scratch import rows_of
from ...passes.vectors_plan import geometry, phases, pitch_of, products_work, work
from .lines import add_lines, add_shared
from .step import Step, c_map


def add_conv_vectors(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, finish: str, src: str, layout: Layout, dst: str,
    out: Layout, table_bytes: int, scratch: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv of `stage` with ternary weights `w`, whose sums `finish` ends; `table_bytes` is what
    plan-memory gave to a finish table. Raises CompileError where the weights or their places do not fit."""
    node = stage.node
    places = work(node, layout, table_bytes, rows_of(stage))
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    try:
        encoded = vectors.encode(w4, phases(node, layout, rows_of(stage)) or geometry(node, layout))
    except CompileError as error:
        error.node = node
        raise
    arrays: list[tuple[str, object]] = [
        ("offsets", step.array("offsets", "uint16_t", encoded.offsets, "bytes into the input")),
        ("counts", step.array("counts", "uint16_t", encoded.counts, "-1s and +1s of each channel")),
    ]
    weights: list[tuple[str, object]] = [("weights", "NULL"), ("bias", "NULL")]
    weights += [("group_bytes", 0), ("depth", 0), ("group_channels", 1)]
    _call(step, stage, arrays, weights, places, sums, (finish, src, layout, dst, out, scratch))


def add_conv_products(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, finish: str, src: str, layout: Layout, dst: str,
    out: Layout, scratch: str,
) -> None:  # fmt: skip
    """The same with weights `w` of 8 bits, each of them multiplied."""
    node = stage.node
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    g, places = geometry(node, layout), products_work(node, layout, rows_of(stage))
    copies = phases(node, layout, rows_of(stage))
    try:
        encoded = products.encode(w4, copies or g, places.lane, max(1, layout.levels - 1))
    except CompileError as error:
        error.node = node
        raise
    arrays: list[tuple[str, object]] = [
        ("offsets", step.array("offsets", "uint16_t", encoded.offsets, "bytes into the input")),
        ("counts", "NULL"),
    ]
    comment = "x".join(map(str, w.shape))
    weights: list[tuple[str, object]] = [
        ("weights", step.array("weights", "int8_t", encoded.weights, comment)),
        ("bias", step.array("bias", "int32_t", encoded.bias, "what sums are made higher by")),
        ("group_bytes", w.shape[1] * (copies.channel if copies else layout.plane)),
        ("depth", len(encoded.offsets)),
        ("group_channels", w.shape[0] // g.group),
    ]
    _call(step, stage, arrays, weights, places, sums, (finish, src, layout, dst, out, scratch))


def _call(
    step: Step, stage: Stage, arrays: list[tuple[str, object]], weights: list[tuple[str, object]],
    places: vectors.Work, sums: fold.Sums, rest: tuple[str, str, Layout, str, Layout, str],
) -> None:  # fmt: skip
    finish, src, layout, dst, out, scratch = rest
    lines, top, shared, bias = "0", 0, "0", 0
    if layout.levels > 1 and integer(stage.node, "packed", 0) and places.lane < 4:
        lines, top, _ = add_lines(step, stage.finish, sums, out, in_bytes=places.lane == 1)
    if layout.levels > 1 and lines == "0" and places.lane < 4:
        shared, bias = add_shared(step, stage.finish, sums, layout_of(stage.output))
    copies, at = phases(stage.node, layout, rows_of(stage)), "NULL"
    if copies is not None:
        at = step.array("copies", "uint32_t", copies.copies, "first byte and rows of each phase")
    fields = [
        *arrays,
        ("copies", at),
        ("copy_at", places.copy_at),
        ("plane", layout.plane),
        ("down", copies.row * copies.stride[0] if copies else 0),
        ("in_channels", copies.in_channels if copies else 0),
        ("copies_of", len(copies.phases) if copies else 0),
        ("across", copies.stride[1] if copies else 0),
        ("row", pitch_of(stage.node, layout)),
        ("halves_at", places.halves_at),
        ("table_at", places.table_at),
        ("table_bytes", places.table_bytes),
        ("rows", places.rows),
        ("lane", places.lane),
        ("max_u", max(1, layout.levels - 1)),
        ("top", top),
        ("lines", lines),
        ("shared", shared),
        ("shared_bias", bias),
        *weights,
        ("to", c_map(out)),
    ]
    layer = step.struct("cardc_conv_vectors_layer", "layer", fields)
    step.call("cardc_conv_vectors", layer, finish, src, dst, scratch)

"""Convolutions as dot products of patches: a call of `cardc_conv_patches`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import integer
from ...ops.graph import is_cardc
from ...passes.channel_ends import stairs_of
from ...passes.encodings import fold, lines, patches
from ...passes.layouts import Layout
from ...passes.patches_plan import plan
from ...passes.schedule import Stage
from ...passes.scratch import rows_of
from .step import Step, c_map


def add_conv_patches(
    step: Step, stage: Stage, w: NDArray[np.int64], sums: fold.Sums, finish: str, src: str, layout: Layout, dst: str,
    out: Layout, scratch: str,
) -> None:  # fmt: skip
    """Add the kernel of the Conv of `stage` with weights `w` of 8 bits, whose sums `finish` ends. Raises CompileError
    where the weights or their places do not fit."""
    node = stage.node
    whole = 0 if out.lines else out.row
    g = plan(node, layout, rows_of(stage), whole)
    if g is None:
        raise CompileError("this convolution cannot run by patches", node=node, fix="compile from the imported model")
    w4 = w.reshape(w.shape[0], w.shape[1], 1, w.shape[2]) if w.ndim == 3 else w
    group, max_u = integer(node, "group", 1), max(1, layout.levels - 1)
    try:
        encoded = patches.encode(w4, group, max_u)
    except CompileError as error:
        error.node = node
        raise
    comment = f"{'x'.join(map(str, w.shape))}, channels innermost, two outputs by turns"
    found, top = _lines(step, stage, sums, out, encoded.bias)
    places = step.array("places", "uint16_t", g.parts, "parts of a patch in the copy") if not g.pointwise else "NULL"
    fields: list[tuple[str, object]] = [
        ("weights", step.array("weights", "int8_t", encoded.weights.reshape(-1), comment)),
        ("bias", step.array("bias", "int32_t", encoded.bias, "what sums are made higher by")),
        ("lines", found),
        ("places", places),
        ("origin", g.origin),
        ("plane", layout.plane),
        ("row", g.row * (g.stride[0] if g.pointwise else 1)),
        ("down", g.down),
        ("span", g.span),
        ("columns", g.columns),
        ("step", g.stride[1] if g.pointwise else 1),
        ("pixel", g.pixel),
        ("across", g.stride[1] * g.depth),
        ("patch", g.patch),
        ("patches_at", g.copy_bytes),
        ("sums_at", g.sums_at),
        ("rows", g.rows),
        ("parts", 0 if g.pointwise else g.parts.size),
        ("bytes", g.part),
        ("depth", g.depth),
        ("group_channels", len(w) // group),
        ("flip", patches.flip_of(max_u)),
        ("touch", int(g.touch)),
        ("top", top),
        ("to", c_map(out)),
    ]
    step.call("cardc_conv_patches", step.struct("cardc_conv_patches_layer", "layer", fields), finish, src, dst, scratch)


def _lines(step: Step, stage: Stage, sums: fold.Sums, out: Layout, bias: NDArray[np.int32]) -> tuple[str, int]:
    """The lines of channels whose thresholds have one, as an array of `step`, and the largest output; ("0", 0) where
    none has. Requantisations need none."""
    node = stage.finish
    if node is None or not is_cardc(node, "Threshold") or not out.is_bytes:
        return "0", 0
    if int((sums.high - sums.low).max(initial=0)) >= 2**15:  # beyond lines, and stairs would take long
        return "0", 0
    stairs = stairs_of(node, sums, out)
    top = max((int(s.max()) for s in stairs), default=0)
    if min((int(s.min()) for s in stairs), default=0) < 0 or top > 255:
        return "0", 0
    words = patches.lines([lines.fit(s, top, None) for s in stairs], sums.low, bias)
    if not words[:, 3].any():
        return "0", 0
    return step.array("lines", "int32_t", words.reshape(-1), "multiplier, offset, what to add, kind of each line"), top

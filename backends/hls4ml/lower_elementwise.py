"""Threshold, Requantize and Affine to our own layers, one row of constants a channel."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...errors import CompileError
from ...estimate import signed_digits
from ...ops.base import integer, text
from ...ops.qtype import qtype
from .builder import Builder, integers
from .layer import Tensor, Weights
from .types import narrowest, signed, tabled

MOST_LEVELS = (1 << 12) - 1
"""Thresholds of an element: each is a comparator, and a constant in an array that is split into registers."""


def per_channel(node: ir.Node, b: Builder, rows: int) -> Tensor:
    """The input of `node`, whose constants have `rows` rows; channels last where there is one for each channel."""
    x = b.tensor(node)
    return x if rows == 1 or len(x.layout.shape) == 1 else b.natural(node)


def threshold(node: ir.Node, b: Builder) -> None:
    """cardc.Threshold -> CardcThreshold.

    A threshold outside the input's range [lo, hi] never decides anything, so it is moved to lo or hi + 1:
    comparators are then no wider than the accumulator.
    """
    q, t = qtype(node.outputs[0]), integers(node, 1)
    d = integers(node, 2) if len(node.inputs) > 2 else np.ones(1, np.int64)
    rows = max(t.shape[0], d.size)
    x = per_channel(node, b, rows)
    d = np.broadcast_to(d, rows)
    t = np.broadcast_to(t, (rows, t.shape[1]))
    if t.shape[1] == 0:  # a constant: one level that is never reached
        t = np.where(d > 0, x.q.hi + 1, 1 - x.q.lo)[:, None]
    stored = np.clip(np.where(d[:, None] > 0, t, 1 - t), x.q.lo, x.q.hi + 1)
    stored = x.layout.channel_parameters(stored)
    falling = x.layout.channel_parameters((d < 0).astype(np.int64))
    levels = t.shape[1]
    if levels > MOST_LEVELS:
        raise CompileError(
            f"a quantiser of {q.levels} levels has no multiply-and-shift form, and {levels} comparators an element are "
            f"more than {MOST_LEVELS}",
            node=node,
            fix="quantise to at most 12 bits, or give layer and quantiser scales that are powers of two",
        )
    base = integer(node, "base", q.lo)
    constants = {
        "n_in": x.layout.order.size,
        "n_chan": x.layout.hls_shape[-1],
        "n_rows": rows,
        "n_levels": levels,
        "base": base,
        "step": q.step,
    }
    kinds = {
        "compare_type": signed(x.q.lo, x.q.hi + 1).cpp,
        "count_type": narrowest(0, levels).cpp,
        "value_type": signed(min(base, 0), max(0, base) + q.step * levels).cpp,
    }
    b.add(
        node,
        "CardcThreshold",
        x.layout,
        x,
        weights=(
            Weights("threshold", stored, tabled(stored)),
            Weights("falling", falling, narrowest(0, 1)),
        ),
        attributes={**constants, **kinds, "out_shape": list(x.layout.hls_shape)},
        constants=constants,
        reuse=b.reuse(node),
    )


def requantize(node: ir.Node, b: Builder) -> None:
    """cardc.Requantize -> CardcRequantize with shift and clip."""
    even = text(node, "rounding", "floor") == "half_even"
    _dyadic(node, b, shift=integer(node, "shift", 0), half_even=even, clip=True)


def affine(node: ir.Node, b: Builder) -> None:
    """cardc.Affine -> CardcRequantize without shift and clip."""
    _dyadic(node, b, shift=0, half_even=False, clip=False)


def _dyadic(node: ir.Node, b: Builder, *, shift: int, half_even: bool, clip: bool) -> None:
    x, q = per_channel(node, b, max(integers(node, i).size for i in (1, 2))), qtype(node.outputs[0])
    m, o = (x.layout.channel_parameters(integers(node, i).ravel()) for i in (1, 2))
    constants = {
        "n_in": x.layout.order.size,
        "n_chan": x.layout.hls_shape[-1],
        "n_m": m.size,
        "n_b": o.size,
        "shift": shift,
        "half_even": int(half_even),
        "lo": q.lo,
        "hi": q.hi,
    }
    if (signed_digits(m) >= 3).any():  # multipliers, which may take turns
        elements = x.layout.order.size // (1 if b.io_type == "io_parallel" else prod(x.layout.hls_shape[:-1]))
        b.choices[node.name or ""] = tuple(("latency", 1 << power) for power in range(elements.bit_length()))
    lo, hi = product_range(m, o, x.q.lo, x.q.hi)
    half = 1 << shift if half_even else 0
    more: dict[str, Any] = {
        "clip": clip,
        "product_type": signed(min(lo, q.lo, int(m.min())), max(hi + half, q.hi, int(m.max()), x.q.hi)).cpp,
    }
    b.add(
        node,
        "CardcRequantize",
        x.layout,
        x,
        weights=(
            Weights("multiplier", m, tabled(m)),
            Weights("offset", o, tabled(o)),
        ),
        attributes={**constants, **more, "out_shape": list(x.layout.hls_shape)},
        constants=constants,
        reuse=b.reuse(node),
    )


def product_range(m: NDArray[np.int64], o: NDArray[np.int64], lo: int, hi: int) -> tuple[int, int]:
    """The range of x * m[c] + o[c] and of its two parts over all channels, in Python's own integers."""
    ends = [0]
    for factor, offset in zip(*np.broadcast_arrays(m, o), strict=True):
        products = (int(factor) * lo, int(factor) * hi)
        ends += [*products, int(offset), products[0] + int(offset), products[1] + int(offset), lo, hi]
    return min(ends), max(ends)

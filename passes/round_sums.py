"""A sum of two branches whose scales share no unit, in a unit so fine that float32 could not tell the difference.

    v = (t (s x + r y + c) + e) / q   ->   S = m x + k y,  m = round(t s / q 2^n),  k = round(t r / q 2^n)
    level = Quantize((S + round((t c + e) / q 2^n)) / 2^n), whose thresholds lie 2^n apart

The multipliers' rounding moves v by less than 2^-17 of a level (float32 itself rounds at 2^-24 of the whole range), so
only sums at a rounding boundary can differ from the float model's, and `verify` counts those. Applies where branches
are affine in integers and what stands behind the sum is affine but for a last ReLU; tried last, after all exact ways.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx_ir as ir

from ..ops.base import ONNX, Array, integer, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.quant import SIGN, rounded
from .bisect import NotMonotoneError, integer_thresholds
from .chain import reachable
from .multipliers import Found
from .rational import AFFINE, Line, extend, start
from .sums import Ints, QuantisedSum

_SUM = 1 << 50
_SHIFT = 43
_SLACK = Fraction(1, 1 << 17)
"""Of a level: a tenth of what `verify` takes for a rounding boundary."""


def rounded_sum(pair: QuantisedSum) -> Found | None:
    """Multipliers and thresholds of `pair` in rounded units; None where the form above does not hold."""
    c, q = pair.channels, pair.q
    tail = [n for n in pair.tail[:-1] if n.op_type != "Identity"]
    relu = bool(tail) and tail[-1].op_type == "Relu"
    a, b = _line(pair.a.nodes, qtype(pair.a.source), c), _line(pair.b.nodes, qtype(pair.b.source), c)
    behind = _line(tail[:-1] if relu else tail, QType(0, 0), c)
    if a is None or b is None or behind is None:
        return None
    scales = [Fraction(s) for s in (q.scale if len(q.scale) > 1 else q.scale * c)]
    minus = Fraction(-1 if pair.total.op_type == "Sub" else 1)
    first, second = (minus, Fraction(1)) if pair.swapped else (Fraction(1), minus)
    slopes = [(f * t * first / s, g * t * second / s) for f, g, t, s in zip(a.a, b.a, behind.a, scales, strict=True)]
    offsets = [
        (t * (x * first + y * second) + e) / s
        for x, y, t, e, s in zip(a.b, b.b, behind.a, behind.b, scales, strict=True)
    ]
    xs, ys = (_ends(v, c) for v in (pair.a.source, pair.b.source))
    sizes = [[max(map(abs, ends)) for ends in zip(*v, strict=True)] for v in (xs, ys)]
    most = max(abs(f) * x + abs(g) * y + abs(o) for (f, g), x, y, o in zip(slopes, *sizes, offsets, strict=True))
    shift = _SHIFT
    while shift and most * (1 << shift) >= _SUM:
        shift -= 1
    if any(
        _seen(f, x, g * y, o, q) + _seen(g, y, f * x, o, q) + 1 > _SLACK * (2 << shift)
        for (f, g), x, y, o in zip(slopes, *sizes, offsets, strict=True)
    ):
        return None
    m, k = (np.asarray([round(s[i] * (1 << shift)) for s in slopes], np.int64) for i in (0, 1))
    offset = np.asarray([round(o * (1 << shift)) for o in offsets], np.int64)
    return _found(pair, m, k, offset, shift, relu, (xs, ys))


def _seen(slope: Fraction, size: int, other: Fraction, offset: Fraction, q: QType) -> Fraction:
    """The largest integer of a branch, at most `size`, with which the sum can lie where levels change."""
    room = max(abs(q.lo), abs(q.hi)) + 1 + abs(other) + abs(offset)
    return min(Fraction(size), room / abs(slope)) if slope else Fraction(size)


def _line(nodes: tuple[ir.Node, ...] | list[ir.Node], q: QType, channels: int) -> Line | None:
    line = start(q, channels)
    for node in nodes:
        if is_cardc(node, "Dequantize"):
            continue
        if node.domain != ONNX or node.op_type not in AFFINE:
            return None
        line = extend(line, node)
    return line


def _ends(value: ir.Value, channels: int) -> tuple[list[int], list[int]]:
    lo, hi = reachable(value)
    if channels == 1:
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    return np.broadcast_to(lo, channels).tolist(), np.broadcast_to(hi, channels).tolist()


def _found(
    pair: QuantisedSum, m: Ints, k: Ints, offset: Ints, shift: int, relu: bool,
    ends: tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]],
) -> Found | None:  # fmt: skip
    quantize, q = pair.tail[-1], pair.q
    mode, zero = text(quantize, "rounding_mode", "ROUND"), integer(quantize, "zero_point", 0)

    def levels(total: Array) -> Ints:
        v = (total + offset) / float(1 << shift)  # exact: fewer than 53 bits, and a power of two
        if relu:
            v = np.maximum(v, 0)
        if mode == SIGN or q.bipolar:
            return (v + zero >= 0).astype(np.int64)
        return np.asarray((np.clip(rounded(v + zero, mode) - zero, q.lo, q.hi) - q.lo) // q.step, np.int64)

    low, high = np.zeros_like(m), np.zeros_like(m)
    for factor, (lo, hi) in zip((m, k), ends, strict=True):
        both = np.stack([factor * np.asarray(lo, np.int64), factor * np.asarray(hi, np.int64)])
        low, high = low + both.min(axis=0), high + both.max(axis=0)
    try:
        return Found(m, k, integer_thresholds(levels, low, high, q.levels - 1, monotone=True).t)
    except NotMonotoneError:
        return None

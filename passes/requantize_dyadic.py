"""requantize-dyadic: Threshold(acc) -> Requantize(acc), y = clip(round((acc * m + b) / 2^n), lo, hi).

With thresholds t[1..L] and x = d acc, equality on the whole reachable range asks for each k (of those in it):

    m t[k] + b >= e[k]     and     m (t[k] - 1) + b <= e[k] - 1

where e[k] is the first number that rounds to k or more: k 2^n for rounding down; for rounding to nearest, ties to
even, (2 k - 1) 2^(n-1), and one more where k is odd. The latter serves scales that are powers of two, whose ties no
rounding down can follow. For a given n and m these are intervals for b, and an m is good when they meet; each pair
of thresholds bounds m. The smallest n with a good m and b in every channel is taken, rounding down where that has
one, such that acc * m + b fits int32; 61 bits for quantisers of more than 8 bits, for sums of more than 32, and for
many levels that nothing in int32 equals. Applies to quantisers of more than `min_levels` levels, where thresholds would
cost more; where no m, b, n exists the thresholds stay. Keeps: the result for every reachable accumulator, checked
threshold by threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import CARDC, constant, operand, result
from ..ops.graph import add_initializer, drop_unused, fresh, is_cardc, make_node, replace
from ..ops.qtype import QType, find_qtype, qtype
from ..ops.requantize import ROUNDINGS
from .base import Pass, PassLog
from .chain import reachable

_INT32 = 2**31 - 1
_WIDE = 2**60
_BYTES = 256
"""Levels of a byte; quantisers of more may take products of 61 bits."""
_MANY = 64
"""Levels from which products of 61 bits cost less than thresholds: those of a byte take a KB and eight steps."""
_FAR = 1 << 16
"""Sums from which thresholds are no longer of 16 bits."""
_PAIRS = 1 << 20
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RequantizeDyadic(Pass):
    name: ClassVar[str] = "requantize-dyadic"
    min_levels: int = 5
    max_shift: int = 24
    max_wide_shift: int = 43

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        for node in list(graph):
            if not is_cardc(node, "Threshold") or find_qtype(operand(node, 0)) is None:
                continue
            q = qtype(result(node))
            if q.levels < self.min_levels or q.step != 1:
                log.decline(node, f"{q.levels} levels cost less as thresholds")
                continue
            found = self._search(node)
            if found is None:
                width = 32 if q.levels <= _BYTES else 61
                log.decline(node, f"no multiplier, offset and shift equal the thresholds within {width} bits")
                continue
            _rewrite(graph, node, *found)
            done += 1
        drop_unused(graph)
        return done

    def _search(self, node: ir.Node) -> tuple[Ints, Ints, int, str] | None:
        t = constant(operand(node, 1))
        if t is None:
            return None
        rows = t.astype(np.int64)
        d = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        direction = np.ones(rows.shape[0], np.int64) if d is None else d.astype(np.int64)
        lo, hi = reachable(operand(node, 0))
        if rows.shape[0] == 1:
            lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
        lo, hi = np.broadcast_to(lo, rows.shape[:1]), np.broadcast_to(hi, rows.shape[:1])
        low, high = np.where(direction > 0, lo, -hi), np.where(direction > 0, hi, -lo)
        q = qtype(result(node))
        # Sums beyond 32 bits are finished in 64 anyway.
        reach = max(int(np.abs(low).max()), int(np.abs(high).max()))
        wide = q.levels > _BYTES or reach > _INT32
        tries = [] if wide else [(_INT32, self.max_shift)]
        if wide or q.levels >= _MANY or reach >= _FAR:
            tries.append((_WIDE, self.max_wide_shift))
        for limit, most in tries:
            for rounding in ROUNDINGS:
                for shift in range(rounding != "floor", most + 1):
                    edges = first_that_rounds_to(q.lo + np.arange(1, rows.shape[1] + 1), shift, rounding)
                    found = fit_channels(rows, low, high, edges, limit)
                    if found is not None and (wide or int(np.abs(found[0]).max(initial=0)) <= _INT32):
                        return found[0] * direction, found[1], shift, rounding
        return None


def first_that_rounds_to(level: Ints, shift: int, rounding: str) -> Ints:
    """The smallest v with round(v / 2^shift) >= level, for each level."""
    if rounding == "floor" or shift == 0:
        return level << shift
    return ((2 * level - 1) << (shift - 1)) + (level & 1)


def fit_channels(t: Ints, low: Ints, high: Ints, edges: Ints, limit: int = _INT32) -> tuple[Ints, Ints] | None:
    """An m and a b for each channel of t [C, L], or None as soon as one channel has none."""
    found: list[tuple[int, int]] = []
    for row, lo, hi in zip(t, low, high, strict=True):
        one = fit_channel(row, int(lo), int(hi), edges, limit)
        if one is None:
            return None
        found.append(one)
    return np.asarray([m for m, _ in found], np.int64), np.asarray([b for _, b in found], np.int64)


def fit_channel(t: Ints, low: int, high: int, edges: Ints, limit: int = _INT32) -> tuple[int, int] | None:
    """The smallest m >= 0 and a b with m x + b >= edges[k] exactly where x >= t[k], for x in low..high; or None.

    No product and no sum exceeds `limit` in magnitude.
    """
    # A threshold at or below `low` is always passed, one above `high` never; only the tightest of each matters.
    always, never = t <= low, t > high
    inside = ~always & ~never
    xa, ea = t[inside], edges[inside]
    xb, eb = xa - 1, ea
    if always.any():
        xa, ea = np.append(low, xa), np.append(edges[always].max(), ea)
    if never.any():
        xb, eb = np.append(xb, high), np.append(eb, edges[never].min())
    if inside.any() and max(abs(int(ea[-1])), abs(int(ea[0]))) > 2 * limit:
        return None
    if xa.size * xb.size > _PAIRS:
        # For any m, the largest e - m x lies at a corner of the upper hull, the smallest at one of the lower.
        (xa, ea), (xb, eb) = _corners(xa, ea, 1), _corners(xb, eb, -1)
        if xa.size * xb.size > 4 * _PAIRS:
            return None
    m = _smallest_slope(xa, ea, xb, eb, limit)
    if m is None:
        return None
    at_least, below = zip(xa.tolist(), ea.tolist(), strict=True), zip(xb.tolist(), eb.tolist(), strict=True)
    floor_ = max((e - m * x for x, e in at_least), default=None)
    ceiling = min((e - 1 - m * x for x, e in below), default=None)
    ends = [v for v in (floor_, ceiling) if v is not None]
    b = sum(ends) // len(ends) if ends else 0
    extremes = [v for x in (low, high) for v in (m * x, m * x + b)]
    return (m, b) if all(abs(v) <= limit for v in (*extremes, b, m)) else None


def _corners(x: Ints, e: Ints, side: int) -> tuple[Ints, Ints]:
    """The corners of the upper (`side` 1) or lower (-1) hull of points of ascending x, and perhaps some others.

    A point on or within the line between its neighbours is no corner, so all such may go at once.
    """
    while x.size > 2:
        before, after = np.diff(x)[:-1], np.diff(x)[1:]
        rise, next_rise = np.diff(e)[:-1], np.diff(e)[1:]
        # Where the products might overflow the point stays.
        size = np.maximum(np.abs(rise.astype(np.float64) * after), np.abs(next_rise.astype(np.float64) * before))
        inner = (side * (next_rise * before - rise * after) >= 0) & (size < 2.0**61)
        if not inner.any():
            break
        keep = np.concatenate([[True], ~inner, [True]])
        x, e = x[keep], e[keep]
    return x, e


def _smallest_slope(xa: Ints, ea: Ints, xb: Ints, eb: Ints, limit: int) -> int | None:
    """The smallest m >= 0 for which some b has m xa + b >= ea for all of those, m xb + b < eb for all of those."""
    low, high = 0, limit
    if xa.size and xb.size:
        # ea - m xa <= b <= eb - 1 - m xb  gives  m (xb - xa) <= eb - ea - 1.
        run, rise = xb[None, :] - xa[:, None], eb[None, :] - ea[:, None] - 1
        if (rise[run == 0] < 0).any():
            return None
        if (run > 0).any():
            high = min(high, int((rise[run > 0] // run[run > 0]).min()))
        if (run < 0).any():
            low = max(low, int((-(rise[run < 0] // -run[run < 0])).max()))
    return low if low <= high else None


def _rewrite(graph: ir.Graph, node: ir.Node, m: Ints, b: Ints, shift: int, rounding: str) -> None:
    stem = result(node).name or "requantized"
    inputs = [
        operand(node, 0),
        add_initializer(graph, f"{stem}_multiplier", m, QType(int(m.min()), int(m.max()))),
        add_initializer(graph, f"{stem}_offset", b, QType(int(b.min()), int(b.max()))),
    ]
    new = make_node(
        CARDC, "Requantize", inputs, name=node.name or stem, out=fresh(graph, f"{stem}_dyadic"),
        q=qtype(result(node)), attributes={"shift": shift, "rounding": rounding},
    )  # fmt: skip
    # Its type, the tensor that it equals, and, of the model's output, what a unit is worth.
    result(new).metadata_props.update(result(node).metadata_props)
    replace(graph, node, [new])

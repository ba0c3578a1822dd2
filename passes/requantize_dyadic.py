"""requantize-dyadic: Threshold(acc) -> Requantize(acc), y = clip((acc * m + b) >> n, lo, hi).

With thresholds t[1..L] and x = d acc, equality on the whole reachable range asks for each k (of those in it):

    m t[k] + b >= k 2^n     and     m (t[k] - 1) + b <= k 2^n - 1

For a given n and m these are intervals for b, and an m is good when they meet; each pair of thresholds bounds m.
The smallest n with a good m and b in every channel is taken, such that acc * m + b fits int32. Applies to
quantisers of more than `min_levels` levels, where thresholds would cost more; where no m, b, n exists the
thresholds stay. Keeps: the result for every reachable accumulator, checked threshold by threshold.
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
from .base import Pass, PassLog
from .chain import reachable
from .split_quantizers import SOURCE

_INT32 = 2**31 - 1
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class RequantizeDyadic(Pass):
    name: ClassVar[str] = "requantize-dyadic"
    min_levels: int = 5
    max_shift: int = 24

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
                log.decline(node, "no multiplier, offset and shift equal the thresholds within 32 bits")
                continue
            m, b, shift = found
            _rewrite(graph, node, m, b, shift)
            done += 1
        drop_unused(graph)
        return done

    def _search(self, node: ir.Node) -> tuple[Ints, Ints, int] | None:
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
        for shift in range(self.max_shift + 1):
            found = [fit_channel(rows[c], int(low[c]), int(high[c]), q.lo, shift) for c in range(rows.shape[0])]
            if all(f is not None for f in found):
                m = np.asarray([f[0] for f in found if f is not None])
                b = np.asarray([f[1] for f in found if f is not None])
                return m * direction, b, shift
        return None


def fit_channel(t: Ints, low: int, high: int, base: int, shift: int) -> tuple[int, int] | None:
    """The smallest m and a b that equal thresholds `t` (levels base, base + 1, ...) on low..high, or None."""
    level = base + np.arange(1, t.size + 1)
    # A threshold at or below `low` is always passed: y >= k at `low`. One above `high` never: y < k at `high`.
    always, never = t <= low, t > high
    inside = ~always & ~never
    # (x, k): y(x) >= k has to hold; (x, k): y(x) <= k - 1 has to hold. Only the tightest of the outer ones matter.
    at_least = [(int(x), int(k)) for x, k in zip(t[inside], level[inside], strict=True)]
    at_most = [(int(x) - 1, int(k)) for x, k in zip(t[inside], level[inside], strict=True)]
    if always.any():
        at_least.append((low, int(level[always].max())))
    if never.any():
        at_most.append((high, int(level[never].min())))
    unit = 1 << shift
    m_low, m_high = 0, _INT32
    if at_least and at_most:
        xa, ka = (np.asarray(v)[:, None] for v in zip(*at_least, strict=True))
        xb, kb = (np.asarray(v)[None, :] for v in zip(*at_most, strict=True))
        # ka unit - m xa <= b <= kb unit - 1 - m xb  gives  m (xb - xa) <= (kb - ka) unit - 1.
        run, rise = xb - xa, (kb - ka) * unit - 1
        if (rise[run == 0] < 0).any():
            return None
        if (run > 0).any():
            m_high = min(m_high, int((rise[run > 0] // run[run > 0]).min()))
        if (run < 0).any():
            m_low = max(m_low, int((-((rise[run < 0]) // -run[run < 0])).max()))
    if m_low > m_high:
        return None
    m = m_low
    floor_ = max((k * unit - m * x for x, k in at_least), default=None)
    ceiling = min((k * unit - 1 - m * x for x, k in at_most), default=None)
    b = floor_ if floor_ is not None else (ceiling if ceiling is not None else base * unit)
    if floor_ is not None and ceiling is not None:
        b = (floor_ + ceiling) // 2
    extremes = [v for x in (low, high) for v in (m * x, m * x + b)]
    return (m, b) if all(abs(v) <= _INT32 for v in (*extremes, b, m)) else None


def _rewrite(graph: ir.Graph, node: ir.Node, m: Ints, b: Ints, shift: int) -> None:
    stem = result(node).name or "requantized"
    inputs = [
        operand(node, 0),
        add_initializer(graph, f"{stem}_multiplier", m, QType(int(m.min()), int(m.max()))),
        add_initializer(graph, f"{stem}_offset", b, QType(int(b.min()), int(b.max()))),
    ]
    new = make_node(
        CARDC, "Requantize", inputs, name=node.name or stem, out=fresh(graph, f"{stem}_dyadic"),
        q=qtype(result(node)), attributes={"shift": shift},
    )  # fmt: skip
    source = result(node).metadata_props.get(SOURCE)
    if source is not None:
        result(new).metadata_props[SOURCE] = source
    replace(graph, node, [new])

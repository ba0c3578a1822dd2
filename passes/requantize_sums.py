"""requantize-sums: Quantize(f(s x + t y)) -> Threshold(m x + k y), a residual addition of two scales without a unit.

With T[l] the thresholds of the sum, equality for all x and y asks for each level l that

    m x + k y >= T[l]   exactly where   Quantize(f(s x + t y)) >= l.

For whole m and k near s and t times 2^n there are such T when, over all y, the smallest m x + k y of a pair that
reaches l exceeds the largest of one that does not. For each y the first x that reaches l is found by bisecting the
float32 operators themselves, so this compares every pair of integers. The smallest n that has m, k and T is taken,
evenly spaced thresholds first, as these become a shift. Applies where the branches' scales share no small unit and
only quantisers read the sum, the branch of fewer levels having at most `max_levels`; where nothing is proven the
scales' common unit is tried, and last a unit so fine that float32 could not tell (round_sums). Keeps: every integer
behind the quantiser; in the last case those that are not at a rounding boundary, and the log says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError, raise_all
from ..ops.base import CARDC, Array, result
from ..ops.graph import add_initializer, drop_unused, fresh, infer_node, make_node, replace
from ..ops.qtype import QType, qtype, set_qtype
from .base import Pass, PassLog
from .bisect import NotMonotoneError, integer_thresholds
from .lift_integers import lift
from .multipliers import Found, Reach, multipliers
from .round_sums import rounded_sum
from .split_quantizers import SOURCE
from .sums import Ints, QuantisedSum, left_sums, quantised_sum, quantisers_behind

_BLOCK = 1 << 20
_LARGEST = 1 << 25


@dataclass(frozen=True)
class RequantizeSums(Pass):
    name: ClassVar[str] = "requantize-sums"
    max_levels: int = 1 << 10
    max_shift: int = 24

    def run(self, model: ir.Model, log: PassLog) -> int:
        graph, done = model.graph, 0
        errors: list[CompileError] = []
        for total in left_sums(graph):
            try:
                behind = quantisers_behind(total)
                left = [quantize for quantize in behind if not self._rewrite(graph, total, quantize, log)]
                done += len(behind) - len(left)
                if left:
                    done += self._without_search(graph, total, left, log)
            except CompileError as error:
                error.node = error.node or total
                errors.append(error)
        raise_all(errors)
        drop_unused(graph)
        return done

    def _without_search(self, graph: ir.Graph, total: ir.Node, left: list[ir.Node], log: PassLog) -> int:
        """The quantisers `left` behind a sum, for which no small multipliers were proven."""
        try:
            return lift(graph, total, last_resort=True)
        except CompileError:
            pairs = [quantised_sum(total, quantize) for quantize in left]
            found = [rounded_sum(pair) for pair in pairs]
            if any(f is None for f in found):
                raise
        for pair, one in zip(pairs, found, strict=True):
            if one is not None:
                _emit(graph, pair, one)
        log.notes.append(
            f"{total.name}: its branches have no common unit; their scales are rounded, by less than 2^-17 of a level"
        )
        return len(left)

    def _rewrite(self, graph: ir.Graph, total: ir.Node, quantize: ir.Node, log: PassLog) -> int:
        try:
            pair = quantised_sum(total, quantize)
        except CompileError as error:
            log.decline(total, str(error.what))
            return 0
        size = qtype(pair.b.source).levels * pair.channels * pair.q.levels
        if qtype(pair.b.source).levels > self.max_levels or size > _LARGEST:
            log.decline(total, "there are too many pairs of levels to prove them all")
            return 0
        found = self._search(pair, pair.levels)
        if found is None and pair.plain:
            found = self._search(pair, pair.real_levels)
            if found is not None:
                log.notes.append(
                    f"{total.name}: rounded as the real sum is; float32 rounds some pairs of integers otherwise"
                )
        if found is None:
            log.decline(total, "no whole multipliers tell the levels of its quantiser apart")
            return 0
        _emit(graph, pair, found)
        return 1

    def _search(self, pair: QuantisedSum, levels: Callable[[Array, Array], Ints]) -> Found | None:
        try:
            reach = _reach(pair, levels)
        except NotMonotoneError:
            return None
        return multipliers(reach, *pair.slopes(), max_shift=self.max_shift)


def _reach(pair: QuantisedSum, function: Callable[[Array, Array], Ints]) -> Reach:
    """Where `function` of x and y reaches each level, a block of ys at a time."""
    lo, hi = pair.ranges()
    q, levels = qtype(pair.b.source), pair.q.levels - 1
    every = np.arange(q.lo, q.hi + 1, q.step)
    block = max(1, _BLOCK // (lo.size * levels))
    parts = [_reach_at(pair, function, lo, hi, every[at : at + block]) for at in range(0, every.size, block)]
    thresholds, ds, moves = (np.concatenate(p, axis=1) for p in zip(*parts, strict=True))
    up, down = (moves & (ds > 0)).any(axis=1), (moves & (ds < 0)).any(axis=1)
    if (up & down).any():
        raise NotMonotoneError(int(np.flatnonzero(up & down)[0]))
    d = np.where(down, -1, 1).astype(np.int64)
    low, high = np.where(d > 0, lo, -hi), np.where(d > 0, hi, -lo)
    # A level that all or no x reach says nothing about the direction: it is seen from the channel's own end.
    flat, never = (ds != d[:, None])[:, :, None], thresholds > hi[:, None, None]
    first = np.where(flat, np.where(never, high[:, None, None] + 1, low[:, None, None]), thresholds)
    return Reach(first, d, low, high, every)


def _reach_at(
    pair: QuantisedSum, function: Callable[[Array, Array], Ints], lo: Ints, hi: Ints, ys: Ints
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Thresholds of d x [C, Y, L], directions d [C, Y], and whether the level moves with x at all [C, Y]."""
    c, n, levels = lo.size, ys.size, pair.q.levels - 1

    def rows(x: Array) -> tuple[Array, Array]:
        # [V, Y C] -> [V Y, C] of x, and of y beside it.
        return x.reshape(-1, c), np.tile(ys, len(x))[:, None].repeat(c, axis=1)

    def f(x: Array) -> Ints:
        return function(*rows(x)).reshape(x.shape)

    low, high = np.tile(lo, n), np.tile(hi, n)
    ends = np.stack([low, high])
    reached, values = f(ends), pair.real_value(*rows(ends), bends=()).reshape(ends.shape)
    d = np.where(reached[0] <= reached[1], 1, -1)
    # Where a straight line would reach each level.
    edges = pair.q.lo + pair.q.step * np.arange(1, levels + 1) - 0.5 * pair.q.step
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (edges - values[0][:, None]) / (values[1] - values[0])[:, None]
    x = low[:, None] + np.clip(np.nan_to_num(share), 0, 1) * (high - low)[:, None]
    found = integer_thresholds(
        f, low, high, levels, monotone=pair.monotone, guess=np.ceil(x * d[:, None]).astype(np.int64)
    )
    moves = (reached[0] != reached[1]).reshape(n, c).T
    return found.t.reshape(n, c, levels).transpose(1, 0, 2), found.d.reshape(n, c).T, moves


def _emit(graph: ir.Graph, pair: QuantisedSum, found: Found) -> None:
    quantize = pair.tail[-1]
    stem = result(quantize).name or "sum"
    inputs = [pair.a.source, pair.b.source]
    for tag, values in (("ma", found.m), ("mb", found.k)):
        kind = QType(int(values.min()), int(values.max()))
        inputs.append(add_initializer(graph, f"{stem}_{tag}", values, kind))
    total = ir.node("Add", inputs, domain=CARDC, num_outputs=1, name=fresh(graph, f"{pair.total.name}_int"))
    result(total).name = fresh(graph, f"{stem}_sum")
    # What a unit is worth differs by channel and is never asked for.
    set_qtype(result(total), QType(0, 0))
    infer_node(total)
    t = np.clip(found.t, qtype(result(total)).lo, qtype(result(total)).hi + 1)
    thresholds = add_initializer(graph, f"{stem}_thresholds", t, QType(int(t.min()), int(t.max())))
    new = make_node(
        CARDC, "Threshold", [result(total), thresholds], name=quantize.name or stem, out=fresh(graph, stem), q=pair.q,
        attributes={"base": pair.q.lo},
    )  # fmt: skip
    source = result(quantize).metadata_props.get(SOURCE)
    if source is not None:
        result(new).metadata_props[SOURCE] = source
    replace(graph, quantize, [total, new])

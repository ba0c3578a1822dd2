"""Whole multipliers m, k such that thresholds of m x + k y tell apart the levels of a function of x and y."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ops.base import Array

_LIMIT = 2**31 - 1
_ROOM = 2**40
_SPARE = 2**20
"""Sums up to here leave a multiplier some bits of the 31."""
_BLOCK = 1 << 20
_NEAR = tuple(sorted(product((0, -1, 1), repeat=2), key=lambda d: abs(d[0]) + abs(d[1])))
_FINE = 8
"""From this shift on, whole numbers lie so near a slope that their neighbours are no better."""

Ints = NDArray[np.int64]


class Reach(NamedTuple):
    """For d x in low..high, d of +-1, [C] each: first[c, y, l] is the smallest d x that with ys[y] reaches level l."""

    first: Ints
    d: Ints
    low: Ints
    high: Ints
    ys: Ints

    def of(self, channels: Ints) -> Reach:
        """The same for some channels."""
        return Reach(self.first[channels], self.d[channels], self.low[channels], self.high[channels], self.ys)


class Found(NamedTuple):
    """Multipliers of x and y [C], and ascending thresholds [C, L] of their sum."""

    m: Ints
    k: Ints
    t: Ints


def multipliers(reach: Reach, slope: Array, other: Array, *, max_shift: int) -> Found | None:
    """The smallest for each channel near `slope` and `other` [C] times a power of two; None where a channel has none.

    Where the thresholds can lie on a line, as a shift needs them, larger multipliers are taken for that.
    """
    found: list[Found] = []
    for at in _blocks(reach):
        part = _of_block(reach.of(at), slope[at], other[at], max_shift)
        if part is None:
            return None
        found.append(part)
    m, k, t = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Found(m * reach.d, k, t)


def _of_block(reach: Reach, slope: Array, other: Array, max_shift: int) -> Found | None:
    c, _, levels = reach.first.shape
    found = Found(np.zeros(c, np.int64), np.zeros(c, np.int64), np.zeros((c, levels), np.int64))
    done, even = np.zeros(c, np.bool_), np.zeros(c, np.bool_)
    for shift in range(max_shift + 1):
        m0 = np.maximum(1, np.rint(np.abs(slope) * 2.0**shift)).astype(np.int64)
        k0 = np.rint(other * 2.0**shift).astype(np.int64)
        for dm, dk in _NEAR if shift < _FINE else _NEAR[:1]:
            open_ = np.flatnonzero(~even)
            if not open_.size:
                return found
            part = reach.of(open_)
            m, k = np.maximum(1, m0[open_] + dm), k0[open_] + dk
            lower, upper = _gaps(part, m, k)
            size = _size(part, m, k)
            good = (lower <= upper).all(axis=1) & (size <= _LIMIT)
            apart = m / np.maximum(np.abs(slope[open_]), 1e-300)
            t, straight = _place(lower, upper, 2.0**shift, apart, size <= _SPARE)
            better = good & (~done[open_] | straight)
            at = open_[better]
            found.m[at], found.k[at], found.t[at] = m[better], k[better], t[better]
            done[at], even[open_[good & straight]] = True, True
    return found if done.all() else None


def _blocks(reach: Reach) -> list[Ints]:
    """Channels in pieces that fit the cache."""
    each = max(1, _BLOCK // (reach.first.shape[1] * reach.first.shape[2]))
    return [np.arange(at, min(at + each, reach.low.size)) for at in range(0, reach.low.size, each)]


def _size(reach: Reach, m: Ints, k: Ints) -> Ints:
    """The largest sum [C], in magnitude."""
    size: Ints = m * np.maximum(np.abs(reach.low), np.abs(reach.high)) + np.abs(k) * int(np.abs(reach.ys).max())
    return size


def _gaps(reach: Reach, m: Ints, k: Ints) -> tuple[Ints, Ints]:
    """[C, L] each: for m d x + k y, a threshold in lower..upper is reached exactly where its level is."""
    by_y = (k[:, None] * reach.ys)[:, :, None]
    low, high, m = reach.low[:, None, None], reach.high[:, None, None], m[:, None, None]
    # What no pair reaches, or every pair does, leaves its threshold all room on that side.
    reaches = np.where(reach.first <= high, m * np.maximum(reach.first, low) + by_y, _ROOM)
    misses = np.where(reach.first > low, m * np.minimum(reach.first - 1, high) + by_y, -_ROOM)
    return misses.max(axis=1) + 1, reaches.min(axis=1)


def _place(
    lower: Ints, upper: Ints, power: float, apart: Array, spare: NDArray[np.bool_]
) -> tuple[Ints, NDArray[np.bool_]]:
    """A threshold in each gap [C, L], and in which channels they lie on a line that multiply and shift can follow.

    They are `power` of two apart where they can be; or about `apart` [C], in channels that have bits to `spare` for a
    multiplier. T = ceil(a + b l) lies in lower..upper where lower - 1 < a + b l <= upper.
    """
    levels = np.arange(lower.shape[1])
    t, straight = (lower + upper) >> 1, np.zeros(len(lower), np.bool_)
    for number, b in enumerate((np.full(len(lower), power), apart, *_guesses(lower, upper))):
        steps = b[:, None] * levels
        least, most = (lower - 1 - steps).max(axis=1), (upper - steps).min(axis=1)
        start = np.floor((least + most) / 2) if number == 0 else (least + most) / 2
        on_line = np.ceil(start[:, None] + steps).astype(np.int64)
        fits = ((lower <= on_line) & (on_line <= upper)).all(axis=1) & ~straight & (spare | (number == 0))
        t[fits] = on_line[fits]
        straight |= fits
    return t, straight


def _guesses(lower: Ints, upper: Ints) -> tuple[Array, Array]:
    """How far apart the thresholds are between the first and the last gap that are closed: [C] each."""
    closed = (upper < _ROOM) & (lower > -_ROOM)
    first, last = closed.argmax(axis=1), closed.shape[1] - 1 - closed[:, ::-1].argmax(axis=1)
    row, run = np.arange(len(lower)), np.maximum(1, last - first)
    low, high = ((v[row, last] - v[row, first]) / run for v in (lower, upper))
    return low, high

"""Thresholds of a monotone function of integers or of float32, by looking at the function itself.

For a function f with levels 0..L, rising, t[k] is the smallest x with f(x) >= k. Where f falls, x is negated.
Small ranges are tried exhaustively, which proves monotonicity; large ones are bisected and looked at in places.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ops.base import Array

EXHAUSTIVE = 1 << 17
_CHUNK = 1 << 22
_PLACES = 257
_MANY = 256

Ints = NDArray[np.int64]

Levels = Callable[[Array], NDArray[np.int64]]
"""[V, C] inputs -> [V, C] levels 0..L."""


class NotMonotoneError(ValueError):
    """The function rises and falls in one channel; `channel` is the first such."""

    def __init__(self, channel: int) -> None:
        super().__init__(f"channel {channel}")
        self.channel = channel


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`t` [C, L] ascending; `d` [C] of +-1; level(x) = #{k : d[c] * x >= t[c, k]}."""

    t: Array
    d: NDArray[np.int64]


def integer_thresholds(
    f: Levels,
    lo: NDArray[np.int64],
    hi: NDArray[np.int64],
    levels: int,
    *,
    monotone: bool = False,
    guess: NDArray[np.int64] | None = None,
) -> Thresholds:
    """Thresholds of `f` for x in lo[c]..hi[c], `levels` of them. A level never reached gets hi + 1 (of d * x).

    Raises NotMonotoneError where `f` is seen to turn: for sure in a range small enough to be tried whole. Where `f`
    is known to be `monotone` already and its ranges are many, it is looked at in places only. A good `guess` [C,
    levels] of d * x saves time and decides nothing.
    """
    ends = f(np.stack([lo, hi]))
    d = np.where(ends[0] <= ends[1], 1, -1).astype(np.int64)
    low, high = np.where(d > 0, lo, -hi), np.where(d > 0, hi, -lo)
    whole = int((high - low).max()) < EXHAUSTIVE
    if monotone and (int((high - low).max()) + 1) * d.size > _CHUNK:
        whole = False
    if whole:
        _prove_monotone(f, d, low, high)
    if levels <= _MANY or guess is not None:
        t = _bisect(f, d, np.arange(1, levels + 1), low[:, None], high[:, None] + 1, guess)
    else:
        t = _by_posts(f, d, low, high, levels)
    found = Thresholds(t, d)
    if not whole:
        _look(f, found, np.linspace(lo, hi, _PLACES).round().astype(np.int64))
    return found


def _bisect(f: Levels, d: Ints, wanted: Ints, left: Ints, right: Ints, guess: Ints | None = None) -> Ints:
    """The smallest d x in left..right with f(x) >= wanted, [C, W]; `right` where there is none below it."""
    shape = (d.size, wanted.size)
    low, high = left, right - 1
    left, right = np.broadcast_to(left, shape), np.broadcast_to(right, shape)
    # Invariant: f(x) < k for d x < left, f(x) >= k for d x >= right.
    first = guess
    while (left < right).any():
        # What is settled is looked at once more, inside the range.
        middle = np.minimum((left + right) >> 1, high) if first is None else np.clip(first, low, np.maximum(low, high))
        open_ = left < right
        reached = wanted <= f((middle * d[:, None]).T.copy()).T
        right = np.where(open_ & reached, middle, right)
        left = np.where(open_ & ~reached, middle + 1, left)
        # A guess that is right is also the first to reach its level: its neighbour below shows it.
        first = guess - 1 if first is guess and guess is not None else None
    return left


def _by_posts(f: Levels, d: Ints, low: Ints, high: Ints, levels: int) -> Ints:
    """As `_bisect` for levels 1..`levels`: every 256th first; those between two lie between theirs, near a line."""
    posts = np.arange(0, levels + _MANY, _MANY).clip(max=levels + 1)
    ends = np.empty((d.size, posts.size), np.int64)
    ends[:, 0], ends[:, -1] = low, high + 1
    ends[:, 1:-1] = _bisect(f, d, posts[1:-1], low[:, None], high[:, None] + 1)
    t = np.empty((d.size, levels), np.int64)
    for k, (start, stop) in enumerate(itertools.pairwise(posts)):
        wanted = np.arange(max(1, start), stop)
        left, right = ends[:, k, None], ends[:, k + 1, None]
        share = (wanted - start) / (stop - start)
        guess = left + np.ceil((right - left) * share).astype(np.int64)
        t[:, wanted - 1] = _bisect(f, d, wanted, left, right, guess)
    return t


def _look(f: Levels, found: Thresholds, x: Array) -> None:
    """Compare the thresholds with `f` itself at `x` [V, C]."""
    levels = f(x)
    for c in range(x.shape[1]):
        if not np.array_equal(np.searchsorted(found.t[c], found.d[c] * x[:, c], side="right"), levels[:, c]):
            raise NotMonotoneError(c)


def _prove_monotone(f: Levels, d: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
    steps = int((high - low).max()) + 1
    block = max(2, _CHUNK // max(1, d.size))
    for start in range(0, steps, block - 1):
        # Blocks overlap by one, so that every pair of neighbours is compared.
        offset = np.arange(start, min(start + block, steps))[:, None]
        x = np.minimum(low + offset, high) * d
        falls = (np.diff(f(x), axis=0) < 0).any(axis=0)
        if falls.any():
            raise NotMonotoneError(int(np.flatnonzero(falls)[0]))


def float_thresholds(f: Levels, channels: int, levels: int) -> Thresholds:
    """Thresholds of `f` over all finite float32, exact: bisection runs over the float32 numbers in their order.

    A level never reached gets infinity. `f` must be monotone; NotMonotoneError where it is seen to turn.
    """
    top = _ordered(np.float32(np.finfo(np.float32).max))
    ends = f(_floats(np.asarray([[-top], [top]])).repeat(channels, axis=1))
    d = np.where(ends[0] <= ends[1], 1, -1).astype(np.int64)
    left = np.full((channels, levels), -top)
    right = np.full((channels, levels), top + 1)
    wanted = np.arange(1, levels + 1)
    while (left < right).any():
        middle = (left + right) // 2
        open_ = left < right
        reached = wanted <= f((_floats(middle) * d[:, None].astype(np.float32)).T.copy()).T
        right = np.where(open_ & reached, middle, right)
        left = np.where(open_ & ~reached, middle + 1, left)
    t = np.where(left > top, np.float32(np.inf), _floats(np.minimum(left, top)))
    found = Thresholds((t + np.float32(0)).astype(np.float32), d)  # -0.0 becomes 0.0, its equal
    # Both signs, every power of two, the ends.
    places = _floats(np.asarray([*range(0, top, 1 << 23), top]))
    _look(f, found, np.concatenate([-places, places])[:, None].repeat(channels, axis=1))
    return found


def _ordered(x: np.float32) -> int:
    """The rank of a positive float32 among the float32 numbers, 0.0 being 0."""
    return int(x.view(np.int32))


def _floats(rank: NDArray[np.int64]) -> NDArray[np.float32]:
    """The float32 of each rank, negative ranks mirroring positive ones."""
    magnitude = np.abs(rank).clip(0, 0x7F7FFFFF).astype(np.int32).view(np.float32)
    return np.where(rank < 0, -magnitude, magnitude).astype(np.float32)

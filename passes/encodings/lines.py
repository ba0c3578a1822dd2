"""Finishes as lines: outputs that are the integer part of m * sum + c, four at a time (runtime: `cardc_lines.h`).

Whatever stands behind a layer is a staircase over its sums. Where one line passes through all of its steps, packed
arithmetic finishes four sums in the time that a table takes for one. Every line is compared with the staircase on
all sums that there can be; where they differ there is no line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NONE, BYTES, HALVES = 0, 1, 2
"""Kinds of a line: there is none; on sums that fit bytes; on sums in 16 bits."""
_ONES = 0x00010001
_MOST = 2**31


@dataclass(frozen=True, slots=True)
class Line:
    """What a channel's sums become.

    BYTES   a sum a is made as the byte min(a + lift, 255): taps of +1 are added last and saturate, so that more of them
            than fit a byte do no harm. max(byte - low, 0), two of them 16 bits apart, are multiplied by `m`, and `c`
            added, modulo 2^32; the upper `bits` of each half are the output.
    HALVES  ((a * m >> 16) + c) >> 16, clipped to 0 .. top.
    """

    kind: int
    m: int = 0
    c: int = 0
    low: int = 0
    lift: int = 0

    def words(self) -> tuple[int, int, int]:
        """The three 32-bit words that the kernel reads, as signed ones."""
        return _signed(self.m), _signed(self.c), self.low | self.lift << 8 | self.kind << 16


def bits_of(top: int) -> int:
    """Bits of outputs 0 .. top."""
    return max(1, top.bit_length())


def fit(stairs: Ints, top: int, least: int | None) -> Line:
    """The line through `stairs`, the stored output of sum 0, 1 ... (0 .. top, monotone); kind NONE where there is none.

    `least` is the sum that the kernel begins with, before it subtracts and then adds, where it has sums in bytes; None
    where it has them in halves.
    """
    return _fit(np.asarray(stairs, np.int64).tobytes(), top, least)  # estimates ask before the emitter does


@lru_cache(maxsize=512)
def _fit(given: bytes, top: int, least: int | None) -> Line:
    stairs = np.frombuffer(given, np.int64)
    sums = np.arange(len(stairs))
    if least is not None:
        line = _bytes(stairs, bits_of(top), least)
        if line is not None and (on_bytes(line, sums, bits_of(top)) == stairs).all():
            return line
    line = _halves(stairs, top) if len(stairs) <= 2**15 else None
    if line is not None and (on_halves(line, sums, top) == stairs).all():
        return line
    return Line(NONE)


def on_bytes(line: Line, sums: Ints, bits: int) -> Ints:
    """What the kernel makes of `sums` of bytes: lanes 0, 1 of a word that holds each sum twice."""
    lane = np.maximum(np.minimum(sums + line.lift, 255) - line.low, 0)
    word = (lane * _ONES * line.m + line.c) & 0xFFFFFFFF
    low, high = (word & 0xFFFF) >> (16 - bits), word >> (32 - bits)
    return np.where(low == high, low, -1)


def on_halves(line: Line, sums: Ints, top: int) -> Ints:
    """What the kernel makes of `sums` of 16 bits; -1 where a step leaves 32 bits."""
    wide = (sums * line.m >> 16) + line.c
    fits = (wide >= -_MOST) & (wide < _MOST)
    return np.where(fits, np.clip(wide >> 16, 0, top), -1)


def _bytes(stairs: Ints, bits: int, least: int) -> Line | None:
    first, last = _active(stairs)
    last = max(last, least)  # what the kernel begins with must fit a byte too
    if last > 255:
        return None
    lift, reach, shift = 255 - last, last - first, 16 - bits
    steps = np.pad(stairs, (0, max(0, last + 1 - len(stairs))), mode="edge")[first : last + 1]
    if reach == 0:
        return Line(BYTES, 0, (int(steps[0]) << shift) * _ONES, 255, lift)
    a = np.arange(reach + 1)
    slope, width = (steps[-1] - steps[0]) / reach * 2**shift, 2**shift / reach + 1
    m = np.arange(int(np.floor(slope - width)), int(np.ceil(slope + width)) + 1)
    least_c = ((steps << shift)[:, None] - a[:, None] * m).max(axis=0)
    most_c = (((steps + 1) << shift)[:, None] - 1 - a[:, None] * m).min(axis=0)
    best = int(np.argmax(most_c - least_c))
    if most_c[best] < least_c[best]:
        return None
    return Line(BYTES, int(m[best]), int(least_c[best] + most_c[best]) // 2 * _ONES, first + lift, lift)


def _active(stairs: Ints) -> tuple[int, int]:
    """The last sum of the first output, the first sum of the last one."""
    moved = np.flatnonzero(np.diff(stairs))
    return (int(moved[0]), int(moved[-1]) + 1) if moved.size else (0, 0)


def _halves(stairs: Ints, top: int) -> Line | None:
    """Maximises the room between the steps' lower and upper ends, which is concave in m."""
    a = np.arange(len(stairs))
    floor, ceiling = stairs > 0, stairs < top  # an output of 0 or `top` is bounded on one side only
    lows, highs = a[floor], a[ceiling]
    least, most = stairs[floor] << 32, (stairs[ceiling] + 1 << 32) - 1

    def room(m: int) -> tuple[int, int]:
        bottom = int((least - lows * m).max(initial=-(2**62)))
        return bottom, int((most - highs * m).min(initial=2**62))

    left, right = -_MOST, _MOST - 1
    while right - left > 2:
        third = (right - left) // 3
        one, two = room(left + third), room(right - third)
        if one[1] - one[0] < two[1] - two[0]:
            left += third
        else:
            right -= third
    for m in (left, left + 1, right):
        bottom, ceil = room(m)
        c = _between(-(-bottom // 2**16), ceil // 2**16)
        if c is not None:
            return Line(HALVES, m, c)
    return None


def _between(low: int, high: int) -> int | None:
    """A number from `low` to `high` that fits 32 bits, far from both."""
    low, high = max(low, -_MOST), min(high, _MOST - 1)
    return (low + high) // 2 if low <= high else None


def _signed(word: int) -> int:
    return (word & 0xFFFFFFFF) - ((word & 0x80000000) << 1)

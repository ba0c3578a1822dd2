"""What a gate makes of |X|^2 behind words of more than 16 bits: a parabola for an eighth of an octave of p; or p >> k.

With p | 1 = 2^o * (1 + (i + s) / 8), s in 0 ... 1 as an integer f of 31 bits, and (y0, c1, c2) entry 8 o + i:

    y = y0 + (f * (c1 + (f * c2 >> 32)) >> 32)

The relative error of a root is below 3 / (8 * 192 * 8^3) = 2^-18, or -108 dB.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from .transform import Ints

SEGMENTS = 8
_LOG_SEGMENTS = SEGMENTS.bit_length() - 1
TERMS = 3
VALUE_BITS = 24
POWER_BITS = 31


def read_wide(table: Ints, p: Ints) -> Ints:
    """y for p in 0 ... 2^62 - 1; `table` [octaves * 8 * 3]."""
    p = p | 1
    high = p >> 31
    top = np.where(high > 0, 31 + _log2(high | 1), _log2(np.where(high > 0, 1, p)))
    n = np.where(top > 31, p >> np.maximum(top - 31, 0), p << np.maximum(31 - top, 0))  # its bit 31 is set
    at = TERMS * ((top << _LOG_SEGMENTS) + (n >> (31 - _LOG_SEGMENTS) & (SEGMENTS - 1)))
    f = (n << _LOG_SEGMENTS) & 0x7FFFFFFF
    return cast(Ints, table[at] + (f * (table[at + 1] + (f * table[at + 2] >> 32)) >> 32))


def _log2(x: Ints) -> Ints:
    """Rounded down, of 1 ... 2^32 - 1."""
    return np.asarray(np.frexp(x.astype(np.float64))[1], np.int64) - 1


def power_shift(bits: int) -> int:
    """Of p with `bits`, where the power itself is looked at."""
    return max(0, bits - POWER_BITS)


def make_wide_table(scale: str, unit: float, bits: int) -> tuple[Ints, float]:
    """The table of `scale` ("amplitude" or "log") for p below 2^`bits`, and how many of its integers are 1 of the float
    gate's. `unit`: the amplitude in the float gate that |X| = 1 stands for."""
    start = np.exp2(np.arange(bits))[:, None] * (1 + np.arange(SEGMENTS) / SEGMENTS)
    length = np.exp2(np.arange(bits))[:, None] / SEGMENTS
    at = 0.5 - 0.5 * np.cos(np.pi * (np.arange(TERMS) + 0.5) / TERMS)  # where an interpolation is wrong the least
    exact = np.sqrt(start[..., None] + length[..., None] * at) * unit
    exact = np.log1p(exact) if scale == "log" else exact
    powers = np.linalg.inv(np.vander(at, increasing=True))
    terms = (exact @ powers.T).reshape(-1, TERMS)
    per_one = ((1 << VALUE_BITS) - 2) / float(terms[-1].sum())
    # a factor f / 2^32 is at most a half
    return np.rint(terms * per_one * np.asarray([1, 2, 4])).astype(np.int64).ravel(), per_one


def largest(table: Ints) -> int:
    """No y is larger in size."""
    terms = np.abs(table.reshape(-1, TERMS))
    return int((terms[:, 0] + terms[:, 1] // 2 + terms[:, 2] // 4 + 2).max())

"""What a gate makes of |X|^2: a table by octaves of p, with straight lines in between; or p itself.

Amplitude and its logarithm are smooth over an octave of p, so that one table reads both, without a root:
with S = 16, p | 1 = 2^o * (1 + s / S + f / (2^12 S)) and i = o S + s, y = T[i] + ((T[i + 1] - T[i]) * f + 2^11) >> 12.
The relative error of a root is below 1 / (32 S^2) = 2^-13, or -78 dB: less than that of the words in front.
"""

from __future__ import annotations

import numpy as np

from .transform import Ints

OCTAVES = 34
"""p below 2^32, and two more for frequency 0, whose root is halved before it is squared."""
SEGMENTS = 16
FRACTION = 12
POWER_SHIFT = 2


def read_table(table: Ints, p: Ints, octave: Ints) -> Ints:
    """y for p in 0 ... 2^32 - 1, taken `octave` octaves higher."""
    log_segments = SEGMENTS.bit_length() - 1
    p = p | 1
    top = np.asarray(np.frexp(p.astype(np.float64))[1], np.int64) - 1  # exact: p has at most 32 bits
    after = (p << (31 - top)) & 0x7FFFFFFF  # the 31 bits behind the leading one
    at = ((top + octave) << log_segments) + (after >> (31 - log_segments))
    f = (after >> (31 - log_segments - FRACTION)) & ((1 << FRACTION) - 1)
    low = table[at]
    y: Ints = low + (((table[at + 1] - low) * f + (1 << (FRACTION - 1))) >> FRACTION)
    return y


def values(table: Ints | None, p: Ints, octave: Ints) -> Ints:
    """As `read_table`; without a table the power, p / 4 (frequency 0 comes divided already)."""
    if table is not None:
        return read_table(table, p, octave)
    return np.asarray(np.where(octave > 0, p, p >> POWER_SHIFT), np.int64)


def make_table(scale: str, unit: float, largest: int) -> tuple[Ints, float]:
    """The table of `scale` ("amplitude" or "log"), and how many of its integers are 1 of the float gate's.

    `unit`: the amplitude in the float gate that |X| = 1 stands for. The table's end is at most `largest`.
    """
    places = np.arange(OCTAVES * SEGMENTS + 1)
    p = np.exp2(places // SEGMENTS) * (1 + places % SEGMENTS / SEGMENTS)
    exact = np.sqrt(p) * unit
    exact = np.log1p(exact) if scale == "log" else exact
    per_one = largest / float(exact[-1])
    return np.rint(exact * per_one).astype(np.int64), per_one

"""Random finishes beside their meaning (cardc.ops), for any kernel's sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from tests.backends.c.kernels.places import Ints

from cardc.backends.c.runtime.structs import Finish
from cardc.ops.requantize import apply_dyadic
from cardc.ops.threshold import apply_thresholds
from cardc.passes.encodings import fold

KINDS = ("threshold", "requantize", "affine")
kinds = st.sampled_from(KINDS)


@dataclass(frozen=True)
class Tail:
    """A finish, and what it means: accumulators [C, ...] -> stored elements."""

    finish: Finish
    want: Ints
    dtype: type[np.generic]


def tail(kind: str, levels: int, acc: Ints, sums: fold.Sums, rng: np.random.Generator, most: int = 16) -> Tail:
    """A random finish of `kind` for accumulators `acc` [C, ...], folded for the kernel's `sums`; where it requantises,
    to at most some `most`."""
    if kind == "threshold":
        return _threshold(levels, acc, sums, rng)
    channels, reach = len(acc), int(np.abs(acc).max(initial=0)) + 1
    m = rng.integers(-9, 10, channels)
    if kind == "affine":
        b = rng.integers(-100, 100, channels)
        f = fold.affine(m, b, sums)
        want = acc * m.reshape(-1, *(1,) * (acc.ndim - 1)) + b.reshape(-1, *(1,) * (acc.ndim - 1))
        narrow = bool(np.abs(want).max(initial=0) < 2**15) and bool(rng.integers(2))
        finish = Finish(0, 1 if narrow else 2, f.shared, m=f.m.astype(np.int32), b=f.b.astype(np.int32))
        return Tail(finish, want, np.int16 if narrow else np.int32)
    shift = int(rng.choice([rng.integers(1, 25), rng.integers(30, 40)]))  # the larger ones need 64 bits
    m = rng.integers(-(2**shift), 2**shift, channels) * min(most, levels) // reach
    m = np.clip(m, -(2**31) // abs(sums.gain) + 1, 2**31 // abs(sums.gain) - 1)
    b = rng.integers(-(2 ** (shift + 2)), 2 ** (shift + 4), channels)
    lo = int(rng.integers(-128, 1))
    hi = lo + levels
    g = fold.requantize(m, b, shift, lo, hi, sums, as_bytes=True)
    wide = g.b.astype(np.int64) if g.wide else None
    narrow32 = None if g.wide else g.b.astype(np.int32)
    finish = Finish(2, 0, g.shared, shift=g.shift, lo=g.lo, hi=g.hi, m=g.m.astype(np.int32), b=narrow32, b64=wide)
    return Tail(finish, apply_dyadic(acc[None], m, b, shift, lo, hi)[0] - lo, np.uint8)


def _threshold(levels: int, acc: Ints, sums: fold.Sums, rng: np.random.Generator) -> Tail:
    reach = int(np.abs(acc).max(initial=0)) + 2
    rows = 1 if rng.integers(3) == 0 else len(acc)
    t = np.sort(rng.integers(-reach, reach, (rows, levels)), axis=1)
    d = None if rng.integers(2) else rng.choice([-1, 1], rows)
    step = 2 if levels < 100 and rng.integers(2) else 1
    f = fold.thresholds(t, d, sums)
    narrow = f.fits_int16
    dtype = [np.uint8, np.uint8, np.int16, np.int32][int(rng.integers(4))]
    finish = Finish(
        1, {np.uint8: 0, np.int16: 1, np.int32: 2}[dtype], f.shared, step=step, levels=levels, falling=f.falling,
        t16=f.t.astype(np.int16) if narrow else None, t32=None if narrow else f.t.astype(np.int32),
    )  # fmt: skip
    return Tail(finish, apply_thresholds(acc[None], t, d, 0, step)[0], dtype)


def stairs(finish: Finish, channel: int, sums: Ints) -> Ints:
    """What `finish`, one to bytes by thresholds or requantisation, stores for `sums` of one channel: the meaning that
    cardc_types.h gives to its fields."""
    c = 0 if finish.shared else channel
    if finish.kind == 2:
        b = finish.b64 if finish.b is None else finish.b
        assert b is not None
        assert finish.m is not None
        wide = [int(s) * int(finish.m[c]) + int(b[c]) >> finish.shift for s in sums]
        return np.clip(np.array(wide, np.int64), finish.lo, finish.hi)
    t = finish.t32 if finish.t16 is None else finish.t16
    assert t is not None
    count = np.searchsorted(t[c].astype(np.int64), sums, side="right")
    falls = finish.falling is not None and bool(finish.falling[c])
    return finish.base + finish.step * (finish.levels - count if falls else count)

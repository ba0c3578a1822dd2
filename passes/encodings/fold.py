"""From the graph's accumulator to the kernel's sum: acc[c] = gain * S[c] + offset[c].

A kernel sums stored bytes u, x = lo + step * u; the constants this leaves behind, and whatever follows the layer,
become thresholds or coefficients about S itself. Every function is exact on all S in [low, high], the sum's reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

Ints = NDArray[np.int64]
_I32 = (-(2**31), 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Sums:
    """acc = gain * S + offset[c]; S of channel c lies in low[c] .. high[c]. Arrays are int64 [channels]."""

    gain: int
    offset: Ints
    low: Ints
    high: Ints


@dataclass(frozen=True, slots=True)
class Stored:
    """How an activation is stored: x = lo + step * u, u in 0 .. max_u (borders included)."""

    lo: int
    step: int
    max_u: int


def raw(low: Ints, high: Ints) -> Sums:
    """Sums that are the accumulator itself (a tensor of accumulators in memory)."""
    return Sums(1, np.zeros(len(low), np.int64), low, high)


def of_bytes(rows: Ints, x: Stored) -> Sums:
    """The sum of w * u: `rows` [channels, taps]. For every kernel but those on bit planes."""
    up, down = np.where(rows > 0, rows, 0).sum(axis=1), np.where(rows < 0, rows, 0).sum(axis=1)
    return Sums(x.step, x.lo * rows.sum(axis=1), down * x.max_u, up * x.max_u)


def of_binary_planes(rows: Ints, x: Stored, planes: int) -> Sums:
    """`cardc_dense_binary`: the sum of w * u is (2^planes - 1) * (number of +1) - S."""
    top, plus = 2**planes - 1, (rows > 0).sum(axis=1)
    most = np.full(len(rows), top * rows.shape[1], np.int64)
    offset = x.lo * rows.sum(axis=1) + x.step * top * plus
    return Sums(-x.step, offset.astype(np.int64), np.zeros(len(rows), np.int64), most)


def of_ternary_planes(rows: Ints, x: Stored, planes: int) -> Sums:
    """`cardc_dense_ternary`: the sum of w * u is S - (2^planes - 1) * (number of -1)."""
    top, minus = 2**planes - 1, (rows < 0).sum(axis=1)
    offset = x.lo * rows.sum(axis=1) - x.step * top * minus
    return Sums(x.step, offset.astype(np.int64), np.zeros(len(rows), np.int64), top * np.abs(rows).sum(axis=1))


def of_vertical(rows: Ints, x: Stored) -> Sums:
    """`cardc_dense_vertical`, for bytes of 0 and 1: the sum of w * u is S - inputs."""
    inputs = rows.shape[1]
    offset = x.lo * rows.sum(axis=1) - x.step * inputs
    low, high = inputs - (rows < 0).sum(axis=1), inputs + (rows > 0).sum(axis=1)
    return Sums(x.step, offset.astype(np.int64), low.astype(np.int64), high.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """For CARDC_THRESHOLD: `t` int64 [channels or 1, L] ascending about S; `falling` uint8 [channels or 1] or None."""

    t: Ints
    falling: NDArray[np.uint8] | None

    @property
    def shared(self) -> bool:
        return len(self.t) == 1

    @property
    def fits_int16(self) -> bool:
        return bool(self.t.size == 0 or (self.t.min() >= -(2**15) and self.t.max() < 2**15))


def thresholds(t: Ints, d: Ints | None, sums: Sums) -> Thresholds:
    """#{k : d[c] * acc >= t[c, k]} as a count about S. `t` is [channels or 1, L], `d` [channels or 1] of +-1 or None.

    Thresholds beyond the sum's reach are brought to its edge (low: always passed; high + 1: never).
    """
    channels = len(sums.offset)
    t = np.broadcast_to(np.asarray(t, np.int64), (channels, t.shape[1]))
    sign = np.broadcast_to(np.asarray(1 if d is None else d, np.int64).reshape(-1), (channels,))
    # d * (gain * S + offset) >= t  <=>  e * S >= ceil((t - d * offset) / |gain|), e the sign of d * gain
    bound = -(-(t - (sign * sums.offset)[:, None]) // abs(sums.gain))
    falling = sign * sums.gain < 0
    # -S >= bound  <=>  not S >= 1 - bound
    folded = np.where(falling[:, None], (1 - bound)[:, ::-1], bound)
    folded = np.clip(folded, sums.low[:, None], sums.high[:, None] + 1)
    if (folded == folded[:1]).all() and (falling == falling[0]).all():
        folded, falling = folded[:1], falling[:1]
    return Thresholds(np.ascontiguousarray(folded), falling.astype(np.uint8) if falling.any() else None)


def filled(found: Thresholds, sums: Sums) -> Thresholds:
    """2 to 31 rising thresholds filled up to 2^k - 1, which kernels search without branches, by ones never passed."""
    levels = found.t.shape[1]
    wanted = (1 << levels.bit_length()) - 1
    never = int(sums.high.max(initial=0)) + 1
    if not 1 < levels < wanted <= 31 or found.falling is not None or not found.fits_int16 or never >= 2**15:
        return found
    return Thresholds(np.pad(found.t, ((0, 0), (0, wanted - levels)), constant_values=never), None)


@dataclass(frozen=True, slots=True)
class Dyadic:
    """For CARDC_REQUANTIZE, and CARDC_AFFINE with shift, lo and hi unused; `wide` asks for 64 bits (b64)."""

    m: Ints
    b: Ints
    shift: int
    lo: int
    hi: int
    wide: bool

    @property
    def shared(self) -> bool:
        return len(self.m) == 1


def coefficients(m: Ints, b: Ints, sums: Sums) -> tuple[Ints, Ints]:
    """m and b [channels] of acc * m + b as those of S."""
    m, b = (np.broadcast_to(np.asarray(a, np.int64).reshape(-1), sums.offset.shape) for a in (m, b))
    return m * sums.gain, b + m * sums.offset


def _within(m: Ints, b: Ints, sums: Sums) -> bool:
    """Whether m * S, b and m * S + b fit int32 for every S."""
    ends = [m * sums.low, m * sums.high, b, m * sums.low + b, m * sums.high + b, m]
    return all(_I32[0] <= int(e.min(initial=0)) and int(e.max(initial=0)) <= _I32[1] for e in ends)


def _shrink(m: Ints, b: Ints) -> tuple[Ints, Ints]:
    alike = bool((m == m[:1]).all() and (b == b[:1]).all())
    return (m[:1].copy(), b[:1].copy()) if alike else (np.ascontiguousarray(m), np.ascontiguousarray(b))


def requantize(m: Ints, b: Ints, shift: int, lo: int, hi: int, sums: Sums, as_bytes: bool) -> Dyadic:
    """clip((acc * m + b) >> shift, lo, hi), less lo where it is stored as bytes (`as_bytes`; hi - lo <= 255).

    Raises CompileError where a multiplier does not fit 32 bits.
    """
    m, b = coefficients(m, b, sums)
    if as_bytes:
        b, lo, hi = b - (lo << shift), 0, hi - lo
    wide = not _within(m, b, sums)
    if wide and (m.min(initial=0) < _I32[0] or m.max(initial=0) > _I32[1] or shift > 62):
        raise CompileError("a requantisation's multiplier does not fit 32 bits", fix="use thresholds")
    return Dyadic(*_shrink(m, b), shift, lo, hi, wide)


def affine(m: Ints, b: Ints, sums: Sums) -> Dyadic:
    """acc * m + b about S. CompileError where the result or a step to it does not fit 32 bits."""
    m, b = coefficients(m, b, sums)
    if not _within(m, b, sums):
        raise CompileError("an output does not fit 32 bits", fix="narrow the layer or its input")
    return Dyadic(*_shrink(m, b), 0, 0, 0, False)


def float_keys(t: NDArray[np.float32], d: Ints | None) -> Thresholds:
    """#{k : d[c] * x >= t[c, k]} for float x, as integer keys that order as floats do (`cardc_load_f32`).

    `t` is float32 [channels or 1, L] without NaN, `d` [channels or 1] of +-1 or None.
    """
    rows = max(len(t), 1 if d is None else np.size(d))
    t = np.broadcast_to(np.asarray(t, np.float32), (rows, t.shape[1]))
    sign = np.broadcast_to(np.asarray(1 if d is None else d, np.int64).reshape(-1), (rows,))
    # -x >= t  <=>  x <= -t  <=>  not x >= the float after -t, whose key is one more
    signed = np.where(sign[:, None] < 0, -t[:, ::-1], t).astype(np.float32)
    keys = _key(signed) + (sign[:, None] < 0)
    return Thresholds(keys, (sign < 0).astype(np.uint8) if (sign < 0).any() else None)


def _key(x: NDArray[np.float32]) -> Ints:
    if np.isnan(x).any():
        raise ValueError("a threshold is not a number")
    bits = np.ascontiguousarray(x).view(np.int32).astype(np.int64)
    return np.where(x == 0, 0, np.where(bits < 0, (bits & 0xFFFFFFFF ^ 0x7FFFFFFF) - 2**32, bits))

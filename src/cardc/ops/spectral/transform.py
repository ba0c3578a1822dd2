"""The integer Fourier transform: complex, decimation in time, radix 4 with one radix 2 where the length asks for it.

Canonical form, which every implementation follows to the bit. Data are pairs of integers (re, im) of at most 16 bits.
A stage joins r sub-transforms of length L into ones of length r * L:

    out[j + k * L] = (sum over m of i^(-k m) * w[m * j] * in_m[j] + 2^(s - 1)) >> s

with w[e] = round(2^t * exp(-2 pi i e / (r * L))), w[0] = 2^t exactly, and s = t + log2 r: products and their sum are
exact in 32 bits and rounded once, half up. `scaled=False` leaves the division by r out (s = t). The caller keeps
|in| * (1 + 2^-t) below 2^15 (see `plan`): magnitudes, since a rotation may move all of one into a component.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Complex = tuple[Ints, Ints]


def radices(length: int) -> tuple[int, ...]:
    """The stages of a transform of `length` (a power of two, at least 4), the first one first."""
    log = length.bit_length() - 1
    if length < 4 or length != 1 << log:
        raise ValueError(f"a transform of length {length}")
    return ((2,) if log % 2 else ()) + (4,) * (log // 2)


@cache
def order(length: int) -> tuple[int, ...]:
    """Which sample goes to each place in front of the first stage (digits reversed)."""
    places, size = [0], 1
    for radix in radices(length):
        places = [radix * p + m for m in range(radix) for p in places]
        size *= radix
    return tuple(places)


def twiddles(length: int, count: int, bits: int) -> Complex:
    """w[e] = round(2^bits * exp(-2 pi i e / length)) for e = 0 ... count - 1."""
    angles = 2 * np.pi * np.arange(count) / length
    return np.rint(np.cos(angles) * (1 << bits)).astype(np.int64), np.rint(-np.sin(angles) * (1 << bits)).astype(
        np.int64
    )


def rotate(x: Complex, w: Complex) -> Complex:
    """x * w, exactly."""
    return x[0] * w[0] - x[1] * w[1], x[0] * w[1] + x[1] * w[0]


def stage(x: Complex, radix: int, size: int, bits: int, *, scaled: bool = True) -> Complex:
    """One stage over the last axis: sub-transforms of length `size` joined to ones of `radix * size`."""
    shape = x[0].shape
    blocks = [part.reshape(*shape[:-1], -1, radix, size) for part in x]
    terms: list[Complex] = []
    for m in range(radix):
        re, im = twiddles(radix * size, radix * size, bits)
        w = re[m * np.arange(size)], im[m * np.arange(size)]
        terms.append(rotate((blocks[0][..., m, :], blocks[1][..., m, :]), w))
    sums = join(terms)
    shift = bits + (radix.bit_length() - 1 if scaled else 0)
    half = 1 << (shift - 1)
    re = np.stack([(s[0] + half) >> shift for s in sums], -2).reshape(shape)
    im = np.stack([(s[1] + half) >> shift for s in sums], -2).reshape(shape)
    return re, im


def join(terms: list[Complex]) -> list[Complex]:
    """The sums of a butterfly of radix 2 or 4: sum over m of i^(-k m) * terms[m]."""
    return _two(terms) if len(terms) == 2 else _four(terms)


def _two(t: list[Complex]) -> list[Complex]:
    (ar, ai), (br, bi) = t
    return [(ar + br, ai + bi), (ar - br, ai - bi)]


def _four(t: list[Complex]) -> list[Complex]:
    (ar, ai), (br, bi), (cr, ci), (dr, di) = t
    return [
        (ar + br + cr + dr, ai + bi + ci + di),
        (ar + bi - cr - di, ai - br - ci + dr),
        (ar - br + cr - dr, ai - bi + ci - di),
        (ar - bi - cr + di, ai + br - ci - dr),
    ]


def transform(
    x: Complex, bits: int, *, first_scaled: bool = True, one: Callable[..., Complex] = stage
) -> list[Complex]:
    """The transform over the last axis: what stands behind each stage, the last one being the result.

    `one` is the stage: this module's, or that of `wide`."""
    length = x[0].shape[-1]
    places = np.asarray(order(length))
    x = x[0][..., places], x[1][..., places]
    seen: list[Complex] = []
    size = 1
    for radix in radices(length):
        x = one(x, radix, size, bits, scaled=first_scaled or size > 1)
        seen.append(x)
        size *= radix
    return seen

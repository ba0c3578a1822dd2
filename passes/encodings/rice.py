"""Ternary weights near their entropy: Rice codes of the gaps between non-zero weights, each with a bit of sign.

Weights in the order of their rows are one sequence. A non-zero weight is the number of zeros since the last one, as a
Rice code (Rice and Plaunt, 1971): quotient by 2**k in ones and a zero, then k bits of remainder; then its sign, 1 for
-1. The first bit of an element of 16 bits is its highest. Gaps between weights of density d are geometric, for which
Golomb (1966) showed such codes to be the best; powers of two cost little more. A last gap leads behind the end of the
weights, so a reader needs no counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

_WIDEST = 15  # bits of remainder
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rice:
    """`codes` uint16, `k` bits of remainder, the shape of the weights [rows, columns]."""

    codes: NDArray[np.uint16]
    k: int
    rows: int
    columns: int


def encode(w: Ints) -> Rice:
    """Encode ternary weights [rows, columns]. CompileError for weights that are not -1, 0 or 1."""
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("Rice codes of weights that are not -1, 0 or 1", fix="encode as int8")
    places = np.flatnonzero(w)
    gaps = _gaps(w)
    k = _best(gaps)
    signs = np.concatenate([w.ravel()[places] < 0, [False]]).astype(np.int64)
    quotients, size = gaps >> k, k + 2
    ends = np.cumsum(quotients + size)
    bits = np.zeros(-(-int(ends[-1]) // 16) * 16, np.uint8)
    starts = ends - quotients - size
    ones = np.repeat(starts, quotients) + _counted(quotients)
    bits[ones] = 1
    for i in range(k):  # the remainder, its highest bit first
        bits[ends - 1 - k + i] = gaps >> (k - 1 - i) & 1
    bits[ends - 1] = signs
    return Rice(np.packbits(bits).view(">u2").astype(np.uint16), k, *w.shape)


def size_of(w: Ints) -> int:
    """Bytes that `encode` gives to ternary weights of any shape, in the order of their axes."""
    gaps = _gaps(w)
    return 2 * -(-_bits(gaps, _best(gaps)) // 16)


def _gaps(w: Ints) -> Ints:
    return np.diff(np.concatenate([[-1], np.flatnonzero(w), [w.size]])) - 1


def _bits(gaps: Ints, k: int) -> int:
    return int((gaps >> k).sum()) + (k + 2) * gaps.size


def _best(gaps: Ints) -> int:
    """The `k` of the shortest codes: near the logarithm of the mean gap."""
    near = int(gaps.mean()).bit_length()
    return min(range(max(0, near - 3), min(_WIDEST, near + 2) + 1), key=lambda k: _bits(gaps, k))


def _counted(lengths: Ints) -> Ints:
    """0 .. n - 1 for each n of `lengths`, one behind the other."""
    return np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def decode(e: Rice) -> Ints:
    """The weights [rows, columns] that `e` encodes: the exact inverse of `encode`, bit by bit."""
    bits = np.unpackbits(e.codes.astype(">u2").view(np.uint8)).tolist()
    w, place, at = np.zeros(e.rows * e.columns, np.int64), -1, 0
    while True:
        quotient = 0
        while bits[at]:
            quotient, at = quotient + 1, at + 1
        at += 1
        remainder = 0
        for bit in bits[at : at + e.k]:
            remainder = 2 * remainder + bit
        place += (quotient << e.k) + remainder + 1
        if place >= w.size:
            return w.reshape(e.rows, e.columns)
        w[place] = -1 if bits[at + e.k] else 1
        at += e.k + 1


def size_bytes(e: Rice) -> int:
    """Bytes of flash for the codes."""
    return e.codes.nbytes


def work_bytes(w: Ints) -> int:
    """Bytes of scratch in which the kernel decodes an output channel of the convolution weights `w` [O, ...]."""
    return 4 * max(1, max_taps(w))


def in_order(w: Ints) -> Ints:
    """Weights of a convolution [O, I, ...] as the kernel takes them: [O, ... * I], input channels side by side."""
    return np.moveaxis(w, 1, -1).reshape(len(w), -1)


def max_taps(w: Ints) -> int:
    """The most weights of an output channel that are not zero."""
    return int(np.count_nonzero(w.reshape(len(w), -1), axis=1).max(initial=0))


def entropy_bits(density: float) -> float:
    """Bits that a ternary weight takes at least where a share `density` is not zero and signs are even: H(d) + d."""
    if not 0 < density < 1:
        return density
    zero = 1 - density
    return float(-density * np.log2(density) - zero * np.log2(zero) + density)

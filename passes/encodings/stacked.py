"""Dense weights of up to 8 bits over words that hold a pixel of several rows of the output's input (runtime:
`cardc_conv_stacked`).

Lane l of a word takes part in row l * part + y of a band of the output: one multiplication serves as many rows as the
channels' sums leave lanes in 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .columns import Columns
from .pairs import bits_of, pack_rows, unpack_rows

Ints = NDArray[np.int64]
BITS = {1: 32, 2: 16, 3: 10, 4: 8}
"""Of a lane, where there are so many in a word."""


@dataclass(frozen=True, slots=True)
class StackedGeometry(Columns):
    """`source` bytes of a row of the input; `bits` of a weight, 4 or 8; `part` rows of a lane in a band."""

    source: int
    bits: int
    lanes: int
    part: int

    @property
    def words(self) -> int:
        """Of a phase of a row of the copies."""
        return self.width + max(k for _, k in self.places())

    @property
    def rows(self) -> int:
        """Of a channel in the copies, padding included."""
        return (self.part - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilation[0] + 1

    @property
    def bands(self) -> int:
        return -(-self.height // (self.part * self.lanes))

    @property
    def taps(self) -> int:
        """Of an output channel."""
        return self.depth * self.kernel[0] * self.kernel[1]

    @property
    def blank_at(self) -> int:
        """Where in the scratch memory a row of padding lies; the copies lie at 0."""
        return 4 * self.depth * self.rows * self.phases * self.words

    @property
    def places_at(self) -> int:
        """Where the list of places lies."""
        return self.blank_at + -(-self.source // 4) * 4

    @property
    def terms_at(self) -> int:
        """Where the weights of a channel lie, a step in front of each; where cores do not multiply, their digits."""
        return self.places_at + -(-self.taps // 2) * 4

    @property
    def sums_at(self) -> int:
        return self.terms_at + (8 * self.taps if self.bits == 4 else -(-10 * self.taps // 4) * 4) + 32

    @property
    def work_bytes(self) -> int:
        """All of the scratch memory."""
        return self.sums_at + 4 * self.part * self.width


@dataclass(frozen=True, slots=True)
class Stacked:
    """`weights` uint8 as cardc_conv_stacked_layer says; `bits` 4 or 8; `biases` int32 [O]: what the lowest sum lacks
    to 0."""

    weights: NDArray[np.uint8]
    bits: int
    biases: NDArray[np.int32]


def lanes_of(w: Ints, max_u: int) -> int:
    """How many lanes the sums of weights [O, ...] over bytes 0 .. max_u leave in a word; 0 where nothing fits."""
    if w.size == 0 or max_u > 255 or w.min() < -128 or w.max() > 127:
        return 0
    reach = int(np.abs(w.reshape(len(w), -1)).sum(axis=1).max()) * max_u
    return max((n for n, bits in BITS.items() if max(max_u, reach) < 2 ** min(bits, 31)), default=0)


def encode(w: Ints, max_u: int) -> Stacked:
    """Weights [O, depth, kh, kw] of a convolution over bytes 0 .. max_u. CompileError where they do not fit."""
    if lanes_of(w, max_u) == 0:
        raise CompileError("weights of more than 8 bits in stacked rows", fix="train with at most 8-bit weights")
    flat, bits = w.reshape(len(w), -1), bits_of(w)
    biases = -np.minimum(flat, 0).sum(axis=1) * max_u
    return Stacked(pack_rows(flat, bits), bits, biases.astype(np.int32))


def decode(e: Stacked, shape: tuple[int, int, int, int]) -> Ints:
    """The weights [O, depth, kh, kw] that `e` encodes: the exact inverse of `encode`."""
    return unpack_rows(e.weights, e.bits, shape[0], int(np.prod(shape[1:]))).reshape(shape)


def size_bytes(e: Stacked) -> int:
    """Bytes of flash for the arrays."""
    return e.weights.nbytes + e.biases.nbytes

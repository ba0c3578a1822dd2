"""Weights of few bits, three neighbouring ones to a long multiplication (runtime: `cardc_conv_long`).

Taps j of a row of the kernel meet the pixels x s + j d. With j d = k s + phase, those of one phase are a convolution of
stride 1 over every s-th pixel, and three of its taps times three of its pixels are one product of polynomials of degree
2 in z = 2^12, whose coefficients belong to five neighbouring outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .columns import Columns
from .pairs import bits_of, pack_rows, unpack_rows

Ints = NDArray[np.int64]
_LANE = 2**12
_WORD = 3
"""Pixels, or taps, in a word."""
_SEGMENT = 2
"""Words of sums that the kernel makes at a time."""
_BAND = 1024
"""Sums of an output channel that are kept until they are finished, where one row does not have more."""


@dataclass(frozen=True, slots=True)
class LongGeometry(Columns):
    """A convolution and its copies."""

    @property
    def chunks(self) -> int:
        """Threes of taps in a phase."""
        return 1 + max(k for _, k in self.places()) // _WORD

    @property
    def taps(self) -> int:
        """In a chunk."""
        return min(_WORD, 1 + max(k for _, k in self.places()))

    @property
    def skip(self) -> int:
        """Pixels that are padding in all phases and lie in front of all others, as far as that makes rows shorter; with
        several chunks none, as the later ones carry from the words in front to the first sums."""
        if self.chunks > 1:
            return 0
        first = min(-(-(self.pad[1] - phase) // self.stride[1]) for phase in range(self.phases))
        return max(0, min(first, self.taps - 1))

    @property
    def lead(self) -> int:
        """Sums in front of a row that are none."""
        return self.taps - 1 - self.skip

    @property
    def segments(self) -> int:
        """How many times a row is gone through, six outputs at a time."""
        return -(-(self.width + self.lead) // (_SEGMENT * _WORD))

    @property
    def blocks(self) -> int:
        """Words of a phase of a row in the copies."""
        return _SEGMENT * self.segments + self.chunks - 1

    @property
    def rows(self) -> int:
        """Of a channel in the copies, padding included."""
        return (self.height - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilation[0] + 1

    @property
    def band(self) -> int:
        """Rows of sums."""
        return max(1, min(self.height, _BAND // self.width))

    @property
    def terms(self) -> int:
        """Words of weights of an output channel."""
        return self.depth * self.kernel[0] * self.phases * self.chunks

    @property
    def terms_at(self) -> int:
        """Where in the scratch memory the weights lie; the copies lie at 0."""
        return 4 * self.depth * self.rows * self.phases * self.blocks

    @property
    def sums_at(self) -> int:
        """Where the sums lie, a word in front of them; behind the weights lie the steps between their places."""
        return self.terms_at + 8 * self.terms

    @property
    def work_bytes(self) -> int:
        """All of the scratch memory: up to ten bytes behind the sums are written."""
        return self.sums_at + 4 + -(-(2 * self.band * self.width + 10) // 4) * 4


@dataclass(frozen=True, slots=True)
class Long:
    """`weights` uint8 as cardc_conv_long_layer says; `bits` 4 or 8; `biases`, `starts` uint16 [O]: what the
    lowest sum lacks to 0, and that plus the sum of padding."""

    weights: NDArray[np.uint8]
    bits: int
    biases: NDArray[np.uint16]
    starts: NDArray[np.uint16]


def fits(w: Ints, max_u: int) -> bool:
    """Whether weights [O, ...] are of 8 bits, bytes 0 .. max_u of 7, and the sums of every channel of 12."""
    if w.size == 0 or max_u > 127 or np.abs(w).max() > 127:
        return False
    return int(np.abs(w.reshape(len(w), -1)).sum(axis=1).max()) * max_u < _LANE


def encode(w: Ints, max_u: int, border: int, g: LongGeometry) -> Long:
    """Weights [O, depth, kh, kw] of a convolution over bytes 0 .. max_u, padded with `border`. CompileError
    where they do not fit."""
    if not fits(w, max_u):
        what = "weights of more than 8 bits, or sums of more than 12, in long multiplications"
        raise CompileError(what, fix="encode as pairs")
    slots = np.zeros((len(w), g.chunks, g.kernel[0], g.depth, g.phases, g.taps), np.int64)
    for j, (phase, k) in enumerate(g.places()):
        slots[:, k // _WORD, :, :, phase, k % _WORD] = w[..., j].transpose(0, 2, 1)
    flat, bits = slots.reshape(len(w), -1), bits_of(w)
    biases = -np.minimum(w, 0).reshape(len(w), -1).sum(axis=1) * max_u
    starts = biases + w.reshape(len(w), -1).sum(axis=1) * border
    return Long(pack_rows(flat, bits), bits, biases.astype(np.uint16), starts.astype(np.uint16))


def decode(e: Long, shape: tuple[int, int, int, int], g: LongGeometry) -> Ints:
    """The weights [O, depth, kh, kw] that `e` encodes: the exact inverse of `encode`."""
    each = (g.chunks, g.kernel[0], g.depth, g.phases, g.taps)
    slots = unpack_rows(e.weights, e.bits, shape[0], int(np.prod(each))).reshape(shape[0], *each)
    taps = [slots[:, k // _WORD, :, :, phase, k % _WORD] for phase, k in g.places()]
    return np.stack([tap.transpose(0, 2, 1) for tap in taps], axis=-1)


def size_bytes(e: Long) -> int:
    """Bytes of flash for the arrays."""
    return e.weights.nbytes + e.biases.nbytes + e.starts.nbytes

"""Ternary convolution weights as the places where vectors of their inputs begin (runtime: `cardc_conv_vectors`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .phases import Phases
from .signs import by_sign, from_signs
from .sparse_conv import ConvGeometry

MAX_OFFSET = 0xFFFF
VECTOR = 16
"""Bytes that the kernel sums at a time."""
_BAND = 2048  # bytes of sums: what a band may have, where it is not one row


@dataclass(frozen=True, slots=True)
class Vectors:
    """`offsets` uint16 [taps]: of each output channel the -1 taps, then the +1 taps; `counts` uint16 [O, 2]."""

    offsets: NDArray[np.uint16]
    counts: NDArray[np.uint16]

    @property
    def taps(self) -> NDArray[np.int64]:
        """Non-zero weights of each output channel."""
        return np.asarray(self.counts.astype(np.int64).sum(axis=1))


def places(shape: tuple[int, ...], g: ConvGeometry | Phases) -> NDArray[np.int64]:
    """The byte of the input's storage, or of its copies, that each weight reads for the first output: int64
    [O, I / group, kh, kw]."""
    if isinstance(g, Phases):
        return g.places(shape)
    out, depth, kh, kw = shape
    channel = (np.arange(out) // max(1, out // g.group) * depth)[:, None] + np.arange(depth)
    down, across = np.arange(kh) * g.dilation[0] * g.row, np.arange(kw) * g.dilation[1]
    return g.origin + channel[:, :, None, None] * g.plane + down[:, None] + across


def encode(w: NDArray[np.int64], g: ConvGeometry | Phases) -> Vectors:
    """Encode ternary weights [O, I / group, kh, kw].

    Raises CompileError for weights that are not ternary, or an input that is too large for 16-bit offsets.
    """
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("encoding of weights that are not -1, 0 or 1 as vectors", fix="encode as int8")
    if w.shape[1] * g.group != g.in_channels or len(w) % g.group:
        raise CompileError(
            f"convolution weights {list(w.shape)} do not fit {g.in_channels} input channels in {g.group} groups",
            fix="check the layer's channels and groups",
        )
    at = places(w.shape, g)
    if at[w != 0].max(initial=0) > MAX_OFFSET:
        raise CompileError("a convolution's input is too large for 16-bit tap offsets", fix="use a smaller input")
    return Vectors(*by_sign(w, at))


def decode(e: Vectors, shape: tuple[int, int, int, int], g: ConvGeometry | Phases) -> NDArray[np.int64]:
    """The weights [O, I / group, kh, kw] that `e` encodes: the exact inverse of `encode`."""
    return from_signs(e.offsets, e.counts, places(shape, g))


@dataclass(frozen=True, slots=True)
class Work:
    """The kernel's scratch memory, in bytes; sums in bytes lie at 0. A band has `rows` rows."""

    rows: int
    lane: int
    halves_at: int
    table_at: int
    table_bytes: int
    copy_bytes: int = 0

    @property
    def copy_at(self) -> int:
        return self.table_at + self.table_bytes

    @property
    def size(self) -> int:
        return self.copy_at + self.copy_bytes


def work(height: int, width: int, row: int, max_u: int, table_bytes: int, lane: int = 0, copies: int = 0) -> Work:
    """Scratch for outputs of `height` x `width` from an input of rows `row` bytes apart; `table_bytes` for a finish
    table, 0 for none; `lane` bytes of a sum, 0: as +-1 taps need; `copies` bytes for those of the input."""
    rows = max(1, min(height, (_BAND - width) // row + 1))
    lane = lane or (2 if max_u > 63 else 1)
    # A vector more: the last one of a row is read whole.
    band = -(-((rows - 1) * row + width) // VECTOR) * VECTOR + VECTOR
    halves_at = band if lane == 1 else 0
    return Work(rows, lane, halves_at, halves_at + max(2, lane) * band, table_bytes, copies)


def size_bytes(e: Vectors) -> int:
    """Bytes of flash for the arrays."""
    return e.offsets.nbytes + e.counts.nbytes

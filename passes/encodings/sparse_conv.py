"""Ternary convolution weights as the places of their +1s and -1s (runtime: `cardc_conv_lanes`, `cardc_conv_taps`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

MAX_OFFSET = 0xFFFF
MAX_COUNT = 0xFF


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """How a convolution reads its input's storage, in bytes.

    `origin` is the place of the element under tap (0, 0, 0) for output (0, 0), counted from the start of the storage:
    the place of element (0, 0, 0) less the padding above (rows) and to the left (bytes). A 1-D kernel has height 1.
    """

    in_channels: int
    plane: int
    row: int
    origin: int
    dilation: tuple[int, int] = (1, 1)
    group: int = 1


@dataclass(frozen=True, slots=True)
class SparseConv:
    """`offsets` uint16 [taps]; `counts` uint8 [O, parts, 2, classes]; `residue` of each class; bytes between parts."""

    offsets: NDArray[np.uint16]
    counts: NDArray[np.uint8]
    residue: tuple[int, ...]
    part_stride: int

    @property
    def parts(self) -> int:
        return int(self.counts.shape[1])

    @property
    def taps(self) -> NDArray[np.int64]:
        """Non-zero weights of each output channel."""
        return np.asarray(self.counts.astype(np.int64).sum(axis=(1, 2, 3)))


def places(shape: tuple[int, ...], g: ConvGeometry) -> NDArray[np.int64]:
    """The byte that each weight reads: int64 [O, I / group, kh, kw]."""
    kh, kw = shape[2:]
    i, j = np.arange(kh)[:, None] * g.dilation[0] * g.row, np.arange(kw)[None, :] * g.dilation[1]
    return g.origin + _channels(shape, g) * g.plane + (i + j)[None, None]


def _check(w: NDArray[np.int64], g: ConvGeometry) -> None:
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("sparse convolution encoding of weights that are not -1, 0 or 1", fix="encode as int8")
    out, depth = w.shape[:2]
    if depth * g.group != g.in_channels or out % g.group:
        raise CompileError(
            f"convolution weights {list(w.shape)} do not fit {g.in_channels} input channels in {g.group} groups",
            fix="check the layer's channels and groups",
        )
    if g.origin < 0:
        raise CompileError("a convolution's window leaves its input's storage", fix="lay the input out with its border")


def _channels(shape: tuple[int, ...], g: ConvGeometry) -> NDArray[np.int64]:
    """The input channel that each weight reads: int64 [O, I / group, 1, 1]."""
    out, depth = shape[:2]
    first = np.arange(out) // (out // g.group) * depth
    return first[:, None, None, None] + np.arange(depth)[None, :, None, None]


def _fits(w: NDArray[np.int64], places: NDArray[np.int64], g: ConvGeometry, span: int) -> bool:
    """Whether parts of `span` input channels keep offsets within 16 bits and counts (of all classes) within 8."""
    channel = np.broadcast_to(_channels(w.shape, g), w.shape)
    offset = places - channel // span * span * g.plane
    if offset[w != 0].max(initial=0) > MAX_OFFSET:
        return False
    for sign in (1, -1):
        out = np.broadcast_to(np.arange(len(w))[:, None, None, None], w.shape)[w == sign]
        part, residue = (channel // span)[w == sign], (offset % 4)[w == sign]
        cells = np.ravel_multi_index((out, part, residue), (len(w), g.in_channels, 4))
        if np.bincount(cells, minlength=1).max(initial=0) > MAX_COUNT:
            return False
    return True


def encode(w: NDArray[np.int64], g: ConvGeometry) -> SparseConv:
    """Encode ternary weights [O, I / group, kh, kw].

    Raises CompileError for weights that are not ternary, a window outside of the storage, or an input of which even
    one channel is too large for 16-bit offsets.
    """
    w = np.asarray(w, np.int64)
    _check(w, g)
    cells = places(w.shape, g)
    parts = next((p for p in range(1, g.in_channels + 1) if _fits(w, cells, g, -(-g.in_channels // p))), None)
    if parts is None or parts > 255:
        raise CompileError("a convolution's input is too large for 16-bit tap offsets", fix="use a smaller input")
    span = -(-g.in_channels // parts)
    parts = -(-g.in_channels // span)
    channel = np.broadcast_to(_channels(w.shape, g), w.shape)
    part = channel // span
    offset = cells - part * span * g.plane
    residue = tuple(int(r) for r in np.unique(offset[w != 0] % 4)) or (0,)
    klass = np.searchsorted(residue, offset % 4)
    out = np.broadcast_to(np.arange(len(w))[:, None, None, None], w.shape)
    sign = (w < 0).astype(np.int64)
    key = np.stack([a[w != 0] for a in (out, part, sign, klass, offset)])
    key = key[:, np.lexsort(key[::-1])]
    counts = np.zeros((len(w), parts, 2, len(residue)), np.int64)
    np.add.at(counts, tuple(key[:4]), 1)
    return SparseConv(key[4].astype(np.uint16), counts.astype(np.uint8), residue, span * g.plane)


def decode(e: SparseConv, shape: tuple[int, int, int, int], g: ConvGeometry) -> NDArray[np.int64]:
    """The weights [O, I / group, kh, kw] that `e` encodes: the exact inverse of `encode`.

    Where two taps of an output read one byte (of a border that neighbours share), the result is one of the weights
    that compute the same.
    """
    w = np.zeros(shape, np.int64)
    cells = places(shape, g).reshape(shape[0], -1)
    flat = w.reshape(shape[0], -1)
    start = 0
    for o, part, sign in np.ndindex(e.counts.shape[:3]):
        stop = start + int(e.counts[o, part, sign].astype(np.int64).sum())
        for place in e.offsets[start:stop].astype(np.int64) + part * e.part_stride:
            at = np.flatnonzero((cells[o] == place) & (flat[o] == 0))
            flat[o, int(at[0])] = 1 - 2 * sign
        start = stop
    return w


def size_bytes(e: SparseConv) -> int:
    """Bytes of flash for the arrays."""
    return e.offsets.nbytes + e.counts.nbytes

"""Dense weights of few bits, two output channels to a word (runtime: `cardc_conv_pairs`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

Ints = NDArray[np.int64]
_LANE = 2**15


@dataclass(frozen=True, slots=True)
class Pairs:
    """`weights` uint8 as cardc_conv_pairs_layer says; `bits` 4 or 8; `room`: input channels whose sums fit 16 bits,
    0 where the channels are not in pairs."""

    weights: NDArray[np.uint8]
    bits: int
    room: int


def encode(w: Ints, group: int, max_u: int) -> Pairs:
    """Weights [O, I, *kernel] of a convolution of `group` groups over bytes 0 .. max_u. CompileError where one does not
    fit 8 bits."""
    if w.size and not (w.min() >= -128 and w.max() <= 127):
        raise CompileError(f"weights {w.min()} .. {w.max()} do not fit 8 bits", fix="train with at most 8-bit weights")
    room = room_of(w, max_u)
    if room == 0:
        return Pairs(np.ascontiguousarray(w.reshape(-1)).astype(np.int8).view(np.uint8), 8, 0)
    rows = w.reshape(group, w.shape[0] // group, -1)
    if rows.shape[1] % 2:  # the last channel of each group is alone
        rows = np.concatenate([rows, np.zeros((group, 1, rows.shape[2]), np.int64)], axis=1)
    low, high = rows[:, 0::2], rows[:, 1::2]
    bits = bits_of(w)
    both = low & 15 | (high & 15) << 4 if bits == 4 else np.stack([low, high], axis=-1) & 255
    return Pairs(np.ascontiguousarray(both.reshape(-1)).astype(np.uint8), bits, room)


def bits_of(w: Ints) -> int:
    """4 where every weight fits, else 8."""
    return 4 if w.size == 0 or (w.min() >= -8 and w.max() <= 7) else 8


def pack_rows(rows: Ints, bits: int) -> NDArray[np.uint8]:
    """Weights [O, n] of `bits` bits, one behind the other; of 4 two to a byte, the first one low, rows filled up."""
    if bits == 4:
        rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
        rows = rows[:, 0::2] & 15 | (rows[:, 1::2] & 15) << 4
    return (rows & 255).astype(np.uint8).reshape(-1)


def unpack_rows(packed: NDArray[np.uint8], bits: int, rows: int, count: int) -> Ints:
    """The weights [rows, count] in `packed`: the exact inverse of `pack_rows`."""
    data = packed.astype(np.int64).reshape(rows, -1)
    flat = np.stack([data & 15, data >> 4], axis=-1).reshape(rows, -1) if bits == 4 else data
    half = 1 << (bits - 1)
    return (flat[:, :count] ^ half) - half


def room_of(w: Ints, max_u: int) -> int:
    """How many input channels in a row always fit 16 bits, whichever they are; 0 where not even one does."""
    taps = w.reshape(w.shape[0], w.shape[1], -1) * max_u
    up = np.where(taps > 0, taps, 0).sum(axis=2)
    down = np.where(taps < 0, taps, 0).sum(axis=2)
    for room in range(w.shape[1], 0, -1):
        starts = range(0, w.shape[1], room)
        high = max((int(up[:, s : s + room].sum(axis=1).max(initial=0)) for s in starts), default=0)
        low = min((int(down[:, s : s + room].sum(axis=1).min(initial=0)) for s in starts), default=0)
        if high < _LANE and low > -_LANE:
            return room
    return 0


def decode(pairs: Pairs, shape: tuple[int, ...], group: int) -> Ints:
    """The exact inverse of `encode` for weights of `shape`."""
    if pairs.room == 0:
        return pairs.weights.view(np.int8).astype(np.int64).reshape(shape)
    data = pairs.weights.astype(np.int64)
    low, high = (data & 15, data >> 4) if pairs.bits == 4 else (data[0::2], data[1::2])
    half = 1 << (pairs.bits - 1)
    taps = int(np.prod(shape[1:]))
    rows = np.stack([(v ^ half) - half for v in (low, high)], axis=1).reshape(group, -1, taps, 2)
    each = rows.transpose(0, 1, 3, 2).reshape(group, -1, taps)
    return np.ascontiguousarray(each[:, : shape[0] // group].reshape(shape))


def size_bytes(pairs: Pairs) -> int:
    """Bytes of flash."""
    return pairs.weights.nbytes

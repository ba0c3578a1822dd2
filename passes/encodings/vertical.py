"""Binary and ternary matrices transposed, a bit for each output (runtime: `cardc_dense_vertical`).

Output 32 * k + j is bit 8 * (j % 4) + j // 4 of word k: bits of four outputs are a byte apart, as the bytes of a result
are. The kernel's sum is V = inputs + the sum of w * u over stored bytes u of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .bit_planes import Words, pack, unpack

MAX_BYTES = 0xFFFF
"""A row's place in a matrix is a 16-bit number of bytes."""
_LEAST_BITS = 5
_LANES = np.arange(32) % 4 * 8 + np.arange(32) // 4


@dataclass(frozen=True, slots=True)
class Vertical:
    """`weights` uint32 [matrices, inputs + 1, words], the last row 0; `totals` uint32 [words, bits]."""

    weights: Words
    totals: Words

    @property
    def inputs(self) -> int:
        return int(self.weights.shape[1]) - 1

    @property
    def bits(self) -> int:
        return int(self.totals.shape[1])


def fits(inputs: int, outputs: int) -> bool:
    """Whether the kernel reaches all rows of such a matrix."""
    return inputs * -(-outputs // 32) * 4 <= MAX_BYTES


def list_bytes(inputs: int) -> int:
    """Bytes of scratch: a 16-bit number for each of half the inputs, in blocks of 16 (CARDC_VERTICAL_LIST)."""
    return 2 * (inputs // 32 * 16 + 16)


def bits_of(inputs: int) -> int:
    """Binary digits of V."""
    return max(_LEAST_BITS, (2 * inputs).bit_length())


def encode(w: NDArray[np.int64]) -> Vertical:
    """Encode weights [outputs, inputs] in {-1, 0, 1}: one matrix where there is no 0, else two.

    Raises CompileError for other weights, and for matrices of more than 64 KB.
    """
    w = np.asarray(w, np.int64)
    outputs, inputs = w.shape
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("vertical encoding of weights that are not -1, 0 or 1", fix="encode as int8")
    if not fits(inputs, outputs):
        fix = "use the sparse, binary or ternary encoding"
        raise CompileError(f"vertical encoding of {inputs} x {outputs} weights is over 64 KB a matrix", fix=fix)
    rows = [w.T > 0] if (w != 0).all() else [w.T > 0, w.T >= 0]
    weights = np.stack([_words(np.vstack([r, np.zeros((1, outputs), np.bool_)])) for r in rows])
    return Vertical(weights, digits(inputs + w.sum(axis=1), bits_of(inputs)))


def decode(e: Vertical, outputs: int) -> NDArray[np.int64]:
    """The weights [outputs, inputs] that `e` encodes: the exact inverse of `encode`."""
    bits = [_bits(m, outputs)[:-1].T.astype(np.int64) for m in e.weights]
    return 2 * bits[0] - 1 if len(bits) == 1 else bits[0] - (1 - bits[1])


def digits(values: NDArray[np.int64], bits: int) -> Words:
    """Values [outputs] of `bits` binary digits, 0 or more -> uint32 [words, bits]: word k, digit b of 32 outputs."""
    values = np.asarray(values, np.int64)
    if values.size and not (values.min() >= 0 and values.max() < 1 << bits):
        raise ValueError(f"{values.min()} .. {values.max()} in {bits} bits")
    return np.ascontiguousarray(_words((values >> np.arange(bits)[:, None] & 1) != 0).T)


def thresholds(t: NDArray[np.int64], falling: NDArray[np.uint8] | None, bits: int) -> Words:
    """One threshold an output about V, `t` [outputs], and where the result falls -> uint32 [words, bits + 1]."""
    falls = np.zeros(len(t), np.bool_) if falling is None else np.broadcast_to(falling != 0, t.shape)
    return np.concatenate([digits(t, bits), _words(falls[None]).T], axis=1)


def size_bytes(e: Vertical) -> int:
    """Bytes of flash for the arrays."""
    return e.weights.nbytes + e.totals.nbytes


def _words(bits: NDArray[np.bool_]) -> Words:
    """[n, outputs] -> uint32 [n, words], outputs in their lanes."""
    n, outputs = bits.shape
    padded = np.zeros((n, -(-outputs // 32), 32), np.bool_)
    padded.reshape(n, -1)[:, :outputs] = bits
    lanes = np.zeros_like(padded)
    lanes[..., _LANES] = padded
    return pack(lanes.reshape(n, -1))


def _bits(words: Words, outputs: int) -> NDArray[np.bool_]:
    n, count = words.shape
    lanes = unpack(words, 32 * count).reshape(n, count, 32)
    return lanes[..., _LANES].reshape(n, -1)[:, :outputs]

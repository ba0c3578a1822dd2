"""Binary and ternary matrices as 32-bit words (runtime: `cardc_dense_binary`, `cardc_dense_ternary`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

Words = NDArray[np.uint32]


def pack(bits: NDArray[np.bool_]) -> Words:
    """[..., n] -> [..., ceil(n / 32)]: element i at bit i % 32 of word i / 32, unused bits 0."""
    n = bits.shape[-1]
    padded = np.zeros((*bits.shape[:-1], -(-n // 32) * 32), np.uint8)
    padded[..., :n] = bits
    return np.packbits(padded, axis=-1, bitorder="little").view("<u4").astype(np.uint32)


def unpack(words: Words, n: int) -> NDArray[np.bool_]:
    """The inverse of `pack`."""
    data = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return np.unpackbits(data, axis=-1, bitorder="little")[..., :n].astype(np.bool_)


def encode_binary(w: NDArray[np.int64]) -> Words:
    """Weights [outputs, inputs] of -1 and +1 -> uint32 [outputs, words], 1 for +1. CompileError for other weights."""
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 1)).all():
        raise CompileError("binary encoding of weights that are not -1 or 1", fix="use the ternary encoding")
    return pack(w > 0)


def decode_binary(words: Words, inputs: int) -> NDArray[np.int64]:
    """The exact inverse of `encode_binary`."""
    return np.where(unpack(words, inputs), 1, -1).astype(np.int64)


def encode_ternary(w: NDArray[np.int64]) -> Words:
    """Weights [outputs, inputs] in {-1, 0, 1} -> uint32 [outputs, words, 2]: mask, then sign (1 for -1)."""
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("ternary encoding of weights that are not -1, 0 or 1", fix="encode as int8")
    return np.stack([pack(w != 0), pack(w < 0)], axis=-1)


def decode_ternary(words: Words, inputs: int) -> NDArray[np.int64]:
    """The exact inverse of `encode_ternary`."""
    mask, sign = (unpack(np.ascontiguousarray(words[..., k]), inputs) for k in range(2))
    return np.where(mask, np.where(sign, -1, 1), 0).astype(np.int64)


def size_bytes(words: Words) -> int:
    """Bytes of flash for the words."""
    return words.nbytes

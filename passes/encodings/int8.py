"""Dense weights, a byte each (runtime: `cardc_conv_int8`, `cardc_dense_int8`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError


def encode(w: NDArray[np.int64]) -> NDArray[np.int8]:
    """Weights of any shape -> int8 in the same order. CompileError where one does not fit."""
    w = np.asarray(w, np.int64)
    if w.size and not (w.min() >= -128 and w.max() <= 127):
        raise CompileError(f"weights {w.min()} .. {w.max()} do not fit 8 bits", fix="train with at most 8-bit weights")
    return w.astype(np.int8)


def decode(data: NDArray[np.int8]) -> NDArray[np.int64]:
    """The exact inverse of `encode`."""
    return data.astype(np.int64)


def size_bytes(data: NDArray[np.int8]) -> int:
    """Bytes of flash."""
    return data.nbytes

"""Dense convolution weights for vectors of pixels: every channel has all taps of its group (`cardc_conv_vectors`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .phases import Phases
from .sparse_conv import ConvGeometry
from .vectors import MAX_OFFSET, places


@dataclass(frozen=True, slots=True)
class Products:
    """`offsets` uint16 [depth]: the byte of the input's storage that each tap of the first group begins at; `weights`
    int8 [O, depth]; `bias` int32 [O], what sums are made higher by."""

    offsets: NDArray[np.uint16]
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]


def encode(w: NDArray[np.int64], g: ConvGeometry | Phases, lane: int, max_u: int) -> Products:
    """Encode weights [O, I / group, kh, kw] of a byte each, for inputs 0 .. max_u and sums of `lane` bytes, 2 or 4.

    Raises CompileError for wider weights, or a group of channels that is too large for 16-bit offsets.
    """
    w = np.asarray(w, np.int64)
    rows = w.reshape(len(w), -1)
    if rows.min(initial=0) < -128 or rows.max(initial=0) > 127:
        raise CompileError("convolution weights of more than 8 bits as products", fix="use weights of at most 8 bits")
    at = places(w.shape, g)[:1].reshape(-1)
    if at.max(initial=0) > MAX_OFFSET:
        raise CompileError("a convolution's input is too large for 16-bit tap offsets", fix="use a smaller input")
    low = np.minimum(rows, 0).sum(axis=1) * max_u if lane == 2 else np.zeros(len(w), np.int64)
    return Products(at.astype(np.uint16), rows.astype(np.int8), -low.astype(np.int32))


def size_bytes(e: Products) -> int:
    """Bytes of flash for the arrays."""
    return e.offsets.nbytes + e.weights.nbytes + e.bias.nbytes

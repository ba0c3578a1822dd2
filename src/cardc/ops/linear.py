"""What convolution and matrix product share: exact products and exact accumulator ranges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import CompileError
from .base import Array
from .qtype import QType

_EXACT = 2**53


def exact_product(x: Array, w: Array, bound: int, product: Callable[[Array, Array], Array]) -> NDArray[np.int64]:
    """`product(x, w)` on integers; by float64 BLAS where `bound` on every partial sum says that it is exact."""
    if bound < _EXACT:
        return product(x.astype(np.float64), w.astype(np.float64)).astype(np.int64)
    return product(x.astype(np.int64), w.astype(np.int64)).astype(np.int64)


def channel_ranges(w: Array, x: QType, padded: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Exact lowest and highest accumulator of each output channel, from the weights themselves.

    `w` is [channels, taps], int64. A padded window also sees zeros. Each tap takes its extreme where the
    weight's sign asks for it, so the bound is attained by some input.
    """
    lo, hi = (min(x.lo, 0), max(x.hi, 0)) if padded else (x.lo, x.hi)
    up = np.where(w > 0, w, 0).sum(axis=1)
    down = np.where(w < 0, w, 0).sum(axis=1)
    return up * lo + down * hi, up * hi + down * lo


def accumulator(w: Array, wq: QType, xq: QType, padded: bool, scale: tuple[float, ...] | None = None) -> QType:
    """The accumulator's type: exact range over all channels; `scale`, or the product of the scales.

    The range always holds 0, which is where every kernel's sum starts. CompileError where it leaves +-2^53.
    """
    if float(np.abs(w.astype(np.float64)).sum(axis=1).max(initial=0)) * max(abs(xq.lo), abs(xq.hi)) >= _EXACT:
        raise CompileError(
            "an accumulator of this layer may leave 2^53", fix="use fewer bits for weights or activations"
        )
    lo, hi = channel_ranges(w, xq, padded)
    products = tuple(s * t for s in wq.scale for t in xq.scale)
    return QType(min(0, int(lo.min(initial=0))), max(0, int(hi.max(initial=0))), scale or products)

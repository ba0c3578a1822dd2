"""Ternary matrices as the steps from one non-zero column to the next, by sign (runtime: `cardc_dense_sparse`).

A step is a byte. Where a gap is longer than 255 columns, a column in between is put into both lists: it is added once
and subtracted once, so the kernel needs no test for an escape. Such columns are what `decode` finds in both lists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

MAX_STEP = 255


@dataclass(frozen=True, slots=True)
class SparseDense:
    """`steps` uint8, for each output its + list, then its - list; `counts` uint16 [outputs, 2]."""

    steps: NDArray[np.uint8]
    counts: NDArray[np.uint16]


def _bridge(plus: set[int], minus: set[int]) -> tuple[list[int], list[int]]:
    """Add columns that stand in both lists until no step is longer than a byte."""
    shared: set[int] = set()
    while True:
        lists = sorted(plus | shared), sorted(minus | shared)
        gaps = [(a, b) for cols in lists for a, b in zip([0, *cols], cols, strict=False) if b - a > MAX_STEP]
        if not gaps:
            return lists
        for after, before in gaps:
            taken = plus | minus | shared
            free = [c for c in range(after + MAX_STEP, after, -1) if c < before and c not in taken]
            if not free:
                raise CompileError("a sparse row has no free column to bridge a gap", fix="encode the layer as int8")
            shared.add(free[0])


def encode(w: NDArray[np.int64]) -> SparseDense:
    """Encode ternary weights [outputs, inputs].

    Raises CompileError for weights that are not ternary, rows with more than 65,535 entries of a sign, or (in theory)
    a gap that cannot be bridged.
    """
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("sparse encoding of weights that are not -1, 0 or 1", fix="encode as int8")
    steps: list[int] = []
    counts: list[tuple[int, int]] = []
    for row in w:
        plus, minus = ({int(c) for c in np.flatnonzero(row == sign)} for sign in (1, -1))
        lists = _bridge(plus, minus)
        for columns in lists:
            steps += [b - a for a, b in zip([0, *columns], columns, strict=False)]
        counts.append((len(lists[0]), len(lists[1])))
    if max((n for pair in counts for n in pair), default=0) > 0xFFFF:
        raise CompileError("a sparse row has more than 65535 entries", fix="encode the layer as int8")
    return SparseDense(np.array(steps, np.uint8), np.array(counts, np.uint16).reshape(-1, 2))


def decode(e: SparseDense, inputs: int) -> NDArray[np.int64]:
    """The weights [outputs, inputs] that `e` encodes: the exact inverse of `encode`."""
    w = np.zeros((len(e.counts), inputs), np.int64)
    start = 0
    for o, sign in np.ndindex(e.counts.shape):
        stop = start + int(e.counts[o, sign])
        np.add.at(w[o], np.cumsum(e.steps[start:stop], dtype=np.int64), 1 - 2 * sign)
        start = stop
    return w


def size_bytes(e: SparseDense) -> int:
    """Bytes of flash for the arrays."""
    return e.steps.nbytes + e.counts.nbytes

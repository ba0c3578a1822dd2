"""Ternary matrices as lists of columns, by sign (runtime: `cardc_dense_sparse`).

A column is a byte, its place in a block of at most 256 inputs. Blocks are as wide as they can be with at most 32
weights of a sign in a row of each, for which the kernel's loops are written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError

ROWS, MOST, _WIDEST = 32, 32, 256
"""Outputs that are summed together; weights of a sign in a list (ROWS and CARDC_LIST_MOST of the kernel)."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SparseDense:
    """`lists` uint8: for each ROWS outputs, each block of `block` columns, each output: the numbers of -1 and of +1
    weights, the columns of the ones, the columns of the others."""

    lists: NDArray[np.uint8]
    outputs: int
    blocks: int
    block: int


def blocks_of(w: Ints) -> tuple[int, int]:
    """How many blocks the columns of `w` [outputs, inputs] are cut into, and how wide they are."""
    inputs = w.shape[1]
    for blocks in count(max(1, -(-inputs // _WIDEST))):
        width = max(1, -(-inputs // blocks))
        starts = np.arange(0, max(1, inputs), width)
        if width <= MOST or all(np.add.reduceat(w == s, starts, axis=1).max(initial=0) <= MOST for s in (-1, 1)):
            return len(starts), width
    raise AssertionError  # count() has no end


def encode(w: Ints) -> SparseDense:
    """Encode ternary weights [outputs, inputs]. CompileError for weights that are not -1, 0 or 1."""
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("sparse encoding of weights that are not -1, 0 or 1", fix="encode as int8")
    blocks, width = blocks_of(w)
    lists: list[int] = []
    for first, block in np.ndindex(-(-len(w) // ROWS), blocks):
        for row in w[first * ROWS : (first + 1) * ROWS, block * width : (block + 1) * width]:
            minus, plus = (np.flatnonzero(row == sign).tolist() for sign in (-1, 1))
            lists += [len(minus), len(plus), *minus, *plus]
    return SparseDense(np.array(lists, np.uint8), len(w), blocks, width)


def decode(e: SparseDense, inputs: int) -> Ints:
    """The weights [outputs, inputs] that `e` encodes: the exact inverse of `encode`."""
    w, at = np.zeros((e.outputs, inputs), np.int64), 0
    for first, block in np.ndindex(-(-e.outputs // ROWS), e.blocks):
        for o in range(first * ROWS, min(e.outputs, (first + 1) * ROWS)):
            ends = at + 2 + np.cumsum(e.lists[at : at + 2], dtype=np.int64)
            w[o, block * e.block + e.lists[at + 2 : ends[0]].astype(np.int64)] = -1
            w[o, block * e.block + e.lists[ends[0] : ends[1]].astype(np.int64)] = 1
            at = int(ends[1])
    return w


def size_bytes(e: SparseDense) -> int:
    """Bytes of flash for the lists."""
    return e.lists.nbytes

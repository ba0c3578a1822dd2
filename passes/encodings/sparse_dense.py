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
    """`lists` uint8: for each ROWS outputs, each block of `block` columns, each output: the number of -1 weights,
    their columns, the number of +1 weights, their columns."""

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
            for sign in (-1, 1):
                columns = np.flatnonzero(row == sign).tolist()
                lists += [len(columns), *columns]
    return SparseDense(np.array(lists, np.uint8), len(w), blocks, width)


def decode(e: SparseDense, inputs: int) -> Ints:
    """The weights [outputs, inputs] that `e` encodes: the exact inverse of `encode`."""
    w, at = np.zeros((e.outputs, inputs), np.int64), 0
    for first, block in np.ndindex(-(-e.outputs // ROWS), e.blocks):
        for o in range(first * ROWS, min(e.outputs, (first + 1) * ROWS)):
            for sign in (-1, 1):
                size = int(e.lists[at])
                w[o, block * e.block + e.lists[at + 1 : at + 1 + size].astype(np.int64)] = sign
                at += 1 + size
    return w


def size_bytes(e: SparseDense) -> int:
    """Bytes of flash for the lists."""
    return e.lists.nbytes

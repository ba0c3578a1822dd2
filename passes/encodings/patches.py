"""Dense convolution weights for dot products of patches, channels innermost (runtime: `cardc_conv_patches`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .lines import Line

PATCH = 16
"""Bytes that are multiplied at a time."""
TRIPLE = 3
"""Patches that are multiplied together."""
MAX_OFFSET = 0xFFFF
_PART = 128  # bytes of a patch that are gathered at a time
_BAND = 16384  # bytes: what the copies of a band may take, where one row of output does not need more
_LANES = 8  # of bytes that are transposed at a time


@dataclass(frozen=True)
class PatchGeometry:
    """A convolution of `depth` channels a group: `kernel`, `stride`, `dilation` (down, across); `width` of the output,
    `rows` of it in a band. `origin` and `row` are where the first window begins in the input's storage, and its rows'
    distance; `touch`: all rows of input and output are one, for a kernel of one tap."""

    depth: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    width: int
    rows: int
    origin: int = 0
    row: int = 0
    touch: bool = False

    @property
    def pointwise(self) -> bool:
        """Whether the transposed copy is what is multiplied."""
        return self.kernel == (1, 1)

    @property
    def patch(self) -> int:
        """Bytes of a patch, filled up."""
        return -(-self.depth * self.kernel[0] * self.kernel[1] // PATCH) * PATCH

    @property
    def pixel(self) -> int:
        """Bytes of a column of the copy."""
        return self.patch if self.pointwise else self.depth

    @property
    def columns(self) -> int:
        """Columns of the copy."""
        if self.pointwise:
            return self.width
        return (self.width - 1) * self.stride[1] + (self.kernel[1] - 1) * self.dilation[1] + 1

    @property
    def down(self) -> int:
        """Rows of the copy from one row of the output to the next."""
        return 1 if self.pointwise else self.stride[0]

    @property
    def span(self) -> int:
        """Rows of the copy that one row of the output reads."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1

    @cached_property
    def parts(self) -> NDArray[np.uint16]:
        """Where the parts of a patch begin in the copy."""
        (high, wide), (down, across), n = self.kernel, self.dilation, self.part
        line = range(0, wide * self.depth, n) if across == 1 else [
            x * across * self.depth + at for x in range(wide) for at in range(0, self.depth, n)
        ]  # fmt: skip
        places = [y * down * self.columns * self.depth + at for y in range(high) for at in line]
        return np.array(places, np.int64).clip(0, MAX_OFFSET).astype(np.uint16)

    @cached_property
    def part(self) -> int:
        """Bytes of a part: as many as lie side by side and are gathered at a time."""
        run = self.depth * (self.kernel[1] if self.dilation[1] == 1 else 1)
        return next(n for n in range(min(_PART, run), 0, -1) if run % n == 0)

    @property
    def copy_bytes(self) -> int:
        """Bytes of the transposed copy; the last part read from it is read whole."""
        rows = (self.rows - 1) * self.down + self.span
        return 0 if self.pointwise else -(-(rows * self.columns * self.depth + PATCH) // 4) * 4

    @property
    def pixels(self) -> int:
        """Patches of a band, filled up."""
        return -(-self.rows * self.width // TRIPLE) * TRIPLE

    @property
    def sums_at(self) -> int:
        """Where in the scratch memory the sums of two outputs lie, behind the copy and the patches."""
        return self.copy_bytes + self.pixels * self.patch + PATCH

    @property
    def size(self) -> int:
        """Bytes of scratch memory; vectors of sums are read whole."""
        return self.sums_at + 8 * self.pixels + 32

    @property
    def fits(self) -> bool:
        """Whether the places of parts and the distances of lanes fit 16 bits."""
        wide = self.columns * self.depth * self.span <= MAX_OFFSET
        return (wide or self.pointwise) and (_LANES - 1) * max(self.pixel, self.stride[1]) <= MAX_OFFSET


def highest(g: PatchGeometry, height: int) -> int:
    """How many rows a band has at most: as many as have room, in bands of about one size."""
    row = g.width * g.patch + (0 if g.pointwise else g.down * g.columns * g.depth)
    most = max(1, min(height, _BAND // max(1, row)))
    return -(-height // -(-height // most))


@dataclass(frozen=True, slots=True)
class Patches:
    """`weights` int8 [pairs of outputs, vectors of a patch, 2, 16]; `bias` int32 [O], what sums are made higher by."""

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]


def encode(w: NDArray[np.int64], group: int, max_u: int) -> Patches:
    """Encode weights [O, I / group, kh, kw] of a byte each for inputs 0 .. max_u.

    Raises CompileError for wider weights, and for outputs that `group` does not divide.
    """
    w = np.asarray(w, np.int64)
    if w.min(initial=0) < -128 or w.max(initial=0) > 127:
        raise CompileError("convolution weights of more than 8 bits as patches", fix="use weights of at most 8 bits")
    if len(w) % group:
        what = f"{len(w)} output channels in {group} groups"
        raise CompileError(what, fix="check the layer's channels and groups")
    rows = w.transpose(0, 2, 3, 1).reshape(group, len(w) // group, -1)
    outputs, bytes_ = rows.shape[1], rows.shape[2]
    filled = np.pad(rows, ((0, 0), (0, outputs % 2), (0, -bytes_ % PATCH)))
    pairs = filled.reshape(-1, 2, filled.shape[2] // PATCH, PATCH).transpose(0, 2, 1, 3)
    bias = w.reshape(len(w), -1).sum(axis=1) * -flip_of(max_u)
    return Patches(np.ascontiguousarray(pairs).astype(np.int8), bias.astype(np.int32))


def decode(e: Patches, shape: tuple[int, int, int, int], group: int) -> NDArray[np.int64]:
    """The weights of `shape` [O, I / group, kh, kw] that `e` encodes: the exact inverse of `encode`."""
    out, depth, high, wide = shape
    filled = e.weights.astype(np.int64).transpose(0, 2, 1, 3).reshape(group, -1, e.weights.shape[1] * PATCH)
    rows = filled[:, : out // group, : depth * high * wide]
    return rows.reshape(out, high, wide, depth).transpose(0, 3, 1, 2)


def lines(found: Sequence[Line], low: NDArray[np.int64], bias: NDArray[np.int32]) -> NDArray[np.int32]:
    """What the kernel reads of the lines `found` for sums from `low` on, int32 [O, 4]: multiplier, offset, what makes
    the lowest sum 0, kind."""
    return np.array([(x.m, x.c, -int(a) - int(b), x.kind) for x, a, b in zip(found, low, bias, strict=True)], np.int32)


def flip_of(max_u: int) -> int:
    """What inputs 0 .. max_u are taken lower by, so that they fit signed bytes."""
    return 128 if max_u > 127 else 0


def size_bytes(e: Patches) -> int:
    """Bytes of flash for the arrays."""
    return e.weights.nbytes + e.bias.nbytes

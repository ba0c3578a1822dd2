"""Copies of an input for strides: columns and rows by what is left of them after division by the strides, so that what
a tap meets lies side by side (runtime: `cardc_conv_vectors`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

MAX_STRIDE = 16
"""Across: places of 16 columns fit a byte."""


@dataclass(frozen=True)
class Phases:
    """The copies for a convolution of `in_channels` channels in `group` groups, `kernel`, `stride`, `dilation` (down,
    across), of `rows` rows of output, `width` wide; its first window begins at `origin` of the input's storage, whose
    rows are `row` apart. Of each channel memory holds its phases, one after the other, and of each the rows of output
    and as many as its taps lie further down, `pitch` columns each."""

    in_channels: int
    group: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    width: int
    rows: int
    origin: int = 0
    row: int = 0

    @cached_property
    def _taps(self) -> list[tuple[tuple[int, int], int, int]]:
        """Of each tap, row by row: its phase, and how far it lies down and across there."""
        (high, wide), (sy, sx), (dy, dx) = self.kernel, self.stride, self.dilation
        every = [(y * dy, x * dx) for y in range(high) for x in range(wide)]
        return [((y % sy, x % sx), y // sy, x // sx) for y, x in every]

    @cached_property
    def phases(self) -> dict[tuple[int, int], int]:
        """How many rows there are of each phase (down, across)."""
        return {p: self.rows + max(y for q, y, _ in self._taps if p == q) for p in sorted({t[0] for t in self._taps})}

    @property
    def pitch(self) -> int:
        return self.width + max(x for _, _, x in self._taps)

    @property
    def channel(self) -> int:
        """Bytes of a channel."""
        return sum(self.phases.values()) * self.pitch

    @property
    def size(self) -> int:
        """Bytes of the copies; the last vector is read whole."""
        return -(-(self.in_channels * self.channel + 16) // 4) * 4

    @property
    def copies(self) -> NDArray[np.uint32]:
        """[phases, 2]: where each begins in the input's storage, and its rows."""
        found = [(self.origin + y * self.row + x, rows) for (y, x), rows in self.phases.items()]
        return np.array(found, np.uint32)

    def places(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """The byte of the copies that each weight reads for the first output: int64 [O, I / group, kh, kw]."""
        out, depth, high, wide = shape
        starts = dict(zip(self.phases, np.cumsum([0, *self.phases.values()]).tolist(), strict=False))
        taps = [(starts[p] + y) * self.pitch + x for p, y, x in self._taps]
        channel = (np.arange(out) // max(1, out // self.group) * depth)[:, None] + np.arange(depth)
        return channel[:, :, None, None] * self.channel + np.array(taps, np.int64).reshape(high, wide)

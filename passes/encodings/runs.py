"""Ternary convolution weights as runs of words over copies of the input (runtime: `cardc_conv_runs`).

For a band of output rows, every input channel is copied once for each column of the kernel and each row of the kernel
modulo the stride, so that what a tap meets in the whole band lies in consecutive words. A weight is the place in the
copies where its run begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from .signs import by_sign, from_signs

TILE = 32
"""Bytes that the kernel sums at a time."""
MAX_OFFSET = 0xFFFF
MAX_CHUNKS = 6
"""Sums in bytes of one channel that are kept side by side before they are added up to 16 bits."""
MAX_STRIDE = 5
"""Across: what lies behind a row's end is read and thrown away, at most CARDC_SLACK bytes of it."""


@dataclass(frozen=True, slots=True)
class RunsGeometry:
    """What the copies look like. `origin`, `row`: the input's storage, as in `sparse_conv`; `width` of the output;
    `rows` of a band; `lane` bytes a pixel, 1 or 2. `bare`, where the input has no border left and right, so that copies
    get it: how far windows reach out to the left, the input's width, the stored byte of zero."""

    in_channels: int
    origin: int
    row: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    group: int
    width: int
    rows: int
    lane: int
    bare: tuple[int, int, int] | None = None

    @property
    def pitch(self) -> int:
        """Pixels of a row in the copies."""
        return -(-self.width // 4) * 4

    def copies(self) -> list[tuple[int, int, int, int, int]]:
        """Of one channel: (kernel column, row modulo the stride, first byte, rows beyond the band's, pads as the kernel
        has them), in order."""
        found = []
        for j in range(self.kernel[1]):
            downs = [i * self.dilation[0] for i in range(self.kernel[0])]
            for phase in sorted({d % self.stride[0] for d in downs}):
                extra = max(d // self.stride[0] for d in downs if d % self.stride[0] == phase)
                first = self.origin + j * self.dilation[1] + phase * self.row
                found.append((j, phase, first, extra, self._pads(j)))
        return found

    def _pads(self, column: int) -> int:
        """Which pixels of a copied row are border: so many at its begin, at its end from bit 8, their byte from 16."""
        if self.bare is None:
            return 0
        left, width, border = self.bare
        at = column * self.dilation[1] - left  # of the first pixel's
        inside = [0 <= at + x * self.stride[1] < width for x in range(self.width)]
        before, behind = (inside.index(True), inside[::-1].index(True)) if any(inside) else (self.width, 0)
        return before | behind << 8 | border << 16 if before or behind else 0

    @property
    def copy_bytes(self) -> int:
        """Of all channels, for one band."""
        rows = sum(self.rows + extra for *_, extra, _ in self.copies())
        return self.in_channels * rows * self.pitch * self.lane

    def places(self) -> NDArray[np.int64]:
        """Where in the copies the run of each tap of the first channel begins: int64 [kh, kw]."""
        starts, at = {}, 0
        for j, phase, _, extra, _ in self.copies():
            starts[j, phase] = at
            at += (self.rows + extra) * self.pitch * self.lane
        kh, kw = self.kernel
        places = np.zeros((kh, kw), np.int64)
        for i, j in np.ndindex(kh, kw):
            down = i * self.dilation[0]
            places[i, j] = starts[j, down % self.stride[0]] + down // self.stride[0] * self.pitch * self.lane
        return places


@dataclass(frozen=True, slots=True)
class Runs:
    """`offsets` uint16 [taps]: of each output channel the -1 taps, then the +1 taps; `counts` uint16 [O, 2]."""

    offsets: NDArray[np.uint16]
    counts: NDArray[np.uint16]

    @property
    def taps(self) -> NDArray[np.int64]:
        """Non-zero weights of each output channel."""
        return np.asarray(self.counts.astype(np.int64).sum(axis=1))


def _offsets(shape: tuple[int, ...], g: RunsGeometry) -> NDArray[np.int64]:
    """The run of each weight: int64 [O, I / group, kh, kw]."""
    out, depth = shape[:2]
    channel = (np.arange(out) // max(1, out // g.group) * depth)[:, None] + np.arange(depth)
    return channel[:, :, None, None] * (g.copy_bytes // g.in_channels) + g.places()


def encode(w: NDArray[np.int64], g: RunsGeometry) -> Runs:
    """Encode ternary weights [O, I / group, kh, kw].

    Raises CompileError for weights that are not ternary, or copies that are too large for 16-bit offsets.
    """
    w = np.asarray(w, np.int64)
    if not np.isin(w, (-1, 0, 1)).all():
        raise CompileError("encoding of weights that are not -1, 0 or 1 as runs", fix="encode as int8")
    if w.shape[2:] != g.kernel or w.shape[1] * g.group != g.in_channels or len(w) % g.group:
        raise CompileError(
            f"convolution weights {list(w.shape)} do not fit {g.in_channels} input channels in {g.group} groups",
            fix="check the layer's channels and groups",
        )
    offsets = _offsets(w.shape, g)
    used = offsets[w != 0]
    if used.max(initial=0) > MAX_OFFSET:
        raise CompileError("a convolution's input is too large for 16-bit offsets", fix="use bands of fewer rows")
    return Runs(*by_sign(w, offsets))


def decode(e: Runs, shape: tuple[int, int, int, int], g: RunsGeometry) -> NDArray[np.int64]:
    """The weights [O, I / group, kh, kw] that `e` encodes: the exact inverse of `encode`."""
    return from_signs(e.offsets, e.counts, _offsets(shape, g))


@dataclass(frozen=True, slots=True)
class Work:
    """Where in the kernel's scratch memory lie its parts, in bytes; copies lie at 0."""

    list_at: int
    sums_at: int
    table_at: int
    table_bytes: int
    tables: int
    chunks: int

    @property
    def size(self) -> int:
        return self.table_at + self.tables * self.table_bytes


def work(taps: NDArray[np.int64], height: int, max_u: int, table_bytes: int, g: RunsGeometry) -> Work:
    """Scratch for channels of `taps` non-zero weights each; `table_bytes` for a finish table of one, 0 for none."""
    most, room = int(taps.max(initial=0)), 255 // max_u
    band = -(-g.rows * g.pitch * g.lane // TILE) * TILE
    needed = 1 if g.lane == 2 else max(1, -(-most // room))
    chunks = min(needed, MAX_CHUNKS)
    list_at = -(-g.copy_bytes // TILE) * TILE
    sums_at = list_at + 4 * (most + 2)
    # From three chunks on they may be added up to 16 bits each, which takes twice the memory of one; a word behind.
    table_at = sums_at + (chunks + (2 if needed > 2 else 0)) * band + 4
    tables = len(taps) if g.rows < height and table_bytes else 1
    return Work(list_at, sums_at, table_at, table_bytes, tables, chunks)


def size_bytes(e: Runs) -> int:
    """Bytes of flash for the arrays."""
    return e.offsets.nbytes + e.counts.nbytes

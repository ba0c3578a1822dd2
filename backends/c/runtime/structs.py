"""Mirrors of the structs of the C headers, laid out in memory as the C compiler does: for `call`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....passes.encodings import (
    long,
    pairs,
    patches,
    products,
    runs,
    sparse_conv,
    sparse_dense,
    stacked,
    vectors,
    vertical,
)
from ....passes.encodings.lines import Line
from ....passes.encodings.phases import Phases
from .call import Constant, Place

Field = tuple[str, int]
_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i"}


def pack(fields: Sequence[Field], pointer: int) -> bytes:
    """A C struct of `fields` (kind, value), each aligned to its size (to 1 where pointers have 16 bits: AVR); kinds are
    u8, u16, u32, i32, ptr and align (value: to how many bytes)."""
    out = bytearray()
    widest = 1
    aligns = pointer > 2
    for kind, value in fields:
        if kind == "align":
            out += bytes(-len(out) % value) if aligns else b""
            continue
        code = {2: "H", 4: "I", 8: "Q"}[pointer] if kind == "ptr" else _FORMATS[kind]
        size = struct.calcsize(code) if aligns else 1
        widest = max(widest, size)
        out += bytes(-len(out) % size) + struct.pack("<" + code, value)
    return Constant(bytes(out) + bytes(-len(out) % widest))


def put_array(place: Place, values: NDArray[Any] | None) -> int:
    """The address of a copy of `values`, 0 (NULL) for None."""
    return 0 if values is None else place.put(Constant(np.ascontiguousarray(values).tobytes()))


@dataclass(frozen=True)
class Map:
    """cardc_map"""

    channels: int
    height: int
    width: int
    plane: int
    row: int

    def fields(self) -> list[Field]:
        sizes = [("u16", self.channels), ("u16", self.height), ("u16", self.width)]
        # A struct is aligned as its widest member is.
        return [("align", 4), *sizes, ("u32", self.plane), ("u32", self.row)]


@dataclass(frozen=True)
class Finish:
    """cardc_finish: kind 0 affine, 1 threshold, 2 requantise; out 0 uint8, 1 int16, 2 int32."""

    kind: int
    out: int
    shared: bool = False
    shift: int = 0
    base: int = 0
    step: int = 1
    levels: int = 0
    lo: int = 0
    hi: int = 0
    t16: NDArray[np.int16] | None = None
    t32: NDArray[np.int32] | None = None
    falling: NDArray[np.uint8] | None = None
    m: NDArray[np.int32] | None = None
    b: NDArray[np.int32] | None = None
    b64: NDArray[np.int64] | None = None

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        small = [("u8", self.kind), ("u8", self.out), ("u8", int(self.shared)), ("u8", self.shift)]
        small += [("u8", self.base), ("u8", self.step), ("u16", self.levels), ("i32", self.lo), ("i32", self.hi)]
        arrays = (self.t16, self.t32, self.falling, self.m, self.b, self.b64)
        return place.put(pack([*small, *(("ptr", put_array(place, a)) for a in arrays)], place.pointer))


@dataclass(frozen=True)
class ConvSparse:
    """cardc_conv_sparse"""

    encoded: sparse_conv.SparseConv
    row_step: int
    col_step: int
    max_u: int
    to: Map

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e = self.encoded
        fields: list[Field] = [("ptr", put_array(place, e.offsets)), ("ptr", put_array(place, e.counts))]
        fields += [("u32", e.part_stride), ("u32", self.row_step), ("u8", self.col_step), ("u8", self.max_u)]
        fields += [("u8", e.parts), ("u8", len(e.residue)), *(("u8", r) for r in (*e.residue, 0, 0, 0, 0)[:4])]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvDense:
    """cardc_conv_dense"""

    weights: NDArray[np.int8]  # [O, depth, kh, kw]
    origin: int
    plane: int
    row: int
    row_step: int
    col_step: int
    dilation: tuple[int, int]
    group: int
    to: Map

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        out, depth, kh, kw = self.weights.shape
        fields = [("ptr", put_array(place, self.weights)), ("u32", self.origin), ("u32", self.plane)]
        fields += [("u32", self.row), ("u32", self.row_step)]
        fields += [("u8", v) for v in (self.col_step, kh, kw, *self.dilation)]
        fields += [("u16", depth), ("u16", out // self.group)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvPairs:
    """cardc_conv_pairs_layer"""

    encoded: pairs.Pairs
    shape: tuple[int, ...]  # of the weights: O, depth, kh, kw
    origin: int
    plane: int
    row: int
    row_step: int
    col_step: int
    dilation: tuple[int, int]
    group: int
    to: Map

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        out, depth, kh, kw = self.shape
        fields = [("ptr", put_array(place, self.encoded.weights)), ("u32", self.origin), ("u32", self.plane)]
        fields += [("u32", self.row), ("u32", self.row_step)]
        fields += [("u8", v) for v in (self.col_step, kh, kw, *self.dilation, self.encoded.bits)]
        fields += [("u16", v) for v in (depth, self.encoded.room, out // self.group)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvLong:
    """cardc_conv_long_layer"""

    encoded: long.Long
    geometry: long.LongGeometry
    source: Map
    interior: int
    border: int
    group_channels: int
    to: Map
    lines: Sequence[Line] | None = None
    top: int = 0
    shared: NDArray[np.uint8] | None = None
    shared_bias: int = 0

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e, g = self.encoded, self.geometry
        lines = None if self.lines is None else np.array([line.words() for line in self.lines], np.int32)
        arrays = (e.weights, e.biases, e.starts, lines, self.shared)
        fields: list[Field] = [("ptr", put_array(place, a)) for a in arrays]
        fields += [("u32", self.shared_bias), ("u32", g.terms_at), ("u32", g.sums_at), *self.source.fields()]
        fields += [("u32", self.interior)]
        fields += [("u16", v) for v in (g.depth, self.group_channels, g.rows, g.blocks, g.segments, g.band)]
        fields += [("u8", v) for v in (g.kernel[0], g.stride[0], g.dilation[0], g.stride[1], g.phases, g.chunks)]
        fields += [("u8", v) for v in (g.taps, g.skip, g.lead, *g.pad, self.border, e.bits, self.top)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvStacked:
    """cardc_conv_stacked_layer"""

    encoded: stacked.Stacked
    geometry: stacked.StackedGeometry
    source: Map
    interior: int
    border: int
    group_channels: int
    to: Map
    shared: NDArray[np.uint8] | None = None
    shared_bias: int = 0

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e, g = self.encoded, self.geometry
        fields: list[Field] = [("ptr", put_array(place, a)) for a in (e.weights, e.biases, self.shared)]
        fields += [("u32", v) for v in (self.shared_bias, g.blank_at, g.places_at, g.terms_at, g.sums_at)]
        fields += [*self.source.fields(), ("u32", self.interior)]
        fields += [("u16", v) for v in (g.depth, self.group_channels, g.rows, g.words, g.part)]
        fields += [("u8", v) for v in (g.lanes, stacked.BITS[g.lanes], g.kernel[0], g.stride[0], g.dilation[0])]
        fields += [("u8", v) for v in (g.kernel[1], g.stride[1], g.dilation[1], g.phases, *g.pad)]
        fields += [("u8", self.border), ("u8", e.bits)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvRuns:
    """cardc_conv_runs_layer"""

    encoded: runs.Runs
    geometry: runs.RunsGeometry
    work: runs.Work
    plane: int
    max_u: int
    to: Map
    lines: Sequence[Line] | None = None
    top: int = 0
    shared: NDArray[np.uint8] | None = None
    shared_bias: int = 0

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e, g, w = self.encoded, self.geometry, self.work
        copies = np.array([pair[2:] for pair in g.copies()], np.uint32)
        fields: list[Field] = [("ptr", put_array(place, a)) for a in (e.offsets, e.counts, copies)]
        fields += [("u32", v) for v in (self.plane, g.stride[0] * g.row)]
        fields += [("u32", v) for v in (w.list_at, w.sums_at, w.table_at, w.table_bytes)]
        fields += [("u16", v) for v in (w.tables, g.in_channels, g.rows, g.pitch)]
        fields += [("u8", v) for v in (len(copies), g.stride[1], g.lane, self.max_u, w.chunks, self.top)]
        lines = None if self.lines is None else np.array([line.words() for line in self.lines], np.int32)
        fields += [("ptr", put_array(place, a)) for a in (lines, self.shared)]
        fields += [("u32", self.shared_bias)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvVectors:
    """cardc_conv_vectors_layer"""

    encoded: vectors.Vectors | products.Products
    work: vectors.Work
    row: int
    max_u: int
    to: Map
    lines: Sequence[Line] | None = None
    top: int = 0
    shared: NDArray[np.uint8] | None = None
    shared_bias: int = 0
    group_bytes: int = 0
    group_channels: int = 1
    phases: Phases | None = None
    plane: int = 0

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e, w, p = self.encoded, self.work, self.phases
        if isinstance(e, vectors.Vectors):
            counts, weights, bias = e.counts, None, None
        else:
            counts, weights, bias = None, e.weights, e.bias
        fields: list[Field] = [("ptr", put_array(place, e.offsets)), ("ptr", put_array(place, counts))]
        fields += [("ptr", put_array(place, None if p is None else p.copies)), ("u32", w.copy_at), ("u32", self.plane)]
        fields += [("u32", p.row * p.stride[0] if p else 0), ("u16", p.in_channels if p else 0)]
        fields += [("u8", len(p.phases) if p else 0), ("u8", p.stride[1] if p else 0)]
        fields += [("u32", v) for v in (self.row, w.halves_at, w.table_at, w.table_bytes)]
        fields += [("u16", w.rows), ("u8", w.lane), ("u8", self.max_u), ("u8", self.top)]
        lines = None if self.lines is None else np.array([line.words() for line in self.lines], np.int32)
        fields += [("ptr", put_array(place, a)) for a in (lines, self.shared)]
        fields += [("u32", self.shared_bias), ("ptr", put_array(place, weights)), ("ptr", put_array(place, bias))]
        fields += [("u32", self.group_bytes), ("u16", len(e.offsets)), ("u16", self.group_channels)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class ConvPatches:
    """cardc_conv_patches_layer; `lines` as encodings.patches.lines has them, `plane` of the input."""

    encoded: patches.Patches
    geometry: patches.PatchGeometry
    plane: int
    group: int
    max_u: int
    to: Map
    lines: NDArray[np.int32] | None = None
    top: int = 0

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e, g = self.encoded, self.geometry
        one = g.pointwise
        arrays = (e.weights, e.bias, self.lines, None if one else g.parts)
        fields: list[Field] = [("ptr", put_array(place, a)) for a in arrays]
        row, step = (g.row * g.stride[0], g.stride[1]) if one else (g.row, 1)
        sizes = (g.origin, self.plane, row, g.down, g.span, g.columns, step, g.pixel, g.stride[1] * g.depth, g.patch)
        fields += [("u32", v) for v in (*sizes, g.copy_bytes, g.sums_at)]
        counts = (g.rows, 0 if one else g.parts.size, g.part, g.depth, self.to.channels // self.group)
        fields += [("u16", v) for v in counts]
        fields += [("u8", v) for v in (patches.flip_of(self.max_u), int(g.touch), self.top)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class AddBytes:
    """cardc_add_bytes_layer; `a`, `b`: (plane, row) of the two tensors; `clip` (low, top), None where not packed."""

    table: NDArray[np.uint8]
    shift: int
    clip: tuple[int, int] | None
    a: tuple[int, int]
    b: tuple[int, int]
    to: Map

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        fields = [("ptr", put_array(place, self.table)), ("u8", self.shift), ("u8", int(self.clip is not None))]
        fields += [("u8", v) for v in self.clip or (0, 0)] + [("u32", v) for v in (*self.a, *self.b)]
        return place.put(pack([*fields, *self.to.fields()], place.pointer))


@dataclass(frozen=True)
class DenseSparse:
    """cardc_dense_sparse_layer"""

    encoded: sparse_dense.SparseDense

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e = self.encoded
        fields: list[Field] = [
            ("ptr", put_array(place, e.lists)),
            *(("u16", v) for v in (e.outputs, e.blocks, e.block)),
        ]
        return place.put(pack(fields, place.pointer))


@dataclass(frozen=True)
class DensePlanes:
    """cardc_dense_planes_layer"""

    weights: NDArray[np.uint32]  # [outputs, words] or [outputs, words, 2]
    planes: int

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        outputs, words = self.weights.shape[:2]
        fields = [("ptr", put_array(place, self.weights)), ("u16", outputs), ("u16", words), ("u8", self.planes)]
        return place.put(pack(fields, place.pointer))


@dataclass(frozen=True)
class DenseVertical:
    """cardc_dense_vertical_layer"""

    encoded: vertical.Vertical
    outputs: int
    thresholds: NDArray[np.uint32] | None = None
    base: int = 0
    step: int = 1

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        e = self.encoded
        fields: list[Field] = [("ptr", put_array(place, a)) for a in (e.weights, e.totals, self.thresholds)]
        fields += [("u16", e.inputs), ("u16", self.outputs)]
        fields += [("u8", v) for v in (e.weights.shape[2], e.bits, len(e.weights), self.base, self.step)]
        return place.put(pack(fields, place.pointer))


@dataclass(frozen=True)
class DenseInt8:
    """cardc_dense_int8_layer"""

    weights: NDArray[np.int8]  # [outputs, inputs]

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        outputs, inputs = self.weights.shape
        return place.put(
            pack([("ptr", put_array(place, self.weights)), ("u16", outputs), ("u16", inputs)], place.pointer)
        )


@dataclass(frozen=True)
class Pool:
    """cardc_pool"""

    source: Map
    to: Map
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    pad: tuple[int, int]

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        small = [("u8", v) for v in (*self.kernel, *self.stride, *self.dilation, *self.pad)]
        return place.put(pack([*self.source.fields(), *self.to.fields(), *small], place.pointer))


@dataclass(frozen=True)
class FloatLevels:
    """cardc_float_levels"""

    keys: NDArray[np.int32]
    falling: NDArray[np.uint8] | None
    base: int
    step: int
    shared: bool

    def put(self, place: Place) -> int:
        """Into memory: the struct's address."""
        fields = [("ptr", put_array(place, self.keys)), ("ptr", put_array(place, self.falling))]
        fields += [("u16", self.keys.shape[-1]), ("u8", self.base), ("u8", self.step), ("u8", int(self.shared))]
        return place.put(pack(fields, place.pointer))

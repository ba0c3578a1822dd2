"""Calling single kernels, on an emulated core or on this machine: for tests, benchmarks and cost models.

The classes at the end mirror the structs of the C headers; `pack` lays them out as the C compiler does.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ....passes.encodings import sparse_conv
from ..emulate import host, zig
from ..emulate.cores import get_core
from ..emulate.elf import Elf
from ..emulate.unicorn_cpu import Machine
from . import FILE_OF, sources

SLACK = 16  # CARDC_SLACK
_FORMATS = {"u8": "B", "u16": "H", "u32": "I", "i32": "i"}


class Place(Protocol):
    """Memory that a kernel sees, and the calling of one. `pointer` is the size of an address in bytes."""

    pointer: int

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        """A 4-byte aligned copy of `data` whose end is guarded: its address."""
        ...

    def read(self, address: int, size: int) -> bytes: ...

    def call(self, kernel: str, *args: int) -> int: ...


class Emulated:
    """Kernels on an emulated core; `instructions` is the exact count of the last call."""

    pointer = 4

    def __init__(self, core: str, optimise: str = "-O2", flags: tuple[str, ...] = ()) -> None:
        self.machine = Machine(_elf(core, optimise, flags), get_core(core))
        self.instructions = 0

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        return self.machine.alloc(len(data), align=4, data=data, read_only=read_only)

    def read(self, address: int, size: int) -> bytes:
        return self.machine.read(address, size)

    def call(self, kernel: str, *args: int) -> int:
        run = self.machine.run(kernel, *args)
        self.instructions = run.instructions
        return run.result


class Host:
    """Kernels on this machine. Buffers are of the C allocator, so that a sanitizer in the process sees their ends."""

    pointer = ctypes.sizeof(ctypes.c_void_p)

    def __init__(self, flags: tuple[str, ...] = (), compiler: str | None = None) -> None:
        self._library = _shared(flags, compiler)
        self._kept: list[ctypes.Array[ctypes.c_char]] = []

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        self._kept.append(ctypes.create_string_buffer(data, max(1, len(data))))
        return ctypes.addressof(self._kept[-1])

    def read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address, size)

    def call(self, kernel: str, *args: int) -> int:
        function = self._library[kernel]
        function.restype = ctypes.c_uint32
        return int(function(*(ctypes.c_void_p(a) for a in args)))


@functools.cache
def _elf(core: str, optimise: str, flags: tuple[str, ...]) -> Elf:
    return zig.compile_elf(sources(FILE_OF), get_core(core), keep=sorted(FILE_OF), optimise=optimise, flags=flags)


@functools.cache
def _shared(flags: tuple[str, ...], compiler: str | None) -> ctypes.CDLL:
    return host.compile_shared(sources(FILE_OF), compiler=compiler, flags=flags)


def pack(fields: Sequence[tuple[str, int]], pointer: int) -> bytes:
    """A C struct of `fields` (kind, value), each aligned to its size; kinds are u8, u16, u32, i32, ptr and
    align (value: to how many bytes)."""
    out = bytearray()
    widest = 1
    for kind, value in fields:
        if kind == "align":
            out += bytes(-len(out) % value)
            continue
        code = {4: "I", 8: "Q"}[pointer] if kind == "ptr" else _FORMATS[kind]
        size = struct.calcsize(code)
        widest = max(widest, size)
        out += bytes(-len(out) % size) + struct.pack("<" + code, value)
    return bytes(out) + bytes(-len(out) % widest)


def put_array(place: Place, values: NDArray[Any] | None) -> int:
    """The address of a copy of `values`, 0 (NULL) for None."""
    return 0 if values is None else place.put(np.ascontiguousarray(values).tobytes())


@dataclass(frozen=True)
class Map:
    """cardc_map"""

    channels: int
    height: int
    width: int
    plane: int
    row: int

    def fields(self) -> list[tuple[str, int]]:
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
        fields = [("ptr", put_array(place, e.offsets)), ("ptr", put_array(place, e.counts))]
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

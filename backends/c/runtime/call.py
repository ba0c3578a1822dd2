"""Calling single kernels, on an emulated core or on this machine: for tests, benchmarks and cost models.

`structs` has the arguments: mirrors of the structs of the C headers.
"""

from __future__ import annotations

import ctypes
import functools
import re
from typing import Generic, Protocol, TypeVar

from ..emulate import host
from ..emulate.avr_cpu import AvrMachine
from ..emulate.cores import get_core
from ..emulate.elf import Elf
from ..emulate.machines import compile_elf
from ..emulate.qemu_machine import QemuMachine
from ..emulate.unicorn_cpu import Machine
from . import FILE_OF, sources

SLACK = 16  # CARDC_SLACK
M = TypeVar("M", bound=Machine | QemuMachine)


class Constant(bytes):
    """What a kernel reads through pointers marked CARDC_ROM."""


class Place(Protocol):
    """Memory that a kernel sees, and the calling of one. `pointer` is the size of an address in bytes."""

    pointer: int

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        """A 4-byte aligned copy of `data` whose end is guarded: its address."""
        ...

    def read(self, address: int, size: int) -> bytes: ...

    def call(self, kernel: str, *args: int) -> int: ...


class _Board(Generic[M]):
    """Kernels on `machine`, which holds them; `instructions` is the exact count of the last call."""

    pointer = 4

    def __init__(self, machine: M, core: str) -> None:
        self.machine = machine
        self.packed = "dsp" in get_core(core).features
        self.instructions = 0

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        return self.machine.alloc(len(data), align=4, data=data, read_only=read_only)

    def read(self, address: int, size: int) -> bytes:
        return self.machine.read(address, size)


class Emulated(_Board[Machine]):
    """Kernels on an emulated core; `instructions` is the exact count of the last call."""

    def __init__(self, core: str, optimise: str | None = None, flags: tuple[str, ...] = ()) -> None:
        super().__init__(Machine(_elf(core, optimise, flags), get_core(core)), core)

    def call(self, kernel: str, *args: int) -> int:
        run = self.machine.run(kernel, *args)
        self.instructions = run.instructions
        return run.result


class EmulatedByQemu(_Board[QemuMachine]):
    """The same under QEMU, for the cores that unicorn lacks. All objects for one core share one machine: making one
    forgets the buffers of those before."""

    def __init__(self, core: str, optimise: str | None = None) -> None:
        super().__init__(_served(core, optimise), core)
        self.machine.reset()

    def call(self, kernel: str, *args: int) -> int:
        result = self.machine.call(kernel, *args)
        self.instructions = self.machine.instructions
        return result


class EmulatedAvr:
    """Kernels on an emulated AVR, which keeps constants apart; `instructions`, `cycles` are those of the last call."""

    pointer = 2

    def __init__(self, core: str, buffers: int = 12_000) -> None:
        self.machine = AvrMachine(_avr_elf(core), get_core(core), buffers=buffers)
        self.instructions = self.cycles = 0

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        if isinstance(data, Constant):
            return self.machine.rom(data)
        return self.machine.alloc(len(data), align=4, data=data, read_only=read_only)

    def read(self, address: int, size: int) -> bytes:
        return self.machine.read(address, size)

    def call(self, kernel: str, *args: int) -> int:
        widths, result = _widths(kernel)
        run = self.machine.run(kernel, *args, widths=widths)
        self.instructions, self.cycles = run.instructions, run.cycles or 0
        return run.result << 16 | run.result_high if result == 4 else run.result


class Host:
    """Kernels on this machine. Buffers are malloc's, so that a sanitizer in the process sees their ends."""

    pointer = ctypes.sizeof(ctypes.c_void_p)

    def __init__(self, flags: tuple[str, ...] = (), compiler: str | None = None) -> None:
        self._library = _shared(flags, compiler)
        self._libc = ctypes.CDLL(None)
        self._libc.malloc.restype = ctypes.c_void_p
        self._kept: list[int] = []

    def __del__(self) -> None:
        for address in self._kept:
            self._libc.free(ctypes.c_void_p(address))

    def put(self, data: bytes, *, read_only: bool = True) -> int:
        address = self._libc.malloc(ctypes.c_size_t(max(1, len(data))))
        if not address:
            raise MemoryError(f"{len(data)} bytes")
        self._kept.append(address)
        ctypes.memmove(address, data, len(data))
        return int(address)

    def read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address, size)

    def call(self, kernel: str, *args: int) -> int:
        function = self._library[kernel]
        function.restype = ctypes.c_uint32
        return int(function(*(ctypes.c_void_p(a) for a in args)))


@functools.cache
def _elf(core: str, optimise: str | None, flags: tuple[str, ...]) -> Elf:
    return compile_elf(sources(FILE_OF), get_core(core), keep=sorted(FILE_OF), optimise=optimise, flags=flags)


@functools.cache
def _served(core: str, optimise: str | None) -> QemuMachine:
    return QemuMachine(sources(FILE_OF), get_core(core), sorted(FILE_OF), optimise=optimise)


@functools.cache
def _avr_elf(core: str) -> Elf:
    """The kernels that such a part has room for and can run; below them lies what they read."""
    keep = sorted(
        f for f in FILE_OF if not re.search("gate|fft|wide|conv_rice|conv_long|conv_stacked|patches|vectors", f)
    )
    return compile_elf(sources(keep), get_core(core), keep=keep, flags=("-Wl,-Ttext=0x8000",))


@functools.cache
def _widths(kernel: str) -> tuple[tuple[int, ...], int]:
    """Bytes of each argument of `kernel`, and of its result, where pointers have 16 bits."""
    for text in sources([kernel]).values():
        found = re.search(rf"^(\w+) {kernel}\(([^)]*)\);", text, re.MULTILINE)
        if found is not None:
            arguments = found[2].split(",")
            return tuple(2 if "*" in a else _BYTES[a.split()[0]] for a in arguments), _BYTES[found[1]]
    raise KeyError(kernel)


_BYTES = {"void": 0, "uint8_t": 1, "int8_t": 1, "uint32_t": 4, "int32_t": 4, "int64_t": 8}


@functools.cache
def _shared(flags: tuple[str, ...], compiler: str | None) -> ctypes.CDLL:
    return host.compile_shared(sources(FILE_OF), compiler=compiler, flags=flags)

"""Emulating an AVR with simavr: calls of single functions, exact instructions and cycles, every access checked."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

from ....errors import CompileError
from . import host
from .avr_state import FAULTS, FLASH_BYTES, MAY_READ, MAY_WRITE, Entered, Mark, State, place_arguments
from .cores import Core
from .elf import Elf
from .process import EmulationError, ToolError
from .unicorn_cpu import LIMIT, Run

PACKAGE = "libsimavr-dev"
"""Debian's, with simavr as a library."""
_DATA = 0x80_0000  # where the linker puts the data space
_RAM = 0x100  # below lie registers
_STACK = 256  # bytes that a part must have left beside buffers
_PAINT = 0xA5


@functools.cache
def library() -> ctypes.CDLL:
    """support/avr.c; CompileError where simavr is missing."""
    try:
        found = ctypes.CDLL(str(host.build_support("avr.c", ("-lsimavr",))))
    except (OSError, ToolError) as error:
        raise CompileError("simavr, the AVR emulator, is not installed", fix=f"apt install {PACKAGE}") from error
    for name, result in (("new", ctypes.c_void_p), ("data", ctypes.c_void_p), ("flash", ctypes.c_void_p)):
        getattr(found, f"cardc_avr_{name}").restype = result
    for name in ("free", "data", "flash", "flash_end", "ram_end", "pc"):
        getattr(found, f"cardc_avr_{name}").argtypes = [ctypes.c_void_p]
    found.cardc_avr_jump.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    return found


def available() -> bool:
    """Whether simavr is installed."""
    try:
        library()
    except CompileError:
        return False
    return True


class AvrMachine:
    """A part with `elf` in its memory, used as `unicorn_cpu.Machine` is. The first part of the core with flash for the
    program and RAM for its data, `buffers` bytes and a stack is emulated: `part`.

    Flash and RAM are separate: `alloc` gives RAM, `rom` places constants in flash. A load or store
    outside of data, buffers and stack raises `EmulationError`, as does a stack that meets them.
    """

    def __init__(self, elf: Elf, core: Core, *, buffers: int = 0) -> None:
        self.elf, self.core = elf, core
        self._lib = library()
        self._free = max((s.address + s.memory_size - _DATA for s in elf.segments if s.writable), default=_RAM)
        self._free = max(self._free, _RAM)
        begin = min(s.load for s in elf.segments if s.data)
        code = max(s.load + len(s.data) for s in elf.segments if s.data)
        self.part = ""
        self._avr = self._pick(self._free + buffers + _STACK, code)
        self.ram_end = int(self._lib.cardc_avr_ram_end(self._avr))
        self._data = (ctypes.c_uint8 * (self.ram_end + 1)).from_address(self._lib.cardc_avr_data(self._avr))
        self._flash_bytes = int(self._lib.cardc_avr_flash_end(self._avr)) + 1
        self._flash = (ctypes.c_uint8 * self._flash_bytes).from_address(self._lib.cardc_avr_flash(self._avr))
        self._allowed = (ctypes.c_uint8 * 65536)()
        self._mark_at = (ctypes.c_uint8 * (self._flash_bytes // 2))()
        self._names: list[str] = [""]
        self._callback: Callable[[str], None] | None = None
        self._failure: BaseException | None = None
        self._entered = Entered(self._enter)  # kept: ctypes does not hold on to it
        self._rom, self._rom_end = (2, begin) if begin > 0 else (code, min(FLASH_BYTES, self._flash_bytes))
        self._marks = (Mark * 1)()
        self._state = State(
            avr=self._avr, allowed=ctypes.cast(self._allowed, ctypes.c_void_p),
            mark_at=ctypes.cast(self._mark_at, ctypes.c_void_p), marks=self._marks, code_bytes=code + code % 2,
            constant_bytes=min(code, FLASH_BYTES), trap=2 * FLASH_BYTES - 2,
            entered=ctypes.cast(self._entered, ctypes.c_void_p),
        )  # fmt: skip
        self.reset_ram()
        self._permit(_RAM, self._free - _RAM, MAY_READ | MAY_WRITE)

    def __del__(self) -> None:
        if getattr(self, "_avr", None):
            self._lib.cardc_avr_free(self._avr)

    def reset_ram(self) -> None:
        """Put .data and .bss, code and constants back to what they are after start-up; buffers stay."""
        for segment in self.elf.segments:
            if segment.writable:
                self.write(segment.address - _DATA, segment.data + bytes(segment.memory_size - len(segment.data)))
            if segment.data:
                self._flash[segment.load : segment.load + len(segment.data)] = list(segment.data)

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes of RAM."""
        return bytes(self._data[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """Put `data` into RAM."""
        ctypes.memmove(ctypes.byref(self._data, address), data, len(data))

    def alloc(self, size: int, *, align: int = 1, data: bytes | None = None, read_only: bool = False) -> int:
        """A new buffer in RAM, zeroed or holding `data`, with a byte on either side that may not be touched."""
        start = -(-(self._free + 1) // align) * align
        self._free = start + size + 1
        if self._free + _STACK > self.ram_end:
            raise EmulationError(f"{size} bytes more do not fit the {self.ram_end + 1 - _RAM} bytes of RAM")
        self.write(start, (data or b"").ljust(size, b"\0"))
        self._permit(start, size, MAY_READ if read_only else MAY_READ | MAY_WRITE)
        return start

    def rom(self, data: bytes) -> int:
        """A copy of `data` in flash, behind the program or (where that begins above 0) before it: its address there,
        which is not 0."""
        start = self._rom
        if start + len(data) > self._rom_end:
            raise EmulationError(f"{len(data)} bytes more do not fit the flash that constants are read from")
        self._flash[start : start + len(data)] = list(data)
        self._rom = start + len(data)
        self._state.constant_bytes = max(int(self._state.constant_bytes), self._rom)
        return start

    def mark(self, symbols: Sequence[str], on_entry: Callable[[str], None] | None = None) -> None:
        """As `unicorn_cpu.Machine.mark`."""
        if len(symbols) > 255:
            raise ValueError("at most 255 functions can be marked")
        self._names, self._callback = ["", *symbols], on_entry
        ctypes.memset(self._mark_at, 0, len(self._mark_at))
        self._marks = (Mark * len(self._names))()
        self._state.marks = self._marks
        for number, name in enumerate(symbols, start=1):
            symbol = self.elf.symbol(name)
            self._marks[number].start, self._marks[number].end = symbol.address, symbol.address + max(symbol.size, 2)
            self._mark_at[symbol.address // 2] = number

    def call(self, target: str, *args: int, limit: int = LIMIT) -> int:
        """As `run`: the result alone."""
        return self.run(target, *args, limit=limit).result

    def run(
        self, target: str, *args: int, widths: Sequence[int] = (), limit: int = LIMIT, measure_stack: bool = False
    ) -> Run:
        """Call a function. `widths` are the sizes of the arguments in bytes (all 2, if not given). `result` is r25:r24,
        `result_high` r23:r22: a 32-bit result is in both. The stack is always measured."""
        registers, stacked = place_arguments(args, widths or [2] * len(args))
        for number, value in registers.items():
            self._data[number] = value
        self._data[1] = 0  # the compiler's zero
        top = self.ram_end - len(stacked)
        self.write(top + 1, stacked)
        trap = int(self._state.trap) // 2
        self.write(top - 1, bytes([trap >> 8, trap & 255]))
        pointer = top - 2
        self._data[0x5D], self._data[0x5E] = pointer & 255, pointer >> 8
        self._permit(self._free, self.ram_end + 1 - self._free, MAY_READ | MAY_WRITE)
        state = self._state
        state.stack_end, state.lowest_stack, state.limit = self._free, pointer, limit
        state.current = state.previous = state.total = state.cycles = state.fault = state.stop = 0
        for mark in self._marks:
            mark.instructions = mark.cycles = mark.entries = 0
        self._failure = None
        self._lib.cardc_avr_jump(self._avr, self.elf.address(target))
        self._lib.cardc_avr_run(ctypes.byref(state))
        self._permit(self._free, self.ram_end + 1 - self._free, 0)
        self._check(limit)
        return Run(
            int.from_bytes(self.read(24, 2), "little"), int.from_bytes(self.read(22, 2), "little"), int(state.total),
            {name: int(self._marks[i].instructions) for i, name in enumerate(self._names)},
            {name: int(self._marks[i].entries) for i, name in enumerate(self._names) if name},
            # The return address is part of what the call takes.
            self.ram_end - int(state.lowest_stack) if measure_stack else None,
            int(state.cycles),
        )  # fmt: skip

    def _pick(self, ram: int, flash: int) -> Any:
        parts = []
        for name in self.core.simavr:
            avr = self._lib.cardc_avr_new(name.encode())
            if avr and self._lib.cardc_avr_ram_end(avr) >= ram and self._lib.cardc_avr_flash_end(avr) >= flash:
                self.part = name
                return avr
            parts.append(name)
            if avr:
                self._lib.cardc_avr_free(avr)
        raise CompileError(
            f"{ram - _RAM} bytes of RAM and {flash} of flash are more than any emulated part has: {', '.join(parts)}",
            fix="take a smaller network, or another board",
            exit_code=1,
        )

    def _permit(self, address: int, size: int, what: int) -> None:
        ctypes.memset(ctypes.byref(self._allowed, address), what, size)

    def _enter(self, mark: int) -> None:
        if self._callback is None:
            return
        try:
            self._callback(self._names[mark])
        except BaseException as error:  # must not cross the C code between here and the caller
            self._failure = error
            self._state.stop = 1

    def _check(self, limit: int) -> None:
        if self._failure is not None:
            raise self._failure
        if self._state.fault:
            what = FAULTS[int(self._state.fault)].format(f"{int(self._state.fault_address):#06x}", f"{limit:,}")
            where = self.elf.function_at(int(self._lib.cardc_avr_pc(self._avr)))
            raise EmulationError(f"{what} (in {where}, {self.core.name})")

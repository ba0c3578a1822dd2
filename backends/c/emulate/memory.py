"""The memory of an emulated machine: the program's own, a stack, and buffers between guard pages."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from .elf import Elf, Segment
from .process import EmulationError

PAINT = 0xA5  # no plausible result: neither a small integer nor an address
PAGE = 4096
READ, WRITE, EXECUTE = 1, 2, 4  # UC_PROT_*
# Where the board has nothing of its own: on M-profile cores code may run below 0x20000000 and from 0x60000000 on
# there is external memory; addresses from 0xA0000000 on are devices and the system's.
TRAP, BUFFERS, STACK_TOP = 0x0001_0000, 0x6000_0000, 0x9000_0000


def uc_error() -> type[Exception]:
    """unicorn's exception (its package has no types)."""
    error: type[Exception] = importlib.import_module("unicorn").UcError
    return error


@dataclass(frozen=True)
class _Buffer:
    base: int  # of its first page
    start: int
    end: int

    def slack(self) -> list[tuple[int, int]]:
        """What its pages hold besides it: address, size."""
        return [(self.base, self.start - self.base), (self.end, round_up(self.end) - self.end)]


class GuardedMemory:
    """Memory of a unicorn engine: flash that may not be written, RAM that may not be executed, and what is allocated.

    Nothing else is mapped, so every stray access faults.
    """

    def __init__(self, uc: Any, elf: Elf, stack_bytes: int, trap_code: bytes) -> None:
        self.uc, self.elf, self.stack_bytes = uc, elf, round_up(stack_bytes)
        self._buffers: list[_Buffer] = []
        self._next = BUFFERS
        uc.mem_map(TRAP, PAGE, READ | EXECUTE)
        self.write(TRAP, trap_code)
        uc.mem_map(STACK_TOP - self.stack_bytes, self.stack_bytes, READ | WRITE)
        for is_ram in (False, True):
            spans = [span for segment in elf.segments for span in _spans(segment) if span[2] == is_ram]
            if spans:
                start = min(span[0] for span in spans) // PAGE * PAGE
                end = round_up(max(span[1] for span in spans))
                uc.mem_map(start, end - start, READ | (WRITE if is_ram else EXECUTE))
        self.load()

    def load(self) -> None:
        """Put the program where it is linked to, its initialised data also where start-up code copies it from."""
        for segment in self.elf.segments:
            self.write(segment.address, segment.data + bytes(segment.memory_size - len(segment.data)))
            if segment.load != segment.address:
                self.write(segment.load, segment.data)

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`; EmulationError where nothing is mapped."""
        try:
            return bytes(self.uc.mem_read(address, size))
        except uc_error() as error:
            raise EmulationError(f"no memory at {address:#010x} .. +{size}") from error

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`, flash included (the host may, the program may not)."""
        try:
            self.uc.mem_write(address, data)
        except uc_error() as error:
            raise EmulationError(f"no memory at {address:#010x} .. +{len(data)}") from error

    def map_ram(self, address: int, size: int) -> None:
        """Add plain memory to read and write, in whole pages: a device's registers, a program's own stack."""
        start = address // PAGE * PAGE
        self.uc.mem_map(start, round_up(address + size) - start, READ | WRITE)

    def alloc(
        self, size: int, *, align: int = 8, data: bytes | None = None, read_only: bool = False, low: bool = False
    ) -> int:
        """A new buffer of `size` bytes, zeroed or holding `data`: its address.

        It ends where its last page ends (as far as `align` allows), so that running over the end faults at once; with
        `low` it begins where its first page does, for its other end. What is left of its pages is painted, for
        `check_guards`.
        """
        if data is not None and len(data) > size:
            raise ValueError(f"{len(data)} bytes of data for a buffer of {size}")
        pages = max(round_up(size), PAGE)
        base, self._next = self._next, self._next + pages + PAGE
        self.uc.mem_map(base, pages, READ if read_only else READ | WRITE)
        start = base if low else base + (pages - size) // align * align
        self.write(base, bytes([PAINT]) * pages)
        self.write(start, (data or b"").ljust(size, b"\0"))
        self._buffers.append(_Buffer(base, start, start + size))
        return start

    def check_guards(self) -> None:
        """EmulationError where the program has written beside a buffer, in the same page; it is reported once."""
        for buffer in self._buffers:
            for address, size in buffer.slack():
                if self.read(address, size).strip(bytes([PAINT])):
                    self.write(address, bytes([PAINT]) * size)
                    side = "before" if address == buffer.base else "after"
                    raise EmulationError(f"the program wrote {side} {self.describe(buffer.start)}")

    def paint_stack(self) -> None:
        """Fill the stack with a pattern."""
        self.write(STACK_TOP - self.stack_bytes, bytes([PAINT]) * self.stack_bytes)

    def lowest_written(self) -> int:
        """The lowest address of the stack that has been written since it was painted."""
        painted = self.read(STACK_TOP - self.stack_bytes, self.stack_bytes)
        return STACK_TOP - len(painted.lstrip(bytes([PAINT])))

    def describe(self, address: int) -> str:
        """`address` and what lies there or next to it, for messages."""
        for buffer in self._buffers:
            if buffer.base - PAGE <= address < round_up(buffer.end) + PAGE:
                return f"{address:#010x} ({address - buffer.start} in a buffer of {buffer.end - buffer.start} bytes)"
        bottom = STACK_TOP - self.stack_bytes
        if bottom - PAGE <= address < bottom:
            return f"{address:#010x} (below the stack of {self.stack_bytes} bytes)"
        for segment in self.elf.segments:
            if segment.address <= address < round_up(segment.address + segment.memory_size):
                return f"{address:#010x} ({'RAM' if segment.writable else 'flash'})"
        return f"{address:#010x}"


def _spans(segment: Segment) -> list[tuple[int, int, bool]]:
    """Where a segment needs memory: start, end, writable; initialised data needs its place in flash too."""
    spans = [(segment.address, segment.address + segment.memory_size, segment.writable)]
    if segment.load != segment.address and segment.data:
        spans.append((segment.load, segment.load + len(segment.data), False))
    return spans


def round_up(size: int) -> int:
    """`size` (or an address) up to whole pages."""
    return -(-size // PAGE) * PAGE

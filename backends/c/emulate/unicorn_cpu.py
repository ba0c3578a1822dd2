"""Emulating one core with unicorn: calls of single functions, exact instruction counts, guarded memory."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import trace
from .abi import abi_of
from .cores import Core
from .elf import Elf
from .process import EmulationError

LIMIT = 20_000_000_000  # instructions of one call: about a minute of emulation
PAINT = 0xA5  # no plausible result: neither a small integer nor an address
_PAGE = 4096
# Where the board has nothing of its own: on M-profile cores code may run below 0x20000000 and from
# 0x60000000 on there is external memory; addresses from 0xA0000000 on are devices and the system's.
_READ, _WRITE, _EXECUTE = 1, 2, 4  # UC_PROT_*
_INVALID = 0b111111 << 4  # UC_HOOK_MEM_INVALID: unmapped and protected reads, writes, fetches
_ACCESS = {
    19: "read of {} bytes outside all memory",
    20: "write of {} bytes outside all memory",
    21: "jump outside all memory",
    22: "write of {} bytes to read-only memory",
    23: "read of {} bytes of protected memory",
    24: "jump to memory that holds no code",
}  # UC_MEM_*
_TRAP, _BUFFERS, _STACK_TOP = 0x0001_0000, 0x6000_0000, 0x9000_0000


@dataclass(frozen=True)
class Run:
    """What one call did. `instructions` are exact, whole call; `by_mark` splits them: from the entry of a
    marked function to the next marked entry ('' is what ran before the first). `stack_bytes` is None unless
    measured."""

    result: int
    result_high: int
    instructions: int
    by_mark: dict[str, int]
    entries: dict[str, int]
    stack_bytes: int | None


class Machine:
    """A core with `elf` in its memory. Flash is read-only, buffers have guard pages, anything else is
    unmapped: a stray access raises `EmulationError` with its address and function.

    `check_alignment` (by default: where the core faults on unaligned accesses, which unicorn itself lets
    pass) stops at any load or store of 2, 4 or 8 bytes at an address that is not a multiple of its size.
    """

    def __init__(
        self, elf: Elf, core: Core, *, stack_bytes: int = 1 << 16, check_alignment: bool | None = None
    ) -> None:
        self.elf, self.core, self.stack_bytes = elf, core, _round_up(stack_bytes)
        self._abi = abi_of(core)
        self._uc = self._abi.new()
        self._fault: tuple[str, int, int] | None = None
        self._failure: BaseException | None = None
        self._buffers: list[tuple[int, int, int]] = []  # page start, buffer start, end
        self._next = _BUFFERS
        self._names: list[str] = [""]
        self._callback: Callable[[str], None] | None = None
        self._map()
        strict = "unaligned" not in core.features if check_alignment is None else check_alignment
        self._trace = self._hook(strict)
        self._fresh = self._uc.context_save()

    # Memory

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`; EmulationError where nothing is mapped."""
        try:
            return bytes(self._uc.mem_read(address, size))
        except _uc_error() as error:
            raise EmulationError(f"no memory at {address:#010x} .. +{size}") from error

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`, flash included (the host may, the program may not)."""
        try:
            self._uc.mem_write(address, data)
        except _uc_error() as error:
            raise EmulationError(f"no memory at {address:#010x} .. +{len(data)}") from error

    def alloc(self, size: int, *, align: int = 8, data: bytes | None = None, read_only: bool = False) -> int:
        """A new buffer of `size` bytes, zeroed or holding `data`, for the caller to pass: its address.

        It ends where its last page ends (as far as `align` allows), so that running over the end faults at
        once; what is left of its pages is painted, and checked after every call.
        """
        pages = max(_round_up(size), _PAGE)
        base, self._next = self._next, self._next + pages + _PAGE
        self._uc.mem_map(base, pages, _READ if read_only else _READ | _WRITE)
        start = base + (pages - size) // align * align
        self.write(base, bytes([PAINT]) * pages)
        self.write(start, bytes(size))
        if data is not None:
            self.write(start, data[:size])
        self._buffers.append((base, start, start + size))
        return start

    # Execution

    def mark(self, symbols: Sequence[str], on_entry: Callable[[str], None] | None = None) -> None:
        """Attribute instructions to `symbols` (at most 255 functions, static ones too) from the next call on.

        `on_entry(symbol)` is called whenever one of them is entered, before its first instruction; it may
        `read` memory. What it raises ends the call and comes out of it.
        """
        if len(symbols) > 255:
            raise ValueError("at most 255 functions can be marked")
        self._names = ["", *symbols]
        self._callback = on_entry
        self._trace.set_marks([self.elf.symbol(name) for name in symbols])

    def call(self, target: str | int, *args: int, limit: int = LIMIT) -> int:
        """Call a function by name or address with integer arguments; its 32-bit result, unsigned.

        AAPCS and the RISC-V calling convention: 32-bit arguments, further ones on the stack. `limit` is the
        number of instructions after which the call is given up with an `EmulationError`.
        """
        return self.run(target, *args, limit=limit).result

    def run(self, target: str | int, *args: int, limit: int = LIMIT, measure_stack: bool = False) -> Run:
        """As `call`, with all that was counted. `measure_stack` (slower) finds how deep the stack went: it
        is painted before the call, and the stack pointer is sampled at every block."""
        address = self.elf.address(target) if isinstance(target, str) else target & ~1
        bottom = _STACK_TOP - self.stack_bytes
        if measure_stack:
            self.write(bottom, bytes([PAINT]) * self.stack_bytes)
        self._trace.watch_stack(self._abi.stack_pointer if measure_stack else 0)
        stack = self._abi.set_arguments(self._uc, args, _STACK_TOP, _TRAP)
        self._fault = self._failure = None
        self._trace.reset(limit)
        error: Exception | None = None
        try:
            self._uc.emu_start(address | self._abi.entry_bit, _TRAP)
        except _uc_error() as raised:
            error = raised
        self._check(error, limit)
        depth = self._depth(stack) if measure_stack else None
        low, high = self._abi.results(self._uc)
        counts = self._trace.counts()
        return Run(
            low,
            high,
            self._trace.total,
            {name: counts[i][0] for i, name in enumerate(self._names)},
            {name: counts[i][1] for i, name in enumerate(self._names) if name},
            depth,
        )

    def profile(self) -> dict[str, int]:
        """Instructions of the last call by the function that they belong to, most first."""
        sums: dict[str, int] = {}
        for address, instructions in self._trace.blocks():
            name = self.elf.function_at(address).partition("+")[0]
            sums[name] = sums.get(name, 0) + instructions
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    # Inside

    def _depth(self, stack: int) -> int:
        """Bytes below `stack`, the stack pointer at the call: by written bytes and by the pointer at block
        starts."""
        painted = self.read(_STACK_TOP - self.stack_bytes, self.stack_bytes)
        written = _STACK_TOP - len(painted.lstrip(bytes([PAINT])))
        depth = stack - min(written, self._trace.lowest_stack, stack)
        return -(-depth // self._abi.stack_align) * self._abi.stack_align

    def _map(self) -> None:
        self._uc.mem_map(_TRAP, _PAGE, _READ | _EXECUTE)
        self.write(_TRAP, self._abi.trap_code)
        self._uc.mem_map(_STACK_TOP - self.stack_bytes, self.stack_bytes, _READ | _WRITE)
        for is_ram in (False, True):
            segments = [s for s in self.elf.segments if s.writable == is_ram]
            if segments:
                start = min(s.address for s in segments) // _PAGE * _PAGE
                end = _round_up(max(s.address + s.memory_size for s in segments))
                self._uc.mem_map(start, end - start, _READ | (_WRITE if is_ram else _EXECUTE))
        self.reset_ram()

    def reset_ram(self) -> None:
        """Put .data and .bss (and code and constants) back to what they are after start-up."""
        for segment in self.elf.segments:
            self.write(segment.address, segment.data + bytes(segment.memory_size - len(segment.data)))

    def _hook(self, check_alignment: bool) -> trace.Trace:
        code = [s for s in self.elf.segments if not s.writable]
        base = min(s.address for s in code)
        image = bytearray(max(s.address + len(s.data) for s in code) - base)
        for segment in code:
            image[segment.address - base : segment.address - base + len(segment.data)] = segment.data
        hooks = trace.Trace(bytes(image), base, self.core.isa == "riscv", self._entered)
        hooks.attach(self._uc, check_alignment)
        self._uc.hook_add(_INVALID, self._invalid)
        return hooks

    def _entered(self, mark: int) -> None:
        if self._callback is None or self._failure is not None:
            return
        try:
            self._callback(self._names[mark])
        except BaseException as error:  # must not cross the C code between here and the caller
            self._failure = error
            self._uc.emu_stop()

    def _invalid(self, _uc: Any, access: int, address: int, size: int, _value: int, _data: Any) -> bool:
        self._fault = _ACCESS.get(access, "access of {} bytes"), address, size
        return False

    def _check(self, error: Exception | None, limit: int) -> None:
        """Turn whatever ended the call early, or damaged a guard, into one error that says where."""
        where = self.elf.function_at(self._uc.reg_read(self._abi.program_counter))
        message = ""
        if self._failure is not None:
            self._uc.context_restore(self._fresh)
            raise self._failure
        if self._fault is not None:
            kind, address, size = self._fault
            message = f"{kind.format(size)} at {self._place(address)}"
        elif self._trace.misaligned is not None:
            address, size = self._trace.misaligned
            message = f"misaligned access of {size} bytes at {self._place(address)}: {self.core.name} faults on it"
        elif error is not None:
            message = f"{error}"
        elif self._trace.over_limit:
            message = f"the call did not end within {limit:,} instructions"
        if message:
            self._uc.context_restore(self._fresh)
            raise EmulationError(f"{message} (in {where}, {self.core.name})")
        for base, start, end in self._buffers:
            for at, size in ((base, start - base), (end, _round_up(end) - end)):
                if self.read(at, size).strip(bytes([PAINT])):
                    self.write(at, bytes([PAINT]) * size)
                    side = "before" if at == base else "after"
                    raise EmulationError(
                        f"the program wrote {side} the buffer of {end - start} bytes at {start:#010x}"
                        f" ({self.core.name})"
                    )

    def _place(self, address: int) -> str:
        for base, start, end in self._buffers:
            if base - _PAGE <= address < _round_up(end) + _PAGE:
                return f"{address:#010x} ({address - start} in a buffer of {end - start} bytes)"
        bottom = _STACK_TOP - self.stack_bytes
        if bottom - _PAGE <= address < bottom:
            return f"{address:#010x} (below the stack of {self.stack_bytes} bytes)"
        for segment in self.elf.segments:
            if segment.address <= address < _round_up(segment.address + segment.memory_size):
                return f"{address:#010x} ({'RAM' if segment.writable else 'flash'})"
        return f"{address:#010x}"


def _round_up(size: int) -> int:
    return -(-size // _PAGE) * _PAGE


def _uc_error() -> type[Exception]:
    error: type[Exception] = importlib.import_module("unicorn").UcError  # untyped
    return error

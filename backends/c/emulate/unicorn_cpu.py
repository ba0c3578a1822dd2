"""Emulating one core with unicorn: calls of single functions, exact instruction counts, guarded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from . import trace
from .abi import abi_of
from .cores import Core
from .elf import Elf
from .memory import STACK_TOP, TRAP, GuardedMemory, uc_error
from .process import EmulationError

LIMIT = 20_000_000_000  # instructions of one call: about a minute of emulation
_INVALID = 0b111111 << 4  # UC_HOOK_MEM_INVALID: unmapped and protected reads, writes, fetches
_ACCESS = {
    19: "read of {} bytes outside all memory",
    20: "write of {} bytes outside all memory",
    21: "jump outside all memory",
    22: "write of {} bytes to read-only memory",
    23: "read of {} bytes of protected memory",
    24: "jump to memory that holds no code",
}  # UC_MEM_*


@dataclass(frozen=True)
class Run:
    """What one call did. `instructions` is exact, for the whole call; `by_mark` splits it: from the entry of a marked
    function to the next marked entry ('' is what ran before the first); `entries` counts those entries. `result` and
    `result_high` are the first two result registers. `stack_bytes` is None unless it was measured,
    `cycles` unless the emulator knows them."""

    result: int
    result_high: int
    instructions: int
    by_mark: dict[str, int]
    entries: dict[str, int]
    stack_bytes: int | None
    cycles: int | None = None


class Machine:
    """A core with `elf` in its memory. Flash is read-only, buffers have guard pages, anything else is unmapped: a
    stray access raises `EmulationError` with its address and function. Counting costs next to nothing: it is always on.

    `check_alignment` (by default: where the core faults on unaligned accesses, which unicorn itself lets pass) stops
    at any load or store of 2, 4 or 8 bytes at an address that is not a multiple of its size; it costs speed.
    """

    def __init__(
        self, elf: Elf, core: Core, *, stack_bytes: int = 1 << 16, check_alignment: bool | None = None
    ) -> None:
        self.elf, self.core = elf, core
        self._abi = abi_of(core)
        self._uc = self._abi.new()
        self.memory = GuardedMemory(self._uc, elf, stack_bytes, self._abi.trap_code)
        self.read, self.write, self.alloc = self.memory.read, self.memory.write, self.memory.alloc
        self._fault: tuple[str, int, int] | None = None
        self._failure: BaseException | None = None
        self._names: list[str] = [""]
        self._callback: Callable[[str], None] | None = None
        self._semihost: Callable[[int, int], int | None] | None = None
        self._trace = trace.Trace(*_code(elf), core.isa == "riscv", self._entered)
        self._trace.attach(self._uc, "unaligned" not in core.features if check_alignment is None else check_alignment)
        self._uc.hook_add(_INVALID, self._invalid)
        self._fresh = self._uc.context_save()

    def reset_ram(self) -> None:
        """Put .data and .bss (and code and constants) back to what they are after start-up; buffers stay."""
        self.memory.load()

    def mark(self, symbols: Sequence[str], on_entry: Callable[[str], None] | None = None) -> None:
        """Attribute instructions to `symbols` (at most 255 functions, static ones too) from the next call on.

        `on_entry(symbol)` is called whenever one of them is entered, before its first instruction; it may `read`
        memory. What it raises ends the call and comes out of it.
        """
        if len(symbols) > 255:
            raise ValueError("at most 255 functions can be marked")
        self._names = ["", *symbols]
        self._callback = on_entry
        self._trace.set_marks([self.elf.symbol(name) for name in symbols])

    def on_breakpoint(self, handler: Callable[[int, int], int | None]) -> None:
        """Semihosting: `handler(operation, argument)` answers a BKPT or EBREAK; the result, or None to end the call."""
        self._semihost = handler

    def call(self, target: str | int, *args: int, limit: int = LIMIT) -> int:
        """Call a function by name or address with integer arguments; its 32-bit result, unsigned.

        AAPCS and the RISC-V calling convention: 32-bit arguments, further ones on the stack. `limit` is the number of
        instructions after which the call is given up with an `EmulationError`.
        """
        return self.run(target, *args, limit=limit).result

    def run(self, target: str | int, *args: int, limit: int = LIMIT, measure_stack: bool = False) -> Run:
        """As `call`, with all that was counted. `measure_stack` (slower) finds how deep the stack went: it is painted
        before the call, and the stack pointer is sampled at every block."""
        address = self.elf.address(target) if isinstance(target, str) else target & ~1
        if measure_stack:
            self.memory.paint_stack()
        self._trace.watch_stack(self._abi.stack_pointer if measure_stack else 0)
        stack = self._abi.set_arguments(self._uc, args, STACK_TOP, TRAP)
        self._fault = self._failure = None
        self._trace.reset(limit)
        self._check(self._execute(address), limit)
        low, high = self._abi.results(self._uc)
        counts = self._trace.counts()
        return Run(
            low,
            high,
            self._trace.total,
            {name: counts[i][0] for i, name in enumerate(self._names)},
            {name: counts[i][1] for i, name in enumerate(self._names) if name},
            self._depth(stack) if measure_stack else None,
        )

    def profile(self) -> dict[str, int]:
        """Instructions of the last call by the function that they belong to, most first."""
        sums: dict[str, int] = {}
        for address, instructions in self._trace.blocks():
            name = self.elf.function_at(address).partition("+")[0]
            sums[name] = sums.get(name, 0) + instructions
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))

    def _depth(self, stack: int) -> int:
        """Bytes below `stack`, the stack pointer at the call: by what was written and by the pointer at block starts,
        up to the alignment that a call would need there."""
        depth = stack - min(self.memory.lowest_written(), self._trace.lowest_stack, stack)
        return -(-depth // self._abi.stack_align) * self._abi.stack_align

    def _execute(self, address: int) -> Exception | None:
        """Run from `address` to the return trap, through breakpoints; what unicorn complained of, if it did."""
        while True:
            try:
                self._uc.emu_start(address | self._abi.entry_bit, TRAP)
            except uc_error() as error:
                # a breakpoint is an unhandled exception to unicorn; outside of its hooks it can be answered and passed
                at, code = self._uc.reg_read(self._abi.program_counter), self._abi.breakpoint_code
                if self._semihost is None or self._fault is not None or self.read(at, len(code)) != code:
                    return error
                answer = self._semihost(*self._abi.results(self._uc))
                if answer is None:
                    return None
                self._uc.reg_write(self._abi.arguments[0], answer)
                address = at + len(code)
            else:
                return None

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
        message = ""
        if self._fault is not None:
            kind, address, size = self._fault
            message = f"{kind.format(size)} at {self.memory.describe(address)}"
        elif self._trace.misaligned is not None:
            address, size = self._trace.misaligned
            place = self.memory.describe(address)
            message = f"misaligned access of {size} bytes at {place}: {self.core.name} faults on it"
        elif error is not None:
            message = str(error)
        elif self._trace.over_limit:
            message = f"the call did not end within {limit:,} instructions"
        if message or self._failure:
            where = self.elf.function_at(self._uc.reg_read(self._abi.program_counter))
            self._uc.context_restore(self._fresh)
            raise self._failure or EmulationError(f"{message} (in {where}, {self.core.name})")
        self.memory.check_guards()


def _code(elf: Elf) -> tuple[bytes, int]:
    """Everything in flash, as one run of bytes, and its address."""
    parts = [segment for segment in elf.segments if not segment.writable]
    base = min(part.address for part in parts)
    image = bytearray(max(part.address + len(part.data) for part in parts) - base)
    for part in parts:
        image[part.address - base : part.address - base + len(part.data)] = part.data
    return bytes(image), base

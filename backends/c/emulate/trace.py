"""The counting hook, support/trace.c, called through ctypes."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import host
from .elf import Symbol

_Entered = ctypes.CFUNCTYPE(None, ctypes.c_uint32)


class Mark(ctypes.Structure):
    """cardc_mark"""

    _fields_ = [(name, ctypes.c_uint64) for name in ("start", "end", "instructions", "entries")]


class Block(ctypes.Structure):
    """cardc_blockinfo"""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("weight", ctypes.c_uint32),
        ("hits", ctypes.c_uint64),
        ("run", ctypes.c_uint64),
    ]


class TraceStruct(ctypes.Structure):
    """cardc_trace"""

    _fields_ = [
        ("code", ctypes.c_void_p),
        ("code_base", ctypes.c_uint64),
        ("code_bytes", ctypes.c_uint64),
        ("blocks", ctypes.POINTER(Block)),
        ("mark_at", ctypes.c_void_p),
        ("marks", ctypes.POINTER(Mark)),
        ("current", ctypes.c_uint64),
        ("previous", ctypes.c_uint64),
        ("run", ctypes.c_uint64),
        ("total", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("fault_address", ctypes.c_uint64),
        ("fault_size", ctypes.c_uint64),
        ("lowest_stack", ctypes.c_uint64),
        ("stack_register", ctypes.c_uint32),
        ("is_riscv", ctypes.c_uint32),
        ("over_limit", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("entered", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("read_register", ctypes.c_void_p),
    ]


@functools.cache
def library() -> ctypes.CDLL:
    """The hook's shared library."""
    return ctypes.CDLL(str(host.build_support("trace.c")))


class Trace:
    """The counters of one machine. `code` is what stands at `base`; `entered(i)` is told of entries into
    mark i."""

    def __init__(self, code: bytes, base: int, is_riscv: bool, entered: Callable[[int], None]) -> None:
        halfwords = len(code) // 2 + 1
        self._code = ctypes.create_string_buffer(code, len(code))
        self._base = base
        self._blocks = (Block * halfwords)()
        self._mark_at = (ctypes.c_uint8 * halfwords)()
        self._marks = (Mark * 1)()
        self._entered = _Entered(entered)  # kept: ctypes does not hold on to it
        self._struct = TraceStruct(
            code=ctypes.cast(self._code, ctypes.c_void_p),
            code_base=base,
            code_bytes=len(code),
            blocks=self._blocks,
            mark_at=ctypes.cast(self._mark_at, ctypes.c_void_p),
            marks=self._marks,
            is_riscv=is_riscv,
            entered=ctypes.cast(self._entered, ctypes.c_void_p),
        )

    def attach(self, uc: Any, check_alignment: bool) -> None:
        """Hook the blocks (and loads and stores) of `uc`; before its first run, or blocks it knows stay
        unhooked.

        Through unicorn's C interface: its Python wrapper cannot pass on a C function.
        """
        from unicorn import unicorn_const as const
        from unicorn.unicorn_py3.unicorn import uclib

        self._struct.stop = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
        self._struct.read_register = ctypes.cast(uclib.uc_reg_read, ctypes.c_void_p)
        hooks = [(const.UC_HOOK_BLOCK, library().cardc_block)]
        if check_alignment:
            hooks.append((const.UC_HOOK_MEM_READ | const.UC_HOOK_MEM_WRITE, library().cardc_access))
        for kind, function in hooks:
            everywhere = ctypes.c_uint64(1), ctypes.c_uint64(0)  # begin > end
            handle = ctypes.c_size_t()
            target = ctypes.cast(function, ctypes.c_void_p)
            state = ctypes.byref(self._struct)
            status = uclib.uc_hook_add(uc._uch, ctypes.byref(handle), kind, target, state, *everywhere)
            if status != const.UC_ERR_OK:
                raise RuntimeError(f"unicorn refused a hook: error {status}")

    def set_marks(self, symbols: Sequence[Symbol]) -> None:
        """Mark functions, from 1 on in the order given."""
        ctypes.memset(self._mark_at, 0, len(self._mark_at))
        self._marks = (Mark * (len(symbols) + 1))()
        self._struct.marks = self._marks
        for number, symbol in enumerate(symbols, start=1):
            self._marks[number].start = symbol.address
            self._marks[number].end = symbol.address + max(symbol.size, 2)
            self._mark_at[(symbol.address - self._base) // 2] = number

    def reset(self, limit: int) -> None:
        """Zero all counters; stop when more than `limit` instructions have run."""
        for mark in self._marks:
            mark.instructions = mark.entries = 0
        state = self._struct
        state.current = state.previous = state.total = state.fault_size = state.over_limit = 0
        state.run += 1
        state.limit, state.lowest_stack = limit, (1 << 64) - 1

    def watch_stack(self, register: int) -> None:
        """From the next reset on, find the lowest value of `register` at the start of any block; 0: do
        not."""
        self._struct.stack_register = register

    @property
    def lowest_stack(self) -> int:
        """The lowest stack pointer seen (2^64 - 1 where it was not watched)."""
        return int(self._struct.lowest_stack)

    @property
    def total(self) -> int:
        """Instructions since the last reset."""
        return int(self._struct.total)

    @property
    def over_limit(self) -> bool:
        """Whether the limit ended the run."""
        return bool(self._struct.over_limit)

    @property
    def misaligned(self) -> tuple[int, int] | None:
        """Address and size of the access that ended the run, if one did."""
        return (self._struct.fault_address, self._struct.fault_size) if self._struct.fault_size else None

    def counts(self) -> list[tuple[int, int]]:
        """Instructions and entries of each mark; number 0 is what ran before the first."""
        return [(mark.instructions, mark.entries) for mark in self._marks]

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Address and instructions of every block that ran since the last reset."""
        for index, block in enumerate(self._blocks):
            if block.run == self._struct.run:
                yield self._base + 2 * index, block.hits * block.weight

"""What a program under QEMU may touch while a network runs in it: anything else ends the run with an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import qemu
from .cores import Core
from .process import EmulationError

GUARD = 32
"""Bytes on either side of memory that run_network.c gives to the network."""
LOAD, STORE = 1, 2
_VECTORS = 64  # bytes from address 0 on that a null pointer would read
_WHAT = ("read of {} bytes at {}", "write of {} bytes at {}", "misaligned access of {} bytes at {}")


@dataclass(frozen=True)
class Watch:
    """`ranges` are (start, end, LOAD + STORE); `aligned`: accesses lie at multiples of their sizes."""

    core: str
    ranges: tuple[tuple[int, int, int], ...]
    aligned: bool

    def options(self) -> str:
        """For the plugin."""
        allowed = ",".join(f"allow={start:x}:{end:x}:{mode}" for start, end, mode in self.ranges)
        return f",{allowed}" + (",aligned=1" if self.aligned else "")


def watch(program: qemu.Program, core: Core, given: Mapping[str, int], own: tuple[str, ...], stack: int) -> Watch:
    """What a network may touch: code and constants may be read; what run_network.c gives (`given`, name -> bytes), the
    driver's `own` variables and the last `stack` bytes of RAM may be read and, but for the input, written."""
    elf, memory = program.elf, program.board.memory
    ranges = [(max(s.address, _VECTORS), s.address + s.memory_size, LOAD) for s in elf.segments if not s.writable]
    for name, size in given.items():
        if f"cardc_{name}" not in elf.symbols:  # which nobody uses
            continue
        start = elf.symbol(f"cardc_{name}").address + GUARD
        ranges.append((start, start + size, LOAD if name == "in" else LOAD + STORE))
    ranges += [(s.address, s.address + s.size, LOAD + STORE) for s in map(elf.symbol, own)]
    end = memory.ram + memory.ram_size
    return Watch(core.name, (*ranges, (end - stack, end, LOAD + STORE)), "unaligned" not in core.features)


def check(report: str, program: qemu.Program, watched: Watch) -> None:
    """EmulationError where the plugin's report ends in a fault."""
    last = report.rpartition("\n!")[2] if report.startswith("!") or "\n!" in report else ""
    if not last:
        return
    kind, address, size, code = last.replace("!", "").split()
    place = _WHAT[int(kind)].format(size, _described(int(address, 16), program, watched))
    where = program.elf.function_at(int(code, 16))
    raise EmulationError(f"{place} (in {where}, {watched.core} on {program.board.machine})")


def _described(address: int, program: qemu.Program, watched: Watch) -> str:
    """An address with the object that it lies in or beside."""
    for symbol in program.elf.all_symbols:
        if not symbol.is_function and symbol.address <= address < symbol.address + symbol.size:
            offset = address - symbol.address
            name = symbol.name.removeprefix("cardc_")
            return f"{address:#010x} ({offset - GUARD if symbol.name.startswith('cardc_') else offset} in {name!r})"
    end = max(stop for _, stop, _ in watched.ranges)
    return f"{address:#010x}" + (" (the stack's end)" if end - 2**20 < address < end else "")

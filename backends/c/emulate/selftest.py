"""Running a self-test in unicorn, with nothing but what pip installs: the same program as `qemu.run_selftest` runs."""

from __future__ import annotations

from collections.abc import Sequence

from . import zig
from .cores import Core
from .host import HostResult
from .process import EmulationError, Sources
from .qemu import with_startup
from .unicorn_cpu import LIMIT, Machine

STACK = 1 << 16  # bytes
_WRITE0, _EXIT_EXTENDED = 0x04, 0x20  # Arm semihosting operations, the same on RISC-V
_SYSTEM_CONTROL = 0xE000_E000  # where start-up code switches on the coprocessors


def run_selftest(
    sources: Sources, core: Core, *, optimise: str = "-O2", extra_cflags: Sequence[str] = (), limit: int = LIMIT
) -> HostResult:
    """Build `sources`, which define `int main(void)` and may print by `puts`, with zig, and run them.

    Raises `CompileError` where unicorn has no such core, `ToolError` where the sources do not compile,
    `EmulationError` after a fault or `limit` instructions.
    """
    program = with_startup(sources, core)
    elf = zig.compile_elf(program, core, keep=("cardc_reset",), optimise=optimise, flags=extra_cflags)
    machine = Machine(elf, core, stack_bytes=STACK)
    top = core.memory.ram + core.memory.ram_size
    machine.memory.map_ram(top - STACK, STACK)
    if core.isa == "arm":
        machine.memory.map_ram(_SYSTEM_CONTROL, 0x1000)
    printed: list[str] = []
    codes: list[int] = []

    def semihost(operation: int, argument: int) -> int | None:
        if operation == _WRITE0:
            printed.append(_text(machine, argument))
            return 0
        if operation == _EXIT_EXTENDED:
            codes.append(int.from_bytes(machine.read(argument + 4, 4), "little"))
            return None
        raise EmulationError(f"the program asks for semihosting operation {operation:#x}, which it should not")

    machine.on_breakpoint(semihost)
    machine.call("cardc_reset", limit=limit)
    if not codes:
        raise EmulationError("the program returned without an exit code")
    return HostResult(codes[0], "".join(printed))


def _text(machine: Machine, address: int) -> str:
    """The zero-terminated string at `address`."""
    data = bytearray()
    while (byte := machine.read(address + len(data), 1)) != b"\0":
        data += byte
    return data.decode("utf-8", errors="replace")

"""Running a self-test on an emulated board under QEMU: start-up code, semihosting output, exit code."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ....errors import CompileError
from . import gcc, zig
from .cores import Board, Core
from .elf import Elf
from .process import SUPPORT, Sources, require, run_tool

TIMEOUT = 60.0  # seconds
STACK = 2048  # bytes that a board must have left beside the program's data
TOOLS = {"arm": ("qemu-system-arm", "qemu-system-arm"), "riscv": ("qemu-system-riscv32", "qemu-system-misc")}
_COMPILERS: dict[str, Callable[..., Elf]] = {"gcc": gcc.compile_elf, "zig": zig.compile_elf}


@dataclass(frozen=True)
class QemuResult:
    """How a self-test ended: its exit code (what main returned; 255 after a fault) and all that it
    printed."""

    exit_code: int
    output: str
    board: str
    elf: Elf


def available(core: Core) -> bool:
    """Whether the QEMU for `core` is installed."""
    return core.isa in TOOLS and shutil.which(TOOLS[core.isa][0]) is not None


class Runner(Protocol):
    """`run`, or what runs a program as it does."""

    def __call__(self, program: Program, *, timeout: float, cwd: Path) -> QemuResult: ...


@dataclass(frozen=True)
class Program:
    """A self-test linked for one board."""

    elf: Elf
    board: Board
    emulator: str


def run_selftest(
    sources: Sources,
    core: Core,
    *,
    compiler: str = "gcc",
    optimise: str = "-O2",
    extra_cflags: Sequence[str] = (),
    board: str | None = None,
    timeout: float = TIMEOUT,
) -> QemuResult:
    """Build `sources`, which define `int main(void)` and may print by `puts`, for a board with `core`, and run them.

    `compiler` is "gcc" or "zig". The first of the core's boards that holds the program is taken, or the one named.
    Raises `CompileError` where a tool is missing or no board is big enough, `ToolError` where the sources do not
    compile, `EmulationError` where the program does not end within `timeout` seconds.
    """
    program = build_selftest(
        sources, core, compiler=compiler, optimise=optimise, extra_cflags=extra_cflags, board=board
    )
    return run(program, timeout=timeout)


def build_selftest(
    sources: Sources,
    core: Core,
    *,
    compiler: str = "gcc",
    optimise: str = "-O2",
    extra_cflags: Sequence[str] = (),
    board: str | None = None,
) -> Program:
    """The first half of `run_selftest`: the program with start-up code, and the board that holds it."""
    tool, package = TOOLS[core.isa]
    emulator = require(tool, apt=package)
    boards = [b for b in core.boards if board in (None, b.machine)]
    for place in boards:
        elf = _COMPILERS[compiler](
            with_startup(sources, core),
            core,
            keep=("cardc_reset",),
            optimise=optimise,
            flags=extra_cflags,
            memory=place.memory,
        )
        if _fits(elf, place):
            return Program(elf, place, emulator)
    names = ", ".join(b.machine for b in boards) or f"{board!r} (which does not have it)"
    raise CompileError(
        f"the self-test does not fit any emulated board with a {core.name}: {names}",
        fix=f"use fewer golden vectors or one of the boards {', '.join(b.machine for b in core.boards)}",
        exit_code=1,
    )


def with_startup(sources: Sources, core: Core) -> dict[str, str]:
    """`sources` and the start-up code that calls their main."""
    support = (f"start_{core.isa}.c", "semihost.c", "semihost.h")
    return {**sources, **{file: (SUPPORT / file).read_text(encoding="utf-8") for file in support}}


def run(
    program: Program, *, timeout: float = TIMEOUT, options: Sequence[str] = (), cwd: Path | None = None
) -> QemuResult:
    """The second half of `run_selftest`, with further options for QEMU; files that the program opens are in `cwd`."""
    with tempfile.TemporaryDirectory(prefix="cardc-qemu-") as folder:
        kernel = Path(folder) / "selftest.elf"
        kernel.write_bytes(program.elf.data)
        command = [program.emulator, *arguments(program.board), *options, "-kernel", str(kernel)]
        done = run_tool(command, timeout=timeout, cwd=cwd)
    return QemuResult(done.returncode, done.stdout, program.board.machine, program.elf)


def _fits(elf: Elf, board: Board) -> bool:
    return elf.sizes.flash <= board.memory.flash_size and elf.sizes.ram + STACK <= board.memory.ram_size


def arguments(board: Board) -> list[str]:
    """QEMU's options: this board, no devices but semihosting on this process's own output."""
    cpu = ["-bios", "none", "-cpu", board.cpu] if board.cpu is not None else []
    quiet = ["-display", "none", "-monitor", "none", "-serial", "none"]
    return ["-M", board.machine, *cpu, *quiet, "-semihosting-config", "enable=on,target=native"]

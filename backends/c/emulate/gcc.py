"""Cross-compiling with Debian's arm-none-eabi-gcc and riscv64-unknown-elf-gcc, the second opinion beside zig, and with
avr-gcc, which alone keeps constants in an AVR's flash."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .cores import Core, Memory
from .elf import Elf
from .process import SUPPORT, Sources, ToolError, check_tool, require, write_sources
from .zig import WARNINGS, linker_script

TIMEOUT = 120.0  # seconds
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
    "avr-gcc": "gcc-avr avr-libc",
}


def available(core: Core) -> bool:
    """Whether the gcc for `core` is installed."""
    return shutil.which(core.gcc) is not None


def compile_elf(
    sources: Sources,
    core: Core,
    *,
    keep: Sequence[str],
    optimise: str = "-O2",
    flags: Sequence[str] = (),
    memory: Memory | None = None,
) -> Elf:
    """As `zig.compile_elf`, with gcc: newlib's memcpy and the like on Arm, avr-libc's on AVR, support/memory.c on
    RISC-V.

    Raises `CompileError` where gcc is missing, `ToolError` where it refuses the sources.
    """
    compiler = require(core.gcc, apt=PACKAGES[core.gcc])
    if core.isa == "arm":
        library: tuple[str, ...] = ("--specs=nano.specs", "--specs=nosys.specs")
    elif core.isa == "avr":
        library = ()
    else:
        freestanding = str(SUPPORT / "freestanding")
        library = (
            "-ffreestanding",
            "-nostdlib",
            "-isystem",
            freestanding,
            str(SUPPORT / "memory.c"),
            "-lgcc",
        )
    with tempfile.TemporaryDirectory(prefix="cardc-gcc-") as name:
        folder = Path(name)
        (folder / "src").mkdir()
        files = write_sources(sources, folder / "src")
        (folder / "link.ld").write_text(linker_script(memory or core.memory), encoding="utf-8")
        # An AVR's constants, and pointers to them, are of a kind of their own: none may be taken for one to RAM.
        language = ("-std=gnu99", "-Waddr-space-convert") if core.isa == "avr" else ("-std=c99",)
        placement = () if core.isa == "avr" else ("-T", "../link.ld")
        arguments = [
            *core.gcc_flags,
            *(optimise, *language, *WARNINGS, "-I.", "-g0", "-ffunction-sections", "-fdata-sections"),
            *("-nostartfiles", *flags, *files, *library),
            *(*placement, "-Wl,--gc-sections", "-Wl,--build-id=none"),
            *("-Wl,-e," + keep[0], *(f"-Wl,-u,{symbol}" for symbol in keep), "-o", "../out.elf"),
        ]
        check_tool([compiler, *arguments], timeout=TIMEOUT, cwd=folder / "src")
        elf = Elf((folder / "out.elf").read_bytes())
    missing = [symbol for symbol in keep if symbol not in elf.symbols]
    if missing:
        raise ToolError(f"the sources define no {', '.join(missing)}")
    return elf

"""The compiler and the emulator for a core, where it is emulated function by function."""

from __future__ import annotations

from collections.abc import Sequence

from . import gcc, zig
from .avr_cpu import AvrMachine
from .cores import Core
from .elf import Elf
from .process import Sources
from .unicorn_cpu import Machine


def compile_elf(
    sources: Sources, core: Core, *, keep: Sequence[str], optimise: str | None = None, flags: Sequence[str] = ()
) -> Elf:
    """As `zig.compile_elf`, by the compiler that cardc measures `core` with, optimised as the core asks for."""
    compiler = zig.compile_elf if core.zig_target else gcc.compile_elf
    return compiler(sources, core, keep=keep, optimise=optimise or core.optimise, flags=flags)


def is_called(core: Core) -> bool:
    """Whether single functions of `core` can be called (`machine`); otherwise only whole programs run, under QEMU."""
    return core.unicorn is not None or bool(core.simavr)


def machine(elf: Elf, core: Core, *, buffers: int) -> Machine | AvrMachine:
    """`elf` in the memory of `core`, which has room for `buffers` bytes more and a stack."""
    return AvrMachine(elf, core, buffers=buffers) if core.simavr else Machine(elf, core)

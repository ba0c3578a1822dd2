"""Running a self-test on an emulated AVR: what main returns and prints."""

from __future__ import annotations

from .avr_cpu import AvrMachine
from .cores import Core
from .gcc import compile_elf
from .process import SUPPORT, Sources
from .qemu import QemuResult

_PRINTED = "cardc_printed"


def run_selftest(sources: Sources, core: Core) -> QemuResult:
    """As `qemu.run_selftest`, by simavr."""
    support = {"avr_puts.c": (SUPPORT / "avr_puts.c").read_text(encoding="utf-8")}
    elf = compile_elf({**sources, **support}, core, keep=("main", _PRINTED), optimise=core.optimise)
    machine = AvrMachine(elf, core)
    code = machine.call("main")
    room = elf.symbol(_PRINTED)
    text = machine.read(room.address - 0x80_0000, room.size).split(b"\0")[0].decode("ascii")
    return QemuResult(code, text, machine.part, elf)

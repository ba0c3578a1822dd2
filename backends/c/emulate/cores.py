"""Processor cores: how each is compiled for, by zig and by gcc, and where it is emulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ....errors import CompileError, did_you_mean

Isa = Literal["arm", "riscv", "avr", "host"]


@dataclass(frozen=True)
class Memory:
    """Where code and data are linked to. Addresses and sizes in bytes."""

    flash: int
    flash_size: int
    ram: int
    ram_size: int


@dataclass(frozen=True)
class Board:
    """A board that qemu-system-arm or -riscv32 emulates, and the memory of it that a self-test uses."""

    machine: str
    memory: Memory
    cpu: str | None = None  # None: the only one that the board has


@dataclass(frozen=True)
class Core:
    """One processor core.

    `features` uses the words of the target files: `dsp`, `mve`, `unaligned`, `popcount`, `hardware_divide`,
    `software_multiply`, `eight_bit`, `many_registers`.
    `unicorn` is the suffix of unicorn's CPU constant, None where unicorn has no such core.
    `boards` are tried in order by `qemu.run_selftest`: the first whose memory holds the program. `simavr` names the
    parts that simavr emulates, tried in the same way. `zig_target` is empty where only gcc compiles for the core.
    """

    name: str
    isa: Isa
    zig_target: str
    zig_cpu: str
    gcc: str
    gcc_flags: tuple[str, ...]
    features: frozenset[str]
    unicorn: str | None = None
    boards: tuple[Board, ...] = ()
    simavr: tuple[str, ...] = ()
    optimise: str = "-O2"
    memory: Memory = Memory(0x0800_0000, 0x0400_0000, 0x2000_0000, 0x0400_0000)
    zig_flags: tuple[str, ...] = ()


MiB = 1 << 20
# Memory maps: QEMU 7.2, hw/arm/nrf51_soc.c, mps2.c, mps2-tz.c and hw/riscv/virt.c. On the MPS boards "flash"
# is SRAM at the address that the core boots from, so it is writable: the unicorn machine is what checks for
# writes.
MICROBIT = Board("microbit", Memory(0, 256 * 1024, 0x2000_0000, 16 * 1024))
AN385 = Board("mps2-an385", Memory(0, 4 * MiB, 0x2000_0000, 4 * MiB))
AN386 = Board("mps2-an386", Memory(0, 4 * MiB, 0x2000_0000, 4 * MiB))
AN500 = Board("mps2-an500", Memory(0, 4 * MiB, 0x2000_0000, 4 * MiB))
AN505 = Board("mps2-an505", Memory(0x1000_0000, 4 * MiB, 0x3800_0000, 4 * MiB))
AN547 = Board("mps3-an547", Memory(0, 512 * 1024, 0x3100_0000, 4 * MiB))
_VIRT = Memory(0x8000_0000, 16 * MiB, 0x8100_0000, 16 * MiB)


def _arm(name: str, zig_cpu: str, features: str, unicorn: str | None, *boards: Board, fpu: str = "soft") -> Core:
    return Core(
        name,
        "arm",
        "thumb-freestanding-eabi",
        zig_cpu,
        "arm-none-eabi-gcc",
        (f"-mcpu={name}", "-mthumb", f"-mfloat-abi={fpu}"),
        frozenset(features.split()),
        unicorn,
        boards,
    )


def _riscv(
    name: str, zig_cpu: str, march: str, features: str, unicorn: str | None, qemu_cpu: str, optimise: str = "-O2"
) -> Core:
    abi = "ilp32e" if march.startswith("rv32e") else "ilp32"
    return Core(
        name,
        "riscv",
        "riscv32-freestanding-none",
        zig_cpu,
        "riscv64-unknown-elf-gcc",
        (f"-march={march}", f"-mabi={abi}", "-mcmodel=medlow"),
        frozenset(features.split()),
        unicorn,
        (Board("virt", _VIRT, qemu_cpu),),
        zig_flags=(f"-mabi={abi}",),
        optimise=optimise,
    )


# The soft-float ABI everywhere but on the M55 under gcc: cardc's code has no floating point, and gcc ships
# its MVE libraries for the hard-float ABI only. LLVM's Cortex-M33 lacks the (optional) DSP extension unless
# it is named.
CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _arm("cortex-m0", "cortex_m0", "", "ARM_CORTEX_M0", MICROBIT, AN385),
        # QEMU has no M0+; it runs the same instruction set (ARMv6-M) as the M0
        _arm("cortex-m0plus", "cortex_m0plus", "", "ARM_CORTEX_M0", MICROBIT, AN385),
        _arm("cortex-m3", "cortex_m3", "unaligned hardware_divide", "ARM_CORTEX_M3", AN385),
        _arm("cortex-m4", "cortex_m4", "unaligned hardware_divide dsp", "ARM_CORTEX_M4", AN386),
        _arm("cortex-m7", "cortex_m7", "unaligned hardware_divide dsp", "ARM_CORTEX_M7", AN500),
        # QEMU's AN505 has an M33, which runs the M23's instruction set (Armv8-M Baseline), as unicorn's does
        _arm("cortex-m23", "cortex_m23", "hardware_divide", "ARM_CORTEX_M33", AN505),
        _arm("cortex-m33", "cortex_m33+dsp", "unaligned hardware_divide dsp", "ARM_CORTEX_M33", AN505),
        _arm("cortex-m55", "cortex_m55+mve", "unaligned hardware_divide dsp mve", None, AN547, fpu="hard"),
        # RV32I has all that RV32E has and 16 registers more, so unicorn's RV32 runs it. Debian's gcc has its support
        # library for RV32EAC only; nothing here is atomic.
        _riscv(
            "rv32ec",
            "generic_rv32-i+e+c",
            "rv32eac",
            "software_multiply",
            "RISCV32_ANY",
            "rv32,e=true,i=false,m=off,a=off,f=off,d=off,h=off",
            optimise="-Os",  # flash is what is scarce on parts of this kind; it costs next to no speed
        ),
        _riscv(
            "rv32imc",
            "generic_rv32+m+c",
            "rv32imc",
            "hardware_divide many_registers",
            "RISCV32_ANY",
            "rv32,zba=off,zbb=off",
        ),
        _riscv(
            "rv32imac_zbb",
            "generic_rv32+m+a+c+zbb",
            "rv32imac_zbb",
            "hardware_divide many_registers popcount",
            None,
            "rv32,f=off,d=off,zba=off,zbc=off,zbs=off",
        ),
        # The ATmega328P's instruction set. The ATmega1284P, which has all of it, stands in where 2 KB of RAM are too
        # few. Named address spaces are GNU C. Size first, as flash is what is scarce on parts of this kind.
        Core(
            "avr5",
            "avr",
            "",
            "",
            "avr-gcc",
            ("-mmcu=atmega328p",),
            frozenset({"eight_bit", "unaligned"}),
            simavr=("atmega328p", "atmega1284p"),
            optimise="-Os",
        ),
        Core("host", "host", "native", "baseline", "gcc", (), frozenset({"unaligned", "hardware_divide"})),
    )
}


def get_core(name: str) -> Core:
    """The core called `name`; a `CompileError` with the nearest name where there is none."""
    if name not in CORES:
        raise CompileError(f"no core called {name!r}", fix=did_you_mean(name, CORES))
    return CORES[name]

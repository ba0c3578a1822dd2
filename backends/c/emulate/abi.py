"""Calling conventions and unicorn's constants for the two instruction sets."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import CompileError
from .cores import Core

_MASK = 0xFFFF_FFFF


@dataclass(frozen=True)
class Abi:
    """What a machine must know of unicorn and of one instruction set's calls (AAPCS32, RISC-V ilp32)."""

    arch: int
    mode: int
    cpu: int
    stack_pointer: int
    return_address: int
    program_counter: int
    arguments: tuple[int, ...]
    stack_align: int
    entry_bit: int  # Thumb code is entered at odd addresses
    trap_code: bytes  # a jump to itself
    breakpoint_code: bytes  # the semihosting one

    def new(self) -> Any:
        """A unicorn engine of this core."""
        unicorn: Any = importlib.import_module("unicorn")  # untyped
        uc = unicorn.Uc(self.arch, self.mode)
        uc.ctl_set_cpu_model(self.cpu)
        return uc

    def set_arguments(self, uc: Any, args: Sequence[int], stack_top: int, trap: int) -> int:
        """Registers and stack as at a call of a function that returns to `trap`; the stack pointer."""
        count = len(self.arguments)
        in_memory = args[count:]
        size = -(-4 * len(in_memory) // self.stack_align) * self.stack_align
        for register, value in zip(self.arguments, args, strict=False):
            uc.reg_write(register, value & _MASK)
        for index, value in enumerate(in_memory):
            uc.mem_write(stack_top - size + 4 * index, (value & _MASK).to_bytes(4, "little"))
        uc.reg_write(self.stack_pointer, stack_top - size)
        uc.reg_write(self.return_address, trap | self.entry_bit)
        return stack_top - size

    def results(self, uc: Any) -> tuple[int, int]:
        """The first two result registers (a 64-bit result: low, high)."""
        return uc.reg_read(self.arguments[0]) & _MASK, uc.reg_read(self.arguments[1]) & _MASK


def abi_of(core: Core) -> Abi:
    """The ABI of `core`; a `CompileError` where unicorn is missing or has no such core."""
    try:
        from unicorn import arm_const as arm
        from unicorn import riscv_const as riscv
        from unicorn import unicorn_const as const
    except ImportError as error:
        raise CompileError("unicorn, the CPU emulator, is not installed", fix="pip install 'cardc[mcu]'") from error
    if core.unicorn is None:
        raise CompileError(
            f"unicorn cannot emulate {core.name}",
            fix="use QEMU for this core (apt install qemu-system-arm qemu-system-misc)",
        )
    if core.isa == "arm":
        return Abi(
            const.UC_ARCH_ARM,
            const.UC_MODE_THUMB | const.UC_MODE_MCLASS,
            getattr(arm, f"UC_CPU_{core.unicorn}"),
            arm.UC_ARM_REG_SP,
            arm.UC_ARM_REG_LR,
            arm.UC_ARM_REG_PC,
            tuple(getattr(arm, f"UC_ARM_REG_R{i}") for i in range(4)),
            stack_align=8,
            entry_bit=1,
            trap_code=b"\xfe\xe7",
            breakpoint_code=b"\xab\xbe",
        )
    embedded = core.name.startswith("rv32e")  # ilp32e: RISC-V psABI, "ILP32E calling convention"
    return Abi(
        const.UC_ARCH_RISCV,
        const.UC_MODE_RISCV32,
        getattr(riscv, f"UC_CPU_{core.unicorn}"),
        riscv.UC_RISCV_REG_SP,
        riscv.UC_RISCV_REG_RA,
        riscv.UC_RISCV_REG_PC,
        tuple(getattr(riscv, f"UC_RISCV_REG_A{i}") for i in range(6 if embedded else 8)),
        stack_align=4 if embedded else 16,
        entry_bit=0,
        trap_code=b"\x6f\x00\x00\x00",
        breakpoint_code=b"\x73\x00\x10\x00",
    )

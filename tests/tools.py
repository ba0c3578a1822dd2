"""Optional tools of the tests: a missing one skips visibly at home, and fails where CI is set."""

from __future__ import annotations

import os

import pytest

from cardc.backends.c.emulate import avr_cpu, gcc, host, qemu
from cardc.backends.c.emulate.cores import get_core


def need(present: bool, tool: str, package: str) -> None:
    """Go on only where `tool` is there."""
    if present:
        return
    message = f"{tool} is not installed (apt install {package})"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def need_gcc(core: str) -> None:
    """The cross gcc for `core`: arm-none-eabi-gcc, riscv64-unknown-elf-gcc or avr-gcc."""
    tool = get_core(core).gcc
    need(gcc.available(get_core(core)), tool, gcc.PACKAGES[tool])


def need_avr() -> None:
    """What emulates an AVR and compiles for it."""
    need_gcc("avr5")
    need(avr_cpu.available(), "simavr", avr_cpu.PACKAGE)


def need_qemu(core: str) -> None:
    """The QEMU that has boards with `core`."""
    arm = get_core(core).isa == "arm"
    tool, package = ("qemu-system-arm",) * 2 if arm else ("qemu-system-riscv32", "qemu-system-misc")
    need(qemu.available(get_core(core)), tool, package)


def need_host(compiler: str) -> None:
    """A compiler for this machine: gcc, clang or zig."""
    need(host.available(compiler), compiler, "g++" if compiler == "gcc" else compiler)

"""The self-test in unicorn: the same program, exit codes and output as on QEMU's boards, with pip's tools alone."""

from __future__ import annotations

import pytest

from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.process import EmulationError
from cardc.backends.c.emulate.selftest import run_selftest

from .conftest import EMULATED

SOURCE = r"""
#include <stdio.h>
static int seeded = 40;
static int zeroed;
int main(void)
{
    puts("two");
    puts("lines");
    return seeded++ + zeroed++ + EXTRA;
}
"""


@pytest.mark.parametrize("core", EMULATED)
def test_exit_code_and_output(core: str) -> None:
    result = run_selftest({"main.c": SOURCE}, get_core(core), extra_cflags=["-DEXTRA=2"])
    assert (result.exit_code, result.output) == (42, "two\nlines\n")


@pytest.mark.parametrize("core", EMULATED)
def test_a_fault_is_an_error(core: str) -> None:
    source = "int main(void) { return *(volatile int *)0xF0F0F0F0u; }"
    with pytest.raises(EmulationError, match=r"read of 4 bytes outside all memory at 0xf0f0f0f0 \(in .*main"):
        run_selftest({"main.c": source}, get_core(core))


def test_an_endless_self_test_is_stopped() -> None:
    with pytest.raises(EmulationError, match="did not end within 1,000,000 instructions"):
        run_selftest(
            {"main.c": 'int main(void) { for (;;) { __asm__ volatile(""); } }'},
            get_core("cortex-m4"),
            limit=1_000_000,
        )

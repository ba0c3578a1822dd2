"""Self-tests on QEMU's boards, built by gcc and by zig: PASS and FAIL both get through."""

from __future__ import annotations

import shutil

import pytest
from tests.tools import need_gcc, need_qemu

from cardc.backends.c.emulate import gcc, qemu
from cardc.backends.c.emulate.cores import CORES, get_core
from cardc.backends.c.emulate.process import EmulationError
from cardc.errors import CompileError

CROSS = [name for name, core in CORES.items() if core.boards]
SELFTEST = r"""
#include <stdint.h>
#include <stdio.h>
#include <string.h>
static int32_t seeded = 77;
static int8_t zeroed[100];
static const int8_t golden[5] = {1, 2, 3, 4, EXPECTED};
static uint64_t multiply(uint32_t a, uint32_t b) { return (uint64_t)a * b; }
int main(void)
{
    volatile uint32_t large = 0xffffffffu;
    int8_t copy[5];
    memcpy(copy, golden, sizeof copy);
    puts("self-test");
    if (seeded != 77 || zeroed[99] != 0 || multiply(large, large) != 0xfffffffe00000001ull || copy[4] != 5) {
        puts("FAIL");
        return 1;
    }
    seeded++;
    zeroed[99]++;
    puts("PASS");
    return 0;
}
"""


def selftest(core: str, compiler: str, source: str = SELFTEST, **options: object) -> qemu.QemuResult:
    need_qemu(core)
    if compiler == "gcc":
        need_gcc(core)
    return qemu.run_selftest({"test.c": source}, get_core(core), compiler=compiler, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
@pytest.mark.parametrize("core", CROSS)
def test_pass_and_fail_come_through(core: str, compiler: str) -> None:
    good = selftest(core, compiler, extra_cflags=["-DEXPECTED=5"])
    assert (good.exit_code, good.output) == (0, "self-test\nPASS\n")
    bad = selftest(core, compiler, extra_cflags=["-DEXPECTED=6"])
    assert (bad.exit_code, bad.output) == (1, "self-test\nFAIL\n")


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4", "cortex-m55", "rv32imc"])
def test_a_fault_is_no_pass(core: str) -> None:
    source = '#include <stdio.h>\nint main(void) { __builtin_trap(); puts("PASS"); return 0; }'
    result = selftest(core, "zig", source)
    assert (result.exit_code, result.output) == (255, "FAULT\n")


def test_a_self_test_that_never_ends_is_stopped() -> None:
    with pytest.raises(EmulationError, match="qemu-system-arm did not end within 2 s"):
        selftest("cortex-m4", "zig", 'int main(void) { for (;;) { __asm__ volatile(""); } }', timeout=2)


def test_what_is_too_big_for_the_microbit_runs_on_the_next_board() -> None:
    source = (
        '#include <stdio.h>\nstatic volatile char big[20000];\nint main(void) { big[19999]++; puts("PASS"); return 0; }'
    )
    assert selftest("cortex-m0", "zig", source).board == "mps2-an385"
    with pytest.raises(CompileError, match="does not fit any") as error:
        selftest("cortex-m0", "zig", source, board="microbit")
    assert error.value.exit_code == 1


def test_vector_instructions_run_on_the_m55() -> None:
    source = """
#include <arm_mve.h>
#include <stdio.h>
static int8_t values[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
int main(void) { int ok = vaddvq_s8(vldrbq_s8(values)) == 136; puts(ok ? "PASS" : "FAIL"); return !ok; }
"""
    for compiler in ("gcc", "zig"):
        result = selftest("cortex-m55", compiler, source)
        assert (result.exit_code, result.output) == (0, "PASS\n")


def test_a_missing_qemu_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    with pytest.raises(CompileError, match="qemu-system-arm is not installed") as error:
        qemu.run_selftest({"test.c": SELFTEST}, get_core("cortex-m4"))
    assert error.value.fix == "apt install qemu-system-arm"


def test_a_missing_gcc_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _tool: None)
    with pytest.raises(CompileError, match="arm-none-eabi-gcc is not installed") as error:
        gcc.compile_elf({"test.c": SELFTEST}, get_core("cortex-m4"), keep=["main"])
    assert "gcc-arm-none-eabi" in error.value.fix

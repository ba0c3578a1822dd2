"""simavr: results, cycles and stack of single functions, and every stray access caught."""

from __future__ import annotations

import functools

import pytest
from tests.tools import need_avr

from cardc.backends.c.emulate.avr_cpu import AvrMachine
from cardc.backends.c.emulate.avr_selftest import run_selftest
from cardc.backends.c.emulate.avr_state import place_arguments
from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.elf import Elf
from cardc.backends.c.emulate.gcc import compile_elf
from cardc.backends.c.emulate.process import EmulationError, ToolError
from cardc.errors import CompileError

AVR = get_core("avr5")
PROGRAM = """
#include <stdint.h>
static const __flash uint8_t table[4] = {1, 2, 3, 250};
static uint16_t calls = 40;
int sum(const uint8_t *p, int n);
uint32_t times(uint32_t a, uint32_t b);
int at(int i);
int load(const int *p);
void store(int *p);
int deep(int n);
uint32_t many(uint8_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint16_t f, uint32_t g);
int globals(void);
int spin(void);
int sum(const uint8_t *p, int n) { int s = 0; while (n-- > 0) { s += *p++; } return s; }
uint32_t times(uint32_t a, uint32_t b) { return a * b; }
int at(int i) { return table[i]; }
int load(const int *p) { return *p; }
void store(int *p) { *p = 7; }
int deep(int n) { volatile uint8_t x[20]; x[0] = (uint8_t)n; return n ? deep(n - 1) + x[0] : 0; }
uint32_t many(uint8_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint16_t f, uint32_t g)
{
    return a + b + c + d + e + f + g;
}
int globals(void) { return (int)++calls; }
int spin(void) { for (;;) { __asm__ volatile(""); } }
"""
FUNCTIONS = ("sum", "times", "at", "load", "store", "deep", "many", "globals", "spin")


@functools.cache
def program() -> Elf:
    return compile_elf({"program.c": PROGRAM}, AVR, keep=FUNCTIONS, optimise="-Os")


@pytest.fixture
def machine() -> AvrMachine:
    need_avr()
    return AvrMachine(program(), AVR, buffers=200)


def test_results_instructions_and_cycles(machine: AvrMachine) -> None:
    data = machine.alloc(10, data=bytes(range(10)))
    assert machine.part == "atmega328p"
    assert machine.call("sum", data, 10) == 45
    short, long = machine.run("sum", data, 1), machine.run("sum", data, 10)
    assert long.cycles is not None
    assert short.cycles is not None
    assert (long.instructions - short.instructions) % 9 == 0
    # An element: a load and a taken branch of two cycles each, all else one.
    assert long.cycles - short.cycles == long.instructions - short.instructions + 2 * 9
    assert [machine.call("at", i) for i in range(4)] == [1, 2, 3, 250]
    product = machine.run("times", 70_000, 3, widths=[4, 4])
    assert product.result << 16 | product.result_high == 210_000


def test_arguments_on_the_stack(machine: AvrMachine) -> None:
    run = machine.run("many", 1, 2, 3, 4, 5, 60_000, 7, widths=[1, 4, 4, 4, 4, 2, 4])
    assert run.result << 16 | run.result_high == 60_022
    registers, stacked = place_arguments([1, 2, 3, 4, 5, 6], [4, 4, 4, 4, 4, 2])
    assert sorted(registers) == list(range(10, 26))
    assert stacked == (5).to_bytes(4, "little") + (6).to_bytes(2, "little")


def test_marks_split_what_ran(machine: AvrMachine) -> None:
    seen: list[str] = []
    machine.mark(["deep"], seen.append)
    run = machine.run("deep", 3)
    assert seen == ["deep"]  # recursion stays within its own function
    assert sum(run.by_mark.values()) == run.instructions
    assert run.entries == {"deep": 1}


def test_static_data_is_there_and_can_be_reset(machine: AvrMachine) -> None:
    assert [machine.call("globals"), machine.call("globals")] == [41, 42]
    machine.reset_ram()
    assert machine.call("globals") == 41


def test_the_stack_is_measured_and_bounded(machine: AvrMachine) -> None:
    depths = [machine.run("deep", n, measure_stack=True).stack_bytes or 0 for n in (5, 15)]
    assert (depths[1] - depths[0]) % 10 == 0
    assert depths[1] - depths[0] >= 220
    with pytest.raises(EmulationError, match=r"the stack went down to 0x0\w+, into the buffers \(in deep"):
        machine.call("deep", 300)
    assert machine.call("deep", 3) == 6


def test_stray_accesses_are_faults(machine: AvrMachine) -> None:
    data = machine.alloc(10, data=bytes(range(10)), read_only=True)
    with pytest.raises(EmulationError, match=rf"read of address {data + 10:#06x}, .* \(in sum"):
        machine.call("sum", data, 11)
    with pytest.raises(EmulationError, match="write to address"):
        machine.call("store", data)
    with pytest.raises(EmulationError, match="read of address 0x0000"):
        machine.call("load", 0)
    with pytest.raises(EmulationError, match="read of flash at 0x4e20, behind the program"):
        machine.call("at", 20_000 - program().address("table"))
    constant = machine.rom(bytes([9, 8]))
    assert machine.call("at", constant - program().address("table")) == 9
    with pytest.raises(EmulationError, match="did not end within 1,000 instructions"):
        machine.run("spin", limit=1000)


def test_what_does_not_fit_is_said(machine: AvrMachine) -> None:
    assert AvrMachine(program(), AVR, buffers=4000).part == "atmega1284p"
    with pytest.raises(CompileError, match="are more than any emulated part has: atmega328p, atmega1284p"):
        AvrMachine(program(), AVR, buffers=20_000)
    with pytest.raises(EmulationError, match="do not fit the 2048 bytes of RAM"):
        machine.alloc(3000)


def test_a_flash_pointer_taken_for_a_ram_pointer_is_refused() -> None:
    need_avr()
    source = (
        "static const __flash char c[2] = {1, 2};\nchar f(int i);\nchar f(int i) { const char *p = c; return p[i]; }\n"
    )
    with pytest.raises(ToolError, match="address space"):
        compile_elf({"a.c": source}, AVR, keep=("f",))


def test_a_self_test_prints_and_ends() -> None:
    need_avr()
    source = '#include <stdio.h>\nint main(void) { puts("PASS"); puts("more"); return 3; }\n'
    result = run_selftest({"test.c": source}, AVR)
    assert (result.exit_code, result.output, result.board) == (3, "PASS\nmore\n", "atmega328p")

"""Known results on every emulated core, and every fault that a board or a guard page would raise."""

from __future__ import annotations

import pytest

from cardc.backends.c.emulate.cores import get_core
from cardc.backends.c.emulate.process import EmulationError
from cardc.backends.c.emulate.unicorn_cpu import Machine
from cardc.errors import CompileError


def test_known_results(machine: Machine) -> None:
    data = bytes(value % 256 for value in range(-40, 60))
    assert machine.call("sum", machine.alloc(100, data=data), 100) == sum(range(-40, 60))
    out = machine.alloc(8)
    assert machine.call("copy_table", out) == (1 - 2 + 3 - 4 + 5 - 6 + 7 - 8) % 2**32
    assert machine.read(out, 8) == bytes(v % 256 for v in (1, -2, 3, -4, 5, -6, 7, -8))
    assert machine.call("use_struct", 10, -20, 30, -5) == 15
    assert machine.call("many", *range(1, 11)) == sum(i * i for i in range(1, 11))
    assert machine.call("divide", -100, 7) == -14 % 2**32
    assert machine.call("bits", 0xF0F0_1234) == 13


def test_64_bit_result(machine: Machine) -> None:
    run = machine.run("multiply", 0xFFFF_FFFF, 0xFFFF_FFFE)
    assert run.result_high << 32 | run.result == 0xFFFF_FFFF * 0xFFFF_FFFE


def test_data_and_bss_are_initialised_and_kept_between_calls(machine: Machine) -> None:
    assert [machine.call("globals") for _ in range(3)] == [1002, 1004, 1006]
    machine.reset_ram()
    assert machine.call("globals") == 1002


def test_stack_depth_of_nested_kilobyte_frames(machine: Machine) -> None:
    depths = [machine.run("deep", levels, measure_stack=True).stack_bytes for levels in (1, 2, 5)]
    assert depths[0] is not None
    assert depths[1] is not None
    assert 1024 < depths[0] < 1024 + 128
    step = depths[1] - depths[0]
    assert 1024 < step < 1024 + 64
    assert depths[2] == depths[0] + 4 * step


def test_stack_overflow_faults(machine: Machine) -> None:
    with pytest.raises(EmulationError, match="below the stack"):
        machine.call("deep", 100)


def test_writing_to_flash_faults(machine: Machine) -> None:
    flash = machine.elf.address("table")
    with pytest.raises(EmulationError, match=r"to read-only memory at .*flash"):
        machine.call("copy_table", flash)


def test_writing_to_a_read_only_buffer_faults(machine: Machine) -> None:
    with pytest.raises(EmulationError, match="to read-only memory"):
        machine.call("copy_table", machine.alloc(8, read_only=True))


def test_reading_over_the_end_of_a_buffer_faults(machine: Machine) -> None:
    buffer = machine.alloc(24)
    assert machine.call("sum", buffer, 24) == 0
    with pytest.raises(EmulationError, match=r"outside all memory at .*24 in a buffer of 24 bytes.*in sum"):
        machine.call("sum", buffer, 25)


@pytest.mark.parametrize("offset", [-3, 5])
def test_writing_beside_a_buffer_is_noticed(m4: Machine, offset: int) -> None:
    buffer = m4.alloc(9)  # neither end lies on a page boundary
    with pytest.raises(EmulationError, match=r"wrote (before|after) .*in a buffer of 9 bytes"):
        m4.call("copy_table", buffer + offset)
    assert m4.call("copy_table", buffer) == -4 % 2**32  # reported once, then forgotten


def test_null_pointers_fault(machine: Machine) -> None:
    with pytest.raises(EmulationError, match="outside all memory at 0x0000000"):
        machine.call("copy_table", 0)


def test_jumping_into_data_faults(machine: Machine) -> None:
    with pytest.raises(EmulationError, match="holds no code"):
        machine.call(machine.elf.address("seeded"))


def test_a_misaligned_word_faults_where_the_core_would(machine: Machine) -> None:
    data = machine.alloc(8, data=bytes(range(8)))
    assert machine.call("load_word", data) == 0x03020100
    if "unaligned" in machine.core.features:
        assert machine.call("load_word", data + 1) == 0x04030201
    else:
        with pytest.raises(EmulationError, match=r"misaligned access of 4 bytes at .*\(1 in a buffer"):
            machine.call("load_word", data + 1)
    assert machine.call("load_word", data + 4) == 0x07060504  # usable after a fault


def test_alignment_can_be_checked_on_any_core(m4: Machine) -> None:
    strict = Machine(m4.elf, m4.core, check_alignment=True)
    with pytest.raises(EmulationError, match="misaligned"):
        strict.call("load_word", strict.alloc(8) + 2)


def test_an_endless_loop_is_stopped_by_the_limit(machine: Machine) -> None:
    with pytest.raises(EmulationError, match=r"did not end within 100,000 instructions \(in spin"):
        machine.call("spin", limit=100_000)
    assert machine.call("divide", 12, 4) == 3


def test_an_exception_in_a_callback_comes_out(m4: Machine) -> None:
    def refuse(name: str) -> None:
        raise KeyError(name)

    m4.mark(["second"], refuse)
    with pytest.raises(KeyError, match="second"):
        m4.call("phases", m4.alloc(40), 10)


def test_data_must_fit_its_buffer(m4: Machine) -> None:
    with pytest.raises(ValueError, match="5 bytes of data for a buffer of 4"):
        m4.alloc(4, data=b"12345")


def test_unknown_functions_are_named(m4: Machine) -> None:
    with pytest.raises(ValueError, match="no symbol 'nothing'"):
        m4.call("nothing")
    with pytest.raises(ValueError, match="no symbol 'nothing'"):
        m4.mark(["nothing"])


def test_cores_that_unicorn_lacks_are_refused_with_a_remedy(m4: Machine) -> None:
    with pytest.raises(CompileError, match="cannot emulate cortex-m55") as error:
        Machine(m4.elf, get_core("cortex-m55"))
    assert "qemu" in error.value.fix


def test_a_mistyped_core_gets_a_suggestion() -> None:
    with pytest.raises(CompileError) as error:
        get_core("cortex-m44")
    assert error.value.fix == "did you mean 'cortex-m4'?"

"""Instruction counts are exact: against unicorn's hook of every instruction, by function, and from run to run."""

from __future__ import annotations

from typing import Any

import pytest
from unicorn import unicorn_const

from cardc.backends.c.emulate.unicorn_cpu import Machine

CALLS = [("deep", (3,)), ("divide", (1 << 30, 3)), ("many", tuple(range(10))), ("multiply", (77, 99)), ("bits", (5,))]


def one_by_one(machine: Machine, function: str, *args: int) -> int:
    """The count by a hook of single instructions, the return trap left out."""
    seen: list[int] = []

    def count(_uc: Any, address: int, _size: int, _data: Any) -> None:
        seen.append(address)

    fresh = Machine(machine.elf, machine.core)
    fresh._uc.hook_add(unicorn_const.UC_HOOK_CODE, count)
    base = machine.core.memory.flash
    fresh.call(function, *args)
    return sum(address >= base for address in seen)


@pytest.mark.parametrize(("function", "args"), CALLS)
def test_block_counts_equal_single_steps(machine: Machine, function: str, args: tuple[int, ...]) -> None:
    assert machine.run(function, *args).instructions == one_by_one(machine, function, *args)


def test_a_count_is_the_same_on_every_run(machine: Machine) -> None:
    buffer = machine.alloc(400)
    assert len({machine.run("phases", buffer, 100).instructions for _ in range(3)}) == 1


def test_marks_split_the_count_and_cost_by_the_element(machine: Machine) -> None:
    machine.mark(["first", "second"])
    buffer = machine.alloc(400)
    runs = [machine.run("phases", buffer, count) for count in (50, 51, 100)]
    for run in runs:
        assert sum(run.by_mark.values()) == run.instructions
        assert run.entries == {"first": 1, "second": 2}
        assert 0 < run.by_mark[""] < 20
    for name in ("first", "second"):
        by_element = runs[1].by_mark[name] - runs[0].by_mark[name]
        assert by_element > 0
        assert runs[2].by_mark[name] == runs[0].by_mark[name] + 50 * by_element


def test_a_loop_to_the_first_instruction_is_not_an_entry(machine: Machine) -> None:
    left = machine.alloc(4)
    machine.mark(["drain"])
    for _ in range(2):
        machine.write(left, (10).to_bytes(4, "little"))
        run = machine.run("drain", left)
        assert run.entries == {"drain": 1}
        assert run.by_mark == {"": 0, "drain": 41}  # ten rounds of four instructions, and the return
    assert dict(machine._trace.blocks())[machine.elf.address("drain")] == 40  # it did come back there


def test_callbacks_see_memory_as_it_is_at_entry(machine: Machine) -> None:
    buffer, seen = machine.alloc(12), []
    machine.write(buffer, b"\xff" * 12)
    machine.mark(["first", "second"], lambda name: seen.append((name, machine.read(buffer, 12))))
    machine.call("phases", buffer, 3)
    triples = b"".join(value.to_bytes(4, "little") for value in (0, 3, 6))
    assert seen == [("first", b"\xff" * 12), ("second", triples), ("second", triples)]


def test_the_profile_names_local_functions(machine: Machine) -> None:
    machine.call("divide", 1 << 30, 3)
    run = machine.run("phases", machine.alloc(400), 100)
    profile = machine.profile()
    assert sum(profile.values()) == run.instructions
    assert {"first", "second", "phases"} <= set(profile)

"""QEMU's plugin and unicorn's block hook count the same program alike."""

from __future__ import annotations

import pytest
from tests.tools import need_qemu

from cardc.backends.c.emulate import zig
from cardc.backends.c.emulate.cores import CORES, get_core
from cardc.backends.c.emulate.qemu_count import Counted, count_selftest
from cardc.backends.c.emulate.unicorn_cpu import Machine

from .conftest import EMULATED

MAIN = """
#include <stdint.h>
#include <stdio.h>
int32_t phases(int32_t *out, int32_t count);
static int32_t buffer[100];
int main(void) { puts(phases(buffer, 100) == 29700 ? "PASS" : "FAIL"); return 0; }
"""


def counted(core: str, sources: dict[str, str]) -> Counted:
    need_qemu(core)
    result = count_selftest({**sources, "main.c": MAIN}, get_core(core), ["first", "second", "puts"])
    assert result.run.output == "PASS\n"
    assert [name for name, _ in result.entries] == ["first", "second", "second", "puts"]
    return result


@pytest.mark.parametrize("core", EMULATED)
def test_qemu_and_unicorn_agree(core: str, sources: dict[str, str]) -> None:
    expected = counted(core, sources)
    machine = Machine(zig.compile_elf(sources, get_core(core), keep=["phases"]), get_core(core))
    machine.mark(["first", "second"])
    run = machine.run("phases", machine.alloc(400), 100)
    assert run.by_mark["first"] == expected.between("first", "second")
    second = expected.between("second", "second")
    assert second < run.by_mark["second"] <= 2 * second + 12  # the second call ends with the return to main


@pytest.mark.parametrize("core", [name for name, core in CORES.items() if core.boards and name not in EMULATED])
def test_cores_that_unicorn_lacks_are_counted(core: str, sources: dict[str, str]) -> None:
    first, again = counted(core, sources), counted(core, sources)
    assert first.entries == again.entries
    assert 300 < first.between("first", "second") < 900  # three to nine instructions an element


def test_an_unknown_mark_is_named(sources: dict[str, str]) -> None:
    need_qemu("cortex-m4")
    with pytest.raises(ValueError, match="no symbol 'nothing'"):
        count_selftest({**sources, "main.c": MAIN}, get_core("cortex-m4"), ["nothing"])

"""zig cc: sizes, symbols, determinism, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cardc.backends.c.emulate import zig
from cardc.backends.c.emulate.cores import CORES, get_core
from cardc.backends.c.emulate.process import EmulationError, ToolError, run_tool
from cardc.errors import CompileError

CROSS = [name for name, core in CORES.items() if core.isa not in ("host", "avr")]
CONSTANTS = {
    "a.c": "#include <stdint.h>\nextern const int16_t big[500]; const int16_t big[500] = {1, 2};\n"
    "static int32_t start = 7; static volatile int8_t scratch[40];\n"
    "int32_t run(int32_t i); int32_t run(int32_t i) { scratch[i] = 1; start += i; return big[i] + start; }\n"
    "int32_t unused(void); int32_t unused(void) { return 99; }\n"
}


@pytest.mark.parametrize("name", CROSS)
def test_sizes_are_those_of_the_program(name: str) -> None:
    elf = zig.compile_elf(CONSTANTS, get_core(name), keep=["run", "big"])
    assert elf.sizes.rodata == 1000
    assert elf.sizes.data == 8  # four bytes, and the alignment of the section
    assert elf.sizes.bss == 40
    assert elf.sizes.flash == elf.sizes.text + 1008
    assert elf.sizes.ram == 48
    assert 8 <= elf.symbol("run").size <= elf.sizes.text < 100
    assert elf.symbol("big").size == 1000
    assert "unused" not in elf.symbols


@pytest.mark.parametrize("name", CROSS)
def test_two_builds_give_the_same_bytes_and_hold_no_path(name: str) -> None:
    core = get_core(name)
    first, second = (zig.compile_elf(CONSTANTS, core, keep=["run"]).data for _ in range(2))
    assert first == second
    assert b"/tmp" not in first
    assert os.getcwd().encode() not in first


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    code = (
        "import hashlib, sys; from cardc.backends.c.emulate import zig; from cardc.backends.c.emulate.cores import *;"
        f"print(hashlib.sha256(zig.compile_elf({CONSTANTS!r}, get_core('cortex-m4'), keep=['run']).data).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop()) == 65


def test_integer_code_has_no_floating_point_instructions() -> None:
    source = {"f.c": "float times(float a, float b); float times(float a, float b) { return a * b; }\n"}
    for name in ("cortex-m4", "cortex-m7", "cortex-m33"):
        assert "__aeabi_fmul" in zig.compile_elf(source, get_core(name), keep=["times"]).symbols


@pytest.mark.parametrize(
    "source",
    [
        "signed char narrow(int a); signed char narrow(int a) { return a; }",  # -Wconversion
        "int narrow(int a); int narrow(int a) { int b; return 1; }",  # -Wall
        "int narrow(int a, int b); int narrow(int a, int b) { return a; }",  # -Wextra
        "int narrow(int a) { return a }",
    ],
)
def test_warnings_are_errors(source: str) -> None:
    with pytest.raises(ToolError, match="narrow"):
        zig.compile_elf({"a.c": source}, get_core("cortex-m4"), keep=["narrow"])


def test_headers_in_folders_are_found() -> None:
    sources = {"lib/a.h": "#define SIX 6\n", "a.c": '#include "lib/a.h"\nint six(void); int six(void) { return SIX; }'}
    assert zig.compile_elf(sources, get_core("rv32imc"), keep=["six"]).symbol("six").size > 0


def test_a_function_that_does_not_exist_is_reported() -> None:
    with pytest.raises(ToolError, match="define no nothing"):
        zig.compile_elf(CONSTANTS, get_core("cortex-m4"), keep=["run", "nothing"])


@pytest.mark.parametrize("name", ["../a.c", "/tmp/a.c", "a/../../b.c"])
def test_source_names_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        zig.compile_elf({name: ""}, get_core("cortex-m4"), keep=["run"])


def test_missing_zig_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zig, "available", lambda: False)
    with pytest.raises(CompileError) as error:
        zig.compile_elf(CONSTANTS, get_core("cortex-m4"), keep=["run"])
    assert error.value.fix == "pip install 'cardc[mcu]'"


def test_an_unwritable_cache_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDC_CACHE_DIR", "/proc/nowhere")
    with pytest.raises(CompileError, match="cannot create the cache folder") as error:
        zig.compile_elf(CONSTANTS, get_core("cortex-m4"), keep=["run"])
    assert "CARDC_CACHE_DIR" in error.value.fix


def test_tools_that_hang_are_stopped() -> None:
    with pytest.raises(EmulationError, match=r"did not end within 0.5 s\nhello"):
        run_tool([sys.executable, "-c", "import time; print('hello', flush=True); time.sleep(60)"], timeout=0.5)

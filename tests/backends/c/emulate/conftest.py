"""One program, compiled once for every core that unicorn has."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from cardc.backends.c.emulate import zig
from cardc.backends.c.emulate.cores import CORES, get_core
from cardc.backends.c.emulate.elf import Elf
from cardc.backends.c.emulate.unicorn_cpu import Machine

SOURCES = {"program.c": (Path(__file__).parent / "program.c").read_text(encoding="utf-8")}
FUNCTIONS = (
    *("sum", "copy_table", "use_struct", "many", "multiply", "divide", "bits", "deep", "globals"),
    *("load_word", "spin", "phases", "drain"),
)
EMULATED = [name for name, core in CORES.items() if core.unicorn is not None]


@functools.cache
def compiled(core: str) -> Elf:
    return zig.compile_elf(SOURCES, get_core(core), keep=FUNCTIONS)


@pytest.fixture
def sources() -> dict[str, str]:
    return dict(SOURCES)


@pytest.fixture(params=EMULATED)
def machine(request: pytest.FixtureRequest) -> Machine:
    return Machine(compiled(request.param), get_core(request.param))


@pytest.fixture
def m4() -> Machine:
    return Machine(compiled("cortex-m4"), get_core("cortex-m4"))


@pytest.fixture
def m0() -> Machine:
    return Machine(compiled("cortex-m0"), get_core("cortex-m0"))

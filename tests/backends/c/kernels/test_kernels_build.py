"""The kernels' files: clean under every compiler, each defining what FILE_OF says, and clean under the sanitizers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tools import need_gcc, need_host

from cardc.backends.c.emulate import gcc, host, zig
from cardc.backends.c.emulate.cores import CORES, get_core
from cardc.backends.c.runtime import FILE_OF, sources

ALL = sources(FILE_OF)
CROSS = [name for name, core in CORES.items() if core.isa not in ("host", "avr")]


@pytest.mark.parametrize("as_cpp", [False, True])
@pytest.mark.parametrize("unaligned", [0, 1])
@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_host_compilers_have_nothing_to_say(compiler: str, unaligned: int, as_cpp: bool) -> None:
    need_host(compiler)
    host.check_compiles(ALL, compiler=compiler, as_cpp=as_cpp, flags=[f"-DCARDC_UNALIGNED={unaligned}"])


@pytest.mark.parametrize("core", CROSS)
def test_zig_compiles_for_every_core(core: str) -> None:
    elf = zig.compile_elf(ALL, get_core(core), keep=sorted(FILE_OF))
    assert elf.sizes.data == 0, "kernels have no state"
    assert elf.sizes.bss == 0, "kernels have no state"


@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4", "rv32imc"])
def test_gcc_compiles_for_boards(core: str) -> None:
    need_gcc(core)
    large = {"cardc_conv_runs"} if core == "avr5" else set()  # 32 KB do not hold it beside the others
    for keep in filter(None, (sorted(large), sorted(FILE_OF.keys() - large))):
        gcc.compile_elf(sources(keep), get_core(core), keep=keep)


def test_each_function_is_where_it_is_said_to_be() -> None:
    pattern = re.compile(r"^(?!static)[a-z]\w* \**(cardc_\w+)\([^;]*?\) \{", re.MULTILINE)
    defined = {name: file for file, text in ALL.items() if file.endswith(".c") for name in pattern.findall(text)}
    assert defined == FILE_OF


def test_sources_hold_what_is_needed_and_no_more() -> None:
    assert set(sources(["cardc_maxpool"])) == {"cardc_maxpool.c", "cardc_move.h", "cardc_types.h"}
    lanes = set(sources(["cardc_conv_lanes"]))
    assert {"cardc_finish.c", "cardc_tiles_aligned.h", "cardc_tiles_unaligned.h"} < lanes
    assert "cardc_conv_int8.c" not in lanes


def test_nothing_is_included_but_the_two_headers() -> None:
    for file, text in ALL.items():
        assert set(re.findall(r"#include <(.*)>", text)) <= {"stdint.h", "string.h"}, file


@pytest.mark.skipif("CARDC_SAN" in os.environ, reason="this is the inner run")
def test_sanitizers_have_nothing_to_say() -> None:
    """The tests on this machine again, in a process that has gcc's address and undefined-behaviour sanitizers."""
    need_host("gcc")
    libraries = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    environment = {
        **os.environ,
        "CARDC_SAN": "1",
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",  # else small buffers share a block, and their ends are not seen
    }
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "host", str(here)],
        env=environment, cwd=here.parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout

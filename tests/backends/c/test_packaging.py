"""The files around the library, each put to use: one header for two networks, Zephyr and Pico SDK by stand-ins."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.backends.c.networks import Case, in_c
from tests.graphs import IntegerGraph, uint
from tests.tools import need

from cardc.backends.c.emulate import host
from cardc.backends.c.runtime import FILE_OF, sources
from cardc.backends.c.single_header import single_header


def network(name: str, seed: int) -> Case:
    graph = IntegerGraph((2, 8, 8), uint(4), seed=seed).conv(6, pads=1).threshold(uint(2)).maxpool(2)
    graph.conv(4).threshold(uint(1)).flatten().dense(5)
    return in_c(graph, inputs=6, name=name)


@pytest.fixture(scope="module")
def one() -> Case:
    return network("one", 1)


def in_one(case: Case) -> dict[str, str]:
    return {f"{case.built.name}.h": single_header(case.built.name, case.built.sources())}


@pytest.mark.parametrize("as_cpp", [False, True])
def test_the_single_header_passes_the_self_test(one: Case, as_cpp: bool) -> None:
    selftest = one.built.sources(selftest=True)["one_selftest.c"]
    files = {**in_one(one), "one_selftest.c": f"#define ONE_IMPLEMENTATION\n{selftest}"}
    result = host.run_program(files, as_cpp=as_cpp)
    assert (result.exit_code, result.output) == (0, "PASS\n")


MAIN = """
#define ONE_IMPLEMENTATION
#include "one.h"
#define TWO_IMPLEMENTATION
#include "two.h"
#include "one.h"
int main(void) { return one_predict(NULL, NULL, NULL) + two_predict(NULL, NULL, NULL) == 2 ? 0 : 1; }
"""
OTHER = """
#include "two.h"
int other(const int8_t *in, int16_t *out, void *arena);
int other(const int8_t *in, int16_t *out, void *arena) { return two_predict(in, out, arena); }
"""


@pytest.mark.parametrize("as_cpp", [False, True])
def test_two_networks_as_headers_in_one_program(one: Case, as_cpp: bool) -> None:
    files = {**in_one(one), **in_one(network("two", 2)), "main.c": MAIN, "other.c": OTHER}
    assert host.run_program(files, as_cpp=as_cpp).exit_code == 0


def test_every_kernel_goes_into_one_file() -> None:
    everything = {**sources(FILE_OF), "all.h": "#ifndef ALL_H\n#define ALL_H\n#include <stdint.h>\n#endif\n"}
    for unaligned in (0, 1):
        main = '#define ALL_IMPLEMENTATION\n#include "all.h"\nint main(void) { return 0; }\n'
        text = f"#define CARDC_UNALIGNED {unaligned}\n{main}"
        result = host.run_program({"all.h": single_header("all", everything), "main.c": text})
        assert result.exit_code == 0, result.output


PICO = {
    "pico_sdk_init.cmake": """
add_library(pico_stdlib INTERFACE)
target_include_directories(pico_stdlib INTERFACE "${PICO_SDK_PATH}/include")
function(pico_sdk_init)
endfunction()
function(pico_enable_stdio_usb target on)
endfunction()
function(pico_add_extra_outputs target)
endfunction()
""",
    "include/pico/stdlib.h": """
#include <stdint.h>
#include <stdlib.h>
static inline void stdio_init_all(void) {}
static inline uint64_t time_us_64(void) { return 0; }
static inline void sleep_ms(uint32_t time) { (void)time; exit(0); }
""",
}


def test_the_pico_program_builds_and_runs_on_a_stand_in_sdk(one: Case, tmp_path: Path) -> None:
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    one.built.project.write(tmp_path / "one")
    for name, text in PICO.items():
        (tmp_path / "sdk" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sdk" / name).write_text(text)
    build = str(tmp_path / "build")
    run("cmake", "-B", build, f"-DPICO_SDK_PATH={tmp_path / 'sdk'}", str(tmp_path / "one/examples/pico"))
    run("cmake", "--build", build)
    assert run(f"{build}/one_pico").startswith("class ")


ZEPHYR = """
cmake_minimum_required(VERSION 3.13)
project(app C)
set(ZEPHYR_CURRENT_MODULE_DIR "${CMAKE_CURRENT_SOURCE_DIR}/one")
set(CONFIG_ONE ${ENABLED})
macro(zephyr_library_named name)
    set(current ${name})
    add_library(${name} STATIC)
endmacro()
macro(zephyr_library_sources)
    target_sources(${current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories folder)
    include_directories(${folder})
endmacro()
add_subdirectory("one/${MODULE_CMAKE}" module)
"""


@pytest.mark.parametrize("enabled", ["y", "n"])
def test_the_zephyr_module_builds_where_it_is_enabled(one: Case, tmp_path: Path, enabled: str) -> None:
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    one.built.project.write(tmp_path / "one")
    module = yaml.safe_load((tmp_path / "one/zephyr/module.yml").read_text())
    assert module["name"] == "one"
    assert "config ONE\n" in (tmp_path / "one" / module["build"]["kconfig"]).read_text()
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR)
    build = str(tmp_path / "build")
    run("cmake", "-B", build, f"-DENABLED={enabled}", f"-DMODULE_CMAKE={module['build']['cmake']}", str(tmp_path))
    run("cmake", "--build", build)
    assert bool(list((tmp_path / "build").rglob("libone.a"))) == (enabled == "y")


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

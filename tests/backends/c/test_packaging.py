"""The files around the library, each put to use: one header for two networks; SDKs by stand-ins."""

from __future__ import annotations

import json
import re
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


@pytest.fixture(scope="module")
def two() -> Case:
    return network("two", 2)


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
def test_two_networks_as_headers_in_one_program(one: Case, two: Case, as_cpp: bool) -> None:
    files = {**in_one(one), **in_one(two), "main.c": MAIN, "other.c": OTHER}
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
set(CONFIG_CARDC_ONE ${ENABLED})
set(CONFIG_CARDC_TWO y)
macro(zephyr_library_named name)
    set(current ${name})
    add_library(${name} STATIC)
    list(APPEND libraries ${name})
endmacro()
macro(zephyr_library_sources)
    target_sources(${current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
    target_compile_options(${current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories folder)
    include_directories(${folder})
endmacro()
foreach(module one two)
    set(ZEPHYR_CURRENT_MODULE_DIR "${CMAKE_CURRENT_SOURCE_DIR}/${module}")
    include("${module}/${MODULE_CMAKE}/CMakeLists.txt")
endforeach()
add_executable(app main.c)
target_link_libraries(app PRIVATE -Wl,--whole-archive ${libraries} -Wl,--no-whole-archive)
"""


@pytest.mark.parametrize("enabled", ["y", "n"])
def test_two_zephyr_modules_build_into_one_program(one: Case, two: Case, tmp_path: Path, enabled: str) -> None:
    """Zephyr links every object of every library, so that a kernel that is there twice would be an error."""
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    for case in (one, two):
        case.built.project.write(tmp_path / case.built.name)
    module = yaml.safe_load((tmp_path / "one/zephyr/module.yml").read_text())
    assert module["name"] == "one"
    assert "config CARDC_ONE\n" in (tmp_path / "one" / module["build"]["kconfig"]).read_text()
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR)
    calls = "one_predict(NULL, NULL, NULL) + " if enabled == "y" else ""
    includes = "".join(f'#include "{name}.h"\n' for name in ("one", "two") if name == "two" or calls)
    (tmp_path / "main.c").write_text(f"#include <stddef.h>\n{includes}" + BOTH.replace("CALLS", calls))
    build = str(tmp_path / "build")
    run("cmake", "-B", build, f"-DENABLED={enabled}", f"-DMODULE_CMAKE={module['build']['cmake']}", str(tmp_path))
    run("cmake", "--build", build)
    assert run(f"{build}/app") == ("2" if enabled == "y" else "1")
    assert bool(list((tmp_path / "build").rglob("libcardc_one.a"))) == (enabled == "y")


BOTH = """
#include <stdio.h>
int main(void) { printf("%d", CALLS two_predict(NULL, NULL, NULL)); return 0; }
"""
CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(app C)
add_subdirectory(one)
add_subdirectory(two)
add_executable(app main.c)
target_link_libraries(app PRIVATE one two)
"""


def test_two_libraries_in_one_cmake_project(one: Case, two: Case, tmp_path: Path) -> None:
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    for case in (one, two):
        case.built.project.write(tmp_path / case.built.name)
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    calls = BOTH.replace("CALLS", "one_predict(NULL, NULL, NULL) + ")
    (tmp_path / "main.c").write_text(f'#include <stddef.h>\n#include "one.h"\n#include "two.h"\n{calls}')
    build = str(tmp_path / "build")
    said = run("cmake", "-B", build, "-DCMAKE_BUILD_TYPE=Release", str(tmp_path))
    assert "warning" not in said.lower()
    run("cmake", "--build", build)
    assert run(f"{build}/app") == "2"
    assert not list((tmp_path / "build").rglob("*selftest*")), "a part of another project has no main of its own"


@pytest.mark.parametrize(("build_type", "options"), [("", "-O2"), ("Release", "-O3 -O2"), ("MinSizeRel", "-Os")])
def test_cmake_optimises_as_the_report_was_measured(one: Case, tmp_path: Path, build_type: str, options: str) -> None:
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    one.built.project.write(tmp_path / "one")
    build = tmp_path / "build"
    run("cmake", "-B", str(build), f"-DCMAKE_BUILD_TYPE={build_type}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
        str(tmp_path / "one"))  # fmt: skip
    found = next(c for c in json.loads((build / "compile_commands.json").read_text()) if c["file"].endswith("/one.c"))
    assert " ".join(re.findall(r"-O\w", found["command"])) == options


ESP_IDF = """
set(CMAKE_C_COMPILER none)
macro(idf_component_register)
    cmake_parse_arguments(given "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    message("SRCS ${given_SRCS}")
    message("INCLUDE_DIRS ${given_INCLUDE_DIRS}")
    if(CMAKE_BUILD_EARLY_EXPANSION)
        return()
    endif()
endmacro()
set(CMAKE_BUILD_EARLY_EXPANSION 1)
include(${CMAKE_CURRENT_LIST_DIR}/one/CMakeLists.txt)
"""


def test_the_esp_idf_component_names_its_sources(one: Case, tmp_path: Path) -> None:
    """ESP-IDF includes a component's CMakeLists.txt in a script first, where nothing can be built."""
    need(shutil.which("cmake") is not None, "cmake", "cmake")
    one.built.project.write(tmp_path / "one")
    (tmp_path / "expand.cmake").write_text(ESP_IDF)
    said = run("cmake", "-DESP_PLATFORM=1", "-P", str(tmp_path / "expand.cmake"), together=True)
    sources = re.search(r"SRCS (.*)", said)
    assert sources is not None
    assert sorted(sources[1].split(";")) == sorted(f"src/{f}" for f in one.built.sources() if f.endswith(".c"))
    assert "INCLUDE_DIRS src" in said
    about = yaml.safe_load((tmp_path / "one/idf_component.yml").read_text())
    assert re.fullmatch(r"\d+\.\d+\.\d+", about["version"])


ARDUINO_CATEGORIES = {
    "Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
    "Data Processing", "Other",
}  # fmt: skip


def test_the_arduino_library_is_as_its_specification_says(one: Case, tmp_path: Path) -> None:
    """Library specification 2.2: fields, names, and where sources and sketches lie."""
    one.built.project.write(tmp_path / "one")
    lines = (tmp_path / "one/library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    assert len(fields) == len(lines)
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= {
        key for key, value in fields.items() if value
    }
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]*", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] in ARDUINO_CATEGORIES
    assert (tmp_path / "one/src" / fields["includes"]).is_file()
    sketches = list((tmp_path / "one/examples").rglob("*.ino"))
    assert sketches
    assert all(sketch.stem == sketch.parent.name for sketch in sketches)


def test_platformio_finds_what_library_json_names(one: Case, tmp_path: Path) -> None:
    """The fields that PlatformIO's own schema asks for, and no others of another form."""
    one.built.project.write(tmp_path / "one")
    library = json.loads((tmp_path / "one/library.json").read_text())
    assert re.fullmatch(r"[^:;/,@<>]{1,100}", library["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", library["version"])
    assert 0 < len(library["description"]) <= 1000
    assert all(re.fullmatch(r"[a-z\d\-_+. ]{1,50}", word) for word in library["keywords"])
    build = library["build"]
    assert (tmp_path / "one" / build["srcDir"] / "one.c").is_file()
    assert (tmp_path / "one" / build["includeDir"] / library["headers"]).is_file()
    assert build["flags"] == "-O2"


def run(*command: str, together: bool = False) -> str:
    """What `command` said on standard output, or, `together`, on both."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr if together else done.stdout

"""This machine's compilers: calls through ctypes, C++, sanitizers that find what they should."""

from __future__ import annotations

import ctypes

import pytest
from tests.tools import need_host

from cardc.backends.c.emulate import host
from cardc.backends.c.emulate.process import ToolError
from cardc.errors import CompileError

PROGRAM = """
#include <stdint.h>
#include <stdio.h>
static volatile int8_t values[4];
int main(int argc, char **argv)
{
    int32_t i, total = INT32_MAX - 4;
    (void)argv;
    for (i = 0; i < argc; i++) {
        values[i] = 1;
        total += 2;
    }
    puts(total < 0 ? "negative" : "positive");
    return argc;
}
"""


@pytest.fixture(params=["gcc", "zig"])
def compiler(request: pytest.FixtureRequest) -> str:
    need_host(request.param)
    return str(request.param)


def test_a_shared_library_can_be_called(compiler: str, sources: dict[str, str]) -> None:
    library = host.compile_shared(sources, compiler=compiler)
    assert library.sum((ctypes.c_int8 * 3)(5, -7, 100), 3) == 98
    assert library.globals() == 1002
    assert host.compile_shared(sources, compiler=compiler).globals() == 1002  # a copy of its own


@pytest.mark.parametrize("as_cpp", [False, True])
def test_exit_code_and_output(compiler: str, as_cpp: bool) -> None:
    result = host.run_program({"p.c": PROGRAM}, compiler=compiler, as_cpp=as_cpp)
    assert (result.exit_code, result.output) == (1, "positive\n")


@pytest.mark.parametrize("as_cpp", [False, True])
def test_warnings_are_errors(compiler: str, as_cpp: bool) -> None:
    sources = {"p.c": "signed char narrow(int a);\nsigned char narrow(int a) { return a; }\n"}
    with pytest.raises(ToolError, match="narrow"):
        host.check_compiles(sources, compiler=compiler, as_cpp=as_cpp)
    host.check_compiles({"p.c": "int same(int a);\nint same(int a) { return a; }\n"}, compiler=compiler, as_cpp=as_cpp)


def test_cpp_is_really_cpp(compiler: str) -> None:
    sources = {"p.c": "void *any(void);\nint *bad(void);\nint *bad(void) { return any(); }\n"}
    host.check_compiles(sources, compiler=compiler)
    with pytest.raises(ToolError, match="void"):
        host.check_compiles(sources, compiler=compiler, as_cpp=True)


HEAP = """
#include <stdio.h>
#include <stdlib.h>
static char *volatile hidden; /* from UBSan, so that ASan has something to find */
int main(int argc, char **argv)
{
    int read;
    hidden = (char *)calloc(2, 1);
    read = hidden[argc];
    (void)argv;
    free(hidden);
    puts("positive");
    return read + 1;
}
"""


@pytest.mark.parametrize(
    ("source", "arguments", "finding"),
    [
        (PROGRAM, ["x"] * 2, "signed integer overflow"),
        (PROGRAM.replace("INT32_MAX - 4", "0"), ["x"] * 4, "out of bounds"),
        (HEAP, ["x"], "heap-buffer-overflow"),
    ],
)
def test_sanitizers_find_overflows(source: str, arguments: list[str], finding: str) -> None:
    need_host("gcc")
    clean = host.run_program({"p.c": source}, compiler="gcc", sanitize=True)
    assert (clean.exit_code, clean.output) == (1, "positive\n")
    bad = host.run_program({"p.c": source}, compiler="gcc", sanitize=True, arguments=arguments)
    assert bad.exit_code != 0
    assert finding in bad.output
    assert "positive" not in bad.output


def test_without_a_compiler_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.shutil, "which", lambda _name: None)
    monkeypatch.setattr(host.zig, "available", lambda: False)
    with pytest.raises(CompileError, match="no C compiler") as error:
        host.check_compiles({"p.c": PROGRAM})
    assert "apt install g++" in error.value.fix

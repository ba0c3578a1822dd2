"""Compiling emitted C for this machine: a shared library to call, a program to run, sanitizers, C++."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ....errors import CompileError
from . import zig
from .process import SUPPORT, Sources, check_tool, run_tool, write_sources

TIMEOUT = 120.0  # seconds
COMPILERS = ("gcc", "clang", "zig")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


@dataclass(frozen=True)
class HostResult:
    """How a program ended (negative: by that signal) and what it printed, both outputs together."""

    exit_code: int
    output: str


def available(compiler: str) -> bool:
    """Whether `compiler` (gcc, clang or zig) is installed."""
    return zig.available() if compiler == "zig" else shutil.which(compiler) is not None


def compile_shared(
    sources: Sources, *, compiler: str | None = None, optimise: str = "-O2", flags: Sequence[str] = ()
) -> ctypes.CDLL:
    """Compile `sources` to a shared library and load it. The file is deleted at once; each call loads a new
    copy."""
    with tempfile.TemporaryDirectory(prefix="cardc-host-") as name:
        options = ["-shared", "-fPIC", "-g0", optimise, *flags]
        output = _build(sources, Path(name), compiler, False, options, "libcardc.so")
        return ctypes.CDLL(str(output))


def run_program(
    sources: Sources,
    *,
    compiler: str | None = None,
    as_cpp: bool = False,
    sanitize: bool = False,
    optimise: str = "-O2",
    flags: Sequence[str] = (),
    arguments: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> HostResult:
    """Compile `sources`, which define main, and run them. `sanitize` adds ASan and UBSan, whose findings end
    the program with a non-zero code (gcc or clang only: zig ships no ASan runtime)."""
    extra = SANITIZERS if sanitize else ("-g0",)
    with tempfile.TemporaryDirectory(prefix="cardc-host-") as name:
        output = _build(sources, Path(name), compiler, as_cpp, [optimise, *extra, *flags], "selftest")
        done = run_tool([str(output), *arguments], timeout=timeout)
    return HostResult(done.returncode, done.stdout)


def check_compiles(
    sources: Sources, *, compiler: str | None = None, as_cpp: bool = False, flags: Sequence[str] = ()
) -> None:
    """Compile every C file with all warnings as errors, link nothing. Raises `ToolError` with what was
    said."""
    with tempfile.TemporaryDirectory(prefix="cardc-host-") as name:
        _build(sources, Path(name), compiler, as_cpp, ["-c", *flags], None)


def build_support(name: str, flags: Sequence[str] = ()) -> Path:
    """A shared library of cardc's own, from support/`name`, by zig: built once (0.1 s) and kept in the user's cache.

    It is put in place by renaming, so that many processes may do this at once.
    """
    source = (SUPPORT / name).read_bytes()
    identity = "\n".join([*flags, platform.platform(), zig.version()]).encode()
    key = hashlib.sha256(source + b"\0" + identity).hexdigest()[:16]
    path = zig.cache_folder("support") / f"{Path(name).stem}-{key}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="build-", dir=path.parent) as folder:
            built = Path(folder) / "library.so"
            options = ["-O2", "-std=c99", *zig.WARNINGS, "-fno-sanitize=undefined", "-shared", "-fPIC", "-g0", *flags]
            command = [*zig.command(), "cc", *options, str(SUPPORT / name), "-o", str(built)]
            check_tool(command, timeout=TIMEOUT, env=zig.environment(Path(folder) / "cache"))
            os.replace(built, path)
    return path


def _build(
    sources: Sources,
    folder: Path,
    compiler: str | None,
    as_cpp: bool,
    options: Sequence[str],
    output: str | None,
) -> Path:
    """Compile in `folder`/src to `folder`/`output` (None: to objects that nobody reads)."""
    (folder / "src").mkdir()
    files = write_sources(sources, folder / "src")
    language = ["-x", "c++", "-std=c++11"] if as_cpp else ["-std=c99"]
    target = ["-o", f"../{output}"] if output else []
    command = [*_command(compiler, as_cpp), *language, *zig.WARNINGS, "-I.", *options, *files, *target]
    check_tool(command, timeout=TIMEOUT, cwd=folder / "src", env=zig.environment(folder / "cache"))
    return folder / (output or "src")


def _command(compiler: str | None, as_cpp: bool) -> list[str]:
    names = COMPILERS if compiler is None else (compiler,)
    for name in names:
        if name == "zig" and zig.available():
            return [*zig.command(), "c++" if as_cpp else "cc", "-fno-sanitize=undefined"]
        program = {"gcc": "g++", "clang": "clang++"}.get(name, name) if as_cpp else name
        if name != "zig" and (path := shutil.which(program)):
            return [path]
    raise CompileError(
        f"no C compiler for this machine: {', '.join(names)}",
        fix="apt install g++, or pip install 'cardc[mcu]'",
    )

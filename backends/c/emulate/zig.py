"""Cross-compiling with zig cc (clang), which pip installs: `python -m ziglang cc`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ....errors import CompileError
from .cores import Core, Memory
from .elf import Elf
from .process import SUPPORT, Sources, ToolError, check_tool, write_sources

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
TIMEOUT = 300.0  # seconds; the first build for a core also builds zig's compiler-rt, which takes about 5

# zig cc turns on UBSan traps, frame pointers and unwind tables unless told not to. Debug information would
# hold paths.
_PLAIN = (
    "-fno-sanitize=undefined",
    "-fomit-frame-pointer",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-g0",
)


def available() -> bool:
    """Whether zig is installed (the `mcu` extra)."""
    return importlib.util.find_spec("ziglang") is not None


def command() -> list[str]:
    """How to start zig; a `CompileError` where it is missing."""
    if not available():
        raise CompileError("ziglang, the C cross-compiler, is not installed", fix="pip install 'cardc[mcu]'")
    return [sys.executable, "-m", "ziglang"]


def version() -> str:
    """The installed zig's version."""
    command()
    return importlib.metadata.version("ziglang")


def cache_folder(name: str) -> Path:
    """A folder of cardc's cache, made where missing: below CARDC_CACHE_DIR, XDG_CACHE_HOME or ~/.cache."""
    base = os.environ.get("CARDC_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "cardc" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CompileError(
            f"cannot create the cache folder {folder}: {error.strerror}",
            fix="set CARDC_CACHE_DIR to a folder that can be written",
        ) from error
    return folder


def environment(local_cache: Path) -> dict[str, str]:
    """zig's caches: what it builds once for each core is shared and locked by zig, our objects stay in
    `local_cache`."""
    return {"ZIG_GLOBAL_CACHE_DIR": str(cache_folder("zig")), "ZIG_LOCAL_CACHE_DIR": str(local_cache)}


def compile_elf(
    sources: Sources,
    core: Core,
    *,
    keep: Sequence[str],
    optimise: str = "-O2",
    flags: Sequence[str] = (),
    memory: Memory | None = None,
) -> Elf:
    """Compile and link `sources` for `core` as freestanding C99, all warnings being errors.

    Only what the functions (or objects) named in `keep` reach stays in the file (--gc-sections). `optimise`
    is one of -O1, -O2, -O3, -Os; `flags` (such as -DNAME=1) go to the compiler. memcpy, division and the
    like come from zig's compiler-rt and are part of the file, as they would be part of a user's firmware.
    The same sources and options give the same bytes. Raises `ToolError` where the compiler refuses the
    sources.
    """
    if not keep:
        raise ValueError("keep must name at least one function")
    with tempfile.TemporaryDirectory(prefix="cardc-zig-") as name:
        folder = Path(name)
        (folder / "src").mkdir()
        files = write_sources(sources, folder / "src")
        script = folder / "link.ld"
        script.write_text(linker_script(memory or core.memory), encoding="utf-8")
        arguments = [
            *(
                "cc",
                "-target",
                core.zig_target,
                f"-mcpu={core.zig_cpu}",
                *core.zig_flags,
                optimise,
                # At -Os zig would strip all symbols, but not where debug information is asked for; -g0 takes that back.
                *(("-g",) if optimise == "-Os" else ()),
                "-std=c99",
                *WARNINGS,
                *_PLAIN,
            ),
            *("-ffreestanding", "-isystem", str(SUPPORT / "freestanding"), "-I."),
            *("-ffunction-sections", "-fdata-sections", *flags, *files),
            *("-T", "../link.ld", "-Wl,--gc-sections", "-Wl,-z,max-page-size=16"),
            *("-Wl,-e," + keep[0], *(f"-Wl,-u,{symbol}" for symbol in keep), "-o", "../out.elf"),
        ]
        check_tool([*command(), *arguments], timeout=TIMEOUT, cwd=folder / "src", env=environment(folder / "cache"))
        elf = Elf((folder / "out.elf").read_bytes())
    missing = [symbol for symbol in keep if symbol not in elf.symbols]
    if missing:
        raise ToolError(f"the sources define no {', '.join(missing)}")
    return elf


def linker_script(memory: Memory) -> str:
    """The linker script: where things go, then the fixed section list. The regions have no real end, so that
    a program that is too big still links and its size can be reported."""
    return (
        "MEMORY\n{\n"
        f"  FLASH (rx) : ORIGIN = {memory.flash:#x}, LENGTH = 0x0c000000\n"
        f"  RAM (rwx) : ORIGIN = {memory.ram:#x}, LENGTH = 0x0c000000\n"
        "}\n"
        f"cardc_stack_top = {memory.ram + memory.ram_size:#x};\n"
        + (SUPPORT / "sections.ld").read_text(encoding="utf-8")
    )

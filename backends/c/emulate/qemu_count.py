"""Exact instruction counts and watched memory under QEMU, for the cores that unicorn lacks (Cortex-M55, Zbb)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import host, qemu
from .cores import Core
from .elf import Symbol
from .process import Sources, ToolError, check_tool
from .qemu_watch import Watch, check


@dataclass(frozen=True)
class Counted:
    """A run, and each entry into a marked function in order: its name, and how many instructions ran before it."""

    run: qemu.QemuResult
    entries: tuple[tuple[str, int], ...]

    def between(self, first: str, second: str) -> int:
        """Instructions from the first entry of `first` to the next entry of `second`."""
        start = next(i for i, (name, _) in enumerate(self.entries) if name == first)
        end = next(count for name, count in self.entries[start + 1 :] if name == second)
        return end - self.entries[start][1]


def count_selftest(
    sources: Sources,
    core: Core,
    marks: Sequence[str],
    *,
    compiler: str = "zig",
    optimise: str = "-O2",
    extra_cflags: Sequence[str] = (),
    board: str | None = None,
    timeout: float = qemu.TIMEOUT,
) -> Counted:
    """As `qemu.run_selftest`, with the functions `marks` (static ones too) watched. Raises `ValueError` for one that
    the program does not have, and what `run_selftest` raises."""
    program = qemu.build_selftest(
        sources, core, compiler=compiler, optimise=optimise, extra_cflags=extra_cflags, board=board
    )
    return run(program, marks, timeout=timeout)


def run(
    program: qemu.Program,
    marks: Sequence[str],
    *,
    timeout: float = qemu.TIMEOUT,
    cwd: Path | None = None,
    watched: Watch | None = None,
) -> Counted:
    """As `qemu.run`, with entries into the functions `marks` counted; from the first of them to the last nothing may be
    touched but what `watched` names: else `EmulationError`."""
    with tempfile.TemporaryDirectory(prefix="cardc-count-") as name:
        report = Path(name) / "entries"
        symbols = [program.elf.symbol(mark) for mark in marks]
        options = plugin(program.emulator, symbols, report, watched)
        result = qemu.run(program, timeout=timeout, options=options, cwd=cwd)
        if not report.exists():
            raise ToolError(f"QEMU did not load the counting plugin\n{result.output}")
        text = report.read_text(encoding="ascii")
    if watched is not None:
        check(text, program, watched)
    lines = [line.split() for line in text.splitlines()]
    return Counted(result, tuple((marks[int(mark)], int(count)) for mark, count in lines))


def plugin(emulator: str, marks: Sequence[Symbol], report: Path, watched: Watch | None = None) -> list[str]:
    """QEMU's options to write to `report` a line for each entry into `marks`: its place among them, and how many
    instructions ran before; and for `watched`."""
    options = ",".join(f"mark={s.address:x}:{s.address + max(s.size, 2):x}" for s in marks)
    library = host.build_support("qemu_count.c", [f"-DCARDC_PLUGIN_VERSION={_api(emulator)}"])
    return ["-plugin", f"{library},out={report},{options}{watched.options() if watched else ''}"]


def _api(emulator: str) -> int:
    """The plugin interface's version: QEMU 8.2 no longer loads version 1."""
    said = check_tool([emulator, "--version"], timeout=10)
    found = re.search(r"version (\d+)\.(\d+)", said)
    if found is None:
        raise ToolError(f"{emulator} does not say its version: {said}")
    return 2 if (int(found[1]), int(found[2])) >= (8, 2) else 1

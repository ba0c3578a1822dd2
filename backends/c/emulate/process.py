"""Running external tools: found, timed, and reported in one way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ....errors import CompileError

Sources = Mapping[str, str]
"""File name (posix, relative, may hold folders) -> text. `.c` files are compiled, all others are there to
include."""

SUPPORT = Path(__file__).parent / "support"


class ToolError(RuntimeError):
    """A compiler or emulator refused what cardc emitted. A fault of cardc, not of the user's model."""


class EmulationError(ToolError):
    """The emulated program did what the board would not allow (or did not end): the message says what and
    where."""


def require(tool: str, *, apt: str) -> str:
    """The path of `tool`; a `CompileError` that names the Debian package where it is missing."""
    path = shutil.which(tool)
    if path is None:
        raise CompileError(f"{tool} is not installed", fix=f"apt install {apt}")
    return path


def run_tool(
    command: Sequence[str], *, timeout: float, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `command` for at most `timeout` seconds; standard output and error come back together, whatever
    the exit."""
    try:
        return subprocess.run(
            list(command),
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        raise EmulationError(f"{Path(command[0]).name} did not end within {timeout:g} s\n{said}") from error


def check_tool(
    command: Sequence[str], *, timeout: float, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """As `run_tool`, but a non-zero exit raises `ToolError` with all that the tool said."""
    done = run_tool(command, timeout=timeout, cwd=cwd, env=env)
    if done.returncode != 0:
        name = Path(command[0]).name
        raise ToolError(f"{name} failed with exit code {done.returncode}\n{' '.join(command)}\n{done.stdout}")
    return done.stdout


def write_sources(sources: Sources, folder: Path) -> list[str]:
    """Write `sources` below `folder`; the names of the C files, sorted, so that link order is fixed."""
    for name in sorted(sources):
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ValueError(f"source name {name!r} leads out of its folder")
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sources[name], encoding="utf-8", newline="\n")
    return sorted(name for name in sources if name.endswith((".c", ".S")))

"""What the commands share: arguments, arrays from disk, progress bars, what is said of a build."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..builds.base import Build
from ..builds.deck import DeckBuild
from ..errors import CompileError, printable
from ..ops.base import Array
from ..report import print_report, require_fit

MAX_BYTES = 1 << 32

model_argument = click.argument("model", type=click.Path(path_type=Path))
target_option = click.option(
    "-t",
    "--target",
    "target",
    required=True,
    metavar="BOARD",
    help="A board (see `cardc targets`) or a path to a .toml.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")


def console(as_json: bool = False) -> Console:
    """Where people read: standard output, or standard error where that belongs to JSON."""
    screen = Console(stderr=as_json, highlight=False, emoji=False)
    if not screen.is_terminal:  # a file or a pipe: no sentence is broken, no column left out unless COLUMNS asks for it
        screen.soft_wrap = True
        if "COLUMNS" not in os.environ:
            screen.width = 160
    return screen


def read_array(path: Path, what: str) -> Array:
    """The array in a .npy file; nothing pickled is ever loaded.

    Raises CompileError where the file is missing, too large or no plain .npy array.
    """
    name, where = path.name or str(path), str(path)
    if not path.is_file():
        raise CompileError(f"no such file with {what}: {name!r}", node=where, fix="numpy.save the array there first")
    if path.stat().st_size > MAX_BYTES:
        raise CompileError(f"{name} is larger than {MAX_BYTES >> 30} GiB", node=where, fix="use fewer samples")
    save = f"write the {what} with numpy.save, as one array of numbers"
    try:
        with path.open("rb") as file:
            start = file.read(6)
            if start[:4] == b"PK\x03\x04":
                raise CompileError(f"{name} is an archive of arrays (.npz)", node=where, fix=save)
            if start != b"\x93NUMPY":
                raise CompileError(f"{name} is no .npy file", node=where, fix=save)
            file.seek(0)
            _check_length(file, path.stat().st_size)
            file.seek(0)
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise CompileError(f"{name} cannot be read: {_reason(error)}", node=where, fix=save) from error


def _check_length(file: BinaryIO, size: int) -> None:
    """ValueError where a header promises more than the file holds, before memory is taken for it."""
    form = np.lib.format
    read = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}.get(form.read_magic(file))
    if read is None:
        raise ValueError("it has an unknown version of the .npy format")
    shape, _, dtype = read(file)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header promises {list(shape)} of {dtype}, more than the file holds")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if "allow_pickle" in str(error):
        return "it holds Python objects, and nothing pickled is ever loaded"
    return printable(str(error).splitlines()[0] if str(error) else type(error).__name__)


Watch = Callable[[str, int, int], None]


@contextmanager
def progress_bars(out: Console) -> Iterator[Watch]:
    """`watch(stage, done, total)` draws one bar a stage; on no terminal, a line when a stage is complete."""
    if not out.is_terminal:
        yield lambda stage, done, total: out.print(f"  {stage}: {done} of {total}") if done >= total else None
        return
    columns: list[Any] = [TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=out) as bars:
        tasks: dict[str, Any] = {}

        def watch(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield watch


@contextmanager
def delivered(
    build: Build | DeckBuild, screen: Console, out: Path | None, model: Path, target: str, *, as_json: bool
) -> Iterator[Path]:
    """What people see of a build: notes, report, the folder (into which the caller writes it) and the next step.

    Raises CompileError where it does not fit the board; nothing is written then.
    """
    for note in build.lowered.notes:
        screen.print(note, markup=False)
    if as_json:
        click.echo(build.report.to_json(), nl=False)
    else:
        print_report(build.report, screen)
    require_fit(build.report)
    folder = out or Path("out") / f"{build.name}-{build.target.name}"
    yield folder
    prove = f"cardc verify {model} --target {target} --inputs x.npy"
    screen.print(f"\nwritten to {folder}; prove it exact: {prove}", markup=False, soft_wrap=True)

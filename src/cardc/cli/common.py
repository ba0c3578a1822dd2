"""What the commands share: arguments, arrays from disk, progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import CompileError
from ..ops.base import Array

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
    return Console(stderr=as_json, highlight=False)


def read_array(path: Path, what: str) -> Array:
    """The array in a .npy file; nothing pickled is ever loaded.

    Raises CompileError where the file is missing, too large or no plain .npy array.
    """
    if not path.is_file():
        raise CompileError(f"no such file with {what}: {path.name!r}", node=str(path), fix="numpy.save it there first")
    if path.stat().st_size > MAX_BYTES:
        raise CompileError(f"{path.name} is larger than {MAX_BYTES >> 30} GiB", fix="use fewer samples")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise CompileError(
            f"{path.name} is not a plain .npy array ({error})", node=str(path), fix="write it with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray):
        raise CompileError(f"{path.name} holds several arrays", node=str(path), fix="save one array with numpy.save")
    return array


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

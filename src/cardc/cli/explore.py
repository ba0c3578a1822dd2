"""`cardc explore MODEL --target BOARD`: what could be chosen, what it costs, what is best."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console

from ..deck_compile import is_deck
from ..entrance import Entrance
from ..errors import CompileError
from ..explore import DEFAULT_BUDGET, Exploration, Point, explore
from ..explore.html import COLUMNS, value
from ..report import TOTALS, Column, fitting_table
from .common import console, json_option, model_argument, progress_bars, target_option
from .entrance import entrance_options


@click.command("explore")
@model_argument
@target_option
@click.option("--budget", type=float, default=DEFAULT_BUDGET, show_default=True, metavar="SECONDS",
              help="Begin no candidate after so long.")  # fmt: skip
@click.option("--points", type=int, metavar="N", help="Try the first N candidates only.")
@click.option("-j", "--jobs", type=int, metavar="N", help="Processes. [default: as many as there are CPUs]")
@click.option("--cluster", metavar="ADDRESS", help="Work on a Ray cluster: HOST:PORT, auto, or local.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the exploration as one HTML file.")
@entrance_options
@json_option
def explore_command(
    model: Path, target: str, budget: float, points: int | None, jobs: int | None, cluster: str | None,
    html: Path | None, entrance: Entrance | None, dims: dict[str, int], as_json: bool,
) -> None:  # fmt: skip
    """Try the options that MODEL has on a board, and show those that no other beats.

    On a microcontroller, the encoding of each layer's weights, measured by the emulator: speed against size. On an
    FPGA, io types and reuse factors, estimated. Exits with 1 where nothing that was tried fits.
    """
    if is_deck(model):
        raise CompileError("a deck cannot be explored", node=str(model), fix="explore its cards one by one")
    if html is not None:
        _check_writable(html)
    screen = console(as_json)
    with progress_bars(Console(stderr=True)) as watch:
        found = explore(
            model, target, entrance=entrance, dims=dims, budget=budget, points=points,
            jobs=jobs if jobs is not None else os.cpu_count() or 1, cluster=cluster,
            progress=lambda ended, of: watch("candidates", ended, of),
        )  # fmt: skip
    if html is not None:
        try:
            html.write_text(found.to_html(), "utf-8")
        except OSError as error:
            raise CompileError(f"cannot write {html}: {error.strerror}", fix="choose another --html") from error
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        _print(found, screen)
    if html is not None:
        screen.print(f"written to {html}", markup=False, soft_wrap=True)
    raise SystemExit(0 if found.fits else 1)


def _check_writable(path: Path) -> None:
    """CompileError where `path` cannot be written, before minutes of work for it."""
    try:
        there = path.exists()
        with path.open("ab"):  # which leaves what is there
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise CompileError(f"cannot write {path}: {error.strerror}", fix="choose another --html") from error


def _print(found: Exploration, screen: Console) -> None:
    screen.print(f"{found.model} on {found.board.title}: {found.verdict}", markup=False, soft_wrap=True)
    names = COLUMNS[found.board.backend]
    columns = [Column("options"), *(Column(TOTALS[name][0], right=True, keep=9 - k) for k, name in enumerate(names))]
    columns.append(Column("fullest", right=True))
    screen.print(fitting_table(screen, columns, [_row(point, names) for point in found.front]))
    judged = ", ".join(TOTALS[name][0] for name in found.objectives)
    screen.print(f"no other point {'that fits ' if found.fits else ''}beats these in {judged}", markup=False)
    best = found.front[0]
    if best.arguments:
        screen.print(f"the fastest: cardc compile ... {' '.join(best.arguments)}", markup=False, soft_wrap=True)


def _row(point: Point, names: tuple[str, ...]) -> list[str]:
    figures = [value(point.figures[name], TOTALS[name][1]) for name in names]
    return [point.label, *figures, f"{TOTALS[point.limiting][0]} {100 * point.share:.1f} %"]

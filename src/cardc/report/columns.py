"""Tables that keep their words whole: where a terminal is too narrow, columns go, the least needed first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from ..errors import printable

GAP = 2
_WRAPPED = 36  # characters that a column of sentences gets at least


@dataclass(frozen=True, slots=True)
class Column:
    """`keep` orders what to leave out: the column with the lowest goes first, one with 0 never does.

    `wraps` is for a column of sentences, whose lines may be broken between words.
    """

    title: str
    right: bool = False
    keep: int = 0
    wraps: bool = False


def fitting_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Table:
    """`rows` of plain text under `columns`, as many of these as the console is wide."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [_width(column, [row[index] for row in cells]) for index, column in enumerate(columns)]
    shown = list(range(len(columns)))
    while sum(widths[i] + GAP for i in shown) - GAP > console.width:
        spare = [index for index in shown if columns[index].keep]
        if not spare:
            break
        shown.remove(min(spare, key=lambda index: columns[index].keep))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column in (columns[index] for index in shown):
        # Folded only where nothing is left to leave out.
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.title, justify=justify, overflow="fold")
    for row in cells:
        table.add_row(*(Text(row[index]) for index in shown))
    return table


def _width(column: Column, cells: Sequence[str]) -> int:
    whole = max(cell_len(text) for text in (column.title, *cells))
    return min(whole, _WRAPPED) if column.wraps else whole

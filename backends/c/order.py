"""In which order the steps of a program are called, and what of its tensor each call leaves in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...passes.layouts import Layout


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows of a tensor of `height`, from row `first` on (one that it does not have lies above or below it); a
    round further, `count` rows further. Row y begins `start + step * y` bytes into the arena if its storage is whole
    (`step` not 0), else the first one at `start`."""

    first: int
    count: int
    height: int
    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call of step `step`; `rows` None: it leaves its whole tensor."""

    step: int
    rows: Rows | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """`calls` in order, `times` times."""

    calls: tuple[Call, ...]
    times: int = 1


Order = Sequence[Repeat]


def unrolled(order: Order) -> Iterator[Call]:
    """Every call of `order`, each with its own rows."""
    for repeat in order:
        for k in range(repeat.times):
            for call in repeat.calls:
                rows = call.rows
                yield call if rows is None else replace(call, rows=replace(rows, first=rows.first + k * rows.count))


def copied(layout: Layout) -> Layout:
    """The layout that a tensor gets whose rows are collected one by one: element behind element."""
    c, h, w = layout.channels, layout.height, layout.width
    return Layout(c, h, w, h * w, w, 0, c * h * w, 1, layout.lo, layout.step, layout.levels)


def collect(whole: NDArray[np.uint8], memory: NDArray[np.uint8], layout: Layout, rows: Rows) -> None:
    """Copy `rows` from `memory`, the arena, to their places in `whole` [channels, height, width]."""
    c, x = np.ogrid[: layout.channels, : layout.width]
    for y in range(max(0, rows.first), min(rows.height, rows.first + rows.count)):
        start = rows.start + (rows.step * y if rows.step else (y - rows.first) * layout.row)
        whole[:, y] = memory[start + c * layout.plane + x]

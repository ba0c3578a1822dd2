"""What-if: the options that a model has on a board, what each costs, and which of them no other beats.

`explore` is the entrance; docs/explore.md says what is swept and how points are judged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..compiler import lower
from ..entrance import Entrance, quantise_input
from ..errors import CompileError
from ..identifiers import identifier
from ..report import board as board_of
from ..sources import Source, as_proto
from ..targets.base import Target, load
from . import fpga, mcu
from .exploration import Exploration
from .point import OBJECTIVES, Candidate, Point, Refused, with_front
from .run import Done, run
from .work import Task, price

DEFAULT_BUDGET = 60.0

__all__ = ["DEFAULT_BUDGET", "OBJECTIVES", "Candidate", "Exploration", "Point", "Refused", "explore"]


def explore(
    model: Source, target: str | Path | Target, *, sample: Any = None, name: str | None = None,
    entrance: Entrance | None = None, dims: Mapping[str, int] | None = None, budget: float = DEFAULT_BUDGET,
    points: int | None = None, jobs: int = 1, cluster: str | None = None,
    progress: Done = lambda ended, of: None,
) -> Exploration:  # fmt: skip
    """Try the options that `model` has on `target`: weight encodings on a microcontroller (measured by the emulator),
    io types and reuse factors on an FPGA (estimated, no simulation).

    No candidate is begun after `budget` seconds or `points` candidates, whichever is first; what was begun is finished,
    and one always is. `jobs` fresh processes work at the same time (a script that asks for more than one needs
    `if __name__ == "__main__":`); `cluster` is the address of a Ray cluster to use in their place. With the same
    candidates tried, the result is the same, whatever ran where. Other arguments as for `cardc.compile`.

    CompileError for what cannot be lowered or takes no options, for limits below one, and without Ray.
    """
    begun = time.monotonic()
    _check(budget, points, jobs)
    on = target if isinstance(target, Target) else load(target)
    proto, _, stem = as_proto(model, sample, dims)
    title = identifier(name or stem)
    if entrance is not None:
        proto, _ = quantise_input(proto, entrance)
    integer = lower(proto, on, name=title).integer
    found = (mcu if on.backend == "c" else fpga).candidates(integer, on)
    data = proto.SerializeToString(deterministic=True)
    tasks = [Task(data, title, on, candidate) for candidate in found[:points]]
    results = run(price, tasks, jobs=jobs, cluster=cluster, deadline=begun + budget, done=progress)
    refused = tuple(result for result in results if isinstance(result, Refused))
    tried = _distinct([result for result in results if isinstance(result, Point)])
    if not tried:
        raise CompileError(f"no candidate could be had: {refused[0].reason}", node=title, fix="see `cardc compile`")
    stopped = "budget" if len(results) < len(tasks) else "points" if len(tasks) < len(found) else ""
    front_known = with_front(tried, OBJECTIVES[on.backend])
    return Exploration(title, board_of(on), front_known, refused, len(found), len(results), stopped)


def _check(budget: float, points: int | None, jobs: int) -> None:
    if not budget > 0:
        raise CompileError(f"a budget of {budget:g} seconds", fix="give more than 0")
    if points is not None and points < 1:
        raise CompileError(f"an exploration of {points} points", fix="give 1 or more")
    if jobs < 1:
        raise CompileError(f"{jobs} processes", fix="give 1 or more")


def _distinct(points: list[Point]) -> list[Point]:
    """Without those that settled on the options of an earlier one."""
    kept: list[Point] = []
    for point in points:
        if all(point.options != other.options for other in kept):
            kept.append(point)
    return kept

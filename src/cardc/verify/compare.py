"""Compare one stage with the integer graph, tensor by tensor; floats are first read back as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..ops.base import Array
from .boundaries import as_integers, either_pick, either_way
from .points import PICK, Point


@dataclass(slots=True)
class Tally:
    """What a comparison has found so far."""

    difference: str = ""
    boundary_cases: int = 0
    tensors: set[str] = field(default_factory=set)

    def note(self, text: str) -> None:
        self.difference = self.difference or text


def compare_integers(
    stage: str, got: Mapping[str, Array], want: Mapping[str, Array], tally: Tally, first_sample: int = 0
) -> None:
    """Every tensor of `got` against the integer graph's: same shape, same integers."""
    for name, array in got.items():
        expected = want[name]
        tally.tensors.add(name)
        if array.shape != expected.shape:
            tally.note(f"{stage}: tensor {name!r} has shape {list(array.shape)}, not {list(expected.shape)}")
        elif not np.array_equal(array, expected):
            index = tuple(int(i) for i in np.argwhere(array != expected)[0])
            tally.note(
                f"{stage}: tensor {name!r}, sample {first_sample + index[0]}, element {list(index[1:])}: "
                f"{array[index]} instead of {expected[index]} ({int((array != expected).sum())} differ)"
            )


def compare_floats(
    stage: str,
    after: Mapping[str, Array],
    before: Mapping[str, Array],
    want: Mapping[str, Array],
    known: list[Point],
    tally: Tally,
    first_sample: int = 0,
) -> None:
    """Float tensors against the integers that they should be multiples of.

    An element that differs is a boundary case if the value that entered its quantiser lies so near a rounding
    boundary that either result may come of it; it is counted, and its sample is left out from there on, as all that
    follows may differ.
    """
    clean = np.ones(len(want[known[0].name]) if known else 0, np.bool_)
    for point in known:
        if point.source not in after:
            tally.note(f"{stage}: tensor {point.source!r} was not computed")
            continue
        tally.tensors.add(point.name)
        expected = want[point.name]
        values = point.kept(after[point.source], expected.shape)
        got, same = as_integers(values, expected, point)
        differs = ~same & clean.reshape(-1, *(1,) * (expected.ndim - 1))
        if not differs.any():
            continue
        excused = np.zeros_like(differs)
        if point.source in before:
            entered = before[point.source]
            if point.rounding == PICK:
                excused = differs & either_pick(entered, got, expected)
            else:
                excused = differs & either_way(point.kept(entered, expected.shape), got, expected, point)
        tally.boundary_cases += int(excused.sum())
        clean &= ~excused.reshape(len(clean), -1).any(axis=1)
        if (differs & ~excused).any():
            index = tuple(int(i) for i in np.argwhere(differs & ~excused)[0])
            tally.note(
                f"{stage}: tensor {point.source!r}, sample {first_sample + index[0]}, element {list(index[1:])}: "
                f"{values[index]:.9g} instead of {(expected * point.unit(expected.ndim))[index] + point.offset:.9g}, "
                f"which is the integer {expected[index]} ({int((differs & ~excused).sum())} differ)"
            )

"""Compare one stage with the integer graph, tensor by tensor; floats are first read back as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import Array, text
from ..ops.qtype import QType, qtype
from ..passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from ..passes.split_quantizers import SOURCE

RELATIVE = 1e-5
"""How near a rounding boundary, relative to it, a float executor may round either way."""


@dataclass(frozen=True, slots=True)
class Point:
    """An integer tensor that stands for one of the imported model: real = scale * integer + offset."""

    name: str
    source: str
    q: QType
    scale: float
    offset: float
    rounding: str


def points(model: ir.Model, imported: ir.Model) -> list[Point]:
    """The integer tensors of `model` that the imported model knows too, in order of computation."""
    modes = {v.name: text(node, "rounding_mode", "ROUND").upper() for node in imported.graph for v in node.outputs}
    found = []
    for node in model.graph:
        value = node.outputs[0]
        source = value.metadata_props.get(SOURCE)
        if source is not None:
            q = qtype(value)
            scale = float(value.metadata_props.get(OUT_SCALE, q.scale[0]))
            offset = float(value.metadata_props.get(OUT_OFFSET, 0.0))
            found.append(Point(value.name or "", source, q, scale, offset, modes.get(source, "ROUND")))
    return found


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

    An element that differs is a boundary case if the value that entered its quantiser lies within RELATIVE of
    a rounding boundary; it is counted, and its sample is left out from there on, as all that follows may differ.
    """
    clean = np.ones(len(next(iter(after.values()))), np.bool_)
    for point in known:
        if point.source not in after:
            continue
        tally.tensors.add(point.name)
        expected = want[point.name]
        entered = before.get(point.source)
        # A quantiser's output is its scale times an integer; logits are a float sum, which carries rounding.
        slack = 1e-6 if entered is not None else 1e-3
        got, whole = as_integers(after[point.source].reshape(expected.shape), point, slack)
        differs = ((got != expected) | ~whole) & clean.reshape(-1, *(1,) * (expected.ndim - 1))
        if not differs.any():
            continue
        excused = np.zeros_like(differs)
        if entered is not None:
            excused = differs & near_boundary(entered.reshape(expected.shape), point)
        tally.boundary_cases += int(excused.sum())
        clean &= ~excused.reshape(len(clean), -1).any(axis=1)
        if (differs & ~excused).any():
            index = tuple(int(i) for i in np.argwhere(differs & ~excused)[0])
            value = after[point.source].reshape(expected.shape)[index]
            tally.note(
                f"{stage}: tensor {point.source!r}, sample {first_sample + index[0]}, element {list(index[1:])}: "
                f"{value!r}, which is not {expected[index]} * {point.scale!r} + {point.offset!r}"
            )


def as_integers(x: Array, point: Point, slack: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The integers that float `x` stands for, and where it is one to within `slack` and float32's own rounding."""
    exact = (x.astype(np.float64) - point.offset) / point.scale
    near = np.rint(exact)
    rounding = 1e-6 * np.abs(exact) + 4e-7 * abs(point.offset / point.scale)
    return near.astype(np.int64), np.abs(exact - near) <= slack + rounding


def near_boundary(entered: Array, point: Point) -> NDArray[np.bool_]:
    """Where the value in front of a quantiser lies within RELATIVE of a point at which its result jumps."""
    t = entered.astype(np.float64) / point.scale
    if point.q.bipolar:
        spread = float(np.abs(t).max(initial=1.0))
        return np.abs(t) <= RELATIVE * spread
    # Rounding to nearest jumps half-way between integers, the directed modes jump at them.
    half = 0.5 if point.rounding.startswith(("ROUND", "HALF")) and point.rounding != "ROUND_TO_ZERO" else 0.0
    jump = np.rint(t - half) + half
    return np.abs(t - jump) <= RELATIVE * np.maximum(1.0, np.abs(t))

"""Compare one stage with the integer graph, tensor by tensor; floats are first read back as integers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..frontend.moved import SOURCE_LAYOUT, USER_NAME
from ..ops.base import QONNX, Array, integer, per_channel, text
from ..ops.graph import is_cardc
from ..ops.qtype import QType, qtype
from ..ops.quant import SIGN, rounded
from ..passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from ..passes.split_quantizers import SOURCE, activation_type

RELATIVE = 1e-5
"""How near a rounding boundary, relative to it, a float executor may round either way."""
CANCELLED = 1e-6
"""The same relative to the sample's largest value, 17 units of float32's last place: terms that cancel, as a sum and
its bias do, leave the rounding of their own size behind."""
PICK = "PICK"
"""The rounding mode of an ArgMax or of TopK's indices, whose boundaries are ties."""


@dataclass(frozen=True, slots=True)
class Point:
    """An integer tensor that stands for one of the imported model: real = scale * integer + offset.

    `scale` is one number or one a channel, `rounding` the mode of the quantiser that made it and `zero` its zero
    point; the model's output, where no quantiser made it, has the mode "".
    """

    name: str
    source: str
    q: QType
    scale: Array
    offset: float = 0.0
    rounding: str = ""
    zero: int = 0
    layout: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def kept(self, x: Array, shape: tuple[int, ...]) -> Array:
        """The user's tensor `x` [N, ...] in the order and shape in which the import keeps it."""
        if self.layout is not None:
            x = x.reshape(len(x), *self.layout[0]).transpose(self.layout[1])
        return x.reshape(shape)

    def unit(self, ndim: int) -> Array:
        """The scale, float64, as it broadcasts against an `ndim`-d tensor."""
        return per_channel(self.scale, ndim)


def points(model: ir.Model, imported: ir.Model) -> list[Point]:
    """The integer tensors of `model` that the imported model knows too, in order of computation."""
    quantisers = {
        node.outputs[0].metadata_props.get(SOURCE, node.outputs[0].name): node
        for node in imported.graph
        if (node.domain == QONNX and node.op_type in ("Quant", "BipolarQuant"))
        or is_cardc(node, "Quantize")
        or _picks(node)
    }
    layouts = {v.name: v.metadata_props.get(SOURCE_LAYOUT) for node in imported.graph for v in node.outputs}
    users = {v.name: v.metadata_props.get(USER_NAME) for node in imported.graph for v in node.outputs}
    found = []
    for node in model.graph:
        value = node.outputs[0]
        source = value.metadata_props.get(SOURCE)
        if source is None:
            continue
        q = qtype(value)
        given = value.metadata_props.get(OUT_SCALE)
        scale = np.asarray(q.scale if given is None else [float(given)], np.float64)
        offset = float(value.metadata_props.get(OUT_OFFSET, 0.0))
        mode, zero = _rounding(quantisers.get(source))
        layout = _layout(layouts.get(source))
        found.append(Point(value.name or "", users.get(source) or source, q, scale, offset, mode, zero, layout))
    return found


def _picks(node: ir.Node) -> bool:
    return node.op_type == "ArgMax" or (node.op_type == "TopK" and integer(node, "indices", 0) == 1)


def _layout(text: str | None) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """What the import noted of a tensor that it keeps in another order."""
    if text is None:
        return None
    found = json.loads(text)
    return tuple(found["shape"]), tuple(found["perm"])


def _rounding(quantiser: ir.Node | None) -> tuple[str, int]:
    """How it rounds, and its zero point."""
    if quantiser is None:
        return "", 0
    if quantiser.op_type == "BipolarQuant":
        return SIGN, 0
    if _picks(quantiser):
        return PICK, 0
    zero = integer(quantiser, "zero_point", 0) if is_cardc(quantiser) else activation_type(quantiser)[1]
    return text(quantiser, "rounding_mode", "ROUND"), zero


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


def as_integers(x: Array, expected: Array, point: Point) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The integers nearest to float `x`, and where `x` stands for `expected`, float32's own rounding aside.

    A quantiser's output is its scale times an integer: it must be that integer. The model's output may be a float
    sum; it must be what `expected` is worth to within float32's precision, a thousandth of a unit allowed.
    """
    unit = point.unit(expected.ndim)
    exact = (x.astype(np.float64) - point.offset) / unit
    size = np.abs(exact)
    if not point.rounding and size.size:
        # A sum that cancels is as imprecise as its terms are, whose size the sample's largest output tells.
        size = np.broadcast_to(size.reshape(len(size), -1).max(axis=1).reshape(-1, *(1,) * (size.ndim - 1)), size.shape)
    rounding = 1e-6 * size + 4e-7 * np.abs(point.offset / unit)
    slack = 1e-6 if point.rounding else 1e-3
    near = np.nan_to_num(np.rint(exact), posinf=2.0**62, neginf=-(2.0**62)).astype(np.int64)
    same = np.abs(exact - expected) <= slack + rounding
    return near, same & (near == expected) if point.rounding else same


def either_way(entered: Array, got: Array, expected: Array, point: Point) -> NDArray[np.bool_]:
    """Where a value so near to what entered the quantiser that float32 may mean it gives `got`, another `expected`."""
    # In float64, so that the distance is not lost in the quantiser's own float32 arithmetic.
    t = entered.astype(np.float64) / point.unit(entered.ndim)
    largest = np.abs(t).reshape(len(t), -1).max(axis=1)
    largest = np.maximum(np.median(largest), largest).reshape(-1, *(1,) * (t.ndim - 1))
    # 0, a bipolar quantiser's only boundary, has no size; what stands beside it has.
    slack = (
        RELATIVE * largest
        if point.q.bipolar
        else np.maximum(RELATIVE * np.maximum(1.0, np.abs(t)), CANCELLED * largest)
    )
    low, high = (_levels(t + sign * slack, point) for sign in (-1, 1))
    inside = (np.minimum(got, expected) >= low) & (np.maximum(got, expected) <= high)
    return np.asarray((low != high) & inside)


def either_pick(entered: Array, got: Array, expected: Array) -> NDArray[np.bool_]:
    """Where picks (one or several a position) among the channels of `entered` [N, C, ...] are within RELATIVE."""
    shape = (len(entered), -1, *entered.shape[2:])
    if expected.size % (len(entered) * int(np.prod(entered.shape[2:]))):
        return np.zeros(expected.shape, np.bool_)
    ours, theirs = (np.take_along_axis(entered, v.reshape(shape), axis=1) for v in (expected, got))
    near = np.abs(ours - theirs) <= RELATIVE * np.abs(entered).max(axis=1, keepdims=True)
    return np.asarray(near.reshape(expected.shape))


def _levels(t: Array, point: Point) -> NDArray[np.int64]:
    """The integers that x / scale = `t` (float64) is quantised to."""
    if point.q.bipolar:
        return np.where(t >= 0, 1, -1).astype(np.int64)
    levels = rounded(t + point.zero, point.rounding) - point.zero
    return np.asarray(np.clip(levels, point.q.lo, point.q.hi)).astype(np.int64)

"""Floats read back as integers, and where float32 may round either way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ops.base import Array
from ..ops.quant import rounded
from .points import FLOAT, Point

RELATIVE = 1e-5
"""How near a rounding boundary, relative to it, a float executor may round either way."""
CANCELLED = 1e-6
"""The same relative to the sample's largest value, 17 units of float32's last place: terms that cancel, as a sum and
its bias do, leave the rounding of their own size behind."""


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
    if point.rounding.startswith(FLOAT):
        size = np.floor(np.log2(np.maximum(np.abs(t), 1.0))) - int(point.rounding.removeprefix(FLOAT))
        step = np.exp2(np.maximum(size, 0))
        levels = np.round(t / step) * step
    else:
        levels = rounded(t + point.zero, point.rounding) - point.zero
    return np.asarray(np.clip(levels, point.q.lo, point.q.hi)).astype(np.int64)

"""The fixed-point softmax: within its bound of the real one, monotone, and the same in C."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from numpy.typing import NDArray

from cardc.backends.c import runtime
from cardc.backends.c.emulate import host
from cardc.errors import CompileError
from cardc.frontend.deck import softmax
from cardc.ops.softmax_fixed import MOST_CLASSES, ONE, SoftmaxPlan, error_bound, fixed_softmax, softmax_plan

# scale, lo, hi, classes
CASES = (
    (0.044, -705, 630, 10), (1e-4, -30000, 30000, 10), (1e-6, -(2**31), 2**31 - 1, 1000), (5.0, -100, 100, 3),
    (30.0, -3, 3, 10), (0.5, 0, 1, 2), (1e-9, -5, 5, 7), (0.3, -50, 50, 1), (0.01, -2000, 2000, MOST_CLASSES),
)  # fmt: skip


def logits(scale: float, lo: int, hi: int, classes: int) -> NDArray[np.int64]:
    """Wide and narrow rows, and all the corners."""
    rng = np.random.default_rng(0)
    x = rng.integers(lo, hi, (60, classes), endpoint=True)
    x[:30] = np.clip(rng.normal(0, 3 / scale, (30, classes)), lo, hi).astype(np.int64)
    x[0], x[1], x[2] = lo, hi, lo
    x[2, -1] = hi
    return x


@pytest.mark.parametrize("case", CASES)
def test_it_is_within_its_bound(case: tuple[float, int, int, int]) -> None:
    plan, x = softmax_plan(*case), logits(*case)
    y = fixed_softmax(plan, x)
    assert np.abs(y / ONE - softmax(x * case[0])).max() <= error_bound(plan)
    assert y.min() >= 0
    assert y.max() <= ONE
    # larger logits never get less
    order = np.argsort(x, axis=1)
    assert (np.diff(np.take_along_axis(y, order, 1), axis=1) >= 0).all()


def test_ten_classes_of_a_trained_card_are_good_to_four_digits() -> None:
    assert error_bound(softmax_plan(0.044, -705, 630, 10)) < 1.7e-4


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    return host.compile_shared(runtime.sources({"cardc_add_softmax", "cardc_add_logits"}))


class Softmax(ctypes.Structure):
    _fields_ = [(n, ctypes.c_uint32) for n in ("multiplier", "rounding", "limit")] + [
        ("shift", ctypes.c_uint8), ("headroom", ctypes.c_uint8),
    ]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_c_is_equal(library: ctypes.CDLL, case: tuple[float, int, int, int]) -> None:
    plan, x = softmax_plan(*case), logits(*case)
    struct = Softmax(plan.multiplier, plan.rounding, plan.limit, plan.shift - 12, plan.headroom)
    for wide, dtype in ((0, np.int16), (1, np.int32)):
        if wide == 0 and (case[1] < -(2**15) or case[2] >= 2**15):
            continue
        for row, want in zip(x.astype(dtype), fixed_softmax(plan, x), strict=True):
            out = np.full(case[3], 7, np.int32)
            library.cardc_add_softmax(
                ctypes.c_void_p(row.ctypes.data),
                wide,
                case[3],
                ctypes.byref(struct),
                3,
                ctypes.c_void_p(out.ctypes.data),
            )
            assert np.array_equal(out, 7 + 3 * want)


def test_logits_are_added_in_their_unit(library: ctypes.CDLL) -> None:
    x, out = np.asarray([-5, 0, 9], np.int16), np.asarray([1, 2, 3], np.int32)
    library.cardc_add_logits(ctypes.c_void_p(x.ctypes.data), 0, 3, 181, -4, 2, ctypes.c_void_p(out.ctypes.data))
    assert out.tolist() == [1 + 2 * (-5 * 181 - 4), 2 - 8, 3 + 2 * (9 * 181 - 4)]


def test_what_has_no_plan_is_refused() -> None:
    with pytest.raises(CompileError, match="classes"):
        softmax_plan(0.1, -5, 5, MOST_CLASSES + 1)
    with pytest.raises(CompileError, match="no softmax"):
        SoftmaxPlan(10, 1 << 31, 27, 100)  # the product would leave 32 bits

"""The fixed-point softmax: within its bound of the real one, and monotone. test_kernels_deck.py has the same in C."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

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


def test_what_has_no_plan_is_refused() -> None:
    with pytest.raises(CompileError, match="classes"):
        softmax_plan(0.1, -5, 5, MOST_CLASSES + 1)
    with pytest.raises(CompileError, match="no softmax"):
        SoftmaxPlan(10, 1 << 31, 27, 100)  # the product would leave 32 bits

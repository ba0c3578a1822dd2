"""Counts of weights: by hand, and against a slow count of the same thing."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.estimate.layers import weights

from cardc.estimate import count_products, expected_products, signed_digits, top_bits


@given(st.integers(-(2**20), 2**20))
def test_signed_digits_are_as_few_as_can_be(weight: int) -> None:
    digits, left = 0, abs(weight)
    while left:  # the non-adjacent form, digit by digit
        if left % 2:
            digits += 1
            left -= 2 - left % 4
        left //= 2
    assert signed_digits(np.array([weight]))[0] == digits


def test_by_hand() -> None:
    w = np.array([[1, -1, 3, 0, 3], [11, -11, 22, 0, 0], [0, 0, 0, 0, 0]])
    found = count_products(w, biases=2)
    assert found.weights == 15
    assert found.used == (2, 2, 3)
    assert found.made == (2, 1, 3)  # input 0 has its 3 twice
    assert found.negated == 1
    assert found.wide == 2  # 11 stays in fabric, -11 and 22 do not
    assert (found.columns, found.longest, found.biases) == (4, 2, 2)
    assert found.adders == 7 + 2 - 4


@pytest.mark.parametrize("bits", [2, 5, 9])
def test_against_a_slow_count(bits: int) -> None:
    w = weights(13, 17, bits, sparsity=0.3, seed=bits)
    pairs = {(i, int(v)) for i, row in enumerate(w) for v in row if v}
    digits = [int(signed_digits(np.array([v]))[0]) for _, v in pairs]
    assert count_products(w).made == (digits.count(1), digits.count(2), sum(d > 2 for d in digits))


def test_ternary_and_empty_weights() -> None:
    ternary = count_products(np.array([[-1, 0, 1], [1, 1, -1]], dtype=np.int8))
    assert ternary.used == (5, 0, 0)
    assert ternary.made[0] == 4
    zeros = count_products(np.zeros((4, 3), np.int64))
    assert (zeros.nonzeros, zeros.adders, zeros.columns, zeros.longest) == (0, 0, 0, 0)
    with pytest.raises(ValueError, match="axes"):
        count_products(np.zeros(3, np.int64))


def test_extremes_do_not_overflow() -> None:
    found = count_products(np.array([[np.iinfo(np.int32).min, np.iinfo(np.int32).max]], dtype=np.int64))
    assert found.used == (1, 1, 0)


def test_expectations_lie_between_none_and_all() -> None:
    found = expected_products(64, 32, 16, 10)
    assert found.expected
    assert 0 < found.nonzeros <= found.weights == 2048
    assert all(made <= used + 1e-9 for made, used in zip(found.made, found.used, strict=True))


def test_the_top_of_a_memory_word() -> None:
    flat = np.array([100, 100, -8, 7])
    assert top_bits(flat, 2) == 4
    assert top_bits(flat, 4) == 8
    assert top_bits(np.zeros(4, np.int64), 2) == 1


@pytest.mark.slow
def test_eleven_million_weights_are_counted_in_seconds() -> None:
    """ResNet-18's own counts; the estimator has ten seconds for it."""
    sizes = [(27, 64), *[(576, 64)] * 4, (576, 128), *[(1152, 128)] * 3, (1152, 256), *[(2304, 256)] * 3]
    sizes += [(2304, 512), *[(4608, 512)] * 3]
    rng = np.random.default_rng(0)
    matrices = [rng.integers(-1, 2, size, dtype=np.int64) for size in sizes]
    assert sum(m.size for m in matrices) > 10_000_000
    start = time.process_time()
    counts = [count_products(matrix) for matrix in matrices]
    assert time.process_time() - start < 10
    assert all(0 < c.nonzeros < c.weights for c in counts)

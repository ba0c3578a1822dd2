"""Rice codes: exact both ways, and within a quarter of the entropy from 2 to 50 % of weights that are not zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardc.errors import CompileError
from cardc.passes.encodings import rice

from .test_round_trip import densities, seeds, some, ternary


@some
@given(st.integers(1, 40), st.integers(1, 70), densities, seeds)
def test_decodes_to_what_was_encoded(rows: int, columns: int, density: float, seed: int) -> None:
    w = ternary((rows, columns), density, seed)
    e = rice.encode(w)
    np.testing.assert_array_equal(rice.decode(e), w, strict=True)
    assert rice.size_bytes(e) == rice.size_of(w) == 2 * e.codes.size


@pytest.mark.parametrize("density", [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5])
def test_size_is_near_the_entropy(density: float) -> None:
    w = ternary((64, 576), density, 3)
    least = rice.entropy_bits(np.count_nonzero(w) / w.size) * w.size / 8
    assert least < rice.size_bytes(rice.encode(w)) < 1.1 * least


@pytest.mark.parametrize("w", [np.zeros((3, 700)), np.ones((2, 9)), -np.ones((1, 1)), np.eye(40)[::-1]])
def test_extremes(w: np.ndarray) -> None:
    np.testing.assert_array_equal(rice.decode(rice.encode(w)), w.astype(np.int64), strict=True)


def test_other_weights_are_refused() -> None:
    with pytest.raises(CompileError, match="weights that are not -1, 0 or 1"):
        rice.encode(np.array([[2, 0]]))
    assert (rice.entropy_bits(0.0), rice.entropy_bits(1.0)) == (0.0, 1.0)
    assert rice.entropy_bits(0.5) == pytest.approx(1.5)

"""Lines equal the stairs that they were found for on every sum, or are not found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardc.passes.encodings import lines

some = settings(max_examples=150, deadline=None, derandomize=True, database=None)


def stairs(reach: int, first: float, step: float, top: int, *, falls: bool = False) -> lines.Ints:
    """Sums 0 .. reach quantised evenly from `first` on."""
    y = np.clip(np.floor((np.arange(reach + 1) - first) / step + 0.5), 0, top).astype(np.int64)
    return top - y if falls else y


def of(line: lines.Line, found: lines.Ints, top: int) -> lines.Ints:
    sums = np.arange(len(found))
    return (
        lines.on_bytes(line, sums, lines.bits_of(top)) if line.kind == lines.BYTES else lines.on_halves(line, sums, top)
    )


@some
@given(
    st.integers(1, 3000), st.floats(-300, 600), st.floats(0.1, 60), st.sampled_from([1, 2, 3, 15, 30, 255]),
    st.booleans(), st.one_of(st.none(), st.integers(0, 400)),
)  # fmt: skip
def test_a_line_equals_its_stairs(
    reach: int, first: float, step: float, top: int, falls: bool, least: int | None
) -> None:
    want = stairs(reach, first, step, top, falls=falls)
    line = lines.fit(want, top, least)
    if line.kind != lines.NONE:
        np.testing.assert_array_equal(of(line, want, top), want)
    if line.kind == lines.BYTES:
        assert least is not None
        assert least + line.lift <= 255, "what the kernel begins with fits a byte"
        assert 0 <= line.low <= 255
    assert all(-(2**31) <= word < 2**31 for word in line.words())


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize(("top", "step"), [(1, 3.0), (3, 9.7), (15, 3.3), (30, 2.9), (15, 5.21)])
def test_usual_quantisers_of_few_taps_are_lines_on_bytes(top: int, step: float, falls: bool) -> None:
    assert lines.fit(stairs(255, 130.3, step, top, falls=falls), top, 120).kind == lines.BYTES


@pytest.mark.parametrize(("top", "step"), [(15, 40.3), (255, 4.13), (3, 900.0)])
def test_those_of_many_taps_are_lines_on_halves(top: int, step: float) -> None:
    assert lines.fit(stairs(4000, 1500.2, step, top), top, 2000).kind == lines.HALVES
    assert lines.fit(stairs(4000, 1500.2, step, top), top, None).kind == lines.HALVES


def test_uneven_stairs_have_no_line() -> None:
    bent = np.array([0, 1, 2, 3, 3, 3, 3, 3, 4, 5])
    assert lines.fit(bent, 5, 0).kind == lines.NONE
    even = np.arange(100) // 5  # one sum off a line of 20 levels
    assert lines.fit(even, 19, 0).kind != lines.NONE
    even[50] -= 1
    assert lines.fit(even, 19, 0).kind == lines.NONE


def test_a_constant_is_a_line() -> None:
    for value in (0, 7, 15):
        want = np.full(300, value)
        assert (of(lines.fit(want, 15, 40), want, 15) == value).all()


def test_steps_beyond_a_byte_are_left_to_halves() -> None:
    """The byte that the kernel begins with would not fit."""
    assert lines.fit(stairs(500, 260, 4.0, 15), 15, 100).kind == lines.HALVES

"""A value next to a rounding boundary may come out either way in floats: counted, left out downstream; nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from cardc.ops.base import Array
from cardc.ops.qtype import QType
from cardc.ops.quant import SIGN
from cardc.verify.boundaries import either_way
from cardc.verify.compare import Tally, compare_floats, compare_integers
from cardc.verify.points import Point

UINT4, INT4, BIPOLAR = QType(0, 15), QType(-8, 7), QType(-1, 1, (1.0,), 2)
NEAR, FAR = 4e-6, 1e-3


def point(q: QType, mode: str = "ROUND", *, scale: float = 0.5, zero: int = 0, name: str = "t") -> Point:
    return Point(f"{name}_int", name, q, np.asarray([scale]), 0.0, mode, zero)


def excused(entered: float, got: int, expected: int, where: Point, *, beside: float = 3.0) -> bool:
    """Whether the first element is; a second one, `beside`, gives a bipolar tensor its size."""
    values = np.asarray([[entered, beside]])
    found = either_way(values, np.asarray([[got, 1]]), np.asarray([[expected, 1]]), where)
    assert not found[0, 1]
    return bool(found[0, 0])


# t = value / scale sits beside the boundary at `jump`, between the integers below and above it.
JUMPS = [
    ("ROUND", INT4, 2.5, 2, 3),
    ("ROUND", INT4, -2.5, -3, -2),
    ("HALF_EVEN", INT4, 0.5, 0, 1),
    ("HALF_UP", INT4, 1.5, 1, 2),
    ("HALF_DOWN", INT4, -1.5, -2, -1),
    ("FLOOR", INT4, 3.0, 2, 3),
    ("FLOOR", INT4, 0.0, -1, 0),
    ("CEIL", INT4, 3.0, 3, 4),
    ("CEIL", INT4, -3.0, -3, -2),
    ("UP", INT4, 2.0, 2, 3),
    ("UP", INT4, -2.0, -3, -2),
    ("DOWN", INT4, 2.0, 1, 2),
    ("DOWN", INT4, -2.0, -2, -1),
    ("ROUND_TO_ZERO", INT4, -2.0, -2, -1),
    (SIGN, BIPOLAR, 0.0, -1, 1),
    ("ROUND", UINT4, 14.5, 14, 15),
]


@pytest.mark.parametrize(("mode", "q", "jump", "below", "above"), JUMPS)
def test_beside_a_boundary_either_result_is_excused(mode: str, q: QType, jump: float, below: int, above: int) -> None:
    where = point(q, mode)
    for side in (-NEAR, NEAR):
        value = (jump + side * max(1.0, abs(jump))) * 0.5
        assert excused(value, below, above, where)
        assert excused(value, above, below, where)


@pytest.mark.parametrize(("mode", "q", "jump", "below", "above"), JUMPS)
def test_away_from_it_none_is(mode: str, q: QType, jump: float, below: int, above: int) -> None:
    where = point(q, mode)
    for side in (-FAR, FAR):
        value = (jump + side * max(1.0, abs(jump))) * 0.5
        assert not excused(value, below, above, where)
        assert not excused(value, above, below, where)


@pytest.mark.parametrize(("mode", "q", "jump", "below", "above"), [j for j in JUMPS if j[1] is not BIPOLAR])
def test_only_the_two_integers_beside_it_are(mode: str, q: QType, jump: float, below: int, above: int) -> None:
    where = point(q, mode)
    for got, expected in ((below - 1, above), (below, above + 1), (above + 1, below), (below - 1, below)):
        assert not excused(jump * 0.5, got, expected, where)


@pytest.mark.parametrize(
    ("mode", "q", "value", "got", "expected"),
    [
        ("DOWN", INT4, 0.0, 0, 1),  # the directed mode that has no jump at 0
        ("ROUND", UINT4, 15.5, 15, 14),  # beyond the last level nothing jumps
        ("ROUND", UINT4, -0.5, 0, 1),
        ("FLOOR", INT4, -8.0, -8, -7),
        ("CEIL", INT4, 7.0, 7, 6),
        ("ROUND", INT4, 2.0, 2, 3),  # a boundary of other modes
        ("FLOOR", INT4, 2.5, 2, 3),
    ],
)
def test_where_nothing_jumps(mode: str, q: QType, value: float, got: int, expected: int) -> None:
    assert not excused(value * 0.5, got, expected, point(q, mode))


def test_the_zero_point_moves_ties_and_clips() -> None:
    # round(t + 3) - 3 with t = 12.5: between 12 and 13 where the range was 0..15 before 3 was taken off.
    shifted = point(QType(-3, 12), zero=3)
    assert excused((11.5 + NEAR) * 0.5, 11, 12, shifted)
    assert not excused((12.5 + NEAR) * 0.5, 12, 13, shifted)
    # DOWN goes towards 0 of t + z, so that with z = 3 there is no jump at t = -3 but one at t = 0.
    down = point(QType(-11, 4), "DOWN", zero=3)
    assert excused(0.0, -1, 0, down)
    assert not excused(-3 * 0.5, -3, -2, down)


def test_a_bipolar_boundary_is_as_wide_as_its_tensor_is_large() -> None:
    where = point(BIPOLAR, SIGN, scale=1.0)
    assert excused(2e-3, 1, -1, where, beside=1000.0)
    assert not excused(2e-3, 1, -1, where, beside=1.0)
    # Where all values are small, none is at the boundary for that alone.
    assert not excused(1e-7, 1, -1, where, beside=2e-7)


def run(after: dict[str, Array], before: dict[str, Array], want: dict[str, Array], known: list[Point]) -> Tally:
    tally = Tally()
    compare_floats("qonnx", after, before, want, known, tally, first_sample=100)
    return tally


def two_layers() -> tuple[dict[str, Array], dict[str, Array], dict[str, Array], list[Point]]:
    """Three samples, two quantised tensors of two elements; sample 1 sits on a boundary in the first."""
    known = [point(UINT4, name="a"), point(UINT4, name="b")]
    before = {"a": np.asarray([[0.5, 1.0], [1.25, 3.0], [2.0, 0.0]]), "b": np.asarray([[1.0, 1.0]] * 3)}
    want = {"a_int": np.asarray([[1, 2], [3, 6], [4, 0]]), "b_int": np.asarray([[2, 2]] * 3)}
    after = {"a": np.asarray([[0.5, 1.0], [1.0, 3.0], [2.0, 0.0]]), "b": np.asarray([[1.0, 1.0]] * 3)}
    return after, before, want, known


def test_a_boundary_case_is_counted_and_its_sample_left_out_downstream() -> None:
    after, before, want, known = two_layers()
    after["b"][1] = 7.0  # what follows from it
    tally = run(after, before, want, known)
    assert (tally.boundary_cases, tally.difference) == (1, "")
    assert tally.tensors == {"a_int", "b_int"}


def test_the_other_samples_are_still_compared() -> None:
    after, before, want, known = two_layers()
    after["b"][2, 1] = 1.5
    tally = run(after, before, want, known)
    assert tally.boundary_cases == 1
    assert tally.difference.startswith("qonnx: tensor 'b', sample 102, element [1]: 1.5 instead of 1, ")
    assert "which is the integer 2 (1 differ)" in tally.difference


def test_a_difference_before_the_boundary_case_is_not_excused() -> None:
    after, before, want, known = two_layers()
    after["a"][1, 1] = 3.5  # the same sample, another element
    tally = run(after, before, want, known)
    assert "tensor 'a', sample 101, element [1]: 3.5 instead of 3" in tally.difference


def test_a_quantiser_gives_multiples_of_its_scale() -> None:
    after, before, want, known = two_layers()
    after["a"][1, 0] = 1.5
    after["a"][0, 0] = 0.5004  # no multiple of 0.5: no integer at all
    tally = run(after, before, want, known)
    assert "tensor 'a', sample 100, element [0]: 0.5004" in tally.difference
    after["a"][0, 0] = np.nan
    assert "sample 100, element [0]: nan" in run(after, before, want, known).difference


def test_a_tensor_that_is_missing_is_a_difference() -> None:
    after, before, want, known = two_layers()
    del after["b"]
    assert run(after, before, want, known).difference == "qonnx: tensor 'b' was not computed"


def test_the_output_may_carry_the_rounding_of_a_float_sum() -> None:
    output = Point("y_int", "y", QType(-1000, 1000), np.asarray([0.25]), 0.5)
    want = {"y_int": np.asarray([[100, -100]])}
    close = np.asarray([[25.5, -24.5]]) * (1 + 3e-7)
    assert run({"y": close}, {}, want, [output]).difference == ""
    assert "25.75 instead of 25.5" in run({"y": np.asarray([[25.75, -24.5]])}, {}, want, [output]).difference
    assert run({"y": np.asarray([[25.51, -24.5]])}, {}, want, [output]).difference


def test_integers_have_no_excuse() -> None:
    want = {"a": np.arange(24).reshape(2, 3, 4), "b": np.zeros((2, 5), np.int64)}
    tally = Tally()
    compare_integers("c:host", {name: array.copy() for name, array in want.items()}, want, tally, 40)
    assert (tally.difference, tally.tensors) == ("", {"a", "b"})
    wrong = want["a"].copy()
    wrong[1, 2, 0] += 1
    wrong[1, 2, 3] += 1
    compare_integers("c:host", {"a": wrong}, want, tally, 40)
    assert tally.difference == "c:host: tensor 'a', sample 41, element [2, 0]: 21 instead of 20 (2 differ)"
    compare_integers("c:rv32", {"b": want["b"] + 1}, want, tally)
    assert tally.difference.startswith("c:host: ")  # the first one stays
    shape = Tally()
    compare_integers("c:host", {"b": want["b"][:, :4]}, want, shape)
    assert shape.difference == "c:host: tensor 'b' has shape [2, 4], not [2, 5]"


def test_beside_large_values_the_rounding_of_terms_that_cancel_is_excused() -> None:
    where = point(INT4)
    assert excused((2.5 + 1e-3) * 0.5, 2, 3, where, beside=1800 * 0.5)
    assert not excused((2.5 + 1e-3) * 0.5, 2, 3, where)
    assert not excused((2.5 + 2e-2) * 0.5, 2, 3, where, beside=1800 * 0.5)

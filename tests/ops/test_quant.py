"""Quantisers against qonnx's own, and the integer types that they give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from qonnx.custom_op.general.bipolar_quant import binary_quant
from qonnx.custom_op.general.intquant import int_quant, max_int, min_int, resolve_rounding_mode
from tests.text import parse

from cardc.errors import CompileError
from cardc.ops import lookup
from cardc.ops.base import Array
from cardc.ops.qtype import QType, dtype_of, find_qtype, set_qtype
from cardc.ops.quant import ROUNDINGS, SIGN, dequantize, level_range, quantize, rounded

F = np.float32
MODES = [m for m in ROUNDINGS if m != "ROUND_TO_ZERO"]
FINITE = hnp.arrays(F, 40, elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
TIES = hnp.arrays(np.int64, 40, elements=st.integers(-2000, 2000)).map(lambda k: (k / 8).astype(F))
VALUES = st.one_of(FINITE, TIES)
SCALES = st.one_of(
    st.floats(2.0**-20, 2.0**20, width=32), st.sampled_from([0.125, 0.25, 0.5, 1.0, 2.0]), st.just(2.0**-126)
).map(F)


def quant(x: Array, s: Array, z: Array, bits: int, signed: bool, narrow: bool, mode: str) -> Array:
    node = parse(
        "g (float[1,40] x) => (float[1,40] y) <float s = {1}, float z = {0}, float b = {1}> { y = Quant<signed: int = "
        f'{int(signed)}, narrow: int = {int(narrow)}, rounding_mode: string = "{mode}">(x, s, z, b) }}'
    ).graph.node(0)
    return lookup(node).execute(node, [x, s, z, np.asarray(bits, F)])


@settings(max_examples=400, deadline=None)
@given(VALUES, SCALES, st.integers(-9, 9), st.integers(1, 8), st.booleans(), st.booleans(), st.sampled_from(MODES))
def test_quant_is_qonnx_quant(x: Array, s: Array, z: int, bits: int, signed: bool, narrow: bool, mode: str) -> None:
    with np.errstate(over="ignore"):
        want = int_quant(x, s, F(z), np.asarray(bits, F), signed, narrow, mode)
        got = quant(x, np.asarray(s), np.asarray(z, F), bits, signed, narrow, mode)
    assert got.dtype == F
    assert np.array_equal(got, want)


def test_round_to_zero_is_down() -> None:
    x = np.asarray([-1.5, -0.5, -0.0, 0.99, 2.5], F)
    assert np.array_equal(rounded(x, "ROUND_TO_ZERO"), resolve_rounding_mode("DOWN")(x))


def test_an_unknown_rounding_mode_is_no_guess() -> None:
    with pytest.raises(ValueError, match="SOMEHOW"):
        rounded(np.zeros(1, F), "SOMEHOW")


@settings(max_examples=100, deadline=None)
@given(VALUES, SCALES)
def test_bipolar_quant_is_qonnx_bipolar_quant(x: Array, s: Array) -> None:
    node = parse("g (float[1,40] x) => (float[1,40] y) <float s = {1}> { y = BipolarQuant(x, s) }").graph.node(0)
    assert np.array_equal(lookup(node).execute(node, [x, np.asarray(s)]), binary_quant(x, s))


@pytest.mark.parametrize("bits", range(2, 33))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_level_ranges_are_qonnx_ranges(bits: int, signed: bool, narrow: bool) -> None:
    assert level_range(bits, signed, narrow) == (min_int(signed, narrow, bits), max_int(signed, narrow, bits))


def test_one_bit_ranges() -> None:
    assert level_range(1, False, False) == (0, 1)
    assert level_range(1, True, False) == (-1, 1)
    assert level_range(1, True, True) == (-1, 1)


@settings(max_examples=400, deadline=None)
@given(VALUES, SCALES, st.integers(-9, 9), st.integers(2, 8), st.booleans(), st.booleans(), st.sampled_from(MODES))
def test_quantize_and_dequantize_are_the_two_halves(
    x: Array, s: Array, z: int, bits: int, signed: bool, narrow: bool, mode: str
) -> None:
    lo, hi = level_range(bits, signed, narrow)
    q = QType(lo - z, hi - z, (float(s),))
    with np.errstate(over="ignore"):
        integers = quantize(x, q, mode, z)
        want = int_quant(x, s, F(z), np.asarray(bits, F), signed, narrow, mode)
    assert integers.dtype == np.int64
    assert ((integers >= q.lo) & (integers <= q.hi)).all()
    assert np.array_equal(dequantize(integers, q, 1), want)


@settings(max_examples=100, deadline=None)
@given(VALUES, SCALES, st.booleans())
def test_bipolar_halves(x: Array, s: Array, divided: bool) -> None:
    q = QType(-1, 1, (float(s),), 2)
    with np.errstate(over="ignore"):
        integers = quantize(x, q, "ROUND" if divided else SIGN, 0)
        want = int_quant(x, s, F(0), np.asarray(1, F), True, False, "ROUND") if divided else binary_quant(x, s)
    assert np.array_equal(dequantize(integers, q, 1), want)


def test_what_is_no_number_becomes_the_lowest_level_and_infinities_the_ends() -> None:
    x = np.asarray([np.nan, np.inf, -np.inf], F)
    assert quantize(x, QType(-3, 4), "ROUND", 0).tolist() == [-3, 4, -3]
    assert quantize(x, QType(-1, 1, (1.0,), 2), SIGN, 0).tolist() == [-1, 1, -1]


def test_dequantize_lays_scales_along_the_axis() -> None:
    q = QType(0, 9, (0.5, 2.0))
    x = np.asarray([[1, 2], [3, 4]])
    assert dequantize(x, q, 1).tolist() == [[0.5, 4.0], [1.5, 8.0]]
    assert dequantize(x, q, 0).tolist() == [[0.5, 1.0], [6.0, 8.0]]


RANGES = st.tuples(st.integers(-(2**33), 2**33), st.integers(0, 2**34), st.integers(1, 3)).map(
    lambda r: QType(r[0], r[0] + r[1] * r[2], step=r[2])
)


@given(RANGES)
def test_bits_are_the_fewest_that_hold_the_range(q: QType) -> None:
    if q.bipolar:
        assert q.bits == 1
        return

    def holds(n: int) -> bool:
        return -(2 ** (n - 1)) <= q.lo and q.hi <= 2 ** (n - 1) - 1 if q.signed else q.hi <= 2**n - 1

    assert holds(q.bits)
    assert q.bits == 1 or not holds(q.bits - 1)
    assert q.levels == len(range(q.lo, q.hi + 1, q.step))


@given(RANGES, st.lists(st.floats(2.0**-100, 2.0**100), min_size=1, max_size=3))
def test_a_type_survives_the_file(q: QType, scale: list[float]) -> None:
    q = QType(q.lo, q.hi, tuple(scale), q.step)
    value = parse("g (float[1,2] x) => (float[1,2] y) { y = Relu(x) }").graph.inputs[0]
    set_qtype(value, q)
    assert find_qtype(value) == q
    assert value.dtype == dtype_of(q)
    info = np.iinfo(dtype_of(q).numpy())
    assert info.min <= q.lo
    assert q.hi <= info.max


NO_TYPES = [
    "", "{", "[]", '"x"', '{"lo": 0}',
    '{"lo": 3, "hi": 1, "scale": [1], "step": 1}',
    '{"lo": 0, "hi": 1, "scale": [], "step": 1}',
    '{"lo": 0, "hi": 1, "scale": 2, "step": 1}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_TYPES)
def test_a_type_that_is_none_is_an_error(text: str) -> None:
    value = parse("g (float[1,2] x) => (float[1,2] y) { y = Relu(x) }").graph.inputs[0]
    value.metadata_props["cardc.qtype"] = text
    with pytest.raises(CompileError, match="malformed integer type"):
        find_qtype(value)


@pytest.mark.parametrize("args", [(1, 0), (0, 3, (1.0,), 2), (0, 1, ()), (0, 1, (1.0,), 0)])
def test_a_range_that_is_none_is_an_error(args: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not a range"):
        QType(*args)  # type: ignore[arg-type]


def test_names_of_types() -> None:
    assert [str(QType(*r)) for r in ((0, 15), (-8, 7), (0, 0), (-1, 0), (3, 200), (-1, 128))] == [
        "uint4[0,15]", "int4[-8,7]", "uint1[0,0]", "int1[-1,0]", "uint8[3,200]", "int9[-1,128]",
    ]  # fmt: skip
    assert str(QType(-1, 1, step=2)) == "bipolar"


def test_no_type_beyond_64_bits() -> None:
    with pytest.raises(CompileError, match="no integer type holds"):
        dtype_of(QType(0, 2**63))

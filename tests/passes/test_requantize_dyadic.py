"""requantize-dyadic: thresholds as multiply, add and shift, exactly or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.graphs import IntegerGraph, uint
from tests.text import again, before, constants, outputs, run_pass, samples, show

from cardc.ops.base import Array, constant, integer, operand
from cardc.ops.requantize import ROUNDINGS, apply_dyadic
from cardc.ops.threshold import apply_thresholds
from cardc.passes.base import PassLog
from cardc.passes.lower_outputs import OUT_SCALE
from cardc.passes.requantize_dyadic import RequantizeDyadic, first_that_rounds_to, fit_channel
from cardc.passes.split_quantizers import SOURCE

NAME = "requantize-dyadic"
QUANT = 'Quant<signed: int = 0, narrow: int = 0, rounding_mode: string = "ROUND">'


def dense(chain: str, constants: str = "", *, bits: int = 4) -> str:
    return f"""
g (float[1,3] x) => (float[1,2] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{6}}, float bo = {{{bits}}}, float so = {{0.3}},
 float[3,2] w = {{1, -1, 1, 1, -1, 1}}, float ws = {{0.25}}{constants}>
{{
  xq = {QUANT.replace("signed: int = 0", "signed: int = 1")}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  a = MatMul(xq, wq)
  {chain}
  y = {QUANT}(c, so, z, bo)
}}
"""


BN = (
    "c = BatchNormalization(a, gamma, beta, mean, var)",
    ", float[2] gamma = {-0.7, 2}, float[2] beta = {1.25, -0.5}, float[2] mean = {0.5, 0.25}, float[2] var = {1, 4}",
)


@pytest.mark.parametrize("chain", [("c = Relu(a)", ""), BN], ids=["alike", "falling"])
def test_requantize_equals_the_thresholds(chain: tuple[str, str]) -> None:
    model = before(dense(*chain), NAME)
    x = samples(model, 500)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    assert show(model).splitlines()[-1] == "y = Requantize(a_int, y_multiplier, y_offset) uint4[0,15]"
    assert model.graph.node(-1).outputs[0].metadata_props[SOURCE] == "y"
    assert sorted(constants(model)) == ["matmul_2_weight", "xq_int_thresholds", "y_multiplier", "y_offset"]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_the_models_output_keeps_what_its_unit_is_worth() -> None:
    model = before(dense("c = Relu(a)"), NAME)
    had = dict(model.graph.outputs[0].metadata_props)
    assert had[OUT_SCALE] == repr(float(np.float32(0.3)))
    run_pass(model, NAME)
    assert model.graph.outputs[0].producer().op_type == "Requantize"  # type: ignore[union-attr]
    assert model.graph.outputs[0].metadata_props == had


def test_few_levels_stay_thresholds() -> None:
    model = before(dense("c = Relu(a)", bits=2), NAME)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 0
    assert [d.reason for d in trace.declined] == ["4 levels cost less as thresholds"]
    assert trace.declined[0].node == "quant_4"


def test_levels_that_no_line_meets_stay_thresholds() -> None:
    # A slope of 1 below and 0.05 above the bend: no line has both.
    model = before(
        dense("d = Neg(a)\n  e = LeakyRelu<alpha: float = 0.05>(d)\n  c = Add(e, k)", ", float k = {1}"), NAME
    )
    x = samples(model, 500)
    want = outputs(model, x)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 0
    assert [d.reason for d in trace.declined] == ["no multiplier, offset and shift equal the thresholds within 32 bits"]
    assert np.array_equal(outputs(model, x), want)


def test_too_few_shifts_decline() -> None:
    model = before(dense("c = Relu(a)"), NAME)
    log = PassLog()
    assert RequantizeDyadic(max_shift=1).run(model, log) == 0
    assert len(log.declined) == 1


def test_the_input_quantiser_keeps_its_float_thresholds() -> None:
    model = before(dense("c = Relu(a)"), NAME)
    run_pass(model, NAME)
    assert model.graph.node(0).op_type == "Threshold"


def fit(t: Array, low: int, high: int, base: int, shift: int, rounding: str) -> tuple[int, int] | None:
    return fit_channel(t, low, high, first_that_rounds_to(base + np.arange(1, t.size + 1), shift, rounding))


def equal_on(t: Array, low: int, high: int, base: int, found: tuple[int, int], shift: int, rounding: str) -> bool:
    x = np.arange(low, high + 1)[:, None]
    m, b = (np.asarray([v]) for v in found)
    y = apply_dyadic(x, m, b, shift, base, base + t.size, rounding)
    return np.array_equal(y, apply_thresholds(x, t[None], None, base, 1))


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("shift", range(6))
def test_the_first_number_that_rounds_to_a_level(rounding: str, shift: int) -> None:
    v = np.arange(-300, 300)
    rounded = np.floor(v / 2**shift) if rounding == "floor" else np.round(v / 2**shift)
    for level in range(-4, 5):
        assert first_that_rounds_to(np.asarray([level]), shift, rounding)[0] == v[rounded >= level][0]


LINES = st.tuples(
    st.integers(-60, 20), st.integers(1, 80), st.integers(1, 7), st.integers(-5, 3),
    st.floats(0.01, 3), st.floats(-8, 8), st.integers(0, 12), st.sampled_from(ROUNDINGS),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_a_found_channel_equals_its_thresholds_everywhere(
    line: tuple[int, int, int, int, float, float, int, str],
) -> None:
    low, span, levels, base, slope, offset, shift, rounding = line
    high = low + span
    x = np.arange(low, high + 1)
    y = np.clip(np.round(slope * x + offset), 0, levels)
    t = np.asarray([int(x[y >= k][0]) if (y >= k).any() else high + 1 for k in range(1, levels + 1)])
    found = fit(t, low, high, base, shift, rounding)
    if found is not None:
        assert equal_on(t, low, high, base, found, shift, rounding)
        assert 0 <= found[0] < 2**31
        assert max(abs(found[0] * v + found[1]) for v in (low, high)) < 2**31


SORTED = st.lists(st.integers(-4, 8), min_size=1, max_size=4).map(lambda t: np.asarray(sorted(t)))


@settings(max_examples=250, deadline=None)
@given(SORTED, st.integers(-2, 2), st.integers(0, 3), st.sampled_from(ROUNDINGS))
def test_where_nothing_is_found_brute_force_finds_nothing(t: Array, base: int, shift: int, rounding: str) -> None:
    low, high = -3, 7  # thresholds of -4 and 8 are always, and never, passed
    found = fit(t, low, high, base, shift, rounding)
    # m = span jumps over all levels in one step of x; steeper lines do no more. An offset moves the line over all x.
    span = (t.size + 1) << shift
    m = np.arange(span + 1)[:, None, None]
    b = np.arange(-12 * span, 12 * span + 1)[None, :, None]
    x = np.arange(low, high + 1)[None, None]
    exact = (m * x + b) / 2**shift
    y = np.clip(np.floor(exact) if rounding == "floor" else np.round(exact), base, base + t.size)
    want = base + (x[0, 0][:, None] >= t).sum(axis=1)
    good = np.flatnonzero((y == want).all(axis=2).any(axis=1))
    if found is None:
        assert good.size == 0
    else:
        assert equal_on(t, low, high, base, found, shift, rounding)
        assert found[0] == good[0]


def test_32_bits_are_a_limit() -> None:
    t = np.arange(1, 8) * (1 << 21)
    assert fit(t, 0, 1 << 24, 0, 21, "floor") is not None
    assert fit(t, 0, 1 << 24, 0, 40, "floor") is None


def test_ties_of_a_power_of_two_are_rounded_to_even() -> None:
    """acc / 4 rounded to even: no rounding down has those ties, nearest even has them with m = 1."""
    model = before(dense("c = Identity(a)").replace("so = {0.3}", "so = {0.5}"), NAME)
    x = samples(model, 500)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    node = model.graph.node(-1)
    assert node.attributes["rounding"].as_string() == "half_even"
    assert constants(model)["y_multiplier"] == [1]
    assert np.array_equal(outputs(model, x), want)


def test_many_levels_take_64_bits_where_32_have_none() -> None:
    """Sums of 24 bits to a byte: nothing in int32 is fine enough, and thresholds would take a KB a channel."""
    graph = IntegerGraph((300, 1, 1), uint(8), seed=1)
    graph.conv(2, (1, 1), pads=0, weights=np.random.default_rng(1).integers(-128, 128, (2, 300, 1, 1)))
    model = graph.threshold_on_range(uint(8)).model()
    node = [n for n in model.graph if n.op_type == "Threshold"][-1]  # the first one quantises the input
    t = np.asarray(constant(operand(node, 1))).astype(np.int64)
    assert RequantizeDyadic().run(model, PassLog()) == 1
    found = next(n for n in model.graph if n.op_type == "Requantize")
    m, b = (np.asarray(constant(operand(found, k))).astype(np.int64) for k in (1, 2))
    x = np.concatenate([t[0] - 1, t[0], [-(300 * 128 * 255), 300 * 127 * 255]])[None]
    assert int(np.abs(m).max()) < 2**31
    assert int(np.abs(x).max()) * int(m.max()) > 2**31
    got = apply_dyadic(x, m, b, integer(found, "shift", 0), 0, 255, "floor")
    assert np.array_equal(got, apply_thresholds(x, t, None, 0, 1))

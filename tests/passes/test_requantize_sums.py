"""requantize-sums: residual additions of scales without a common unit, equal for every pair of integers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.text import again, before, outputs, run_pass, samples, show

from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.passes.multipliers import Reach, multipliers
from cardc.passes.split_quantizers import SOURCE

NAME = "requantize-sums"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
UNSIGNED = QUANT.replace("signed: int = 1", "signed: int = 0")


def residual(tail: str, *, a: float = 0.3, b: float = 0.17, out: float = 0.41, bits: int = 3, more: str = "") -> str:
    """x and 2 x, quantised to `bits` with scales `a` and `b`, joined by `tail` into c, quantised to 3 bits."""
    return f"""
g (float[1,2] x) => (float[1,2] y)
<float sa = {{{a}}}, float sb = {{{b}}}, float so = {{{out}}}, float z = {{0}}, float n = {{{bits}}},
 float two = {{2}}, float half = {{0.5}}, float three = {{3}}{more}>
{{
  p = {QUANT}(x, sa, z, n)
  d = Mul(x, two)
  q = {QUANT}(d, sb, z, n)
  {tail}
  y = {QUANT}(c, so, z, three)
}}
"""


def every_pair(model: object, *, bits: int = 3, a: float = 0.3) -> Array:
    """Inputs that bring every integer of the first branch, with many of the second."""
    x = np.linspace(-(2 ** (bits - 1)) - 1, 2 ** (bits - 1), 4001) * a
    return np.stack([x, x[::-1]], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    "tail",
    ["c = Add(p, q)", "c = Sub(p, q)", "c = Sub(q, p)", "s = Add(p, q)\n  c = Relu(s)", "c = Add(p, p)"],
    ids=["add", "sub", "reversed", "relu", "doubled"],
)
def test_the_sum_becomes_an_integer_sum_and_thresholds(tail: str) -> None:
    model = before(residual(tail), NAME)
    x = every_pair(model)
    want = outputs(model, x)
    changed = run_pass(model, NAME).rewrites
    assert np.array_equal(outputs(model, x), want)
    if "Add(p, p)" in tail:  # one scale: lifted before
        assert changed == 0
        return
    assert changed == 1
    ops = [line.split(" = ")[1].split("(")[0] for line in show(model).splitlines()]
    assert ops[-3:] == ["Add", "Threshold", "Dequantize"]
    assert model.graph.node(-2).outputs[0].metadata_props[SOURCE] == "y"
    assert again(model, NAME) == 0


def test_constants_a_channel_get_multipliers_a_channel() -> None:
    norm = (
        ", float[2] gamma = {-0.7, 2}, float[2] beta = {1.25, -0.5}, float[2] mean = {0.5, 0.25}, float[2] var = {1, 4}"
    )
    tail = "s = Add(p, q)\n  c = BatchNormalization(s, gamma, beta, mean, var)"
    model = before(residual(tail, more=norm), NAME)
    x = every_pair(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    add = next(node for node in model.graph if node.op_type == "Add")
    first, second = (v.const_value.numpy() for v in add.inputs[2:])  # type: ignore[union-attr]
    assert np.sign(first).tolist() == np.sign(second).tolist() == [-1, 1]
    assert np.array_equal(outputs(model, x), want)


def test_an_accumulator_beside_a_quantised_tensor() -> None:
    tail = "w = BipolarQuant(v, half)\n  m = MatMul(p, w)\n  c = Add(m, q)"
    model = before(residual(tail, more=", float[2,2] v = {1, -1, 1, 1}"), NAME)
    x = samples(model, 500)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    assert np.array_equal(outputs(model, x), want)


def test_scales_with_a_small_common_unit_are_left_to_lift_integers() -> None:
    model = before(residual("c = Add(p, q)", a=0.25, b=0.5), NAME)
    assert [n.op_type for n in model.graph][-3:] == ["Dequantize", "Quantize", "Dequantize"]
    assert run_pass(model, NAME).rewrites == 0


def test_a_sum_that_other_operators_read_gets_a_common_unit_or_is_refused() -> None:
    model = before(residual("s = Add(p, q)\n  t = Relu(s)\n  w = BipolarQuant(v, half)\n  c = MatMul(t, w)",
                            more=", float[2,2] v = {1, -1, 1, 1}"), NAME)  # fmt: skip
    assert all(node.domain for node in model.graph if node.op_type == "Add")
    text = residual("s = Add(p, q)\n  t = Mul(s, q)\n  c = Add(t, p)", a=0.3, b=1e-9, bits=8)
    with pytest.raises(CompileError) as caught:
        run_pass(before(text, NAME), NAME)
    assert caught.value.fix


def test_where_float32_rounds_a_pair_astray_the_real_sum_decides() -> None:
    # 11 and 8 bits: among 2^19 pairs one lies nearer to a boundary than float32 can tell.
    text = residual("c = Add(p, q)", a=0.02925, b=0.921, out=0.597, bits=8).replace("(x, sa, z, n)", "(x, sa, z, wide)")
    text = text.replace("float half", "float wide = {11}, float half").replace("three = {3}", "three = {8}")
    model = before(text, NAME)
    x = (np.random.default_rng(0).uniform(-100, 100, (2000, 2))).astype(np.float32)
    want = outputs(model, x)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 1
    assert "rounded as the real sum is" in trace.notes[0]
    got = outputs(model, x)
    assert np.abs(got - want).max() <= np.float32(0.6)
    assert (got != want).mean() < 1e-3


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_multipliers_tell_all_pairs_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels, levels = int(rng.integers(1, 4)), int(rng.integers(1, 9))
    low, high = -rng.integers(0, 20, channels), rng.integers(0, 20, channels)
    ys = np.arange(-int(rng.integers(0, 8)), int(rng.integers(1, 8)))
    slope, other = rng.uniform(0.01, 0.5, channels), rng.uniform(-0.5, 0.5, channels)
    offset = rng.uniform(-2, 2, channels)
    direction = rng.choice([-1, 1], channels)

    def level(c: int, x: int, y: int) -> int:  # of d x
        return int(np.clip(np.round(slope[c] * x + other[c] * y + offset[c]), 0, levels))

    first = np.asarray(
        [[[next((x for x in range(low[c], high[c] + 1) if level(c, x, int(y)) > k), high[c] + 1)
           for k in range(levels)] for y in ys] for c in range(channels)]
    )  # fmt: skip
    found = multipliers(Reach(first, direction, low, high, ys), slope * direction, other, max_shift=24)
    assert found is not None
    for c in range(channels):
        for x, y in itertools.product(range(low[c], high[c] + 1), ys):
            total = found.m[c] * direction[c] * x + found.k[c] * y
            assert int((total >= found.t[c]).sum()) == level(c, x, int(y))

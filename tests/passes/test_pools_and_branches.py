"""sink-moves where a chain falls behind a maximum, or stands behind tensors joined of several scales."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, outputs, run_pass, samples, show, through

NAME = "sink-moves"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'

POOLED = f"""
g (float[1,2,4] x) => (float[1,2,3] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{3}}, float[1,2,1] bias = {{0.3, -0.7}},
 float[2] gamma = {{-0.7, 2}}, float[2] beta = {{1.25, -0.5}}, float[2] mean = {{0.5, 0.25}}, float[2] var = {{1, 4}}>
{{
  q = {QUANT}(x, s, z, b)
  c = Mul(q, bias)
  p = MaxPool<kernel_shape: ints = [2]>(c)
  n = BatchNormalization(p, gamma, beta, mean, var)
  y = {QUANT}(n, s, z, b)
}}
"""

JOINED = f"""
g (float[1,2] x) => (float[1,4] y)
<float sa = {{0.3}}, float sb = {{1e-4}}, float so = {{0.41}}, float z = {{0}}, float b = {{3}},
 float[1,4] k = {{0.5, -1, 2, 3}}>
{{
  p = {QUANT}(x, sa, z, b)
  q = {QUANT}(x, sb, z, b)
  j = Concat<axis: int = 1>(p, q)
  c = Mul(j, k)
  y = {QUANT}(c, so, z, b)
}}
"""


def test_a_falling_channel_turns_before_and_behind_the_pool() -> None:
    model = before(POOLED, NAME)
    x = samples(model, 200)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites >= 1
    ops = [line.split(" = ")[1].split("(")[0] for line in show(model).splitlines()]
    assert ops[2:] == ["Mul", "BatchNormalization", "Quantize", "Affine", "MaxPool", "Affine", "Dequantize"]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_the_whole_pipeline_takes_it() -> None:
    model = before(POOLED, NAME)
    x = samples(model, 200)
    want = outputs(model, x)
    got = outputs(through(POOLED, "drop-identities"), x)
    assert np.array_equal(got * 0.5, want)


def test_a_chain_that_rises_needs_no_turning() -> None:
    model = before(POOLED.replace("-0.7, 2", "0.7, 2"), NAME)
    run_pass(model, NAME)
    assert "Affine" not in show(model)


def test_a_pool_of_integers_stays_where_it_is() -> None:
    text = POOLED.replace("  c = Mul(q, bias)\n", "").replace("(c)", "(q)")
    model = before(text, NAME)
    run_pass(model, NAME)
    assert show(model).splitlines()[2].startswith("p = MaxPool(q)")


def test_a_pool_that_is_used_twice_is_left() -> None:
    text = POOLED.replace("  y = ", "  r = ").replace("(n, s, z, b)\n", f"(n, s, z, b)\n  t = {QUANT}(p, s, z, b)\n")
    model = before(text.replace("\n}\n", "\n  y = Add(r, t)\n}\n"), NAME)
    trace = run_pass(model, NAME)
    assert any("is used elsewhere too" in d.reason for d in trace.declined)


def test_each_branch_gets_its_part_of_the_constants() -> None:
    model = before(JOINED, NAME)
    x = samples(model, 200)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    ops = [line.split(" = ")[1].split("(")[0] for line in show(model).splitlines()]
    assert ops[-6:] == ["Mul", "Quantize", "Mul", "Quantize", "Concat", "Dequantize"]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


@pytest.mark.parametrize("old", ["float sb = {1e-4}", "  c = Mul(j, k)\n"], ids=["one scale", "used as it is"])
def test_what_needs_no_parting_is_left(old: str) -> None:
    text = JOINED.replace(old, "float sb = {0.3}" if "sb" in old else "  c = Softmax(j)\n")
    assert run_pass(before(text, NAME), NAME).rewrites == 0

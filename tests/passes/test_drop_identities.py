"""drop-identities: what gives back every integer is left out."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, outputs, run_pass, samples, show

NAME = "drop-identities"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
NUMBERS = "float s = {0.5}, float t = {0.25}, float z = {0}, float b = {3}, float b2 = {2}, float k = {2}"


def model_of(body: str, constants: str = "", out: str = "float[1,2] y") -> str:
    return f"""
g (float[1,2] x) => ({out})
<{NUMBERS}, float[2,2] w = {{1, -1, 1, 1}}{constants}>
{{
  wq = BipolarQuant(w, s)
  {body.replace("QUANT", QUANT)}
}}
"""


def test_a_quantiser_behind_an_equal_one_is_dropped() -> None:
    model = before(model_of("a = QUANT(x, s, z, b)\n c = QUANT(a, s, z, b)\n y = MatMul(c, wq)"), NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    assert (
        show(model)
        == "a_int = Threshold(x, a_int_thresholds) int3[-4,3]\ny = MatMul(a_int, matmul_3_weight) int4[-8,7]"
    )
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_wider_range_behind_a_narrow_quantiser_is_narrow_again() -> None:
    body = "a = QUANT(x, s, z, b2)\n c = QUANT(a, s, z, b)\n y = MatMul(c, wq)"
    model = before(model_of(body), NAME)
    assert "int3[-4,3]" in show(model)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert show(model).splitlines()[-1] == "y = MatMul(a_int, matmul_3_weight) int3[-4,3]"
    assert np.array_equal(outputs(model, x), want)


KEPT = {
    "another scale": "a = QUANT(x, t, z, b)\n c = QUANT(a, s, z, b)\n y = MatMul(c, wq)",
    "a narrower range": "a = QUANT(x, s, z, b)\n c = QUANT(a, s, z, b2)\n y = MatMul(c, wq)",
    "a sign": "a = QUANT(x, s, z, b)\n c = BipolarQuant(a, s)\n y = MatMul(c, wq)",
}


@pytest.mark.parametrize("body", KEPT.values(), ids=KEPT.keys())
def test_what_changes_an_integer_stays(body: str) -> None:
    model = before(model_of(body), NAME)
    text = show(model)
    assert run_pass(model, NAME).rewrites == 0
    assert show(model) == text


def test_the_models_output_keeps_its_own_node() -> None:
    model = before(model_of("a = QUANT(x, s, z, b)\n y = QUANT(a, s, z, b)"), NAME)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 0
    assert [d.reason for d in trace.declined] == ["it gives the model's output its name and scale"]


def test_a_rescaling_that_a_concat_needs_stays() -> None:
    body = "a = QUANT(x, s, z, b)\n c = Mul(a, k)\n d = QUANT(x, h, z, b)\n y = Concat<axis: int = 1>(c, d)"
    model = before(model_of(body, ", float h = {1}", "float[1,4] y"), NAME)
    x = samples(model)
    want = outputs(model, x)
    trace = run_pass(model, NAME)
    assert [d.reason for d in trace.declined] == ["what reads it asks for its scale"]
    assert np.array_equal(outputs(model, x), want)

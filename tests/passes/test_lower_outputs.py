"""lower-outputs: the graph's result as integers, and what a unit of it is worth."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, constants, outputs, run_pass, samples, show

from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.split_quantizers import SOURCE

NAME = "lower-outputs"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'


def dense(tail: str, constants: str = "", *, ws: str = "float ws = {0.25}") -> str:
    """A quantised input, a binary layer 3 -> 2 with result a, then `tail` up to y."""
    return f"""
g (float[1,3] x) => (float[1,2] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{3}}, float[3,2] w = {{1, -1, 1, 1, -1, -1}}, {ws}{constants}>
{{
  xq = {QUANT}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  a = MatMul(xq, wq)
  {tail}
}}
"""


def real(text: str) -> tuple[Array, Array, list[str]]:
    """The float output before, the integers scaled by the metadata after (float64), and the notes."""
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 1
    (y,) = model.graph.outputs
    got = outputs(model, x) * float(y.metadata_props[OUT_SCALE]) + float(y.metadata_props[OUT_OFFSET])
    assert y.metadata_props[SOURCE] == "y"
    assert y.name == "y"
    assert again(model, NAME) == 0
    return want, got, list(trace.notes)


UNIFORM = {
    "layer": "y = Identity(a)",
    "scale": "y = Mul(a, k)",
    "shift": "d = Add(a, k)\n  y = Sub(d, h)",
    "divide": "d = Div(a, h)\n  y = Add(k, d)",
    "twice negative": "d = Neg(a)\n  y = Sub(k, d)",
}
CHANNELS = {
    "scale": "y = Mul(a, kk)",
    "bias": "y = Add(a, kk)",
    "negative": "y = Neg(a)",
    "difference": "y = Sub(kk, a)",
    "zero": "d = Mul(a, zz)\n  y = Add(d, kk)",
    "division": "d = Div(a, hh)\n  y = Add(d, k)",
    "norm": "y = BatchNormalization<epsilon: float = 0>(a, gamma, beta, mean, var)",
}
NUMBERS = (
    ", float k = {0.75}, float h = {2}, float[1,2] kk = {1.5, -0.75}, float[1,2] zz = {0, 1}, float[2] hh = {2, -4},"
    " float[2] gamma = {0.5, -2}, float[2] beta = {0.25, -0.5}, float[2] mean = {0.5, 0.25}, float[2] var = {1, 4}"
)


@pytest.mark.parametrize("tail", UNIFORM.values(), ids=UNIFORM.keys())
def test_one_scale_and_offset_are_only_noted(tail: str) -> None:
    text = dense(tail, NUMBERS)
    want, got, notes = real(text)
    assert np.array_equal(want, got)  # every number here is a short binary fraction
    assert len(notes) == (tail != UNIFORM["layer"])  # an Identity is gone at import
    model = before(text, NAME)
    run_pass(model, NAME)
    assert show(model).splitlines()[-1] == "y = MatMul(xq_int, matmul_2_weight) int5[-11,11]"


@pytest.mark.parametrize("tail", CHANNELS.values(), ids=CHANNELS.keys())
def test_a_line_a_channel_becomes_integers_with_one_unit(tail: str) -> None:
    text = dense(tail, NUMBERS)
    want, got, notes = real(text)
    assert np.array_equal(want, got)
    assert notes
    model = before(text, NAME)
    run_pass(model, NAME)
    assert [n.op_type for n in model.graph] == ["Threshold", "MatMul", "Affine"]


def test_multipliers_and_offsets_are_the_smallest_integers() -> None:
    model = before(dense("y = Add(a, kk)", NUMBERS, ws="float[1,2] ws = {0.5, 0.75}"), NAME)
    run_pass(model, NAME)
    found = constants(model)
    # a = (0.25, 0.375) acc + (1.5, -0.75) in units of 0.125
    assert found["y_units_multiplier"] == [2, 3]
    assert found["y_units_offset"] == [12, -6]
    assert model.graph.outputs[0].metadata_props[OUT_SCALE] == "0.125"


def test_a_quantised_output_is_its_integers() -> None:
    want, got, notes = real(dense(f"y = {QUANT}(a, s, z, b)"))
    assert np.array_equal(want, got)
    assert notes == []


def test_reshapes_are_repeated_on_the_integers() -> None:
    text = dense("c = Add(a, kk)\n  y = Reshape(c, shape)", NUMBERS + ", int64[3] shape = {0, 2, 1}")
    want, got, _ = real(text.replace("float[1,2] y", "float[1,2,1] y"))
    assert want.shape[1:] == (2, 1)
    assert np.array_equal(want, got)


def test_a_constant_behind_a_reshape_that_keeps_the_channels() -> None:
    text = dense(
        "c = Reshape(a, shape)\n  y = Add(c, kkk)", NUMBERS + ", int64[3] shape = {0, 2, 1}, float[2,1] kkk = {1, -2}"
    )
    want, got, _ = real(text.replace("float[1,2] y", "float[1,2,1] y"))
    assert np.array_equal(want, got)


CONV = f"""
g (float[1,1,3] x) => (float[1,2,2] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{3}}, float[2,1,2] w = {{1, -1, 1, 1}}, KIND k = {{1, -2}}>
{{
  xq = {QUANT}(x, s, z, b)
  wq = BipolarQuant(w, s)
  a = Conv(xq, wq)
  y = Add(a, k)
}}
"""


def test_a_bias_of_a_convolution() -> None:
    want, got, _ = real(CONV.replace("KIND", "float[1,2,1]"))
    assert np.array_equal(want, got)


def test_a_constant_along_another_axis_is_refused() -> None:
    # [2] lies along the positions, of which there happen to be as many as channels.
    with pytest.raises(CompileError, match="not one finite number a channel"):
        run_pass(before(CONV.replace("KIND", "float[2]"), NAME), NAME)


REFUSED = {
    "real end": ("y = Sqrt(a)", "", "ends in Sqrt"),
    "two tensors": ("y = Mul(a, a)", "", "ends in Mul"),
    "float": ("y = Identity(x)", "", "does not depend on a quantised layer"),
    "divide by zero": ("y = Div(a, k)", ", float k = {0}", "division by zero"),
    "no unit": ("y = Mul(a, k)", ", float[1,2] k = {0.1, 3e12}", "no common unit of 62 bits"),
}


@pytest.mark.parametrize(("tail", "numbers", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_have_a_remedy(tail: str, numbers: str, what: str) -> None:
    text = dense(tail, numbers)
    if "x)" in tail:
        text = text.replace("float[1,2] y", "float[1,3] y")
    model = before(text, NAME)
    with pytest.raises(CompileError, match=what) as caught:
        run_pass(model, NAME)
    assert caught.value.fix
    assert f"pass {NAME}" in str(caught.value)

"""lift-integers: arithmetic from floats to integers."""

from __future__ import annotations

import numpy as np
import pytest
from tests.frontend.formats.oracle import Builder, lowered
from tests.text import again, before, outputs, run_pass, samples, show

from cardc.errors import CompileError, CompileErrors
from cardc.ops.qtype import qtype

NAME = "lift-integers"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
COMMON = "float s = {0.5}, float z = {0}, float b = {3}"

DENSE = f"""
g (float[1,3] x) => (float[1,2] y)
<{COMMON}, float[3,2] w = {{1.5, -1, 1, 1, -1, -1}}, float[1,2] ws = {{0.25, 2}}>
{{
  xq = {QUANT}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  y = MatMul(xq, wq)
}}
"""

CONV = f"""
g (float[1,1,4] x) => (float[1,2,3] y)
<{COMMON}, float[2,1,2] w = {{1, -1, 1, 1}}, float ws = {{0.25}}>
{{
  xq = {QUANT}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  a = Conv<pads: ints = [1, 1]>(xq, wq)
  y = MaxPool<kernel_shape: ints = [3]>(a)
}}
"""


def test_a_dense_layer_works_on_integers() -> None:
    model = before(DENSE, NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    # Inputs -4..3, weights (+ + -), (- + -): the accumulators reach 2 * 3 + 4 and -(2 * 4 + 3).
    assert show(model) == (
        "xq_int = Quantize(x) int3[-4,3]\ny_int = MatMul(xq_int, matmul_2_weight) int5[-11,11]\ny = Dequantize(y_int)"
    )
    assert qtype(model.graph.node(1).outputs[0]).scale == (0.125, 1.0)
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_padded_convolution_and_the_pool_behind_it() -> None:
    model = before(CONV, NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 2
    assert show(model).splitlines()[1:] == [
        "a_int = Conv(xq_int, conv_2_weight) int4[-8,7]",
        "y_int = MaxPool(a_int) int4[-8,7]",
        "y = Dequantize(y_int)",
    ]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_reshapes_of_integers_stay_reshapes() -> None:
    text = CONV.replace("y = MaxPool<kernel_shape: ints = [3]>(a)", "y = Flatten(a)").replace(
        "float[1,2,3] y", "float[1,10] y"
    )
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert show(model).splitlines()[2] == "y_int = Flatten(a_int) int4[-8,7]"
    assert np.array_equal(outputs(model, x), want)


def test_scales_a_channel_are_laid_along_flattened_channels() -> None:
    text = CONV.replace("y = MaxPool<kernel_shape: ints = [3]>(a)", "y = Flatten(a)").replace(
        "float[1,2,3] y", "float[1,10] y"
    )
    model = before(text.replace("float ws = {0.25}", "float[2,1,1] ws = {0.25, 0.5}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert show(model).splitlines()[-1] == "y = Dequantize(y_int)"
    assert qtype(model.graph.node(2).outputs[0]).scale == (0.125,) * 5 + (0.25,) * 5
    assert np.array_equal(outputs(model, x), want)


REFUSED = [
    ("MatMul(xq, wq)", "MatMul(x, wq)", "the input of MatMul is not quantised"),
    ("MatMul(xq, wq)", "MatMul(xq, w)", "the weights of MatMul are not quantised"),
]


@pytest.mark.parametrize(("old", "new", "what"), REFUSED, ids=["input", "weights"])
def test_refusals_name_node_and_remedy(old: str, new: str, what: str) -> None:
    model = before(DENSE.replace(old, new), NAME)
    with pytest.raises(CompileError, match=what) as caught:
        run_pass(model, NAME)
    assert "matmul_2" in str(caught.value)
    assert "quantis" in caught.value.fix or "quantizer" in caught.value.fix


def test_the_remedy_names_the_operator_to_quantise() -> None:
    text = DENSE.replace("y = MatMul(xq, wq)", "r = LeakyRelu(xq)\n  y = MatMul(r, wq)")
    with pytest.raises(CompileError) as caught:
        run_pass(before(text, NAME), NAME)
    assert "after LeakyRelu 'leakyrelu_2'" in caught.value.fix


def _two_layers(scales: str) -> str:
    text = DENSE.replace("y = MatMul(xq, wq)", "a = MatMul(xq, wq)\n  y = MatMul(a, vq)").replace(
        "  wq =", "  vq = BipolarQuant(v, s)\n  wq ="
    )
    return text.replace("float[1,2] ws = {0.25, 2}", f"float[2,2] v = {{1, -1, 1, 1}}, float[1,2] ws = {scales}")


def test_an_input_with_a_scale_a_channel_gets_their_common_unit() -> None:
    model = before(_two_layers("{0.25, 2}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    # Accumulators worth 0.125 and 1: the second becomes 8 times as much of the first's unit.
    assert show(model).splitlines()[2] == (
        "a_int_units = Affine(a_int, a_int_units_multiplier, a_int_units_offset) int8[-80,88]"
    )
    assert np.array_equal(outputs(model, x), want)


def test_an_input_with_scales_without_a_common_unit_is_refused() -> None:
    model = before(_two_layers("{0.3, 1e-4}"), NAME)
    with pytest.raises(CompileError, match="one scale a channel, without a common unit"):
        run_pass(model, NAME)


def test_an_accumulator_beyond_every_integer_is_refused() -> None:
    text = DENSE.replace("float b = {3}", "float b = {32}").replace("BipolarQuant(w, ws)", f"{QUANT}(w, s, z, b)")
    model = before(text.replace("1.5, -1, 1, 1, -1, -1", "1e9, 1e9, 1e9, 1e9, 1e9, 1e9"), NAME)
    with pytest.raises(CompileError, match="may leave 2\\^53") as caught:
        run_pass(model, NAME)
    assert caught.value.node is not None


def test_all_layers_with_problems_are_reported_at_once() -> None:
    text = DENSE.replace("y = MatMul(xq, wq)", "a = MatMul(x, wq)\n  b2 = MatMul(xq, w)\n  y = Add(a, b2)")
    with pytest.raises(CompileErrors) as caught:
        run_pass(before(text, NAME), NAME)
    # The Add of the two has no fault of its own.
    assert [e.what for e in caught.value.errors] == [
        "the input of MatMul is not quantised",
        "the weights of MatMul are not quantised",
    ]


def test_every_layer_with_float_weights_is_reported() -> None:
    b = Builder((1, 6))
    h = b.op("Relu", b.op("MatMul", b.quant("x"), b.const(b.rng.normal(0, 1, (6, 5)))))
    h = b.op("Relu", b.op("MatMul", h, b.weight(5, 5)))
    model = b.model(b.op("MatMul", h, b.const(b.rng.normal(0, 1, (5, 3)))))
    with pytest.raises(CompileError) as caught:
        lowered(model)
    assert [e.what for e in caught.value.each()] == ["the weights of MatMul are not quantised"] * 2

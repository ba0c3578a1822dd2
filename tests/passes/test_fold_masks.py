"""fold-masks: masked quantised weights as integers."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, constants, imported, outputs, run_pass, samples, show

from cardc.errors import CompileError, CompileErrors
from cardc.ops.qtype import qtype

NAME = "fold-masks"

MASKED = """
g (float[1,3] x) => (float[1,2] y)
<float[3,2] w = {0.5, -2.0, 3.0, 4.0, -5.0, 0.25}, float s = {0.5}, float[3,2] m = {1, 0, 1, 1, 0, 1}>
{
  wq = BipolarQuant(w, s)
  wm = Mul(wq, m)
  y = MatMul(x, wm)
}
"""

QUANT = """
g (float[1,3] x) => (float[1,2] y)
<float[3,2] w = {0.5, -2.0, 3.0, 4.0, -5.0, 0.25}, float[1,2] s = {0.5, 0.25}, float z = {0}, float b = {3}>
{
  wq = Quant<signed: int = 1, narrow: int = 1, rounding_mode: string = "ROUND">(w, s, z, b)
  y = MatMul(x, wq)
}
"""


def test_a_mask_on_binary_weights_gives_ternary_integers() -> None:
    model = before(MASKED, NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    (layer,) = (n for n in model.graph if n.op_type == "MatMul")
    back, weight = layer.inputs[1], layer.inputs[1].producer().inputs[0]  # type: ignore[union-attr]
    assert back.producer().op_type == "Dequantize"  # type: ignore[union-attr]
    assert constants(model) == {weight.name: [[1, 0], [1, 1], [0, 1]]}  # type: ignore[union-attr]
    assert qtype(weight).scale == (0.5,)  # type: ignore[arg-type]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_mask_on_the_left_and_signs() -> None:
    model = before(MASKED.replace("Mul(wq, m)", "Mul(m, wq)").replace("0, 1, 1, 0, 1}", "1, 1, 1, 0, 1}"), NAME)
    run_pass(model, NAME)
    assert next(iter(constants(model).values())) == [[1, -1], [1, 1], [0, 1]]


def test_weights_without_a_mask_stay_bipolar() -> None:
    model = before(MASKED.replace("MatMul(x, wm)", "MatMul(x, wq)"), NAME)
    run_pass(model, NAME)
    weight = next(iter(model.graph.initializers.values()))
    assert qtype(weight).bipolar


def test_n_bit_weights_with_a_scale_a_channel() -> None:
    model = before(QUANT, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    weight = next(iter(model.graph.initializers.values()))
    # 0.5 / 0.5 = 1, -2 / 0.25 = -8 -> -3 (narrow), ...; ties to even in 0.25 / 0.25 = 1.
    assert constants(model) == {weight.name: [[1, -3], [3, 3], [-3, 1]]}
    assert qtype(weight).scale == (0.5, 0.25)
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
def test_every_rounding_mode_keeps_the_weights(mode: str) -> None:
    model = before(QUANT.replace('"ROUND"', f'"{mode}"').replace("0.5, -2.0", "0.375, -0.625"), NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert np.array_equal(outputs(model, x), want)


def test_a_transposed_weight_is_folded() -> None:
    text = """
g (float[1,3] x) => (float[1,2] y)
<float[2,3] w = {0.5, -2.0, 3.0, 4.0, -5.0, 0.25}, float[2,1] s = {0.5, 2}>
{
  wq = BipolarQuant(w, s)
  y = Gemm<transB: int = 1>(x, wq)
}
"""
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    weight = next(iter(model.graph.initializers.values()))
    assert constants(model) == {weight.name: [[1, 1], [-1, -1], [1, 1]]}
    assert qtype(weight).scale == (0.5, 2.0)
    assert np.array_equal(outputs(model, x), want)


def test_a_reshaped_weight_and_a_positive_scale_behind_it() -> None:
    text = """
g (float[1,3] x) => (float[1,2] y)
<float[6] w = {0.5, -2.0, 3.0, 4.0, -5.0, 0.25}, float s = {0.5}, int64[2] shape = {3, 2}, float[1,2] k = {2, 4}>
{
  wq = BipolarQuant(w, s)
  wr = Reshape(wq, shape)
  wi = Identity(wr)
  ws = Mul(wi, k)
  y = MatMul(x, ws)
}
"""
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    weight = next(iter(model.graph.initializers.values()))
    assert constants(model) == {weight.name: [[1, -1], [1, 1], [-1, 1]]}
    assert qtype(weight).scale == (1.0, 2.0)
    assert np.array_equal(outputs(model, x), want)


def test_a_convolution_has_its_scales_along_axis_0() -> None:
    text = """
g (float[1,1,3] x) => (float[1,2,2] y)
<float[2,1,2] w = {0.5, -2.0, 3.0, 4.0}, float[2,1,1] s = {0.5, 2}, float[2,1,2] m = {1, 1, 0, 1}>
{
  wq = BipolarQuant(w, s)
  wm = Mul(wq, m)
  y = Conv(x, wm)
}
"""
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    weight = next(iter(model.graph.initializers.values()))
    assert constants(model) == {weight.name: [[[1, -1]], [[0, 1]]]}
    assert qtype(weight).scale == (0.5, 2.0)
    assert np.array_equal(outputs(model, x), want)


def test_one_signed_bit_is_bipolar() -> None:
    model = before(QUANT.replace("float b = {3}", "float b = {1}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert next(iter(constants(model).values())) == [[1, -1], [1, 1], [-1, 1]]
    assert np.array_equal(outputs(model, x), want)


def test_a_quantised_bias_becomes_a_constant() -> None:
    text = """
g (float[1,2] x) => (float[1,2] y)
<float[2] b = {0.3, -0.6}, float s = {0.25}, float z = {0}, float n = {4}>
{
  bq = Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">(b, s, z, n)
  y = Add(x, bq)
}
"""
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    assert show(model) == "y = Add(x, bq_value)"
    assert constants(model) == {"bq_value": [0.25, -0.5]}
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_float_weight_is_left_alone() -> None:
    for w in ("1.5,2,3,4", "1,2,3,40000"):
        model = before(f"g (float[1,2] x) => (float[1,2] y) <float[2,2] w = {{{w}}}> {{ y = MatMul(x, w) }}", NAME)
        assert run_pass(model, NAME).rewrites == 0


def test_whole_numbers_are_integers_without_a_quantiser() -> None:
    model = before("g (float[1,2] x) => (float[1,2] y) <float[2,2] w = {1,-2,3,4}> { y = MatMul(x, w) }", NAME)
    assert run_pass(model, NAME).rewrites == 1
    assert constants(model)["matmul_0_weight"] == [[1, -2], [3, 4]]


REFUSED = [
    ("w = {0.5,", "w = {0.0,", "1 of 6 weights are exactly 0 before binarisation"),
    ("m = {1, 0,", "m = {1, -1,", "neither a mask of 0 and 1 nor a positive scale"),
    ("Mul(wq, m)", "Add(wq, m)", "Add stands between a weight's quantiser and its layer"),
    ("float s = {0.5}", "float[3,1] s = {0.5, 1, 2}", "scale varies inside an output channel"),
]


@pytest.mark.parametrize(("old", "new", "what"), REFUSED, ids=[r[2][:20] for r in REFUSED])
def test_refusals_name_node_and_remedy(old: str, new: str, what: str) -> None:
    model = before(MASKED.replace(old, new), NAME)
    with pytest.raises(CompileError, match=what) as caught:
        run_pass(model, NAME)
    assert caught.value.node is not None
    assert caught.value.fix
    assert "fold-masks" in str(caught.value)


def test_one_bit_weights_of_zero_are_reported_like_bipolar_ones() -> None:
    model = before(QUANT.replace("float b = {3}", "float b = {1}").replace("w = {0.5,", "w = {0.0,"), NAME)
    with pytest.raises(CompileError, match="exactly 0 before binarisation"):
        run_pass(model, NAME)


def test_a_zero_point_that_is_not_whole_is_refused() -> None:
    model = before(QUANT.replace("float z = {0}", "float z = {0.5}"), NAME)
    with pytest.raises(CompileError, match="zero point is not a whole number"):
        run_pass(model, NAME)


def test_scales_that_do_not_multiply_exactly_are_refused() -> None:
    # (3 * 0.1) * 0.7 rounds twice in float32, and so differs from 3 times the rounded 0.1 * 0.7.
    text = """
g (float[1,3] x) => (float[1,1] y)
<float[3,1] w = {0.3, 0.5, 0.7}, float s = {0.1}, float z = {0}, float n = {4}, float k = {0.7}>
{
  wq = Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">(w, s, z, n)
  ws = Mul(wq, k)
  y = MatMul(x, ws)
}
"""
    model = before(text, NAME)
    with pytest.raises(CompileError, match="not an integer times one float32 scale"):
        run_pass(model, NAME)


def test_constants_multiplied_without_a_quantiser_are_refused_as_float_weights() -> None:
    text = """
g (float[1,2] x) => (float[1,2] y)
<float[2,2] w = {1,2,3,4}, float s = {0.5}, float[2,2] m = {1,0,1,0}>
{
  wm = Mul(w, m)
  wq = BipolarQuant(wm, s)
  y = MatMul(x, wq)
}
"""
    model = before(text, NAME)  # the importer folds w * m, so that the zeros reach the quantiser
    with pytest.raises(CompileError, match="2 of 4 weights are exactly 0"):
        run_pass(model, NAME)


def test_all_layers_with_problems_are_reported_at_once() -> None:
    text = MASKED.replace("y = MatMul(x, wm)", "a = MatMul(x, wm)\n  y = MatMul(a, vq)").replace(
        "float s", "float[2,2] v = {0, 1, 2, 3}, float s"
    )
    text = text.replace("w = {0.5,", "w = {0.0,").replace("wm = Mul", "vq = BipolarQuant(v, s)\n  wm = Mul")
    with pytest.raises(CompileErrors) as caught:
        run_pass(imported(text), NAME)
    assert [str(e.node.name) for e in caught.value.errors] == ["bipolarquant_0", "bipolarquant_1"]  # type: ignore[union-attr]


def test_a_weight_shared_by_two_layers_is_folded_for_both() -> None:
    text = MASKED.replace("y = MatMul(x, wm)", "a = MatMul(x, wm)\n  b = MatMul(x, wm)\n  y = Add(a, b)")
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 2
    assert np.array_equal(outputs(model, x), want)


def test_a_long_chain_of_constants_needs_no_deep_stack() -> None:
    steps = "\n".join(f"  w{k + 1} = Mul(w{k}, one)" for k in range(1200))
    text = f"""
g (float[1,1] x) => (float[1,1] y)
<float[1,1] w = {{2}}, float s = {{0.5}}, float one = {{1}}>
{{
  w0 = BipolarQuant(w, s)
{steps}
  y = MatMul(x, w1200)
}}
"""
    model = before(text, NAME)
    run_pass(model, NAME)
    assert constants(model) == {f"{next(n for n in model.graph if n.op_type == 'MatMul').name}_weight": [[1]]}

"""absorb-thresholds: chain and quantiser as thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, constants, outputs, run_pass, samples, show

from cardc.errors import CompileError, CompileErrors
from cardc.passes import absorb_thresholds
from cardc.passes.split_quantizers import SOURCE

NAME = "absorb-thresholds"


def quant(signed: int = 1, mode: str = "ROUND", narrow: int = 0) -> str:
    return f'Quant<signed: int = {signed}, narrow: int = {narrow}, rounding_mode: string = "{mode}">'


def dense(chain: str, constants: str = "", *, weights: str = "1, -1, 1, 1, -1, 1", q: str = quant()) -> str:
    """Quantised input, ternary layer 3 -> 2, the chain from a to c, a 2-bit quantiser."""
    return f"""
g (float[1,3] x) => (float[1,2] y)
<float s = {{0.5}}, float z = {{0}}, float b = {{3}}, float b2 = {{2}}, float[3,2] w = {{{weights}}},
 float ws = {{0.25}}{constants}>
{{
  xq = {quant()}(x, s, z, b)
  wq = BipolarQuant(w, ws)
  a = MatMul(xq, wq)
  {chain}
  y = {q}(c, s, z, b2)
}}
"""


BN = ", float[2] gamma = {GAMMA}, float[2] beta = {0.25, -0.5}, float[2] mean = {0.5, 0.25}, float[2] var = {1, 4}"
CHAINS = {
    "identity": ("c = Identity(a)", ""),
    "relu": ("c = Relu(a)", ""),
    "leaky": ("c = LeakyRelu<alpha: float = 0.25>(a)", ""),
    "scale and bias": ("d = Mul(a, k)\n  c = Add(d, k)", ", float[1,2] k = {1.5, 0.75}"),
    "constants first": ("d = Mul(k, a)\n  c = Sub(k, d)", ", float[1,2] k = {1.5, 0.75}"),
    "division": ("c = Div(a, k)", ", float[1,2] k = {1.5, -0.75}"),
    "negative": ("c = Neg(a)", ""),
    "hardtanh": ("c = Clip(a, lo, hi)", ", float lo = {-0.75}, float hi = {0.5}"),
    "rising norm": ("c = BatchNormalization(a, gamma, beta, mean, var)", BN.replace("GAMMA", "0.5, 2")),
    "falling norm": ("c = BatchNormalization(a, gamma, beta, mean, var)", BN.replace("GAMMA", "-0.5, 2")),
    "zero norm": ("c = BatchNormalization(a, gamma, beta, mean, var)", BN.replace("GAMMA", "0, -1")),
    "cube": ("c = Pow(a, k)", ", float k = {3}"),
}


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN"])
@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_thresholds_equal_the_chain(chain: tuple[str, str], mode: str) -> None:
    model = before(dense(*chain, q=quant(mode=mode)), NAME)
    x = samples(model, 500)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 2
    assert [n.op_type for n in model.graph] == ["Threshold", "MatMul", "Threshold", "Dequantize"]
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_the_thresholds_of_a_small_chain() -> None:
    model = before(dense(*CHAINS["falling norm"]), NAME)
    trace = run_pass(model, NAME)
    assert show(model).splitlines() == [
        "xq_int = Threshold(x, xq_int_thresholds) int3[-4,3]",
        "a_int = MatMul(xq_int, matmul_2_weight) int5[-11,10]",
        "y_int = Threshold(a_int, y_int_thresholds, y_int_directions) int2[-2,1]",
        "y = Dequantize(y_int)",
    ]
    # Channel 0 falls: about 0.5 - acc / 16 on -11 .. 10, nowhere below -0.25; 0.25, at acc = 4, still rounds to 0.
    assert constants(model)["y_int_directions"] == [-1, 1]
    assert constants(model)["y_int_thresholds"][0] == [-10, -10, -3]  # type: ignore[index]
    assert trace.notes == ("quant_4: 1 of 2 channels fall",)
    assert model.graph.node(2).outputs[0].metadata_props[SOURCE] == "y"


def test_one_row_serves_channels_that_are_alike() -> None:
    model = before(dense(*CHAINS["relu"]), NAME)
    run_pass(model, NAME)
    assert np.shape(constants(model)["y_int_thresholds"]) == (1, 3)


def test_the_input_becomes_float_thresholds() -> None:
    model = before(dense(*CHAINS["identity"]), NAME)
    run_pass(model, NAME)
    t = constants(model)["xq_int_thresholds"]
    # Ties to even: -1.75 / 0.5 rounds to -4, -1.25 / 0.5 to -2, 0.25 / 0.5 to 0.
    above = [float(np.nextafter(np.float32(v), np.float32(9))) for v in (-1.75, -0.75, 0.25, 1.25)]
    assert t == [[above[0], -1.25, above[1], -0.25, above[2], 0.75, above[3]]]


@pytest.mark.parametrize("x_chain", ["Mul(x, k)", "Sub(k, x)", "Relu(x)", "Div(x, k)"])
def test_float_chains_in_front_of_the_input_quantiser(x_chain: str) -> None:
    text = dense("c = Relu(a)", ", float[1,3] k = {0.3, -3, 255}").replace("xq =", f"u = {x_chain}\n  xq =")
    model = before(text.replace("(x, s, z, b)", "(u, s, z, b)"), NAME)
    x = np.concatenate([samples(model, 200), np.random.default_rng(1).normal(0, 2, (200, 3)).astype(np.float32)])
    want = outputs(model, x)
    run_pass(model, NAME)
    assert np.array_equal(outputs(model, x), want)


def test_bipolar_outputs() -> None:
    text = dense("c = Identity(a)").replace(f"{quant()}(c, s, z, b2)", "BipolarQuant(c, s)")
    model = before(text, NAME)
    x = samples(model, 300)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert constants(model)["y_int_thresholds"] == [[0]]
    assert np.array_equal(outputs(model, x), want)


def test_a_quantiser_on_a_quantiser_needs_no_layer() -> None:
    text = """
g (float[1,3] x) => (float[1,3] y) <float s = {0.5}, float t = {0.75}, float z = {0}, float b = {4}>
{
  a = QUANT(x, s, z, b)
  y = QUANT(a, t, z, b)
}
""".replace("QUANT", quant())
    model = before(text, NAME)
    x = samples(model, 300)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 2
    assert np.array_equal(outputs(model, x), want)


REFUSED = {
    "levels": (dense("c = Identity(a)").replace("b2 = {2}", "b2 = {17}"), "131072 levels, more than 65536"),
    "two activations": (dense("c = Mul(a, a)"), "Mul stands between the layer and its quantiser"),
    "softmax-like": (dense("c = Div(k, a)", ", float k = {1}"), "Div stands between the layer and its quantiser"),
    "square": (dense("c = Pow(a, k)", ", float k = {2}"), "rises and falls in channel 0"),
    "root": (dense("d = Sqrt(a)\n  c = Neg(d)"), "rises and falls in channel 0"),
    "input square": (
        dense("c = Relu(a)", ", float k = {2}").replace("xq =", "u = Pow(x, k)\n  xq =").replace("(x, s", "(u, s"),
        "may turn",
    ),
}


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_node_and_remedy(text: str, what: str) -> None:
    model = before(text, NAME)
    with pytest.raises(CompileError, match=what) as caught:
        run_pass(model, NAME)
    assert caught.value.node is not None
    assert caught.value.fix
    assert f"pass {NAME}" in str(caught.value)


def test_a_constant_that_varies_over_positions_is_refused() -> None:
    text = f"""
g (float[1,2,3] x) => (float[1,2,3] y) <float s = {{0.5}}, float z = {{0}}, float b = {{3}},
   float[2,3] k = {{1, 2, 3, 4, 5, 6}}>
{{
  a = Add(x, k)
  y = {quant()}(a, s, z, b)
}}
"""
    with pytest.raises(CompileError, match="varies over positions"):
        run_pass(before(text, NAME), NAME)


def test_a_range_too_large_to_try_whole_needs_operators_that_cannot_turn() -> None:
    big = dense("c = Pow(a, k)", ", float k = {2}", weights="60000, -60000, 60000, 60000, -60000, 60000")
    text = big.replace("BipolarQuant(w, ws)", f"{quant()}(w, ws, z, b16)").replace(
        "float b2", "float b16 = {20}, float b2"
    )
    with pytest.raises(CompileError, match="may turn"):
        run_pass(before(text, NAME), NAME)
    model = before(text.replace("Pow(a, k)", "Relu(a)"), NAME)
    x = samples(model, 300)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert np.array_equal(outputs(model, x), want)


def test_all_problems_are_reported_at_once() -> None:
    text = dense("c = Pow(a, k)", ", float k = {2}").replace("xq =", "u = Pow(x, k)\n  xq =").replace("(x, s", "(u, s")
    with pytest.raises(CompileErrors) as caught:
        run_pass(before(text, NAME), NAME)
    assert len(caught.value.errors) == 2


def test_more_thresholds_than_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = dense("c = Mul(a, k)", ", float[1,2] k = {1.5, 0.75}").replace("b2 = {2}", "b2 = {3}")
    model = before(text, NAME)
    monkeypatch.setattr(absorb_thresholds, "MAX_THRESHOLDS", 13)  # two channels of seven each
    with pytest.raises(CompileError, match="3 bits in each of 2 channels take more than 13 thresholds") as caught:
        run_pass(model, NAME)
    assert "use fewer bits" in caught.value.fix

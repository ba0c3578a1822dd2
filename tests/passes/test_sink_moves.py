"""sink-moves: reshapes and pools behind the element-wise operators that follow them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, outputs, run_pass, samples, show

NAME = "sink-moves"


def model_of(body: str, constants: str = "", shape: str = "1,2,2,2", out: str = "float[1,8] y") -> str:
    quant = '<signed: int = 0, narrow: int = 0, rounding_mode: string = "ROUND">'
    body = body.replace("Quant(", f"Quant{quant}(").replace("Pool(", "Pool<kernel_shape: ints = [2, 2]>(")
    return f"""
g (float[{shape}] x) => ({out})
<float s = {{0.5}}, float z = {{0}}, float b = {{2}}, int64[2] flat = {{1, 8}}{constants}>
{{
  {body}
}}
"""


EXCHANGED = [
    ("a = Reshape(x, flat)\n y = Quant(a, s, z, b)",
     "y_int_early = Quantize(x) uint2[0,3]\ny_int = Reshape(y_int_early, flat) uint2[0,3]\ny = Dequantize(y_int)"),
    ("a = Flatten(x)\n y = Relu(a)", "y_early = Relu(x)\ny = Flatten(y_early)"),
    ("a = MaxPool(x)\n y = Quant(a, s, z, b)",
     "y_int_early = Quantize(x) uint2[0,3]\ny_int = MaxPool(y_int_early) uint2[0,3]\ny = Dequantize(y_int)"),
    ("a = Reshape(x, flat)\n c = Add(a, s)\n y = Neg(c)",
     "c_early = Add(x, s)\ny_early = Neg(c_early)\ny = Reshape(y_early, flat)"),
    # Two moves in a row: the operator goes behind both.
    ("a = MaxPool(x)\n c = Flatten(a)\n y = Relu(c)",
     "y_early_early = Relu(x)\ny_early = MaxPool(y_early_early)\ny = Flatten(y_early)"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "after"), EXCHANGED, ids=["reshape", "flatten", "maxpool", "chain", "two-moves"])
def test_moves_sink(body: str, after: str) -> None:
    model = before(model_of(body), NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites > 0
    assert show(model) == after
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_pool_of_integers_is_the_integer_operator() -> None:
    model = before(model_of("a = MaxPool(x)\n y = Quant(a, s, z, b)"), NAME)
    run_pass(model, NAME)
    assert [(n.domain, n.op_type) for n in model.graph] == [
        ("cardc", "Quantize"), ("cardc", "MaxPool"), ("cardc", "Dequantize"),
    ]  # fmt: skip


def test_a_padded_pool_keeps_its_value() -> None:
    text = model_of("a = MaxPool(x)\n y = Quant(a, s, z, b)").replace(
        "[2, 2]>", "[2, 2], pads: ints = [1, 1, 1, 1], strides: ints = [2, 2]>"
    )
    text = text.replace("signed: int = 0", "signed: int = 1")
    model = before(text, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert np.array_equal(outputs(model, x), want)


DECLINED = [
    ("a = MaxPool(x)\n c = Relu(a)\n d = Neg(a)\n y = Add(c, d)", "", "is used elsewhere too"),
    ("a = Reshape(x, flat)\n y = Mul(a, k)", ", float[1,8] k = {1,2,3,4,5,6,7,8}", "has a constant for each channel"),
    ("a = MaxPool(x)\n y = Neg(a)", "", "Neg may fall"),
    ("a = MaxPool(x)\n y = Mul(a, s)", "", "Mul may fall"),
    ("a = MaxPool(x)\n y = LeakyRelu(a)", "", "LeakyRelu may fall"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "constants", "reason"), DECLINED, ids=[d[2][:16] for d in DECLINED])
def test_declines_with_a_reason(body: str, constants: str, reason: str) -> None:
    model = before(model_of(body, constants), NAME)
    x = samples(model)
    want = outputs(model, x)
    trace = run_pass(model, NAME)
    assert any(reason in d.reason for d in trace.declined)
    assert np.array_equal(outputs(model, x), want)


RAISED = [
    # A layer or a turning function follows: the pool goes to the front instead, and to its integers.
    ("a = Relu(x)\n c = MaxPool(a)\n y = Mul(c, k)", "k = {-1}", ["MaxPool", "Relu", "Mul"]),
    ("a = Add(x, k)\n c = LeakyRelu(a)\n d = MaxPool(c)\n y = Mul(d, s)", "k = {2}",
     ["MaxPool", "Add", "LeakyRelu", "Mul"]),
    ("a = Mul(x, k)\n c = MaxPool(a)\n y = Neg(c)", "k = {2}", ["MaxPool", "Mul", "Neg"]),
    ("a = Mul(x, k)\n c = MaxPool(a)\n y = Neg(c)", "k = {-2}", ["Mul", "MaxPool", "Neg"]),
    ("a = Relu(x)\n c = Flatten(a)\n y = MatMul(c, w)", "[8,1] w = {1,1,1,1,1,1,1,1}", ["Flatten", "Relu", "MatMul"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "constant", "order"), RAISED, ids=["relu", "two", "rising", "falling", "flatten"])
def test_moves_are_raised_where_no_quantiser_follows(body: str, constant: str, order: list[str]) -> None:
    model = before(model_of(body, f", float{'' if constant[0] == '[' else ' '}{constant}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == int("Flatten" in order or order[0] == "MaxPool") * (len(order) - 2)
    assert [node.op_type for node in model.graph if node.op_type != "Dequantize"] == order
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_a_constant_of_higher_rank_is_declined() -> None:
    # [1, 8] + [1, 1, 1, 1] is [1, 1, 1, 8]: the sum is no [1, 8] any more.
    model = before(model_of("a = Reshape(x, flat)\n y = Add(a, k)", ", float[1,1,1,1] k = {1}"), NAME)
    trace = run_pass(model, NAME)
    assert trace.rewrites == 0
    assert trace.declined


def test_a_move_that_is_the_graph_output_stays() -> None:
    text = model_of("y = Flatten(x)\n a = Relu(y)").replace("a = Relu(y)", "a = Relu(y)")
    model = before(text, NAME)
    assert run_pass(model, NAME).rewrites == 0

"""lift-integers where tensors are joined: residual additions, concatenations, averages; and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import before, imported, outputs, run_pass, samples, show, through

from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE

NAME = "lift-integers"
QUANT = 'Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
NUMBERS = (
    "float s = {0.5}, float t = {0.75}, float odd = {0.3}, float z = {0}, float b = {3}, float k = {2},"
    " float third = {0.3333}, float[1,2] kk = {2, -4}, float[2,2] w = {1, -1, 1, 1}"
)


def model_of(body: str, out: str = "float[1,2] y", shape: str = "1,2") -> str:
    return f"""
g (float[{shape}] x) => ({out})
<{NUMBERS}>
{{
  {body.replace("QUANT", QUANT)}
}}
"""


def both(text: str) -> tuple[Array, Array]:
    """The imported model's output, and the integers of the lowered one times their unit."""
    model = imported(text)
    x = samples(model)
    want = outputs(model, x)
    lowered = through(text, "drop-identities")
    (y,) = lowered.graph.outputs
    return want, outputs(lowered, x) * float(y.metadata_props[OUT_SCALE]) + float(y.metadata_props[OUT_OFFSET])


PAIR = "a = QUANT(x, s, z, b)\n c = QUANT(x, t, z, b)\n "
EXACT = {
    "equal scales": "a = QUANT(x, s, z, b)\n y = Add(a, a)",
    "a common unit": PAIR + "y = Add(a, c)",
    "difference": PAIR + "y = Sub(a, c)",
    "scaled branch": PAIR + "d = Mul(a, k)\n y = Add(d, c)",
    "scaled by channel": PAIR + "d = Mul(a, kk)\n y = Sub(c, d)",
    "shifted branch": PAIR + "d = Add(a, t)\n y = Add(d, c)",
    "clipped branch": PAIR + "d = Relu(a)\n y = Add(d, c)",
    "quantised sum": PAIR + "d = Add(a, c)\n y = QUANT(d, s, z, b)",
    "clipped sum before a layer": PAIR + "d = Add(a, c)\n e = Relu(d)\n wq = BipolarQuant(w, s)\n y = MatMul(e, wq)",
}


@pytest.mark.parametrize("body", EXACT.values(), ids=EXACT.keys())
def test_sums_are_exact(body: str) -> None:
    want, got = both(model_of(body))
    assert np.array_equal(want, got)


def test_a_sum_of_two_scales_has_the_multipliers_of_their_unit() -> None:
    model = before(model_of(PAIR + "y = Add(a, c)"), NAME)
    run_pass(model, NAME)
    # 0.5 = 2 * 0.25, 0.75 = 3 * 0.25: -4 * 5 .. 3 * 5
    assert show(model).splitlines()[-2:] == [
        "y_int = Add(a_int, c_int, y_ma, y_mb) int6[-20,15]",
        "y = Dequantize(y_int)",
    ]


@pytest.mark.parametrize(
    ("body", "out", "shape"),
    [
        (PAIR + "y = Concat<axis: int = 1>(a, c)", "float[1,4] y", "1,2"),
        ("a = QUANT(x, s, z, b)\n y = Concat<axis: int = 1>(a, a, a)", "float[1,6] y", "1,2"),
        ("a = QUANT(x, s, z, b)\n y = AveragePool<kernel_shape: ints = [2, 2]>(a)", "float[1,2,1,1] y", "1,2,2,2"),
        ("a = QUANT(x, s, z, b)\n y = GlobalAveragePool(a)", "float[1,2,1,1] y", "1,2,4,4"),
        ("a = QUANT(x, s, z, b)\n c = GlobalAveragePool(a)\n y = QUANT(c, s, z, b)", "float[1,2,1,1] y", "1,2,4,2"),
    ],
    ids=["concat", "concat one scale", "average", "global average", "quantised average"],
)
def test_concatenations_and_averages_are_exact(body: str, out: str, shape: str) -> None:
    want, got = both(model_of(body, out, shape))
    assert np.array_equal(want, got)


REFUSED = {
    "scales without a unit": (
        "a = QUANT(x, s, z, b)\n c = QUANT(x, odd, z, b)\n d = Mul(c, third)\n y = Add(a, d)",
        "scales without a common unit|no whole multiple",
    ),
    "a float branch": ("a = QUANT(x, s, z, b)\n y = Add(a, x)", "the input of Add is not quantised"),
    "a leaky branch": (PAIR + "d = LeakyRelu(a)\n y = Add(d, c)", "the input of Add is not quantised"),
    "a clip between integers": (
        "a = QUANT(x, s, z, b)\n c = Clip(a, odd, k)\n wq = BipolarQuant(w, s)\n y = MatMul(c, wq)",
        "bounds are no whole multiples",
    ),
    "concat of floats": ("a = QUANT(x, s, z, b)\n y = Concat<axis: int = 1>(a, x)", "input of Concat is not quantised"),
}


@pytest.mark.parametrize(("body", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_node_and_remedy(body: str, what: str) -> None:
    out = "float[1,4] y" if "Concat" in body else "float[1,2] y"
    with pytest.raises(CompileError, match=what) as caught:
        through(model_of(body, out), "drop-identities")
    assert caught.value.node is not None
    assert caught.value.fix
    assert f"pass {NAME}" in str(caught.value)

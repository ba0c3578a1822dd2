"""split-quantizers: an activation's quantiser as Quantize and Dequantize."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import again, before, outputs, run_pass, samples, show

from cardc.errors import CompileError, CompileErrors
from cardc.ops.qtype import find_qtype
from cardc.ops.quant import ROUNDINGS
from cardc.passes.split_quantizers import SOURCE

NAME = "split-quantizers"

QUANT = """
g (float[1,3] x) => (float[1,3] y)
<float s = {0.5}, float z = {0}, float b = {3}>
{
  y = Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">(x, s, z, b)
}
"""
BIPOLAR = "g (float[1,3] x) => (float[1,3] y) <float s = {0.5}> { y = BipolarQuant(x, s) }"


def test_quant_becomes_integers_and_their_value() -> None:
    model = before(QUANT, NAME)
    assert show(model) == "y = Quant(x, s, z, b)"
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    assert show(model) == "y_int = Quantize(x) int3[-4,3]\ny = Dequantize(y_int)"
    assert model.graph.node(0).outputs[0].metadata_props[SOURCE] == "y"
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


def test_bipolar_quant_is_one_bit() -> None:
    model = before(BIPOLAR, NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert show(model) == "y_int = Quantize(x) bipolar\ny = Dequantize(y_int)"
    assert np.array_equal(outputs(model, x), want)
    assert again(model, NAME) == 0


@pytest.mark.parametrize("mode", ROUNDINGS)
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize("zero", [0, 2, -3])
def test_every_variant_keeps_the_value(mode: str, signed: int, narrow: int, zero: int) -> None:
    text = QUANT.replace("ROUND", mode).replace("signed: int = 1", f"signed: int = {signed}")
    model = before(
        text.replace("narrow: int = 0", f"narrow: int = {narrow}").replace("z = {0}", f"z = {{{zero}}}"), NAME
    )
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert np.array_equal(outputs(model, x), want)
    q = find_qtype(model.graph.node(0).outputs[0])
    assert q is not None
    assert q.lo <= -zero <= q.hi  # the integer that is worth 0.0 less the zero point


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR"])
def test_one_signed_bit_is_bipolar_whatever_the_rounding(mode: str) -> None:
    model = before(QUANT.replace("ROUND", mode).replace("b = {3}", "b = {1}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    run_pass(model, NAME)
    assert show(model).startswith("y_int = Quantize(x) bipolar")
    assert set(np.unique(want)) == {-0.5, 0.5}
    assert np.array_equal(outputs(model, x), want)


def test_one_bit_divides_before_it_looks_at_the_sign_and_bipolar_does_not() -> None:
    tiny = np.full((1, 3), -1e-45, np.float32)  # divided by 4 it is -0.0, which counts as +1
    for text, want in ((QUANT.replace("b = {3}", "b = {1}"), 4.0), (BIPOLAR, -4.0)):
        model = before(text.replace("s = {0.5}", "s = {4}"), NAME)
        assert outputs(model, tiny).tolist() == [[want] * 3]
        run_pass(model, NAME)
        assert outputs(model, tiny).tolist() == [[want] * 3]


def test_equal_scales_a_channel_are_one_scale() -> None:
    model = before(QUANT.replace("float s = {0.5}", "float[1,3] s = {0.5, 0.5, 0.5}"), NAME)
    assert run_pass(model, NAME).rewrites == 1


def test_a_scale_a_channel_stays_one_a_channel() -> None:
    model = before(QUANT.replace("float s = {0.5}", "float[1,3] s = {0.5, 0.25, 0.5}"), NAME)
    x = samples(model)
    want = outputs(model, x)
    assert run_pass(model, NAME).rewrites == 1
    q = find_qtype(model.graph.node(0).outputs[0])
    assert q is not None
    assert q.scale == (0.5, 0.25, 0.5)
    assert np.array_equal(outputs(model, x), want)


REFUSED = [
    ("z = {0}", "z = {0.5}", "zero point is not one whole number"),
    ("float z = {0}", "float[1,3] z = {0, 1, 0}", "zero point is not one whole number"),
]


@pytest.mark.parametrize(("old", "new", "what"), REFUSED, ids=[r[1][:16] for r in REFUSED])
def test_refusals_name_node_and_remedy(old: str, new: str, what: str) -> None:
    model = before(QUANT.replace(old, new), NAME)
    with pytest.raises(CompileError, match=what) as caught:
        run_pass(model, NAME)
    assert caught.value.node is not None
    assert caught.value.fix
    assert f"pass {NAME}" in str(caught.value)


def test_a_scale_a_position_is_refused() -> None:
    text = QUANT.replace("float s = {0.5}", "float[1,2,3] s = {1, 2, 3, 4, 5, 6}").replace("[1,3] x", "[1,2,3] x")
    model = before(text.replace("[1,3] y", "[1,2,3] y"), NAME)
    with pytest.raises(CompileError, match="neither one number nor one a channel") as caught:
        run_pass(model, NAME)
    assert caught.value.node is not None


def test_one_bit_with_a_zero_point_is_refused() -> None:
    model = before(QUANT.replace("b = {3}", "b = {1}").replace("z = {0}", "z = {1}"), NAME)
    with pytest.raises(CompileError, match="one-bit quantiser has a zero point"):
        run_pass(model, NAME)


def test_all_quantisers_with_problems_are_reported_at_once() -> None:
    text = QUANT.replace("float z = {0}", "float z = {0.5}").replace("  y = Quant", "  a = Quant")
    text = text.replace("\n}\n", "\n  y = Quant<signed: int = 1, narrow: int = 0>(a, s, z, b)\n}\n")
    with pytest.raises(CompileErrors) as caught:
        run_pass(before(text, NAME), NAME)
    assert len(caught.value.errors) == 2

"""All that is wrong with a model in one report, whichever step of import or lowering would find it."""

from __future__ import annotations

import onnx
import pytest

from cardc.compiler import imported, to_integers
from cardc.entrance import Entrance
from cardc.errors import CompileError
from cardc.frontend.input_quantizer import InputQuantizer
from cardc.more_problems import lower

QUANT = 'qonnx.custom_op.general.Quant<signed: int = 1, narrow: int = 0, rounding_mode: string = "ROUND">'
HEAD = """<ir_version: 10, opset_import: ["" : 17, "qonnx.custom_op.general" : 1]>
g (float[1,4] x) => (float[1,4] y) <float s = {1}, float z = {0}, float b = {4}, float p = {2},
float[4,4] w = {1,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}, float[4,4] wf = {0.3,2,3,4,5,6,7,8,1,2,3,4,5,6,7,8}>"""
BODY = """
    unknown = UNKNOWN
    product = MatMul(q, wf)
    q2 = QUANT(product, s, z, b)
    whole = MatMul(q, w)
    square = Pow(whole, p)
    q3 = QUANT(square, s, z, b)
    sum = Add(q2, q3)
    y = Add(sum, unknown)
"""
LOWERING = [
    "the weights of MatMul are not quantised",
    "the chain in front of this quantiser rises and falls in channel 0",
]
IMPORT = ["operator Cos is not supported"]


def model(entrance: str, unknown: str) -> onnx.ModelProto:
    body = BODY.replace("UNKNOWN", unknown)
    text = f"{HEAD} {{ q = {entrance} {body} }}"
    return onnx.parser.parse_model(text.replace("QUANT", QUANT))


def problems(error: pytest.ExceptionInfo[CompileError]) -> list[str]:
    for one in error.value.each():
        assert one.node is not None
        assert one.fix
        assert one.stage
    return [one.what for one in error.value.each()]


def test_problems_of_several_passes_are_reported_together() -> None:
    with pytest.raises(CompileError) as error:
        to_integers(model("QUANT(x, s, z, b)", "Identity(q)"))
    assert problems(error) == LOWERING
    assert error.value.each()[1].stage == "pass absorb-thresholds (6 of 9)"


def test_problems_of_import_come_first_and_those_of_lowering_with_them() -> None:
    for call in (to_integers, imported):
        with pytest.raises(CompileError) as error:
            call(model("QUANT(x, s, z, b)", "Cos(q)"))
        assert problems(error) == [*IMPORT, *LOWERING]


@pytest.mark.parametrize("scale", [None, 0.5])
def test_so_they_are_where_the_input_is_given_a_quantiser(scale: float | None) -> None:
    body = "first = MatMul(x, w)\n c = Cos(first)\n f = MatMul(first, wf)\n y = Add(c, f)"
    with pytest.raises(CompileError) as error:
        imported(onnx.parser.parse_model(f"{HEAD} {{ {body} }}"), Entrance(InputQuantizer(4, True, scale)))
    assert problems(error) == [*IMPORT, LOWERING[0]]


def test_a_model_without_problems_has_none() -> None:
    text = f"{HEAD} {{ q = QUANT(x, s, z, b)\n y = MatMul(q, w) }}".replace("QUANT", QUANT)
    found = imported(onnx.parser.parse_model(text))
    assert lower(found)

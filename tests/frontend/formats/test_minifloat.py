"""FloatQuant: weights of any format and activations of few exponent bits, as integers; against qonnx, and in C."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from tests.frontend.formats.oracle import GENERAL, Builder, lowered, samples

import cardc
from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.verify import verify

E4M3, E5M2, E3M1, E2M1, E1M2 = (4, 3, 7, 448.0), (5, 2, 15, 57344.0), (3, 1, 3, 24.0), (2, 1, 1, 6.0), (1, 2, 0, 3.5)
Format = tuple[float, ...]


def float_quant(b: Builder, x: str, scale: object, kind: Format, **attributes: object) -> str:
    flags = {"has_inf": 0, "has_nan": 0, "has_subnormal": 1, "saturation": 1, "rounding_mode": "ROUND"} | attributes
    return b.op("FloatQuant", x, b.const(scale), *(b.const(v) for v in kind), domain=GENERAL, **flags)


def network(weights: Format, activations: Format | None, *, scale: float = 0.0371) -> onnx.ModelProto:
    b = Builder([1, 2, 6, 6])
    x = b.quant("x", 0.25, 6) if activations is None else float_quant(b, "x", 0.25, activations)
    w = float_quant(b, b.const(b.rng.normal(0, 1, (4, 2, 3, 3))), scale, weights)
    h = b.op("Relu", b.op("Conv", x, w, b.const(b.rng.normal(0, 1, 4)), kernel_shape=[3, 3]))
    h = b.quant(h, 0.77, 5) if activations is None else float_quant(b, h, 0.77, activations)
    w = float_quant(b, b.const(b.rng.normal(0, 1, (3, 4, 4, 4))), np.full((3, 1, 1, 1), scale), weights)
    return b.model(b.op("Conv", h, w, kernel_shape=[4, 4]))


def inputs(n: int) -> Array:
    return samples((2, 6, 6), n, step=0.0931)


@pytest.mark.parametrize("weights", [E4M3, E5M2, E3M1, E2M1, E1M2])
@pytest.mark.parametrize("activations", [None, E3M1, E2M1, E1M2])
def test_equals_qonnx(weights: Format, activations: Format | None) -> None:
    model = network(weights, activations)
    imported, integer = lowered(model)
    exact = verify(imported, integer, model, inputs(40), [])
    assert exact.equal, exact.first_difference


def test_in_c() -> None:
    exact = cardc.verify(network(E5M2, E3M1), ["nucleo-f446re"], inputs(6), emulated_inputs=1)
    assert exact.equal, exact.first_difference


REFUSED: dict[str, tuple[Format, dict[str, object], str]] = {
    "many steps": (E4M3, {}, "4 exponent and 3 mantissa bits spans 458753 of its smallest steps"),
    "rounding": (E3M1, {"rounding_mode": "FLOOR"}, "does not round to nearest"),
    "saturation": (E3M1, {"saturation": 0}, "does not saturate"),
    "half a bit": ((2.5, 1, 3, 24), {}, "2.5 exponent"),
    "no exponent": ((0, 1, 3, 24), {}, "0 exponent"),
    "huge": ((40, 1, 3, 24), {}, "40 exponent"),
    "largest": ((3, 1, 3, 23.99), {}, "largest value is none of its numbers"),
    "nothing": ((3, 1, 3, 0), {}, "up to 0"),
}


@pytest.mark.parametrize(("kind", "attributes", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(kind: Format, attributes: dict[str, object], message: str) -> None:
    b = Builder([1, 6])
    h = float_quant(b, "x", 0.5, kind, **attributes)
    with pytest.raises(CompileError, match=message) as error:
        lowered(b.model(b.op("MatMul", h, b.weight(6, 3))))
    assert error.value.node is not None


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_scales_that_are_none(scale: float) -> None:
    b = Builder([1, 6])
    with pytest.raises(CompileError, match="scale is no positive constant"):
        lowered(b.model(b.op("MatMul", float_quant(b, "x", scale, E3M1), b.weight(6, 3))))


def test_one_scale_for_the_tensor() -> None:
    b = Builder([1, 6])
    h = float_quant(b, "x", np.arange(1, 7)[None], E3M1)
    with pytest.raises(CompileError, match="more scales than one"):
        lowered(b.model(b.op("MatMul", h, b.weight(6, 3))))

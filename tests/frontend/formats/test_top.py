"""Ends of models: TopK, values or indices, largest or smallest, along any axis; ArgMin, Relu and Clip."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from tests.frontend.formats.oracle import Builder, lowered, operators

import cardc
from cardc.errors import CompileError
from cardc.verify import verify

SHAPES = {"classes": (6,), "map": (6, 3, 4)}


def ending(shape: tuple[int, ...], k: int, which: str, **attributes: int) -> onnx.ModelProto:
    """Two-bit activations, so that ties abound; of a vector, a dense layer with a bias."""
    b = Builder((1, *shape), seed=k)
    x = b.quant("x", 0.5, 2)
    if len(shape) == 1:
        x = b.op("Add", b.op("MatMul", x, b.weight(6, 6)), b.const(b.values(6)))
    inputs = [x, b.const([k], np.int64)]
    b.nodes.append(onnx.helper.make_node("TopK", inputs, ["values", "indices"], name="top", **attributes))
    model = b.model(which)
    if which == "indices":
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    return model


@pytest.mark.parametrize("which", ["values", "indices"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_equals_qonnx(shape: tuple[int, ...], which: str) -> None:
    x = (np.random.default_rng(0).integers(-8, 9, (7, *shape)) / 4).astype(np.float32)
    for k, largest, axis, order in itertools.product((1, 3), (0, 1), (1, -1), (0, 1)):
        model = ending(shape, k, which, largest=largest, axis=axis, sorted=order)
        imported, integer = lowered(model)
        exact = verify(imported, integer, model, x, [])
        assert exact.equal, (k, largest, axis, order, exact.first_difference)


def test_the_first_class_is_an_argmax() -> None:
    _, integer = lowered(ending((6,), 1, "indices", axis=-1))
    assert operators(integer)[-1] == "ArgMax"


def test_both_outputs_are_refused() -> None:
    model = ending((6,), 2, "values")
    model.graph.node.append(onnx.helper.make_node("Cast", ["indices"], ["whole"], name="c", to=TensorProto.FLOAT))
    model.graph.node.append(onnx.helper.make_node("Add", ["values", "whole"], ["both"], name="a"))
    model.graph.output[0].name = "both"
    with pytest.raises(CompileError, match="both outputs of TopK") as caught:
        lowered(model)
    assert "TopK 'top'" in str(caught.value)


@pytest.mark.parametrize("k", [0, 7])
def test_more_than_there_are(k: int) -> None:
    with pytest.raises(CompileError, match=f"TopK asks for {k} of 6 channels"):
        lowered(ending((6,), k, "indices"))


ENDS: dict[str, Callable[[Builder, str], str]] = {
    "Relu": lambda b, h: b.op("Relu", h),
    "Relu, flat": lambda b, h: b.op("Reshape", b.op("Relu", h), b.const([1, 6, 1], np.int64)),
    "Clip": lambda b, h: b.op("Clip", h, b.const(-0.5), b.const(2.0)),
    "Relu, scaled": lambda b, h: b.op("Mul", b.op("Relu", h), b.const(0.5)),
    "ArgMin": lambda b, h: b.op("ArgMin", h, axis=-1, keepdims=0),
    "Relu, ArgMax": lambda b, h: b.op("ArgMax", b.op("Relu", h), axis=1),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_other_ends(end: Callable[[Builder, str], str]) -> None:
    b = Builder((1, 6))
    model = b.model(end(b, b.op("MatMul", b.quant("x", 0.5, 2), b.weight(6, 6))))
    if "Arg" in model.graph.node[-1].op_type:
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    x = (np.random.default_rng(0).integers(-8, 9, (7, 6)) / 4).astype(np.float32)
    exact = cardc.verify(model, ["nucleo-f446re"], x, emulated_inputs=1)
    assert exact.equal, exact.first_difference


def test_bounds_that_no_integer_meets_are_refused() -> None:
    b = Builder((1, 6))
    h = b.op("MatMul", b.quant("x", 0.5, 2), b.weight(6, 6))
    with pytest.raises(CompileError, match="no whole multiples") as caught:
        lowered(b.model(b.op("Clip", h, b.const(-0.3), b.const(2.0))))
    assert caught.value.node is not None

"""The executor: what it takes, what it hands back."""

from __future__ import annotations

import numpy as np
import pytest
from tests.text import parse

from cardc.errors import CompileError
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import QType, set_qtype

RELU = "g (float[1,2] x) => (float[1,2] y) { a = Neg(x) y = Relu(a) }"


def test_every_tensor_by_name_for_any_batch() -> None:
    for batch in (0, 1, 5):
        x = np.random.default_rng(0).normal(size=(batch, 2))
        got = execute(parse(RELU), {"x": x})
        assert sorted(got) == ["a", "x", "y"]
        assert all(v.dtype == np.float32 for v in got.values())
        assert np.array_equal(got["y"], np.maximum(-x.astype(np.float32), 0))


@pytest.mark.parametrize(
    ("inputs", "what"),
    [
        ({}, "input 'x' is missing"),
        ({"x": np.zeros((1, 3))}, r"has shape \[1, 3\], not \[N, 2\]"),
        ({"x": np.zeros(2)}, r"has shape \[2\]"),
        ({"x": np.asarray(1.0)}, r"has shape \[\]"),
        ({"x": np.asarray([[1.0, np.nan]])}, "holds values that are no finite numbers"),
        ({"x": np.asarray([[1.0, -np.inf]])}, "holds values that are no finite numbers"),
        ({"x": np.asarray([[1e39, 0.0]])}, "holds values that are no finite numbers"),
        ({"x": np.asarray([["a", "b"]])}, "holds <U1, not numbers"),
        ({"x": np.asarray([[1j, 0]])}, "holds complex128, not numbers"),
    ],
)
def test_refused_inputs(inputs: dict[str, Array], what: str) -> None:
    with pytest.raises(CompileError, match=what) as caught:
        execute(parse(RELU), inputs)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("x", "what"),
    [(np.zeros((1, 2)), "takes integers, not float64"), (np.asarray([[0, 4]]), r"leaves its range uint2\[0,3\]")],
)
def test_refused_integers(x: Array, what: str) -> None:
    model = parse("g (uint8[1,2] x) => (uint8[1,2] y) { y = Identity(x) }")
    set_qtype(model.graph.inputs[0], QType(0, 3))
    assert execute(model, {"x": np.asarray([[0, 3]])})["y"].tolist() == [[0, 3]]
    with pytest.raises(CompileError, match=what):
        execute(model, {"x": x})

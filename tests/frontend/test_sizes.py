"""Symbolic axes of the input get their sizes by name: in Python, on the command line, and in what qonnx runs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from tests.frontend.formats.oracle import Builder, samples

import cardc
from cardc.compiler import imported
from cardc.errors import CompileError


def model(*axes: str | int) -> onnx.ModelProto:
    """A convolution, a global mean and a dense layer: any height and width would do."""
    b = Builder(["N", 2, *axes])
    h = b.quant(b.op("Conv", b.quant("x"), b.weight(3, 2, 3, 3), kernel_shape=[3, 3]), 1.0)
    h = b.quant(b.op("GlobalAveragePool", h), 0.25, 6)
    return b.model(b.op("MatMul", b.op("Flatten", h), b.weight(3, 4)))


@pytest.mark.parametrize("dims", [{"H": 6, "W": 5}, {"H": np.int64(6), "W": 5, "N": 1}])
def test_sizes_by_name(dims: dict[str, int]) -> None:
    exact = cardc.verify(model("H", "W"), ["nucleo-f446re"], samples((2, 6, 5)), dims=dims, emulated_inputs=1)
    assert exact.equal, exact.first_difference


def test_one_name_for_two_axes() -> None:
    graph = imported(model("side", "side"), dims={"side": 7}).graph
    assert tuple(graph.inputs[0].shape or ()) == (1, 2, 7, 7)


@pytest.mark.parametrize(
    ("dims", "what", "fix"),
    [
        (None, "axes of unknown size: H, W", "--dim NAME=SIZE"),
        ({"H": 6}, "axes of unknown size: W", "--dim NAME=SIZE"),
        ({"Z": 6}, "no symbolic axis 'Z'", "those that it has: H, N, W"),
        ({"H": 0, "W": 5}, "axis 'H' of size 0", "whole number"),
        ({"H": 2.5, "W": 5}, "axis 'H' of size 2.5", "whole number"),
        ({"H": 1 << 40, "W": 5}, "axis 'H' of size 1099511627776", "whole number"),
        ({"H": 1 << 20, "W": 1 << 20}, "has shape", "elements"),
        ({"H": 6, "W": 5, "N": 8}, "batch 8", "batch of 1|batch 1"),
    ],
)
def test_refused(dims: dict[str, int] | None, what: str, fix: str) -> None:
    with pytest.raises(CompileError, match=what) as caught:
        imported(model("H", "W"), dims=dims)
    assert any(part in caught.value.fix for part in fix.split("|"))


def test_an_axis_without_a_name() -> None:
    nameless = model("H", 5)
    nameless.graph.input[0].type.tensor_type.shape.dim[2].ClearField("dim_param")
    with pytest.raises(CompileError, match="axes without a size"):
        imported(nameless)

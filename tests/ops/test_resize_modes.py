"""Resize by nearest: every way to compute coordinates and to round them, as ONNX Runtime has it, or refused."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from cardc.errors import CompileError
from cardc.ops.spread import resize_factors

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def resize(size: tuple[int, int], factors: tuple[int, int], coordinates: str, rounding: str) -> onnx.ModelProto:
    scales = numpy_helper.from_array(np.asarray([1, 1, *factors], np.float32), "scales")
    node = helper.make_node(
        "Resize", ["x", "", "scales"], ["y"], mode="nearest", coordinate_transformation_mode=coordinates,
        nearest_mode=rounding,
    )  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, *size])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", [x], [y], [scales])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_what_is_taken_repeats_pixels(coordinates: str) -> None:
    taken = 0
    sizes = ((4, 5), (7, 1), (2, 16))
    for size, factors, rounding in itertools.product(sizes, ((1, 1), (2, 2), (3, 2), (5, 4)), ROUNDINGS):
        model = resize(size, factors, coordinates, rounding)
        x = np.arange(size[0] * size[1], dtype=np.float32).reshape(1, 1, *size)
        (y,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
        repeated = x.repeat(factors[0], axis=2).repeat(factors[1], axis=3)
        try:
            found, fix = resize_factors(ir.from_proto(model).graph[0]), ""
        except CompileError as error:
            found, fix = None, error.fix
        taken += found is not None
        assert (found == factors) == np.array_equal(y, repeated), (size, factors, rounding)
        assert found == factors or "asymmetric with nearest_mode=floor" in fix
    assert taken >= 12

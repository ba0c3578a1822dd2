"""The trained TFC models of the QONNX zoo through the compiled stages: all of MNIST's test images in C."""

from __future__ import annotations

import pytest
from tests.data import data_path, mnist_test

import cardc

pytestmark = pytest.mark.slow
RIGHT = {"TFC_1W1A": 9296, "TFC_1W2A": 9474, "TFC_2W2A": 9660}


@pytest.mark.parametrize(("name", "right"), RIGHT.items())
def test_every_stage_is_equal_and_as_accurate_as_qonnx(name: str, right: int) -> None:
    images, labels = mnist_test()
    exact = cardc.verify(
        data_path("qonnx", f"{name}.onnx"), ["nucleo-f446re", "pynq-z2"], images, labels, emulated_inputs=100
    )
    assert exact.equal, exact.first_difference
    assert exact.inputs == 10_000
    assert exact.stages == ("qonnx", "integer", "c:host", "c:cortex-m4", "hls4ml:csim")
    assert exact.stage_inputs == {"c:cortex-m4": 100, "hls4ml:csim": 100}
    for stage in ("integer", "c:host"):
        assert round(exact.accuracy[stage] * 10_000) == right
    # Values that qonnx's floats round the other way are counted; so few cannot move the accuracy.
    assert exact.float_boundary_cases <= 10
    assert abs(exact.accuracy["qonnx"] * 10_000 - right) <= exact.float_boundary_cases

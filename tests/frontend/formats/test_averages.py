"""AveragePool with borders that do not count and windows that hang over: against qonnx, and in C."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.frontend.formats.oracle import LAST, Builder, check, lowered, samples

from cardc import verify
from cardc.errors import CompileError
from cardc.ops.execute import execute
from cardc.verify import verify as verify_stages

Attributes = dict[str, object]
WINDOWS: dict[str, tuple[tuple[int, ...], Attributes]] = {
    "border not counted": ((5, 6), {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    "strides": ((5, 6), {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1]}),
    "one side": ((5, 6), {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1], "count_include_pad": 0}),
    "hangs over": ((5, 7), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "hangs over, padded": ((6, 7), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    "hangs over, border counted": ((6, 6), {
        "kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1, "count_include_pad": 1}),
    "ceil mode without need": ((6, 6), {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    "same": ((5, 6), {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "vector": ((9,), {"kernel_shape": [4], "strides": [2], "pads": [2, 1]}),
    "dilations": ((7, 7), {"kernel_shape": [2, 2], "dilations": [2, 2], "pads": [1, 1, 1, 1]}),
}  # fmt: skip


def behind(b: Builder, spatial: tuple[int, ...], attributes: Attributes) -> str:
    """A quantised layer, then the pool."""
    h = b.op("Conv", b.quant("x"), b.weight(3, 2, *(1,) * len(spatial)), kernel_shape=[1] * len(spatial))
    return b.op("AveragePool", b.quant(b.op("Relu", h)), **attributes)


ENDS: dict[str, Callable[[Builder, str], str]] = {
    "quantiser": lambda b, h: b.quant(h, 0.46875),
    "chain": lambda b, h: b.quant(b.op("Relu", b.op("Sub", h, b.const(0.3))), 0.46875),
    "output": lambda b, h: h,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize(("spatial", "attributes"), WINDOWS.values(), ids=WINDOWS.keys())
def test_equals_qonnx(spatial: tuple[int, ...], attributes: Attributes, end: Callable[[Builder, str], str]) -> None:
    b = Builder([1, 2, *spatial], opset=19)
    model = b.model(end(b, behind(b, spatial, attributes)))
    imported, integer = lowered(model)
    found = verify_stages(imported, integer, model, samples((2, *spatial), 12), [])
    assert found.equal, found.first_difference


@pytest.mark.parametrize("window", ["border not counted", "hangs over", "vector"])
def test_in_c(window: str) -> None:
    spatial, attributes = WINDOWS[window]
    b = Builder([1, 2, *spatial], opset=19)
    h = b.quant(behind(b, spatial, attributes), 0.46875)
    model = b.model(b.op("Conv", h, b.weight(2, 3, *(1,) * len(spatial)), kernel_shape=[1] * len(spatial)))
    found = verify(model, ["nucleo-f446re"], samples((2, *spatial), 5), emulated_inputs=1)
    assert found.equal, found.first_difference


def test_channels_last() -> None:
    b = Builder([1, 5, 6, 2], opset=19)
    h = b.op("AveragePool", b.quant("x"), domain=LAST, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    integer = lowered(b.model(b.quant(h, 0.46875)))[1]
    first = Builder([1, 2, 5, 6], opset=19)
    h = first.op("AveragePool", first.quant("x"), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = samples((2, 5, 6), 12)
    want = execute(lowered(first.model(first.quant(h, 0.46875)))[1], {"x": x})
    got = execute(integer, {"x": x.transpose(0, 2, 3, 1)})
    assert np.array_equal(list(got.values())[-1].ravel(), list(want.values())[-1].transpose(0, 2, 3, 1).ravel())


def test_of_a_large_image_is_refused() -> None:
    b = Builder([1, 2, 64, 64])
    h = b.op("AveragePool", b.quant("x"), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    with pytest.raises(CompileError, match="AveragePool divides by another number at the border") as error:
        lowered(b.model(b.quant(h)))
    assert "count_include_pad=True" in error.value.fix


def test_what_reads_the_mean_needs_a_quantiser() -> None:
    b = Builder([1, 2, 5, 6])
    h = b.op("AveragePool", b.quant("x"), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    with pytest.raises(CompileError, match="the input of Conv is not quantised"):
        check(b.model(b.op("Conv", h, b.weight(2, 2, 1, 1), kernel_shape=[1, 1])), samples((2, 5, 6), 2))

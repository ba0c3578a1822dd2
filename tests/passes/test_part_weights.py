"""A layer behind three or more tensors of unlike scales: weights in units of the finest, exact or so noted."""

from __future__ import annotations

import onnx
import pytest
from tests.frontend.formats.oracle import Builder, samples

from cardc import verify
from cardc.compiler import to_integers
from cardc.errors import CompileError
from cardc.verify import verify as verify_stages

X = samples((2, 5, 5), 30)


def three_scales(bits: int, scales: tuple[float, ...], *, output: bool = False) -> onnx.ModelProto:
    """Quantised branches of so many scales, joined in front of a convolution."""
    b = Builder([1, 2, 5, 5])
    x, parts = b.quant("x", 0.25, 6), []
    for scale in scales:
        h = b.op("Conv", x, b.weight(3, 2, 3, 3), kernel_shape=[3, 3], pads=[1] * 4)
        parts.append(b.quant(h, scale / 4, 8))
    w = b.quant(b.const(b.rng.normal(0, 1, (4, 3 * len(scales), 3, 3))), 0.0123 if bits > 4 else 0.11, bits)
    h = b.op("Conv", b.op("Concat", *parts, axis=1), w, kernel_shape=[3, 3])
    return b.model(h if output else b.quant(b.op("Relu", h), 0.77))


@pytest.mark.parametrize("output", [True, False])
@pytest.mark.parametrize(
    ("bits", "scales", "notes"),
    [
        (4, (0.31, 0.47, 0.9), 0),
        (2, (0.3, 0.3, 0.7, 1.1), 0),
        (8, (0.031, 0.047, 0.19), 1),
        (8, (0.25, 0.5, 1.0), 0),
    ],
)
def test_equals_qonnx(bits: int, scales: tuple[float, ...], notes: int, output: bool) -> None:
    model = three_scales(bits, scales, output=output)
    found = to_integers(model)
    exact = verify_stages(found.imported, found.integer, model, X, [])
    assert exact.equal, exact.first_difference
    assert exact.float_boundary_cases == 0
    assert sum("rounded to 20 bits" in note for trace in found.traces for note in trace.notes) == notes


def test_three_scales_too_far_apart_for_wide_weights_are_refused() -> None:
    with pytest.raises(CompileError, match="Concat joins have scales without a common unit"):
        to_integers(three_scales(8, (0.0031, 0.047, 0.19)))


def test_three_scales_in_c() -> None:
    found = verify(three_scales(8, (0.031, 0.047, 0.19)), ["nucleo-f446re"], X[:8], emulated_inputs=1)
    assert found.equal, found.first_difference

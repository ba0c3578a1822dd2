"""QuantizeLinear, Clip and DequantizeLinear as Brevitas and ONNX Runtime write them, against ONNX Runtime itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.frontend.formats.oracle import (
    Builder,
    F,
    assert_exact,
    by_onnxruntime,
    check,
    lowered,
    need_brevitas,
    operators,
    samples,
)
from tests.text import constants

from cardc.errors import CompileError
from cardc.ops.qtype import find_qtype


def qcdq(
    b: Builder, x: str, dtype: Any = np.int8, *, scale: float = 0.25, zero: int = 0, clip: tuple[int, int] | None = None
) -> str:
    s, z = b.const(scale), b.const(zero, dtype)
    y = b.op("QuantizeLinear", x, s, z)
    if clip is not None:
        y = b.op("Clip", y, b.const(clip[0], dtype), b.const(clip[1], dtype))
    return b.op("DequantizeLinear", y, s, z)


def dense(b: Builder, x: str, w: np.ndarray, dtype: Any, zero: object = 0, scale: object = 0.125, **axis: int) -> str:  # type: ignore[type-arg]
    weight = b.op("DequantizeLinear", b.const(w, dtype), b.const(scale), b.const(zero, dtype), **axis)
    bias = b.op("DequantizeLinear", b.const([5, -7, 0], np.int32), b.const(0.03125), b.const(0, np.int32))
    return b.op("Gemm", x, weight, bias)


ACTIVATIONS = {
    "int8": (np.int8, 0, None),
    "uint8, zero point 3": (np.uint8, 3, None),
    "int8, odd zero point": (np.int8, -5, None),
    "int4 by Clip": (np.int8, 0, (-8, 7)),
    "narrow int4 by Clip": (np.int8, 0, (-7, 7)),
    "uint2 by Clip": (np.uint8, 0, (0, 3)),
    "uint4 by Clip, zero point": (np.uint8, 2, (0, 15)),
    "a range of no bit width": (np.int8, 0, (-3, 9)),
}


@pytest.mark.parametrize(("dtype", "zero", "clip"), ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
def test_activations(dtype: Any, zero: int, clip: tuple[int, int] | None) -> None:
    b = Builder([1, 6])
    h = qcdq(b, "x", dtype, zero=zero, clip=clip)
    h = b.op("Relu", dense(b, h, b.rng.integers(-8, 8, (6, 3)), np.int8))
    y = qcdq(b, h, dtype, scale=0.5, zero=zero, clip=clip)
    # A grid of eighths: half of the inputs lie on ties of the quantiser, where zero points matter.
    x = samples((6,), 64)
    _, integer = check(b.model(y), x, runtime=True, at_least=2)
    q = find_qtype(integer.graph.node(0).outputs[0])
    info = np.iinfo(dtype)
    lo, hi = clip or (info.min, info.max)
    assert q is not None
    assert (q.lo, q.hi) == (lo - zero, hi - zero)


WEIGHTS = {
    "int8": (np.int8, 0, 0.125, {}),
    "int8, per channel": (np.int8, [0, 0, 0], [0.125, 0.5, 0.25], {"axis": 1}),
    "uint8, zero point": (np.uint8, 128, 0.125, {}),
    "uint8, zero points per channel": (np.uint8, [3, 128, 7], [0.125, 0.5, 0.25], {"axis": -1}),
    "int16": (np.int16, 0, 0.001953125, {}),
}


@pytest.mark.parametrize(("dtype", "zero", "scale", "axis"), WEIGHTS.values(), ids=WEIGHTS.keys())
def test_weights(dtype: Any, zero: object, scale: object, axis: dict[str, int]) -> None:
    b = Builder([1, 6], opset=21)
    info = np.iinfo(dtype)
    w = b.rng.integers(info.min, info.max + 1, (6, 3)).astype(dtype)
    y = qcdq(b, dense(b, qcdq(b, "x"), w, dtype, zero, scale, **axis), scale=8.0)
    _, integer = check(b.model(y), samples((6,), 64), runtime=True, at_least=2)
    assert (w.astype(np.int64) - np.asarray(zero)).tolist() in constants(integer).values()


@pytest.mark.parametrize(("kind", "low", "high"), [(TensorProto.INT4, -8, 8), (TensorProto.UINT4, 0, 16)])
def test_four_bit_types_of_opset_21(kind: int, low: int, high: int) -> None:
    b = Builder([1, 6], opset=21)
    w = b.rng.integers(low, high, (6, 3))
    b.constants.append(helper.make_tensor("w4", kind, (6, 3), w.ravel()))
    b.constants.append(helper.make_tensor("z4", kind, (), [0]))
    s = b.const(0.25)
    q = b.op("QuantizeLinear", "x", s, "z4")
    h = b.op("MatMul", b.op("DequantizeLinear", q, s, "z4"), b.op("DequantizeLinear", "w4", s, "z4"))
    _, integer = check(b.model(qcdq(b, h, scale=0.5)), samples((6,), 64), runtime=True, at_least=2)
    found = find_qtype(integer.graph.node(0).outputs[0])
    assert found is not None
    assert (found.lo, found.hi) == (low, high - 1)


def test_convolution_with_pads_and_a_zero_point() -> None:
    """Zero padding is the real 0, wherever the zero point lies."""
    b = Builder([1, 2, 5, 5], opset=13)
    w = b.op(
        "DequantizeLinear", b.const(b.rng.integers(-9, 9, (4, 2, 3, 3)), np.int8), b.const([0.5, 0.25, 1, 2]),
        b.const([0, 0, 0, 0], np.int8), axis=0,
    )  # fmt: skip
    h = b.op("Conv", qcdq(b, "x", np.uint8, zero=7), w, pads=[1, 1, 1, 1])
    h = b.op("MaxPool", qcdq(b, b.op("Relu", h), np.uint8, scale=1.0, zero=2), kernel_shape=[2, 2])
    y = qcdq(b, h, np.uint8, scale=1.0, zero=2)
    _, integer = check(b.model(y), samples((2, 5, 5), 16), runtime=True, at_least=2)
    # The quantiser behind the pool does nothing that the one in front has not done.
    assert operators(integer).count("Threshold") + operators(integer).count("Requantize") <= 3


def brevitas_cnn() -> Any:
    import brevitas.nn as qnn
    import torch
    from brevitas.quant import Int8WeightPerTensorFloat, Uint8ActPerTensorFloat

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantConv2d(1, 4, 3, padding=1, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=4),
        torch.nn.BatchNorm2d(4),
        qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=3),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        qnn.QuantLinear(4 * 16, 5, bias=True, weight_bit_width=4),
    )
    for _ in range(3):
        model(torch.randn(16, 1, 8, 8))
    return model.eval()


def test_brevitas_export(tmp_path: Path) -> None:
    need_brevitas()
    import torch
    from brevitas.export import export_onnx_qcdq

    path = tmp_path / "model.onnx"
    export_onnx_qcdq(
        brevitas_cnn(), args=torch.zeros(1, 1, 8, 8), export_path=str(path), opset_version=17, dynamo=False
    )
    x = np.random.default_rng(0).standard_normal((20, 1, 8, 8)).astype(F)
    check(onnx.load(path), x, runtime=True, at_least=2)


def float_cnn() -> onnx.ModelProto:
    b = Builder([1, 2, 8, 8], opset=17)
    h = b.op("Conv", "x", b.const(b.rng.standard_normal((4, 2, 3, 3))), b.const(b.rng.standard_normal(4)), pads=[1] * 4)
    h = b.op("MaxPool", b.op("Relu", h), kernel_shape=[2, 2], strides=[2, 2])
    h = b.op("Flatten", h)
    y = b.op("Gemm", h, b.const(b.rng.standard_normal((64, 5))), b.const(b.rng.standard_normal(5)))
    return b.model(y)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_onnxruntime_static_quantisation(tmp_path: Path, per_channel: bool, symmetric: bool) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            rng = np.random.default_rng(0)
            self.left = [{"x": rng.standard_normal((1, 2, 8, 8)).astype(F)} for _ in range(8)]

        def get_next(self) -> dict[str, np.ndarray] | None:  # type: ignore[type-arg]
            return self.left.pop() if self.left else None

    source, target = tmp_path / "float.onnx", tmp_path / "quantised.onnx"
    onnx.save(float_cnn(), source)
    quantize_static(
        source, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=per_channel,
        activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8, weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": symmetric},
    )  # fmt: skip
    model = onnx.load(target)
    x = np.random.default_rng(3).standard_normal((20, 2, 8, 8)).astype(F)
    imported, integer = lowered(model)
    assert_exact(imported, integer, x, by_onnxruntime(model, x), at_least=3)


def refused(b: Builder, y: str) -> CompileError:
    with pytest.raises(CompileError) as caught:
        lowered(b.model(y))
    assert caught.value.node is not None
    return caught.value


def test_an_activation_with_one_scale_a_channel_is_refused() -> None:
    b = Builder([1, 3])
    s, z = b.const([0.5, 0.25, 1]), b.const([0, 0, 0], np.int8)
    error = refused(b, b.op("DequantizeLinear", b.op("QuantizeLinear", "x", s, z), s, z))
    assert "one scale a channel" in error.what


def test_another_scale_behind_is_refused() -> None:
    b = Builder([1, 3])
    q = b.op("QuantizeLinear", "x", b.const(0.5), b.const(0, np.int8))
    assert "differ" in refused(b, b.op("DequantizeLinear", q, b.const(0.25), b.const(0, np.int8))).what


def test_integers_that_leave_without_a_dequantiser_are_refused() -> None:
    b = Builder([1, 3])
    q = b.op("QuantizeLinear", "x", b.const(0.5), b.const(0, np.int8))
    assert "without a DequantizeLinear" in refused(b, b.op("Relu", q)).what


def test_a_dequantiser_of_computed_integers_is_refused() -> None:
    b = Builder([1, 3])
    q = b.op("QuantizeLinear", "x", b.const(0.5), b.const(0, np.int8))
    flat = b.op("Flatten", q)
    error = refused(b, b.op("DequantizeLinear", flat, b.const(0.5), b.const(0, np.int8)))
    assert "without a QuantizeLinear in front" in error.what


def test_blocks_are_refused() -> None:
    b = Builder([1, 4], opset=21)
    w = b.op(
        "DequantizeLinear", b.const(np.ones((4, 2)), np.int8), b.const(np.ones((2, 2))),
        b.const(np.zeros((2, 2)), np.int8), axis=0, block_size=2,
    )  # fmt: skip
    assert "blocks" in refused(b, b.op("MatMul", qcdq(b, "x"), w)).what


@pytest.mark.parametrize(
    ("op", "fix"),
    [
        ("QLinearConv", "QuantFormat.QDQ"),
        ("DynamicQuantizeLinear", "quantize_static with a calibration reader"),
        ("LSTM", "feed-forward"),
        ("LayerNormalization", "BatchNormalization"),
    ],
)
def test_remedies_of_what_others_export(op: str, fix: str) -> None:
    b = Builder([1, 4])
    with pytest.raises(CompileError, match=f"operator {op} is not supported") as caught:
        lowered(b.model(b.op(op, "x")))
    assert fix in caught.value.fix
    assert caught.value.node is not None

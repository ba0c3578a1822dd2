"""What Brevitas exports: both of its exporters, every opset from 9, older domains, layers in many settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests.frontend.formats.oracle import F, check, lowered, need_brevitas, operators

from cardc.ops.execute import execute

X = np.random.default_rng(0).standard_normal((8, 1, 8, 8)).astype(F)


@pytest.fixture(autouse=True)
def _brevitas() -> None:
    need_brevitas()


def settled(*layers: Any) -> Any:
    """An eval-mode network whose quantisers and statistics have seen data."""
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(*layers)
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            module.weight.data.uniform_(-1.5, 1.5, generator=generator)
            module.bias.data.uniform_(-0.5, 0.5, generator=generator)
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(16, 1, 8, 8, generator=generator))
    return model.eval()


def network() -> Any:
    import brevitas.nn as qnn
    import torch

    return settled(
        qnn.QuantIdentity(bit_width=8, return_quant_tensor=True),
        qnn.QuantConv2d(1, 4, 3, padding=1, weight_bit_width=4, bias=True),
        torch.nn.BatchNorm2d(4),
        qnn.QuantReLU(bit_width=4, return_quant_tensor=True),
        qnn.TruncAvgPool2d(2, bit_width=4),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.3),
        qnn.QuantLinear(64, 5, bias=True, weight_bit_width=2),
    )


def exported(model: Any, path: Path, **options: Any) -> onnx.ModelProto:
    import torch
    from brevitas.export import export_qonnx

    export_qonnx(model, args=torch.zeros(1, 1, 8, 8), export_path=str(path), **options)
    return onnx.load(path)


@pytest.mark.parametrize("opset", [9, 10, 11, 13, 15, 17, 18, 20])
def test_torchscript_exporter(tmp_path: Path, opset: int) -> None:
    model = exported(network(), tmp_path / "m.onnx", opset_version=opset, dynamo=False)
    _, integer = check(model, X, at_least=3)
    assert set(operators(integer)) == {"Threshold", "Conv", "Requantize", "SumPool", "Flatten", "MatMul", "Affine"}


@pytest.mark.parametrize("opset", [18, 21])
def test_dynamo_exporter(tmp_path: Path, opset: int) -> None:
    check(exported(network(), tmp_path / "m.onnx", opset_version=opset, dynamo=True), X, at_least=3)


def test_older_domain(tmp_path: Path) -> None:
    """Files of Brevitas before 0.13 have the quantisers in `onnx.brevitas`; one kind of them is called IntQuant now."""
    model = exported(network(), tmp_path / "m.onnx", opset_version=13, dynamo=False)
    _, want = lowered(model)
    for node in model.graph.node:
        node.domain = "onnx.brevitas" if node.domain else ""
        node.op_type = "IntQuant" if node.op_type == "Quant" else node.op_type
    _, integer = lowered(model)
    name = want.graph.outputs[0].name or ""
    entrance = want.graph.inputs[0].name or ""
    assert np.array_equal(execute(integer, {entrance: X})[name], execute(want, {entrance: X})[name])


def binary() -> list[Any]:
    import brevitas.nn as qnn
    import torch
    from brevitas.core.zero_point import ZeroZeroPoint
    from brevitas.inject import ExtendedInjector
    from brevitas.inject.enum import BitWidthImplType, QuantType, RestrictValueType, ScalingImplType
    from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver

    class Bit(ExtendedInjector):
        quant_type, bit_width, bit_width_impl_type = QuantType.BINARY, 1, BitWidthImplType.CONST
        scaling_impl_type, restrict_scaling_type = ScalingImplType.CONST, RestrictValueType.FP
        zero_point_impl, scaling_per_output_channel = ZeroZeroPoint, False
        narrow_range, signed = True, True

    class Weight(Bit, WeightQuantSolver):
        scaling_const = 0.1

    class Activation(Bit, ActQuantSolver):
        min_val, max_val = -1.0, 1.0

    return [
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantConv2d(1, 6, 3, bias=False, weight_quant=Weight),
        torch.nn.BatchNorm2d(6),
        qnn.QuantIdentity(act_quant=Activation),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        qnn.QuantLinear(54, 5, bias=False, weight_quant=Weight),
    ]


def per_channel() -> list[Any]:
    import brevitas.nn as qnn
    import torch
    from brevitas.quant import Int8WeightPerChannelFloat, Uint8ActPerTensorFloat

    return [
        qnn.QuantIdentity(bit_width=6),
        qnn.QuantConv2d(1, 4, 3, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=3, bias=False),
        torch.nn.BatchNorm2d(4),
        qnn.QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=2),
        qnn.QuantConv2d(4, 4, 3, groups=4, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=4, bias=True),
        qnn.QuantHardTanh(bit_width=4, min_val=-1.0, max_val=1.0),
        torch.nn.Flatten(),
        qnn.QuantLinear(64, 5, bias=True, weight_bit_width=4),
    ]


def shifted() -> list[Any]:
    """Asymmetric quantisers: zero points of activations and weights."""
    import brevitas.nn as qnn
    import torch
    from brevitas.quant import ShiftedUint8ActPerTensorFloat
    from brevitas.quant import ShiftedUint8WeightPerTensorFloat as Shifted

    return [
        qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat, bit_width=5),
        qnn.QuantConv2d(1, 4, 3, padding=1, weight_quant=Shifted, weight_bit_width=5, bias=True),
        torch.nn.BatchNorm2d(4),
        qnn.QuantIdentity(act_quant=ShiftedUint8ActPerTensorFloat, bit_width=4),
        torch.nn.Flatten(),
        qnn.QuantLinear(256, 5, bias=True, weight_bit_width=4),
    ]


def smooth() -> list[Any]:
    import brevitas.nn as qnn
    import torch

    return [
        qnn.QuantIdentity(bit_width=8),
        qnn.QuantConv2d(1, 4, 3, bias=True, weight_bit_width=4),
        qnn.QuantSigmoid(bit_width=5),
        qnn.QuantConv2d(4, 4, 3, stride=2, bias=True, weight_bit_width=4),
        qnn.QuantTanh(bit_width=5),
        torch.nn.Flatten(),
        qnn.QuantLinear(16, 5, bias=True, weight_bit_width=4),
    ]


def fixed_point() -> list[Any]:
    """Scales that are powers of two, quantised biases: every number short, ties included."""
    import brevitas.nn as qnn
    import torch
    from brevitas.quant import Int8ActPerTensorFixedPoint, Int8BiasPerTensorFixedPointInternalScaling
    from brevitas.quant import Int8WeightPerTensorFixedPoint as Weight
    from brevitas.quant import Uint8ActPerTensorFixedPoint as Unsigned

    bias = Int8BiasPerTensorFixedPointInternalScaling
    return [
        qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, bit_width=6),
        qnn.QuantConv2d(1, 4, 3, bias=True, weight_quant=Weight, weight_bit_width=4, bias_quant=bias),
        qnn.QuantReLU(act_quant=Unsigned, bit_width=4),
        torch.nn.Flatten(),
        qnn.QuantLinear(144, 5, bias=True, weight_quant=Weight, weight_bit_width=4, bias_quant=bias),
        qnn.QuantIdentity(act_quant=Int8ActPerTensorFixedPoint, bit_width=8),
    ]


NETWORKS: dict[str, Callable[[], list[Any]]] = {
    "binary": binary, "per channel": per_channel, "shifted": shifted, "smooth": smooth, "fixed point": fixed_point,
}  # fmt: skip


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS.keys())
def test_networks(tmp_path: Path, layers: Callable[[], list[Any]]) -> None:
    model = exported(settled(*layers()), tmp_path / "m.onnx", opset_version=17, dynamo=False)
    check(model, X, at_least=2)

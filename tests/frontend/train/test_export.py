"""The exported graph: what is in it, and that it computes what the module computes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, SignedBinaryActPerTensorConst
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes
from torch import Tensor, nn

from cardc.errors import CompileError
from cardc.frontend.train.data import Split
from cardc.frontend.train.export import export_qonnx
from cardc.frontend.train.layers import masked_layers
from cardc.frontend.train.points import quantisers

_EXPORT = """
import sys
from cardc.frontend.train.export import export_qonnx
from cardc.frontend.train.models import digits_card
import torch
export_qonnx(digits_card((3, 4, 5), seed=2), torch.zeros(1, 1, 8, 8), sys.argv[1])
"""


class Plain(nn.Module):
    """A user's own module: weight quantisers per channel, a bias, a residual add, a shared and a binary quantiser."""

    def __init__(self) -> None:
        super().__init__()
        four_bits = {"weight_quant": Int8WeightPerChannelFloat, "weight_bit_width": 4}
        self.input = qnn.QuantIdentity(bit_width=8)
        self.conv1 = qnn.QuantConv2d(1, 4, 3, padding=1, bias=True, **four_bits)
        self.act = qnn.QuantReLU(bit_width=3)
        self.conv2 = qnn.QuantConv2d(4, 4, 3, padding=1, bias=False, **four_bits)
        self.sign = qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
        self.head = qnn.QuantLinear(64, 10, bias=True, weight_bit_width=2, output_quant=Int8ActPerTensorFloat)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.conv1(self.input(x)))
        x = self.act(x + self.act(self.conv2(x)))
        y: Tensor = self.head(self.sign(nn.functional.max_pool2d(x, 2) - 0.37).flatten(1))
        return y


def _exported(module: nn.Module, path: Path) -> onnx.ModelProto:
    export_qonnx(module, torch.zeros(1, 1, 8, 8), path)
    return onnx.load(str(path))


def _qonnx(model: onnx.ModelProto, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor, from qonnx's executor, for the whole batch at once."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = len(x)
    del model.graph.value_info[:]
    found: dict[str, np.ndarray] = execute_onnx(
        ModelWrapper(model).transform(InferShapes()), {"input": x}, return_full_exec_context=True
    )
    return found


@pytest.mark.parametrize("kind", ["conv", "dense"])
def test_every_masked_layer_is_bipolar_quant_then_mask(
    kind: str, cards: dict[str, nn.Sequential], tmp_path: Path
) -> None:
    graph = _exported(cards[kind], tmp_path / "card.onnx").graph
    onnx.checker.check_model(onnx.load(str(tmp_path / "card.onnx")))
    values = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    users = {name: node for node in graph.node for name in node.input}
    quantised = [n for n in graph.node if n.op_type == "BipolarQuant"]
    layers = list(masked_layers(cards[kind]))
    assert len(quantised) == len(layers) == 4 - (kind == "dense")
    for node, (name, layer) in zip(quantised, layers, strict=True):
        assert node.name == f"{name}.weight_quant.BipolarQuant"
        assert np.array_equal(values[node.input[0]], layer.weight.detach().numpy())
        assert (values[node.input[0]] != 0).all()
        assert values[node.input[1]].tobytes() == layer.alpha.numpy().tobytes()
        mul = users[node.output[0]]
        assert mul.op_type == "Mul"
        assert np.array_equal(values[mul.input[1]], layer.mask.numpy())
        assert set(np.unique(values[mul.input[1]])) == {0.0, 1.0}
        after = users[mul.output[0]]
        assert after.op_type == ("Conv" if name.startswith("conv") else "Transpose")


@pytest.mark.parametrize("kind", ["conv", "dense", "plain"])
def test_qonnx_gives_what_brevitas_gives(
    kind: str, cards: dict[str, nn.Sequential], split: Split, tmp_path: Path
) -> None:
    module: Any
    if kind == "plain":
        torch.manual_seed(0)
        module = Plain()
        for _ in range(3):  # lets the quantisers find their scales
            module(torch.from_numpy(split.x_train[:64]))
    else:
        module = cards[kind]
    found = _qonnx(_exported(module, tmp_path / "card.onnx"), split.x_test)
    points, logits = quantisers(module, split.x_test)
    assert len(points) == {"conv": 4, "dense": 3, "plain": 6}[kind]
    for point in points:
        theirs = np.rint(found[point.name].astype(np.float64) / point.scale).astype(np.int64)
        near, differ = point.boundary_cases(), int((theirs != point.integers()).sum())
        print(f"{kind} {point.name}: {near} of {theirs.size} near a rounding boundary, {differ} differ")
        assert differ <= near, point.name
        if differ:
            return  # no later tensor is bound to agree
    if kind == "dense":
        unit = points[-1].scale.astype(np.float64) * float(module[-1].alpha)
        assert np.array_equal(np.rint(found["output"] / unit), np.rint(logits / unit))
    if kind == "conv":  # constant power-of-two steps, short scales: no rounding anywhere, hence not even here
        assert np.array_equal(found["output"], logits)


def test_header_shapes_and_names(cards: dict[str, nn.Sequential], tmp_path: Path) -> None:
    model = _exported(cards["conv"], tmp_path / "card.onnx")
    assert (model.ir_version, {o.domain: o.version for o in model.opset_import}) == (
        8, {"": 17, "qonnx.custom_op.general": 2},
    )  # fmt: skip
    graph = model.graph
    assert [v.name for v in graph.input] == ["input"]
    assert [v.name for v in graph.output] == ["output"]
    assert [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] == [1, 1, 8, 8]
    shaped = {v.name for v in (*graph.value_info, *graph.output)}
    assert {name for node in graph.node for name in node.output} == shaped
    quants = [n.output[0] for n in graph.node if n.op_type == "Quant"]
    assert quants == ["quant", "act1", "act2", "act3"]


def test_an_output_quantiser_keeps_its_name(tmp_path: Path) -> None:
    module = Plain()
    points, _ = quantisers(module, np.ones((2, 1, 8, 8), np.float32))
    assert [p.name for p in points] == ["input.quant", "act", "act.2", "act.3", "sign", "head.output_quant"]
    graph = _exported(module, tmp_path / "plain.onnx").graph
    assert [v.name for v in graph.output] == ["head.output_quant"]


def test_same_bytes_in_two_processes_and_nothing_of_this_machine(tmp_path: Path) -> None:
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for seed, file in enumerate(files):
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _EXPORT, str(file)],
            check=True,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
        )
    first, second = (file.read_bytes() for file in files)
    assert first == second
    for word in (os.fsencode(Path.cwd()), os.fsencode(tmp_path), b"site-packages", b".py", b"torch"):
        assert word not in first


def test_the_module_is_left_as_it_was(cards: dict[str, nn.Sequential], tmp_path: Path) -> None:
    card = cards["conv"]
    x = torch.rand(2, 1, 8, 8)
    card.train()
    before = {k: v.clone() for k, v in card.state_dict().items()}
    export_qonnx(card, x, tmp_path / "a.onnx")
    assert card.training
    assert all(torch.equal(before[k], v) for k, v in card.state_dict().items())
    card.eval()
    export_qonnx(card, x, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_what_cannot_be_exported_is_refused_and_nothing_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = qnn.QuantReLU(bit_width=4)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = torch.linalg.svd(self.act(x).flatten(1)).S
            return y

    class TwoOutputs(Odd):
        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.act(x)
            return y, y + 1  # type: ignore[return-value]

    file, x = tmp_path / "x.onnx", torch.ones(1, 1, 8, 8)
    for module, says in [(Odd(), "cannot export"), (TwoOutputs(), "returns"), (nn.Flatten(), "no activation quant")]:
        with pytest.raises(CompileError, match=says):
            export_qonnx(module, x, file)
        if isinstance(module, Odd):  # it still runs, outside of export mode
            module(x)
    with pytest.raises(CompileError, match="NaN"):
        export_qonnx(nn.Sequential(qnn.QuantReLU()), x * torch.nan, file)
    assert not file.exists()
    assert "aten::" not in capfd.readouterr().out  # torch's dump of the graph

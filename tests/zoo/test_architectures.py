"""Brevitas' own architectures, exported by Brevitas: qonnx's executor equals the integer graph at every quantiser."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from brevitas.export import export_qonnx as brevitas_export
from tests.zoo import models
from torch import nn

from cardc.frontend.load import load
from cardc.frontend.train.export import export_qonnx
from cardc.ops.graph import is_cardc
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER
from cardc.verify import verify

DIGIT, PHOTO = (1, 28, 28), (3, 32, 32)
SMALL = [f"{size}_{w}w{a}a" for size in ("tfc", "sfc") for w, a in ((1, 1), (1, 2), (2, 2))]
LARGE = ["lfc_1w1a", "lfc_1w2a", "lfc_2w2a"]
CNV = ["cnv_1w1a", "cnv_1w2a", "cnv_2w2a"]

Export = Callable[[nn.Module, models.Image, Path], onnx.ModelProto]


def by_cardc(model: nn.Module, image: models.Image, path: Path) -> onnx.ModelProto:
    export_qonnx(model, torch.zeros(1, *image), path)
    return onnx.load(path)


def by_brevitas(dynamo: bool) -> Export:
    def export(model: nn.Module, image: models.Image, path: Path) -> onnx.ModelProto:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            brevitas_export(
                models.twin(model).eval(), args=torch.zeros(1, *image), export_path=str(path), dynamo=dynamo
            )
        return onnx.load(path)

    return export


EXPORTERS: dict[str, Export] = {
    "cardc": by_cardc,
    "torchscript": by_brevitas(dynamo=False),
    "dynamo": by_brevitas(dynamo=True),
}


def check(model: nn.Module, image: models.Image, path: Path, exporter: str = "cardc", *, inputs: int = 3) -> ir.Model:
    """Export, import, lower, compare; returns the integer graph."""
    proto = EXPORTERS[exporter](model, image, path / "model.onnx")
    imported = load(ir.from_proto(proto))
    integer = imported.clone()
    run_steps(integer, TO_INTEGER)
    # Eight bits of grey, as images come.
    x = np.random.default_rng(0).integers(0, 256, (inputs, *image)).astype(np.float32) / 255
    exact = verify(imported, integer, proto, x, [])
    assert exact.equal, exact.first_difference
    assert exact.tensors > 1
    # A case at a rounding boundary is a rarity, not an excuse.
    assert exact.float_boundary_cases <= inputs
    return integer


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_dense_networks(name: str, tmp_path: Path) -> None:
    check(models.lived_in(models.bnn_pynq(name), DIGIT), DIGIT, tmp_path)


@pytest.mark.parametrize("name", CNV)
def test_convolutional_networks(name: str, tmp_path: Path) -> None:
    check(models.lived_in(models.bnn_pynq(name), PHOTO), PHOTO, tmp_path)


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
@pytest.mark.parametrize("name", ["tfc_2w2a", "cnv_1w1a", "cnv_2w2a"])
def test_both_of_brevitas_exporters(name: str, exporter: str, tmp_path: Path) -> None:
    image = PHOTO if name.startswith("cnv") else DIGIT
    check(models.lived_in(models.bnn_pynq(name), image), image, tmp_path, exporter)


@pytest.mark.parametrize("exporter", ["cardc", "dynamo"])
def test_mobilenet_with_a_scale_a_channel_and_a_truncating_average(exporter: str, tmp_path: Path) -> None:
    integer = check(models.lived_in(models.mobilenet(), PHOTO), PHOTO, tmp_path, exporter, inputs=2)
    groups = [n.attributes["group"].as_int() for n in integer.graph if is_cardc(n, "Conv") and "group" in n.attributes]
    assert sum(g > 1 for g in groups) == 13


@pytest.mark.parametrize("same_scale", [True, False], ids=["one-unit", "own-scales"])
def test_resnet18_with_masked_binary_weights(same_scale: bool, tmp_path: Path) -> None:
    model = models.lived_in(models.masked_resnet18(32, same_scale=same_scale), PHOTO)
    integer = check(model, PHOTO, tmp_path, inputs=2)
    assert sum(is_cardc(node, "Add") for node in integer.graph) == 8


def test_resnet18_by_dynamo(tmp_path: Path) -> None:
    check(models.lived_in(models.masked_resnet18(16), PHOTO), PHOTO, tmp_path, "dynamo", inputs=2)

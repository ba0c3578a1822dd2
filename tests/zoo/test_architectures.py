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
from brevitas.export import export_onnx_qcdq
from brevitas.export import export_qonnx as brevitas_export
from tests.zoo import models
from torch import nn

from cardc.backends.c.backend import CBackend
from cardc.backends.c.program import build
from cardc.backends.c.run import CBuild
from cardc.frontend.load import load
from cardc.frontend.train.export import export_qonnx
from cardc.ops.execute import execute
from cardc.ops.graph import is_cardc
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER, for_microcontroller
from cardc.targets.base import load as board
from cardc.verify import verify

BOARD = board("nucleo-f446re")
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


def by_qcdq(model: nn.Module, image: models.Image, path: Path) -> onnx.ModelProto:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        export_onnx_qcdq(models.twin(model).eval(), args=torch.zeros(1, *image), export_path=str(path), dynamo=False)
    return onnx.load(path)


EXPORTERS: dict[str, Export] = {
    "cardc": by_cardc,
    "torchscript": by_brevitas(dynamo=False),
    "dynamo": by_brevitas(dynamo=True),
    "qcdq": by_qcdq,
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


def _in_c(integer: ir.Model, inputs: int = 2) -> None:
    """The C library on this computer gives the integer graph's result."""
    model = integer.clone()
    run_steps(model, for_microcontroller(BOARD))
    program, backend = build(model), CBackend(title="net")
    built = CBuild(backend.project(model, program, BOARD), program, backend.identifier(model))
    x = np.random.default_rng(1).integers(0, 256, (inputs, *PHOTO)).astype(np.float32) / 255
    want = execute(integer, {integer.graph.inputs[0].name or "": x})
    source, output = (v.name or "" for v in (program.schedule.source, program.schedule.output))
    assert np.array_equal(built.run(want[source]).ravel(), want[output].ravel())


@pytest.mark.parametrize("exporter", ["cardc", "dynamo", "qcdq"])
def test_residual_networks_of_eight_bits(exporter: str, tmp_path: Path) -> None:
    _in_c(check(models.lived_in(models.resnet8bit(1, 4), PHOTO), PHOTO, tmp_path, exporter))


def test_accumulators_added_to_a_shortcut_of_another_scale(tmp_path: Path) -> None:
    net = models.lived_in(models.resnet8bit(1, 4, quantised=False), PHOTO)
    _in_c(check(net, PHOTO, tmp_path, inputs=2), inputs=1)


@pytest.mark.parametrize("exporter", ["cardc", "qcdq"])
def test_u_nets_join_tensors_of_unlike_scales(exporter: str, tmp_path: Path) -> None:
    _in_c(check(models.lived_in(models.UNet8(), PHOTO), PHOTO, tmp_path, exporter))

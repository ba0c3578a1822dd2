"""The trained TFC models of the QONNX zoo: accuracy on all of MNIST's test images, and qonnx's own levels on some."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from tests.data import data_path, mnist_test

from cardc.frontend.load import load
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import find_qtype
from cardc.ops.quant import dequantize
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER
from cardc.passes.split_quantizers import SOURCE
from cardc.verify.oracle import Oracle, model_proto

ACCURACY = {"TFC_1W1A": 9296, "TFC_1W2A": 9474, "TFC_2W2A": 9660}


def lowered(name: str) -> ir.Model:
    model = load(data_path("qonnx", f"{name}.onnx"))
    run_steps(model, TO_INTEGER)
    return model


def run(model: ir.Model, x: Array) -> dict[str, Array]:
    return execute(model, {model.graph.inputs[0].name or "": x})


@pytest.mark.parametrize(("name", "right"), ACCURACY.items())
def test_accuracy_of_the_integer_graph_on_all_test_images(name: str, right: int) -> None:
    images, labels = mnist_test()
    model = lowered(name)
    logits = run(model, images)[model.graph.outputs[0].name or ""]
    assert np.issubdtype(logits.dtype, np.integer)
    assert int((logits.argmax(axis=1) == labels).sum()) == right


@pytest.mark.parametrize("name", ACCURACY)
def test_every_quantised_tensor_is_qonnx_tensor(name: str) -> None:
    images, _ = mnist_test()
    path = data_path("qonnx", f"{name}.onnx")
    model = lowered(name)
    got = run(model, images[:20])
    compared = 0
    for part, want in Oracle(model_proto(path)).chunks(images[:20]):
        for node in model.graph:
            value = node.outputs[0]
            q, source = find_qtype(value), value.metadata_props.get(SOURCE)
            if q is None or source not in want.before:
                continue
            real = dequantize(got[value.name or ""][part], q, 1)
            assert np.array_equal(real.ravel(), want.after[source].ravel())
            compared += len(real)
    assert compared == 20 * 4

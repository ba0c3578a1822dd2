"""Small ONNX files for the tests of the importer, built with onnx itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F = np.float32


def dense_model(opset: int = 17) -> onnx.ModelProto:
    """x [1, 3] -> Quant -> MatMul by masked BipolarQuant [3, 2] -> Quant, 17 or another opset."""
    domain = "qonnx.custom_op.general"
    quant = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", "domain": domain}
    nodes = [
        helper.make_node("Quant", ["x", "s", "z", "b"], ["xq"], name="quant_in", **quant),
        helper.make_node("BipolarQuant", ["w", "s"], ["wq"], name="quant_w", domain=domain),
        helper.make_node("Mul", ["wq", "m"], ["wm"], name="mask"),
        helper.make_node("MatMul", ["xq", "wm"], ["a"], name="dense"),
        helper.make_node("Quant", ["a", "s", "z", "b"], ["y"], name="quant_out", **quant),
    ]
    arrays = {
        "s": np.asarray(0.5, F), "z": np.asarray(0, F), "b": np.asarray(3, F),
        "w": np.asarray([[1, -1], [2, 3], [-4, 5]], F), "m": np.asarray([[1, 0], [1, 1], [0, 1]], F),
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(a, name) for name, a in arrays.items()],
    )  # fmt: skip
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def set_array(model: onnx.ModelProto, name: str, array: np.ndarray) -> None:  # type: ignore[type-arg]
    """Replace one initializer."""
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def external(model: onnx.ModelProto, name: str, location: str, *, length: int | None = None) -> None:
    """Let initializer `name` lie in the file `location`."""
    tensor = next(t for t in model.graph.initializer if t.name == name)
    length = len(tensor.raw_data) if length is None else length
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def rename(model: onnx.ModelProto, change: Callable[[str], str]) -> None:
    """Give every tensor and node another name."""
    graph = model.graph
    for node in graph.node:
        node.name = change(node.name)
        node.input[:] = [change(v) for v in node.input]
        node.output[:] = [change(v) for v in node.output]
    for item in (*graph.input, *graph.output, *graph.initializer):
        item.name = change(item.name)

"""Import takes time in proportion to the nodes: counted in function calls, which no busy machine changes."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from tests.frontend.formats.oracle import LAST, Builder

from cardc.frontend.load import load
from cardc.ops.graph import add_initializer, fresh


def quantised(blocks: int) -> onnx.ModelProto:
    b = Builder([1, 16])
    h = "x"
    for _ in range(blocks):
        h = b.quant(b.op("Gemm", b.quant(h), b.weight(16, 16), b.const(b.values(16))), 8.0)
    return b.model(h)


def qdq(blocks: int) -> onnx.ModelProto:
    b = Builder([1, 16])
    h = "x"
    for _ in range(blocks):
        s, z = b.const(0.25), b.const(0, np.int8)
        w = b.op("DequantizeLinear", b.const(np.eye(16), np.int8), s, z)
        h = b.op("MatMul", b.op("DequantizeLinear", b.op("QuantizeLinear", h, s, z), s, z), w)
    return b.model(h)


def last(blocks: int) -> onnx.ModelProto:
    b = Builder([1, 4, 4, 3], opset=13)
    h = b.quant("x")
    window: dict[str, object] = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1], "group": 1}
    for _ in range(blocks):
        h = b.op("Conv", h, b.weight(3, 3, 3, 3), domain=LAST, pads=[1] * 4, **window)
        h = b.quant(b.op("Relu", h), 1.0)
    return b.model(h)


def calls(model: onnx.ModelProto) -> int:
    profile = cProfile.Profile()
    profile.enable()
    load(model)
    profile.disable()
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


@pytest.mark.parametrize("build", [quantised, qdq, last])
def test_ten_times_the_nodes_take_ten_times_the_work(build: Callable[[int], onnx.ModelProto]) -> None:
    load(build(2))  # what is set up once
    small, large = build(25), build(250)
    assert len(large.graph.node) >= 9 * len(small.graph.node)
    assert calls(large) < 13 * calls(small)


def graph_of_one() -> ir.Graph:
    model = ir.from_onnx_text(
        '<ir_version: 10, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Relu(x) }'
    )
    return model.graph


def test_fresh_names_are_new_each_time() -> None:
    graph = graph_of_one()
    assert fresh(graph, "z") == "z"
    assert fresh(graph, "y") == "y_1"
    assert fresh(graph, "x") == "x_1"
    assert add_initializer(graph, "z", np.ones(1)).name == "z"  # nobody took it
    assert fresh(graph, "z") == "z_1"


def test_a_name_that_moved_on_is_still_taken_and_a_dropped_one_free() -> None:
    graph = graph_of_one()
    assert fresh(graph, "w") == "w"
    (node,) = graph
    node.outputs[0].name = "w"
    assert fresh(graph, "w") == "w_1"
    assert fresh(graph, "y") == "y"


def test_a_clone_has_names_of_its_own() -> None:
    graph = graph_of_one()
    fresh(graph, "z")
    copy = graph.clone()
    copy.node(0).outputs[0].name = "other"
    assert fresh(copy, "other") == "other_1"
    assert fresh(graph, "other") == "other"

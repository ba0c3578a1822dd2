"""Chains of quantised layers, to see how time grows with the number of nodes."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import TensorProto, helper, numpy_helper

from cardc.ops.base import Array

F = np.float32
_NORM = ("gamma", "beta", "mean", "var")


def chain(layers: int, *, width: int = 8) -> ir.Model:
    """`layers` times a dense layer of 2-bit weights, a BatchNorm and a 4-bit quantiser; every constant its own."""
    rng = np.random.default_rng(layers)
    constants: dict[str, Array] = {"s": np.asarray(0.25, F), "z": np.asarray(0, F), "b": np.asarray(4, F)}
    constants["two"] = np.asarray(2, F)
    quant = {"domain": "qonnx.custom_op.general", "signed": 1, "narrow": 0, "rounding_mode": "ROUND"}
    nodes = [helper.make_node("Quant", ["x", "s", "z", "b"], ["a0"], name="quant_x", **quant)]
    for i in range(layers):
        constants[f"w{i}"] = rng.uniform(-0.5, 0.25, (width, width)).astype(F)
        values = (rng.choice([-1.0, 1.0], width), rng.normal(0, 1, width), rng.normal(0, 1, width), np.full(width, 4.0))
        constants |= {f"{name}{i}": np.asarray(v, F) for name, v in zip(_NORM, values, strict=True)}
        nodes += [
            helper.make_node("Quant", [f"w{i}", "s", "z", "two"], [f"q{i}"], name=f"quant_w{i}", **quant),
            helper.make_node("MatMul", [f"a{i}", f"q{i}"], [f"m{i}"], name=f"dense{i}"),
            helper.make_node("BatchNormalization", [f"m{i}", *(f"{n}{i}" for n in _NORM)], [f"n{i}"], name=f"norm{i}"),
            helper.make_node("Quant", [f"n{i}", "s", "z", "b"], [f"a{i + 1}"], name=f"quant{i}", **quant),
        ]
    graph = helper.make_graph(
        nodes, "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, width])],
        [helper.make_tensor_value_info(f"a{layers}", TensorProto.FLOAT, [1, width])],
        [numpy_helper.from_array(v, k) for k, v in constants.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
    return ir.from_proto(helper.make_model(graph, opset_imports=opsets, ir_version=10))

"""A QONNX model in standard operators only, for generators of C that know no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def as_qcdq(model: Path, out: Path) -> None:
    """Write `model` (QONNX) with standard operators only: quantised weights folded to floats, quantisers of activations
    as QuantizeLinear, Clip and DequantizeLinear, those of two levels as a comparison."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.qonnx_to_qcdq import QuantToQCDQ

    wrapper = ModelWrapper(str(model)).transform(InferShapes()).transform(FoldConstants([]))
    bipolar_as_comparison(wrapper.model)
    for step in (QuantToQCDQ(), FoldConstants(["QuantizeLinear"]), InferShapes()):
        wrapper = wrapper.transform(step)
    wrapper.save(str(out))


def bipolar_as_comparison(model: onnx.ModelProto) -> None:
    """x -> scale * (2 * (x >= 0) - 1) in place of each BipolarQuant."""
    nodes = list[onnx.NodeProto]()
    for node in model.graph.node:
        if node.op_type != "BipolarQuant":
            nodes.append(node)
            continue
        x, scale, y = node.input[0], node.input[1], node.output[0]
        for word, value in (("zero", 0.0), ("two", 2.0), ("one", 1.0)):
            model.graph.initializer.append(numpy_helper.from_array(np.float32(value), f"{y}_{word}"))
        nodes += [
            helper.make_node("GreaterOrEqual", [x, f"{y}_zero"], [f"{y}_above"]),
            helper.make_node("Cast", [f"{y}_above"], [f"{y}_bit"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{y}_bit", f"{y}_two"], [f"{y}_twice"]),
            helper.make_node("Sub", [f"{y}_twice", f"{y}_one"], [f"{y}_sign"]),
            helper.make_node("Mul", [f"{y}_sign", scale], [y]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx"):
            opset.version = max(opset.version, 13)  # GreaterOrEqual

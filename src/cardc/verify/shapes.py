"""Shapes of every tensor for qonnx's executor, whose own inference fails where one custom operator follows another."""

from __future__ import annotations

from typing import Any

import onnx
from onnx import TensorProto, helper


def infer_each(model: Any) -> None:
    """Set the shape of every tensor of `model`, a qonnx ModelWrapper with shaped inputs, one node after another.

    Tensors whose shape is known keep it; what follows from one that no node says is left out.
    """
    from qonnx.custom_op.registry import getCustomOp, is_custom_op

    constants = {t.name: t for t in model.graph.initializer}
    kinds = {name: t.data_type for name, t in constants.items()}
    standard = [o for o in model.model.opset_import if not o.domain]
    for node in model.graph.node:
        if all(not name or model.get_tensor_shape(name) for name in node.output):
            continue
        if any(name and name not in constants and model.get_tensor_shape(name) is None for name in node.input):
            continue
        plain = getCustomOp(node).make_shape_compatible_op(model) if is_custom_op(node.domain) else node
        inputs = [name for name in plain.input if name]
        known = [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), model.get_tensor_shape(name))
            for name in inputs
        ]
        outs = [helper.make_empty_tensor_value_info(name) for name in node.output]
        graph = helper.make_graph([plain], "one", known, outs, [constants[n] for n in inputs if n in constants])
        one = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=standard))
        for value in one.graph.output:
            shape = value.type.tensor_type.shape
            if not value.type.tensor_type.HasField("shape") or any(not d.HasField("dim_value") for d in shape.dim):
                continue
            kinds[value.name] = value.type.tensor_type.elem_type or TensorProto.FLOAT
            model.set_tensor_shape(value.name, [d.dim_value for d in shape.dim], kinds[value.name])


def lift_constants(graph: onnx.GraphProto) -> None:
    """Constant nodes that hold a tensor as initializers, in place."""
    for node in [n for n in graph.node if n.op_type == "Constant" and not n.domain]:
        value = next((a.t for a in node.attribute if a.name == "value" and a.HasField("t")), None)
        if value is not None:
            graph.initializer.add().CopyFrom(value)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)


def complete(model: Any) -> bool:
    """Whether every tensor of `model` has its shape and no node but a quantiser's works on constants alone."""
    constants = {t.name for t in model.graph.initializer}
    for node in model.graph.node:
        if any(name and model.get_tensor_shape(name) is None for name in (*node.input, *node.output)):
            return False
        alone = all(name in constants for name in node.input)
        if node.op_type == "Shape" or (alone and node.op_type not in ("Quant", "BipolarQuant")):
            return False
    return True

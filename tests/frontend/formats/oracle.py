"""Models of other tools' formats: built node by node, run by an independent executor, compared at every quantiser."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from cardc.frontend.load import load
from cardc.frontend.moved import SOURCE_LAYOUT
from cardc.ops.base import Array
from cardc.ops.execute import execute
from cardc.ops.qtype import find_qtype
from cardc.passes.base import run_steps
from cardc.passes.lower_outputs import OUT_OFFSET, OUT_SCALE
from cardc.passes.pipeline import TO_INTEGER
from cardc.passes.split_quantizers import SOURCE
from cardc.verify.shapes import infer_each

F = np.float32
GENERAL, LAST = "qonnx.custom_op.general", "qonnx.custom_op.channels_last"


def need_brevitas() -> None:
    """Go on only where the train extra is installed; where CI is set, it has to be."""
    if importlib.util.find_spec("brevitas") is not None:
        return
    message = "brevitas is not installed: pip install 'cardc[train]'"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


class Builder:
    """A model of one input "x" and one output, made of nodes in order."""

    def __init__(self, shape: Sequence[int | str], *, opset: int = 17, seed: int = 0) -> None:
        self.shape, self.opset = list(shape), opset
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def const(self, array: object, dtype: Any = F) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [f"{name}_out"], name=name, domain=domain, **attributes)
        self.nodes.append(node)
        return f"{name}_out"

    def quant(self, x: str, scale: object = 0.5, bits: int = 4, *, signed: int = 1, narrow: int = 0) -> str:
        numbers = [self.const(v) for v in (scale, 0.0, bits)]
        flags: dict[str, object] = {"signed": signed, "narrow": narrow, "rounding_mode": "ROUND"}
        return self.op("Quant", x, *numbers, domain=GENERAL, **flags)

    def weight(self, *shape: int, bits: int = 4, scale: float = 0.25) -> str:
        """A quantised weight: values near the middle of their steps."""
        values = self.rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape) * scale
        return self.quant(self.const(values), scale, bits)

    def values(self, *shape: int, step: float = 0.125) -> Array:
        """Short binary fractions, so that every float executor computes the same."""
        return (self.rng.integers(-16, 17, shape) * step).astype(F)

    def model(self, y: str, *, element: int = TensorProto.FLOAT) -> onnx.ModelProto:
        x = helper.make_tensor_value_info("x", element, self.shape)
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", [x], [out], self.constants)
        domains = sorted({n.domain for n in self.nodes} - {""})
        # A channels-last operator is the ONNX operator of the same version.
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid(d, self.opset if d == LAST else 1) for d in domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8 if self.opset < 21 else 10)


def lowered(model: onnx.ModelProto | ir.Model) -> tuple[ir.Model, ir.Model]:
    """The imported and the integer graph."""
    imported = load(model)
    integer = imported.clone()
    run_steps(integer, TO_INTEGER)
    return imported, integer


def with_shapes(model: onnx.ModelProto) -> ModelWrapper:
    """`model` for qonnx, every shape known."""
    wrapped = ModelWrapper(onnx.ModelProto.FromString(model.SerializeToString()))
    infer_each(wrapped)
    return wrapped


def by_qonnx(model: onnx.ModelProto, x: Array) -> list[dict[str, Array]]:
    """Every tensor by name, one sample at a time, as qonnx computes it."""
    wrapped = with_shapes(model)
    name = model.graph.input[0].name
    return [execute_onnx(wrapped, {name: sample[None]}, return_full_exec_context=True) for sample in x]


def by_onnxruntime(model: onnx.ModelProto, x: Array) -> list[dict[str, Array]]:
    """Every tensor by name, one sample at a time, as ONNX Runtime computes it without any rewriting."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    given = {v.name for v in copy.graph.output}
    # The integers between two halves of a quantiser may be of four bits, which numpy lacks.
    nodes = [node for node in copy.graph.node if node.op_type != "QuantizeLinear"]
    names = [n for node in nodes for n in node.output if n and n not in given]
    copy.graph.output.extend(helper.make_empty_tensor_value_info(n) for n in names)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(copy.SerializeToString(), options)
    outputs = [o.name for o in session.get_outputs()]
    entrance = session.get_inputs()[0].name
    return [dict(zip(outputs, session.run(None, {entrance: s[None]}), strict=True)) for s in x]


def assert_exact(
    imported: ir.Model, integer: ir.Model, x: Array, tensors: Sequence[Mapping[str, Array]], *, at_least: int = 1
) -> None:
    """The integer graph has the integers that the float tensors are, at every tensor that both know."""
    feed = x if np.issubdtype(x.dtype, np.floating) else x.astype(F)
    got = execute(integer, {integer.graph.inputs[0].name or "": feed})
    layouts = {v.name: v.metadata_props.get(SOURCE_LAYOUT) for n in imported.graph for v in n.outputs}
    compared = 0
    for node in integer.graph:
        value = node.outputs[0]
        source = value.metadata_props.get(SOURCE)
        if source is None or source not in tensors[0]:
            continue
        q = find_qtype(value)
        assert q is not None
        want = np.concatenate([t[source] for t in tensors]).astype(np.float64)
        if (layout := layouts.get(source)) is not None:
            order = json.loads(layout)
            want = want.reshape(len(x), *order["shape"]).transpose(order["perm"])
        ints = got[value.name or ""]
        want = want.reshape(ints.shape)
        scales = np.asarray(q.scale).reshape(1, -1, *(1,) * (ints.ndim - 2)) if len(q.scale) > 1 else q.scale[0]
        scale = float(value.metadata_props.get(OUT_SCALE, 0)) or scales
        exact = (want - float(value.metadata_props.get(OUT_OFFSET, 0))) / scale
        compared += 1
        if np.abs(exact).max() > 1 << 20:
            # An output in a fine unit common to all channels: more digits than the float executor's own sum has.
            assert np.abs(ints - exact).max() <= 2.0**-20 * np.abs(exact).max(), source
            continue
        assert np.abs(exact - np.rint(exact)).max() < 1e-3, f"{source} holds no multiples of its scale"
        assert np.array_equal(ints, np.rint(exact).astype(np.int64)), source
    assert compared >= at_least


def check(model: onnx.ModelProto, x: Array, *, at_least: int = 1, runtime: bool = False) -> tuple[ir.Model, ir.Model]:
    """Import and lower `model`; the integers must be those of qonnx, or of ONNX Runtime. Returns both graphs."""
    imported, integer = lowered(model)
    assert_exact(imported, integer, x, (by_onnxruntime if runtime else by_qonnx)(model, x), at_least=at_least)
    return imported, integer


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def samples(shape: Sequence[int], n: int = 8, *, seed: int = 1, step: float = 0.125, span: int = 40) -> Array:
    return (np.random.default_rng(seed).integers(-span, span + 1, (n, *shape)) * step).astype(F)

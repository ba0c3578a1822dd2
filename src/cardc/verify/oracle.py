"""The independent oracle: qonnx's own executor on the model as the user exported it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from ..errors import CompileError, printable
from ..ops.base import Array
from .meant import as_meant
from .shapes import complete, infer_each, lift_constants

_QUANTISERS = (
    "Quant",
    "IntQuant",
    "BipolarQuant",
    "Trunc",
    "FloatQuant",
    "MultiThreshold",
    "DequantizeLinear",
    "ArgMax",
    "ArgMin",
    "TopK",
)
_WHOLE = ("QuantAvgPool2d",)
"""Operators of integers with an integer result, which rounds in no place of its own."""
_WITHIN = ("Clip", "QuantizeLinear")
CHUNK = 1000


@dataclass(frozen=True, slots=True)
class FloatRun:
    """A batch through a float executor: `after` at each quantiser's output by tensor name (and the model's
    output), `before` what entered that quantiser (what an ArgMax picks from with the axis of its picks second).
    Arrays are float, batch first.
    """

    after: dict[str, Array]
    before: dict[str, Array]


def model_proto(source: str | Path | ir.Model) -> onnx.ModelProto:
    """The model as qonnx reads it."""
    return ir.to_proto(source) if isinstance(source, ir.Model) else onnx.load(str(source))


class Oracle:
    """Runs a QONNX model through qonnx.core.onnx_exec, a thousand samples at a time where the graph allows it."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        graph = proto.graph
        constants = {t.name for t in graph.initializer}
        self._proto = proto
        self._input = next(v.name for v in graph.input if v.name not in constants)
        self._output = graph.output[0].name
        # Quantisers of activations; those of constants run too, and say nothing about a batch.
        makers = {n.output[0]: n for n in graph.node}
        self._feeds = {
            name: _entered(n, makers)
            for n in graph.node
            for name in n.output
            if n.op_type in _QUANTISERS and n.input[0] not in constants
        }
        self._whole = {name for n in graph.node if n.op_type in _WHOLE for name in n.output}
        self._picks = {
            name: _axis(n) for n in graph.node if n.op_type in ("ArgMax", "ArgMin", "TopK") for name in n.output
        }
        self._models: dict[int, Any] = {}

    def chunks(self, x: Array) -> Iterator[tuple[slice, FloatRun]]:
        """Run x [N, ...] in pieces; yields which samples, and their tensors."""
        size = CHUNK if self._takes(2, x) else 1
        for start in range(0, len(x), size):
            part = slice(start, min(start + size, len(x)))
            yield part, self._run(x[part])

    def _takes(self, batch: int, x: Array) -> bool:
        """Whether the graph runs on a batch, with the result that it gives one by one."""
        if len(x) < batch:
            return False
        try:
            together = self._run(x[:batch]).after[self._output]
        except CompileError:  # a graph fixed to batch 1
            return False
        one_by_one = [self._run(x[i : i + 1]).after[self._output] for i in range(batch)]
        return together.shape[0] == batch and np.allclose(together, np.concatenate(one_by_one), rtol=1e-4, atol=1e-4)

    def _run(self, x: Array) -> FloatRun:
        import onnxruntime
        from qonnx.core.onnx_exec import execute_onnx

        onnxruntime.set_default_logger_severity(3)  # qonnx runs each node as a model of its own, and each would warn

        try:
            model = self._models.get(len(x))
            if model is None:
                model = self._models[len(x)] = _for_batch(self._proto, self._input, len(x))
            context = execute_onnx(model, {self._input: x.astype(np.float32)}, return_full_exec_context=True)
        except Exception as error:  # bare exceptions of many kinds
            raise CompileError(
                f"qonnx's executor stops on this model: {printable(' '.join(str(error).split()))}",
                fix="check that the inputs are of the kind that the model annotates, and that qonnx can run the model",
            ) from error
        after = {name: context[name] for name in self._feeds if name in context and name not in self._constants(model)}
        before = {name: context[self._feeds[name]] for name in after}
        after |= {name: context[name] for name in self._whole}
        before |= {name: np.moveaxis(before[name], axis, 1) for name, axis in self._picks.items() if name in before}
        return FloatRun(after | {self._output: context[self._output]}, before)

    @staticmethod
    def _constants(model: Any) -> set[str]:
        return {t.name for t in model.graph.initializer}


def _axis(node: onnx.NodeProto) -> int:
    """The axis that an ArgMax or TopK picks along."""
    return next((a.i for a in node.attribute if a.name == "axis"), -1 if node.op_type == "TopK" else 0)


def _entered(node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto]) -> str:
    """The real tensor that enters a quantiser, which may be a DequantizeLinear with what belongs to it in front."""
    name: str = node.input[0]
    while node.op_type in ("DequantizeLinear", "Clip") and name in makers and makers[name].op_type in _WITHIN:
        node = makers[name]
        name = node.input[0]
    return name


def _for_batch(proto: onnx.ModelProto, name: str, batch: int) -> Any:
    """The model for a fixed batch size, as a qonnx ModelWrapper: shapes inferred anew, shape arithmetic folded."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.infer_shapes import InferShapes

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    as_meant(copy)
    # The file's own shapes where they serve.
    if any(_changes(value, batch) for value in copy.graph.input if value.name == name):
        del copy.graph.value_info[:]
        for value in [*copy.graph.input, *copy.graph.output]:
            shape = value.type.tensor_type.shape
            if (value.name == name or value in copy.graph.output) and shape.dim:
                shape.dim[0].dim_value = batch
    known = [value for value in copy.graph.value_info if _sized(value)]  # some files write sizes of 0 for unknown ones
    del copy.graph.value_info[:]
    copy.graph.value_info.extend(known)
    lift_constants(copy.graph)
    model = ModelWrapper(copy)
    infer_each(model)
    if complete(model):  # qonnx's own inference takes minutes where images are large
        return model
    return model.transform(InferShapes()).transform(FoldConstants()).transform(InferShapes())


def _sized(value: onnx.ValueInfoProto) -> bool:
    """Whether every axis of `value` has a size."""
    shape = value.type.tensor_type.shape
    return value.type.tensor_type.HasField("shape") and all(d.dim_value > 0 for d in shape.dim)


def _changes(value: onnx.ValueInfoProto, batch: int) -> bool:
    dims = value.type.tensor_type.shape.dim
    return not dims or dims[0].dim_value != batch

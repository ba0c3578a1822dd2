"""A quantiser for a model whose first layer reads real numbers: given by the user, or fitted to sample inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import QONNX, Array
from ..ops.execute import execute
from ..ops.graph import add_initializer, fresh
from ..ops.quant import level_range

_LAYERS = ("Conv", "MatMul", "Gemm", "ConvTranspose")


@dataclass(frozen=True, slots=True)
class InputQuantizer:
    """y = scale * clip(round(x / scale)), `bits` wide, in front of the model's first layer.

    `scale` None: the smallest that holds every value of the calibration inputs.
    """

    bits: int = 8
    signed: bool = True
    scale: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 16 or (self.bits == 1 and self.signed):
            raise CompileError(
                f"an input quantiser of {self.bits} bits{', signed' if self.signed else ''}",
                fix="use 2 to 16 bits, or 1 bit unsigned",
            )
        if self.scale is not None and not (np.isfinite(self.scale) and self.scale > 0):
            raise CompileError(f"an input scale of {self.scale}", fix="use a positive number")

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'uint'}{self.bits}, scale {self.scale:.9g}" if self.scale else "not fitted"


def first_layer_input(model: ir.Model) -> ir.Value | None:
    """The tensor that the first layer reads, where only operators with constants lie between it and the input.

    None where a quantiser is met first: the model needs none.
    """
    constants = set(model.graph.initializers)
    inputs = [v for v in model.graph.inputs if v.name not in constants]
    if len(inputs) != 1:
        return None
    value = inputs[0]
    while True:
        uses = tuple(value.uses())
        if len(uses) != 1:
            return None
        node = uses[0].node
        if node.op_type in _LAYERS:
            return value
        if "Quant" in node.op_type or node.op_type in ("MultiThreshold", "QuantizeLinear"):
            return None
        value = node.outputs[0]


def fit(spec: InputQuantizer, imported: ir.Model, samples: Array) -> InputQuantizer:
    """`spec` with the smallest scale that clips none of `samples` x [N, ...] at the first layer's input.

    Raises CompileError where the model needs no input quantiser, or every sample is 0.
    """
    value = _wanted(imported)
    found = execute(imported, {imported.graph.inputs[0].name or "": samples})[value.name or ""]
    lo, hi = level_range(spec.bits, spec.signed, False)
    need = max(float(found.max()) / hi, float(found.min()) / lo if lo else 0.0)
    if not np.isfinite(need) or need <= 0:
        raise CompileError("the calibration inputs hold no positive number", fix="calibrate on real inputs")
    if not spec.signed and float(found.min()) < 0:
        raise CompileError("the calibration inputs are negative in places", fix="use a signed input quantiser")
    return replace(spec, scale=float(np.float32(need)))


def insert(model: ir.Model, spec: InputQuantizer) -> None:
    """Put `spec`, which has a scale, in front of the first layer of `model`, in place."""
    if spec.scale is None:
        raise CompileError(
            "the input quantiser has no scale", fix="give one (--input-scale), or inputs to find it (--calibrate x.npy)"
        )
    value, graph = _wanted(model), model.graph
    (use,) = value.uses()
    numbers = {"scale": spec.scale, "zero": 0.0, "bits": float(spec.bits)}
    parameters = [add_initializer(graph, f"cardc_input_{n}", np.asarray(v, np.float32)) for n, v in numbers.items()]
    quant = ir.node(
        "Quant", [value, *parameters], {"signed": int(spec.signed), "narrow": 0, "rounding_mode": "ROUND"},
        domain=QONNX, num_outputs=1, name=fresh(graph, "cardc_input_quantizer"),
    )  # fmt: skip
    quant.outputs[0].name = fresh(graph, "cardc_input_quantized")
    quant.outputs[0].type, quant.outputs[0].shape = value.type, value.shape
    graph.opset_imports.setdefault(QONNX, 1)
    graph.insert_before(use.node, quant)
    use.node.replace_input_with(use.idx, quant.outputs[0])


def _wanted(model: ir.Model) -> ir.Value:
    value = first_layer_input(model)
    if value is None:
        raise CompileError(
            "the model's input has a quantiser already, or feeds several layers",
            fix="leave the input quantiser out, or put brevitas.nn.QuantIdentity in front of the model",
        )
    return value

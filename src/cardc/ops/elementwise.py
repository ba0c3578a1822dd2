"""Float operators on each element: arithmetic with constants, BatchNormalization, ReLU and its kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, constant, integer, real, shape_of

_F32 = np.float32


def _broadcast(node: ir.Node) -> TensorType:
    shapes = [shape_of(v) for v in node.inputs if v is not None]
    try:
        return TensorType(np.broadcast_shapes(*shapes), None)
    except ValueError:
        raise CompileError(
            f"{node.op_type} cannot combine shapes {shapes}", node=node, fix="check the model's shapes"
        ) from None


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


def _binary(name: str, fn: Callable[[Array, Array], Array], *, monotone: bool = True) -> OpDef:
    def execute(node: ir.Node, args: Sequence[Array]) -> Array:
        return fn(args[0], args[1])

    return OpDef(ONNX, name, arity(2), _broadcast, execute, elementwise=True, monotone=monotone)


def _divide(a: Array, b: Array) -> Array:
    if not np.issubdtype(a.dtype, np.integer):
        return a / b
    if (b == 0).any():
        raise CompileError("an integer is divided by zero", fix="check the model's constants")
    quotient: Array = np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))  # towards zero, as ONNX asks
    return quotient


def _unary(name: str, fn: Callable[[Array], Array], *, monotone: bool = True) -> OpDef:
    return OpDef(ONNX, name, arity(1), _same, lambda node, args: fn(args[0]), elementwise=True, monotone=monotone)


def _batch_norm(node: ir.Node, args: Sequence[Array]) -> Array:
    x, gamma, beta, mean, var = args[:5]
    # One multiply and one add in float32, as torch and onnxruntime fold it.
    factor = gamma / np.sqrt(var + _F32(real(node, "epsilon", 1e-5)))
    offset = beta - mean * factor
    trail = (1, -1, *(1,) * (x.ndim - 2))
    return (x * factor.reshape(trail) + offset.reshape(trail)).astype(_F32)


def _batch_norm_verify(node: ir.Node) -> None:
    arity(5)(node)
    channels = shape_of(node.inputs[0])[1:2]
    if any(shape_of(v) != channels for v in node.inputs[1:5]):
        raise CompileError(
            "BatchNormalization's parameters do not fit its channels", node=node, fix="export the model again"
        )
    values = [constant(v) for v in node.inputs[1:5]]
    if integer(node, "training_mode", 0) or any(v is None for v in values):
        raise CompileError(
            "BatchNormalization is in training mode: its statistics are not constant",
            node=node,
            fix="call model.eval() before the export",
        )
    variance = values[3]
    if variance is not None and not (variance.astype(_F32) + _F32(real(node, "epsilon", 1e-5)) > 0).all():
        raise CompileError(
            "BatchNormalization's variance is not positive", node=node, fix="check the training: variance + epsilon > 0"
        )


def _clip(node: ir.Node, args: Sequence[Array]) -> Array:
    lo = args[1] if len(args) > 1 else _F32(real(node, "min", -np.inf))
    hi = args[2] if len(args) > 2 else _F32(real(node, "max", np.inf))
    clipped: Array = np.minimum(np.maximum(args[0], lo), hi).astype(args[0].dtype)
    return clipped


def _clip_verify(node: ir.Node) -> None:
    arity(1, 3)(node)
    if len(node.inputs) == 3 and node.inputs[1] is None:
        raise CompileError("Clip without a lower bound is not supported", node=node, fix="give both bounds")
    if any(v is not None and prod(shape_of(v)) != 1 for v in node.inputs[1:]):
        raise CompileError("the bounds of Clip are not single numbers", node=node, fix="use one bound for the tensor")


def _leaky(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.where(args[0] >= 0, args[0], args[0] * _F32(real(node, "alpha", 0.01))).astype(_F32)


def _leaky_verify(node: ir.Node) -> None:
    arity(1)(node)
    if not real(node, "alpha", 0.01) >= 0:
        raise CompileError("LeakyRelu with a negative slope turns at zero", node=node, fix="use a slope of 0 or more")


OPS = (
    _binary("Add", lambda a, b: a + b),
    _binary("Sub", lambda a, b: a - b),
    _binary("Mul", lambda a, b: a * b),
    _binary("Div", _divide),
    _binary("Pow", lambda a, b: np.power(a, b).astype(a.dtype), monotone=False),
    _unary("Relu", lambda x: np.maximum(x, _F32(0))),
    _unary("Neg", np.negative),
    _unary("Sqrt", np.sqrt, monotone=False),  # not a number below zero, which a quantiser takes for its lowest
    _unary("Identity", lambda x: x),
    OpDef(ONNX, "Clip", _clip_verify, _same, _clip, elementwise=True),
    OpDef(ONNX, "LeakyRelu", _leaky_verify, _same, _leaky, elementwise=True),
    OpDef(ONNX, "BatchNormalization", _batch_norm_verify, _same, _batch_norm, elementwise=True),
)

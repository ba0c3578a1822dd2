"""Softmax, LogSoftmax, Sigmoid and Tanh on floats; in front of a quantiser the last two become thresholds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from .base import ONNX, Array, OpDef, TensorType, arity, integer, shape_of


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


def _softmax(node: ir.Node, args: Sequence[Array]) -> Array:
    x = args[0]
    e = np.exp(x - x.max(axis=integer(node, "axis", -1), keepdims=True))
    y: Array = e / e.sum(axis=integer(node, "axis", -1), keepdims=True)
    return y.astype(np.float32)


def _log_softmax(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.log(_softmax(node, args))


def _sigmoid(node: ir.Node, args: Sequence[Array]) -> Array:
    # In float64, then rounded once: monotone in float32 too.
    with np.errstate(over="ignore"):
        y: Array = 1.0 / (1.0 + np.exp(-args[0].astype(np.float64)))
    return y.astype(np.float32)


def _tanh(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.tanh(args[0].astype(np.float64)).astype(np.float32)


OPS = (
    OpDef(ONNX, "Softmax", arity(1), _same, _softmax),
    OpDef(ONNX, "LogSoftmax", arity(1), _same, _log_softmax),
    OpDef(ONNX, "Sigmoid", arity(1), _same, _sigmoid, elementwise=True),
    OpDef(ONNX, "Tanh", arity(1), _same, _tanh, elementwise=True),
)

"""Activation functions in front of a quantiser: their chains become thresholds.

HardSigmoid, Elu, Selu, Celu, Softplus, Softsign, PRelu (a slope for each channel), Floor, Ceil, Round, Sign, Exp,
Min and Max with constants, all rising; Abs, Log, Reciprocal, which may turn, where the chain is proven not to. All
but the simplest are computed in float64 and rounded once, so that they never turn in float32 either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, constant, operand, real, shape_of

_F32 = np.float32
_SELU = {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}


def _same(node: ir.Node) -> TensorType:
    return TensorType(shape_of(node.inputs[0]), None)


def _smooth(fn: Callable[[ir.Node, Array], Array]) -> Callable[[ir.Node, Sequence[Array]], Array]:
    def execute(node: ir.Node, args: Sequence[Array]) -> Array:
        with np.errstate(over="ignore"):
            return fn(node, args[0].astype(np.float64)).astype(_F32)

    return execute


def _elu(node: ir.Node, x: Array) -> Array:
    return np.where(x >= 0, x, real(node, "alpha", 1.0) * np.expm1(np.minimum(x, 0)))


def _selu(node: ir.Node, x: Array) -> Array:
    alpha, gamma = real(node, "alpha", _SELU["alpha"]), real(node, "gamma", _SELU["gamma"])
    return np.asarray(gamma * np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0))))


def _celu(node: ir.Node, x: Array) -> Array:
    alpha = real(node, "alpha", 1.0)
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def _softplus(node: ir.Node, x: Array) -> Array:
    return np.asarray(np.logaddexp(0, x))


def _softsign(node: ir.Node, x: Array) -> Array:
    # The infinities that float32 overflows to are no quotient of themselves.
    return np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(np.where(np.isinf(x), 0, x))))


def _hard_sigmoid(node: ir.Node, args: Sequence[Array]) -> Array:
    y = args[0] * _F32(real(node, "alpha", 0.2)) + _F32(real(node, "beta", 0.5))
    clipped: Array = np.clip(y, _F32(0), _F32(1)).astype(_F32)
    return clipped


def _rising(*names: str) -> Callable[[ir.Node], None]:
    """A rule: the parameters of those names, where given, are not negative."""

    def verify(node: ir.Node) -> None:
        arity(1)(node)
        for name in names:
            if not real(node, name, 1.0) >= 0 or (node.op_type == "Celu" and real(node, name, 1.0) == 0):
                raise CompileError(
                    f"{node.op_type} with {name}={real(node, name, 1.0)} is not monotone",
                    node=node,
                    fix=f"use a positive {name}",
                )

    return verify


def _prelu_verify(node: ir.Node) -> None:
    arity(2)(node)
    slope = constant(operand(node, 1))
    if slope is None or not (slope >= 0).all():
        raise CompileError(
            "PRelu with a slope that is negative or computed turns at zero",
            node=node,
            fix="keep the slopes at 0 or more in training, or use ReLU",
        )


def _prelu(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.where(args[0] >= 0, args[0], args[0] * args[1]).astype(_F32)


def _extreme(name: str, pick: Callable[[Array, Array], Array]) -> OpDef:
    def infer(node: ir.Node) -> TensorType:
        return TensorType(np.broadcast_shapes(*(shape_of(v) for v in node.inputs)), None)

    return OpDef(ONNX, name, arity(1, 64), infer, lambda node, args: reduce(pick, args), elementwise=True)


def _unary(name: str, fn: Callable[[Array], Array], *, monotone: bool = True) -> OpDef:
    """`fn` in float64, rounded once."""

    def execute(node: ir.Node, args: Sequence[Array]) -> Array:
        return fn(args[0].astype(np.float64)).astype(args[0].dtype)

    return OpDef(ONNX, name, arity(1), _same, execute, elementwise=True, monotone=monotone)


OPS = (
    OpDef(ONNX, "HardSigmoid", _rising("alpha"), _same, _hard_sigmoid, elementwise=True),
    OpDef(ONNX, "Elu", _rising("alpha"), _same, _smooth(_elu), elementwise=True),
    OpDef(ONNX, "Selu", _rising("alpha", "gamma"), _same, _smooth(_selu), elementwise=True),
    OpDef(ONNX, "Celu", _rising("alpha"), _same, _smooth(_celu), elementwise=True),
    OpDef(ONNX, "Softplus", arity(1), _same, _smooth(_softplus), elementwise=True),
    OpDef(ONNX, "Softsign", arity(1), _same, _smooth(_softsign), elementwise=True),
    OpDef(ONNX, "PRelu", _prelu_verify, _same, _prelu, elementwise=True),
    _extreme("Min", np.minimum),
    _extreme("Max", np.maximum),
    _unary("Floor", np.floor),
    _unary("Ceil", np.ceil),
    _unary("Round", np.round),
    _unary("Sign", np.sign),
    _unary("Abs", np.abs, monotone=False),
    _unary("Exp", np.exp),
    _unary("Log", np.log, monotone=False),  # not a number below zero
    _unary("Reciprocal", np.reciprocal, monotone=False),
)

"""MatMul: y = x @ w, x [N, K], w [K, M]; Gemm: alpha * x @ w + beta * c with either operand transposed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import (
    CARDC,
    ONNX,
    Array,
    OpDef,
    TensorType,
    arity,
    in_range,
    integer,
    operand,
    real,
    result,
    shape_of,
)
from .linear import accumulator, exact_product
from .qtype import qtype


def _shape(node: ir.Node, x: tuple[int, ...], w: tuple[int, ...]) -> tuple[int, ...]:
    if len(w) > 2 and _computed(node.inputs[1]):
        raise CompileError(
            f"{node.op_type} of two activations is not supported",
            node=node,
            fix="multiply by constant weights, or leave the product to the host",
        )
    if len(w) != 2 or len(x) < 2 or x[-1] != w[0]:
        raise CompileError(
            f"{node.op_type} cannot multiply {list(x)} by {list(w)}",
            node=node,
            fix="check the layer's features",
        )
    return (*x[:-1], w[1])


def _computed(value: ir.Value | None) -> bool:
    """Whether `value` depends on the model's input: a weight may be computed too, but from constants alone."""
    open_ = [value]
    while open_:
        value = open_.pop()
        if value is None or value.const_value is not None:
            continue
        node = value.producer()
        if node is None:
            return True
        open_ += node.inputs[:1]  # what a quantiser, a mask or a move works on stands first
    return False


def _infer_float(node: ir.Node) -> TensorType:
    return TensorType(_shape(node, shape_of(node.inputs[0]), shape_of(node.inputs[1])), None)


def _infer(node: ir.Node) -> TensorType:
    weights = operand(node, 1)
    if weights.const_value is None:
        raise CompileError("MatMul of two activations is not supported", node=node, fix="use a constant weight")
    w = weights.const_value.numpy().astype(np.int64)
    shape = _shape(node, shape_of(node.inputs[0]), w.shape)
    if len(shape) != 2:
        raise CompileError(f"MatMul takes [N, K], not {list(shape)}", node=node, fix="flatten its input")
    return TensorType(shape, accumulator(w.T, qtype(weights), qtype(operand(node, 0)), padded=False))


def _execute_float(node: ir.Node, args: Sequence[Array]) -> Array:
    return args[0] @ args[1]


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    bound = int(np.abs(args[1]).sum(axis=0).max(initial=0)) * max(1, int(np.abs(args[0]).max(initial=0)))
    return in_range(node, exact_product(args[0], args[1], bound, np.matmul), qtype(result(node)))


def _gemm_infer(node: ir.Node) -> TensorType:
    w = shape_of(node.inputs[1])
    return TensorType(_shape(node, shape_of(node.inputs[0]), w[::-1] if integer(node, "transB", 0) else w), None)


def _gemm(node: ir.Node, args: Sequence[Array]) -> Array:
    w = args[1].T if integer(node, "transB", 0) else args[1]
    y = (args[0] @ w) * np.float32(real(node, "alpha", 1.0))
    return y + args[2] * np.float32(real(node, "beta", 1.0)) if len(args) > 2 else y


def _gemm_verify(node: ir.Node) -> None:
    arity(2, 3)(node)
    if integer(node, "transA", 0):
        raise CompileError("Gemm with transA=1 is not supported", node=node, fix="use a plain linear layer")


OPS = (
    OpDef(ONNX, "MatMul", arity(2), _infer_float, _execute_float),
    OpDef(ONNX, "Gemm", _gemm_verify, _gemm_infer, _gemm),
    OpDef(CARDC, "MatMul", arity(2), _infer, _execute),
)

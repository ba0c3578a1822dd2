"""Operators that move data or speak of shapes: Reshape, Flatten, Transpose, Shape, Gather, Unsqueeze, Concat."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, constant, integer, ints, operand, shape_of
from .qtype import QType, find_qtype


def reshaped(node: ir.Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that a Reshape or Flatten gives to `shape`, batch first."""
    if node.op_type == "Flatten":
        axis = integer(node, "axis", 1)
        return (prod(shape[:axis]), prod(shape[axis:]))
    wanted = constant(operand(node, 1))
    if wanted is None:
        raise CompileError("Reshape to a computed shape", node=node, fix="export with fixed input shapes")
    # 0 copies the input's size; where there is none it stays 0, and the sizes do not fit.
    target = [shape[i] if d == 0 and i < len(shape) else int(d) for i, d in enumerate(wanted.ravel())]
    if target.count(-1) == 1:
        target[target.index(-1)] = prod(shape) // max(1, -prod(target))
    if prod(target) != prod(shape) or min(target, default=1) < 0:
        raise CompileError(f"Reshape cannot make {target} of {list(shape)}", node=node, fix="check the model's shapes")
    return tuple(target)


def _reshape(node: ir.Node, args: Sequence[Array]) -> Array:
    x = args[0]
    if x.shape == shape_of(operand(node, 0)):  # a constant, or one sample
        return x.reshape(reshaped(node, x.shape))
    return x.reshape(x.shape[0], *reshaped(node, (1, *x.shape[1:]))[1:])


def _reshape_type(node: ir.Node) -> TensorType:
    value = operand(node, 0)
    before, q = shape_of(value), find_qtype(value)
    after = reshaped(node, before)
    return TensorType(after, q if q is None or len(q.scale) == 1 else _spread(node, q, before, after))


def _spread(node: ir.Node, q: QType, before: tuple[int, ...], after: tuple[int, ...]) -> QType:
    """`q` with its scales, one a channel, laid along the new channels, each of which lies inside an old one."""
    channels = before[1]
    if before[0] != after[0] or after[1] % channels:
        raise CompileError(
            f"{node.op_type} mixes channels of different scales", node=node, fix="use one scale for the tensor"
        )
    return QType(q.lo, q.hi, tuple(s for s in q.scale for _ in range(after[1] // channels)), q.step)


def _transpose(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.transpose(args[0], ints(node, "perm", tuple(range(args[0].ndim))[::-1]))


def _transpose_type(node: ir.Node) -> TensorType:
    shape = shape_of(node.inputs[0])
    perm = ints(node, "perm", tuple(range(len(shape)))[::-1])
    if sorted(perm) != list(range(len(shape))):
        raise CompileError(f"Transpose by {list(perm)} of {list(shape)}", node=node, fix="check the model's shapes")
    q = find_qtype(operand(node, 0))
    if q is not None and len(q.scale) > 1 and perm[1] != 1:
        raise CompileError(
            "Transpose moves channels of different scales", node=node, fix="use one scale for the tensor"
        )
    return TensorType(tuple(shape[p] for p in perm), q)


def _shape(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.asarray(args[0].shape, np.int64)


def _gather(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.take(args[0], args[1], axis=integer(node, "axis", 0))


def _gather_type(node: ir.Node) -> TensorType:
    shape, pick, axis = shape_of(node.inputs[0]), shape_of(node.inputs[1]), integer(node, "axis", 0)
    axis += len(shape) if axis < 0 else 0
    if not 0 <= axis < len(shape):
        raise CompileError(f"Gather along an axis that {list(shape)} lacks", node=node, fix="check the model's shapes")
    return TensorType((*shape[:axis], *pick, *shape[axis + 1 :]), None)


def _axes(node: ir.Node) -> tuple[int, ...]:
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    return tuple(int(a) for a in given) if given is not None else ints(node, "axes", ())


def _unsqueeze(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.expand_dims(args[0], _axes(node))


def _unsqueeze_type(node: ir.Node) -> TensorType:
    # A broadcast view has the shape without the memory.
    return TensorType(np.expand_dims(np.broadcast_to(False, shape_of(node.inputs[0])), _axes(node)).shape, None)


def _concat(node: ir.Node, args: Sequence[Array]) -> Array:
    return np.concatenate(args, axis=integer(node, "axis", 0))


def _concat_type(node: ir.Node) -> TensorType:
    shapes, axis = [shape_of(v) for v in node.inputs], integer(node, "axis", 0)
    joined = list(shapes[0])
    joined[axis] = sum(s[axis] for s in shapes)
    return TensorType(tuple(joined), None)


def _shape_type(node: ir.Node) -> TensorType:
    return TensorType((len(shape_of(node.inputs[0])),), None)


OPS = (
    OpDef(ONNX, "Reshape", arity(2), _reshape_type, _reshape),
    OpDef(ONNX, "Flatten", arity(1), _reshape_type, _reshape),
    OpDef(ONNX, "Transpose", arity(1), _transpose_type, _transpose),
    OpDef(ONNX, "Shape", arity(1), _shape_type, _shape),
    OpDef(ONNX, "Gather", arity(2), _gather_type, _gather),
    OpDef(ONNX, "Unsqueeze", arity(1, 2), _unsqueeze_type, _unsqueeze),
    OpDef(ONNX, "Concat", arity(1, 64), _concat_type, _concat),
)

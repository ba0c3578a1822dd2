"""Operators of shape arithmetic, on constants; none of them is left after import.

Cast, Slice, Squeeze, ConstantOfShape, Expand, Tile, Range, ReduceProd, Equal, Where, Size. On activations, a Cast
to float32 is dropped and a Squeeze becomes a Reshape; the others are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, constant, integer, ints, shape_of

_LIMIT = 1 << 26


def _verify(low: int, high: int) -> Callable[[ir.Node], None]:
    def verify(node: ir.Node) -> None:
        arity(low, high)(node)
        if any(v is not None and v.const_value is None for v in node.inputs):
            raise CompileError(
                f"{node.op_type} of an activation is not supported",
                node=node,
                fix="move it out of the network: it may only compute shapes from constants",
            )

    return verify


def cast_type(node: ir.Node) -> ir.DataType:
    """The element type that a Cast asks for."""
    return ir.DataType(integer(node, "to", 1))


def _values(node: ir.Node, index: int, attribute: str = "") -> tuple[int, ...] | None:
    """Integers from input `index`, or from an attribute where older opsets have them."""
    array = constant(node.inputs[index]) if index < len(node.inputs) else None
    if array is not None:
        return tuple(int(v) for v in array.ravel())
    return ints(node, attribute, ()) if attribute in node.attributes else None


def squeezed(node: ir.Node) -> tuple[int, ...]:
    """The shape that a Squeeze gives to its input."""
    shape = shape_of(node.inputs[0])
    axes = _values(node, 1, "axes")
    gone = {a % len(shape) for a in axes} if axes is not None else {i for i, d in enumerate(shape) if d == 1}
    if any(shape[a] != 1 for a in gone):
        raise CompileError(f"Squeeze of {list(shape)} along {sorted(gone)}", node=node, fix="check the model's shapes")
    return tuple(d for i, d in enumerate(shape) if i not in gone)


def _slices(node: ir.Node) -> tuple[slice, ...]:
    shape = shape_of(node.inputs[0])
    starts, ends = _values(node, 1, "starts") or (), _values(node, 2, "ends") or ()
    axes = _values(node, 3, "axes") or tuple(range(len(starts)))
    steps = _values(node, 4) or (1,) * len(starts)
    pick = [slice(None)] * len(shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        # An end before the first element, which stands for "all the way" when stepping back.
        low = None if step < 0 and end < -shape[axis] else end
        pick[axis] = slice(start, low, step)
    return tuple(pick)


def _slice(node: ir.Node, args: Sequence[Array]) -> Array:
    return args[0][_slices(node)]


def _wanted(node: ir.Node, index: int) -> tuple[int, ...]:
    shape = tuple(_values(node, index) or ())
    if min(shape, default=0) < 0 or np.prod(shape, dtype=np.float64) > _LIMIT:
        raise CompileError(f"{node.op_type} to shape {list(shape)}", node=node, fix="check the model's shapes")
    return shape


def _expanded(node: ir.Node) -> tuple[int, ...]:
    return np.broadcast_shapes(shape_of(node.inputs[0]), _wanted(node, 1))


def _tiled(node: ir.Node) -> tuple[int, ...]:
    return tuple(d * r for d, r in zip(shape_of(node.inputs[0]), _wanted(node, 1), strict=True))


def _count(node: ir.Node) -> int:
    start, limit, delta = (float(v.ravel()[0]) for v in map(constant, node.inputs) if v is not None)
    count = max(0, int(np.ceil((limit - start) / delta)))
    if count > _LIMIT:
        raise CompileError(f"Range of {count} elements", node=node, fix="check the model's shapes")
    return count


def _range(node: ir.Node, args: Sequence[Array]) -> Array:
    start, _, delta = (a.ravel()[0] for a in args)
    return np.asarray(start + delta * np.arange(_count(node)), args[0].dtype)


def _filled(node: ir.Node, args: Sequence[Array]) -> Array:
    attr = node.attributes.get("value")
    value = attr.as_tensor().numpy().ravel()[0] if attr is not None else np.float32(0)
    return np.full(_wanted(node, 0), value)


def _product(node: ir.Node, args: Sequence[Array]) -> Array:
    keep = bool(integer(node, "keepdims", 1))
    return np.asarray(np.prod(args[0], axis=_values(node, 1, "axes"), keepdims=keep), args[0].dtype)


def _shape_by(execute: Callable[[ir.Node, Sequence[Array]], Array]) -> Callable[[ir.Node], TensorType]:
    """Shapes of small results by computing them, on arrays that take no memory."""

    def infer(node: ir.Node) -> TensorType:
        views = [np.broadcast_to(np.int64(1), shape_of(v)) for v in node.inputs]
        return TensorType(execute(node, views).shape, None)

    return infer


def _cast(node: ir.Node, args: Sequence[Array]) -> Array:
    return args[0].astype(cast_type(node).numpy())


def _constants(name: str, low: int, high: int, shape: Callable[[ir.Node], tuple[int, ...]], execute: object) -> OpDef:
    return OpDef(ONNX, name, _verify(low, high), lambda n: TensorType(shape(n), None), execute)  # type: ignore[arg-type]


def _broadcast(node: ir.Node) -> tuple[int, ...]:
    return np.broadcast_shapes(*(shape_of(v) for v in node.inputs))


OPS = (
    _constants("Cast", 1, 1, lambda n: shape_of(n.inputs[0]), _cast),
    _constants("Squeeze", 1, 2, squeezed, lambda n, a: a[0].reshape(squeezed(n))),
    _constants("Expand", 2, 2, _expanded, lambda n, a: np.broadcast_to(a[0], _expanded(n))),
    _constants("Tile", 2, 2, _tiled, lambda n, a: np.tile(a[0], _wanted(n, 1))),
    _constants("Range", 3, 3, lambda n: (_count(n),), _range),
    _constants("ConstantOfShape", 1, 1, lambda n: _wanted(n, 0), _filled),
    _constants("Equal", 2, 2, _broadcast, lambda n, a: np.equal(a[0], a[1])),
    _constants("Where", 3, 3, _broadcast, lambda n, a: np.where(*a)),
    _constants("Size", 1, 1, lambda n: (), lambda n, a: np.asarray(a[0].size, np.int64)),
    OpDef(ONNX, "Slice", _verify(1, 5), _shape_by(_slice), _slice),
    OpDef(ONNX, "ReduceProd", _verify(1, 2), _shape_by(_product), _product),
)

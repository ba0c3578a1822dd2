"""What an operator is: its name, its rule, the type of its result, its meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import CompileError, describe
from .qtype import QType

Array = NDArray[Any]
CARDC, QONNX, ONNX = "cardc", "qonnx.custom_op.general", ""


class TensorType(NamedTuple):
    """Shape (batch first) and integer type; `q` is None for a float tensor."""

    shape: tuple[int, ...]
    q: QType | None


@dataclass(frozen=True, slots=True)
class OpDef:
    """An operator. `execute(node, inputs)` in numpy *is* its meaning; every backend is tested against it.

    Arrays are batch first and of any batch size. Integer tensors are int64, float tensors float32.
    `infer` gives the type of the first output from the types of the inputs (shape with batch 1).
    `elementwise`: acts on each element of its first input alone (per channel, other inputs constant); chains of such
    operators in front of a quantiser become thresholds. `monotone`: there it never turns, whatever the constants, in
    float32 as well; a chain with an operator that may turn is proven by trying its whole range, or refused.
    """

    domain: str
    name: str
    verify: Callable[[ir.Node], None]
    infer: Callable[[ir.Node], TensorType]
    execute: Callable[[ir.Node, Sequence[Array]], Array]
    elementwise: bool = False
    monotone: bool = True


def arity(low: int, high: int | None = None) -> Callable[[ir.Node], None]:
    """A rule: the operator takes `low` to `high` inputs, none of them left out."""
    high = low if high is None else high

    def verify(node: ir.Node) -> None:
        if not low <= len(node.inputs) <= high or any(v is None for v in node.inputs[:low]):
            takes = str(low) if low == high else f"{low} to {high}"
            raise CompileError(
                f"{node.op_type} takes {takes} inputs, not {len(node.inputs)}",
                node=node,
                fix="export the model again",
            )

    return verify


def shape_of(value: ir.Value | None) -> tuple[int, ...]:
    """The static shape of `value`.

    Raises CompileError where the shape is unknown or symbolic.
    """
    if value is None or value.shape is None or not all(isinstance(d, int) for d in value.shape):
        name = "?" if value is None else value.name
        raise CompileError(
            f"tensor {name!r} has no static shape",
            node=None if value is None else value.producer(),
            fix="export the model with fixed input shapes (batch 1)",
        )
    return tuple(d for d in value.shape if isinstance(d, int))


def operand(node: ir.Node, index: int) -> ir.Value:
    """Input `index` of `node`, which must be there."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None:
        raise CompileError(f"{node.op_type} lacks input {index}", node=node, fix="export the model again")
    return value


def result(node: ir.Node) -> ir.Value:
    """The first output of `node`."""
    return node.outputs[0]


def constant(value: ir.Value | None) -> Array | None:
    """The array behind an initializer, or None for a computed tensor."""
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def _attribute(node: ir.Node, name: str, read: Callable[[ir.Attr], Any]) -> Any:
    """What `read` makes of the attribute, or None where it is left out. CompileError for one of another kind."""
    attr = node.attributes.get(name)
    try:
        return None if attr is None else read(attr)
    except TypeError as error:
        raise CompileError(
            f"{node.op_type} has an attribute {name} of the wrong kind", node=node, fix="export the model again"
        ) from error


def ints(node: ir.Node, name: str, default: Sequence[int]) -> tuple[int, ...]:
    found = _attribute(node, name, lambda a: a.as_ints())
    return tuple(default if found is None else found)


def integer(node: ir.Node, name: str, default: int) -> int:
    found = _attribute(node, name, lambda a: a.as_int())
    return default if found is None else int(found)


def real(node: ir.Node, name: str, default: float) -> float:
    found = _attribute(node, name, lambda a: a.as_float())
    return default if found is None else float(found)


def text(node: ir.Node, name: str, default: str) -> str:
    found = _attribute(node, name, lambda a: a.as_string())
    return default if found is None else str(found)


def per_channel(values: Array, ndim: int) -> Array:
    """Shape a per-channel vector [C] (or [1]) so that it broadcasts along axis 1 of an `ndim`-d tensor."""
    return values.reshape(1, -1, *(1,) * (ndim - 2)) if values.size > 1 else values.reshape(())


def in_range(node: ir.Node, y: Array, q: QType) -> Array:
    """Return `y`; an element outside the inferred range is a fault of the compiler, never of the user."""
    if y.size and not (q.lo <= int(y.min()) and int(y.max()) <= q.hi):
        raise AssertionError(f"{describe(node)} computed [{y.min()}, {y.max()}], outside {q}")
    return y


def as_int(x: Array) -> NDArray[np.int64]:
    return np.asarray(x, np.int64)

"""Constant folding at import; quantisers of constants stay, for their integers are what matters."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import ONNX, Array, constant, integer, ints, shape_of
from ..ops.constants import run_constant
from ..ops.graph import add_initializer, rewire

MAX_ELEMENTS = 1 << 26
"""Of one tensor: larger ones are refused before anything is allocated for them."""

_SPREADING = (
    "Add", "Sub", "Mul", "Div", "Pow", "MatMul", "Gemm", "Conv", "Gather", "Concat",
    "Max", "Min", "Expand", "Tile", "Range", "ConstantOfShape", "Where", "Equal",
)  # fmt: skip
"""Operators whose result may be larger than their inputs."""


def lift_constants(graph: ir.Graph) -> int:
    """Constant nodes become initializers."""
    done = 0
    for node in list(graph):
        if node.domain != ONNX or node.op_type != "Constant":
            continue
        value = add_initializer(graph, node.outputs[0].name or "constant", _constant(node))
        rewire(graph, node.outputs[0], value)
        graph.remove(node, safe=True)
        done += 1
    return done


def _constant(node: ir.Node) -> Array:
    if (attr := node.attributes.get("value")) is not None:
        return attr.as_tensor().numpy()
    if (attr := node.attributes.get("value_float")) is not None:
        return np.asarray(attr.as_float(), np.float32)
    if (attr := node.attributes.get("value_floats")) is not None:
        return np.asarray(attr.as_floats(), np.float32)
    if (attr := node.attributes.get("value_int")) is not None:
        return np.asarray(attr.as_int(), np.int64)
    if (attr := node.attributes.get("value_ints")) is not None:
        return np.asarray(attr.as_ints(), np.int64)
    raise CompileError("Constant without a dense tensor or numbers", node=node, fix="export it as a dense tensor")


def fold_constants(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace `node` by its value where that is known; return whether it was.

    Known are: any ONNX operator on constants, and the Shape of a tensor of known shape. Raises CompileError for a
    result of more than `MAX_ELEMENTS` elements.
    """
    if node.domain != ONNX or node.op_type == "DequantizeLinear":
        return False
    if node.op_type == "Shape":
        lookup(node).verify(node)
        shape = shape_of(node.inputs[0])
        array = np.asarray(shape[slice(integer(node, "start", 0), integer(node, "end", len(shape)))], np.int64)
    elif node.inputs and all(v is not None and v.const_value is not None for v in node.inputs):
        op = lookup(node)
        op.verify(node)
        if node.op_type in _SPREADING:
            check_size(node, op.infer(node).shape)
        args = [v.const_value.numpy() for v in node.inputs if v is not None and v.const_value is not None]
        array = run_constant(node, args)
    else:
        return False
    if np.issubdtype(array.dtype, np.floating) and array.dtype != np.float32:
        array = array.astype(np.float32)
    rewire(graph, node.outputs[0], add_initializer(graph, node.outputs[0].name or "folded", array))
    graph.remove(node, safe=True)
    return True


def fold_split(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace a Split of a constant by its parts; return whether it was one."""
    if node.domain != ONNX or node.op_type != "Split":
        return False
    array = constant(node.inputs[0]) if node.inputs else None
    if array is None:
        raise CompileError(
            "Split of an activation is not supported", node=node, fix="give each part a layer of its own"
        )
    axis, count = integer(node, "axis", 0), len(node.outputs)
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    sizes = [int(n) for n in given.ravel()] if given is not None else list(ints(node, "split", ()))
    if not sizes:
        each = -(-array.shape[axis] // count)  # the last part may be smaller
        sizes = [min(each, array.shape[axis] - each * k) for k in range(count)]
    parts = np.split(array, np.cumsum(sizes)[:-1], axis=axis)
    for value, part in zip(node.outputs, parts, strict=True):
        rewire(graph, value, add_initializer(graph, value.name or "part", part))
    graph.remove(node, safe=True)
    return True


def check_size(node: ir.Node, shape: tuple[int, ...]) -> None:
    """Raise CompileError where a tensor of `shape` is larger than any network that this compiler is for."""
    if np.prod(shape, dtype=np.float64) > MAX_ELEMENTS:
        raise CompileError(
            f"{node.op_type} makes a tensor of shape {list(shape)}, of more than {MAX_ELEMENTS} elements",
            node=node,
            fix="use a smaller input or fewer channels",
        )

"""Constant folding at import; quantisers of constants stay, for their integers are what matters."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import CARDC, ONNX, QONNX, shape_of
from ..ops.graph import add_initializer, rewire

_MAX_ELEMENTS = 1 << 28


def lift_constants(graph: ir.Graph) -> int:
    """Constant nodes become initializers."""
    done = 0
    for node in list(graph):
        if node.domain != ONNX or node.op_type != "Constant":
            continue
        attr = node.attributes.get("value")
        if attr is None:
            raise CompileError("Constant without a tensor value", node=node, fix="export with an opset of 13 or newer")
        value = add_initializer(graph, node.outputs[0].name or "constant", attr.as_tensor().numpy())
        rewire(graph, node.outputs[0], value)
        graph.remove(node, safe=True)
        done += 1
    return done


def fold_constants(graph: ir.Graph, node: ir.Node) -> bool:
    """Replace `node` by its value where that is known; return whether it was.

    Known are: any operator but a quantiser on constants, and the Shape of a tensor of known shape.
    """
    if node.domain in (QONNX, CARDC):
        return False
    if node.op_type == "Shape":
        array = np.asarray(shape_of(node.inputs[0]), np.int64)
    elif node.inputs and all(v is not None and v.const_value is not None for v in node.inputs):
        lookup(node).verify(node)
        args = [v.const_value.numpy() for v in node.inputs if v is not None and v.const_value is not None]
        if sum(a.size for a in args) > _MAX_ELEMENTS:
            raise CompileError("a constant expression is too large to fold", node=node, fix="fold it in the exporter")
        array = lookup(node).execute(node, args)
    else:
        return False
    if np.issubdtype(array.dtype, np.floating) and array.dtype != np.float32:
        array = array.astype(np.float32)
    rewire(graph, node.outputs[0], add_initializer(graph, node.outputs[0].name or "folded", array))
    graph.remove(node, safe=True)
    return True

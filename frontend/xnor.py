"""FINN's XnorPopcountMatMul: bits counted where they agree, as the sum of +-1 that it stands for.

    P(x, w) = (sum_k (2 x_k - 1) (2 w_k - 1) + K) / 2,   x, w in {0, 1}, K bits
Source: qonnx 1.0.0, custom_op.general.xnorpopcount.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import QONNX, constant, operand, result, shape_of
from .edit import beside, constant_beside


def _popcount(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    w = constant(operand(node, 1))
    if w is None or not np.isin(w, (0, 1)).all():
        raise CompileError(
            "XnorPopcountMatMul's weights are not constant bits", node=node, fix="export the weights as 0 and 1"
        )
    two, one = (constant_beside(graph, node, name, np.asarray(v, np.float32)) for name, v in (("two", 2), ("one", 1)))
    bits = constant_beside(graph, node, "bits", np.asarray(shape_of(operand(node, 0))[-1], np.float32))
    half = constant_beside(graph, node, "half", np.asarray(0.5, np.float32))
    signs = constant_beside(graph, node, "signs", (2 * w - 1).astype(np.float32))
    doubled = beside(graph, node, "Mul", [operand(node, 0), two], tag="doubled")
    turned = beside(graph, node, "Sub", [result(doubled), one], tag="bipolar")
    product = beside(graph, node, "MatMul", [result(turned), signs])
    shifted = beside(graph, node, "Add", [result(product), bits], tag="shifted")
    return [doubled, turned, product, shifted, beside(graph, node, "Mul", [result(shifted), half], tag="agreeing")]


RULES = {(QONNX, "XnorPopcountMatMul"): _popcount}

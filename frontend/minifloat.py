"""Activations rounded to minifloats, as integers: FloatQuant(x) = Dequantize(Quantize(FloatQuant(x))).

The integers count the format's smallest step, and only some of them occur. Applies where they fit 16 bits, as they do
with three exponent bits. Weights are taken apart by fold-masks, whatever their format.
"""

from __future__ import annotations

import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import CARDC, QONNX, constant, operand, result
from ..ops.float_quant import minifloat
from ..ops.qtype import QType
from .edit import beside, quantised

_MOST = 1 << 15


def _float_quant(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    users = [use.node for use in result(node).uses()]
    done = any((user.domain, user.op_type) == (CARDC, "Quantize") for user in users)
    if done or operand(node, 0).const_value is not None:
        return None
    lookup(node).verify(node)
    kind, scale = minifloat(node), constant(operand(node, 1))
    if kind.steps >= _MOST:
        raise CompileError(
            f"FloatQuant of an activation with {kind.exponent} exponent and {kind.mantissa} mantissa bits spans "
            f"{2 * kind.steps + 1} of its smallest steps, more than 16 bits hold",
            node=node,
            fix="use three exponent bits or fewer for activations, or integers (Int8ActPerTensorFloat)",
        )
    if scale is None or scale.size != 1:
        raise CompileError(
            "FloatQuant of an activation with more scales than one", node=node, fix="use one scale for the tensor"
        )
    inputs = [operand(node, k) for k in range(6)]
    plain = beside(graph, node, "FloatQuant", inputs, {**node.attributes}, domain=QONNX)
    unit = float(scale.ravel()[0]) * kind.step
    return [plain, *quantised(graph, node, result(plain), QType(-kind.steps, kind.steps, (unit,)))]


RULES = {(QONNX, "FloatQuant"): _float_quant}

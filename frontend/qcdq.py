"""QuantizeLinear [Clip] DequantizeLinear (QCDQ, QDQ) as the quantisers that they are.

    activation:  DequantizeLinear(Clip(QuantizeLinear(x)))  ->  Dequantize(Quantize(x)), integers in the Clip's range
    constant:    DequantizeLinear(q)                        ->  Quant((q - z) s), the same integers

The zero point is subtracted at once. ONNX adds it behind the rounding and QONNX in front of it, which differs at ties;
so activations become the integer operators themselves, for which any range will do. Sources: Brevitas'
export_onnx_qcdq, ONNX Runtime's quantize_static (QDQ), torch's own exporter.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import ONNX, QONNX, constant, operand, real
from ..ops.linear_quant import RANGES, element_type, scale_and_zero
from ..ops.qtype import QType
from .edit import beside, constant_beside, quantised

_PAIR = "export quantisers as QuantizeLinear, Clip, DequantizeLinear with one scale and zero point"


def _dequantize(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    lookup(node).verify(node)
    if operand(node, 0).const_value is not None:
        return [_constant(graph, node)]
    clip = operand(node, 0).producer()
    first = operand(clip, 0).producer() if clip is not None and clip.op_type == "Clip" else clip
    if first is None or (first.domain, first.op_type) != (ONNX, "QuantizeLinear"):
        raise CompileError("DequantizeLinear without a QuantizeLinear in front of it", node=node, fix=_PAIR)
    lo, hi = RANGES[element_type(first)]
    if clip is not None and clip is not first:
        low, high = _bounds(clip)
        lo, hi = max(lo, low), min(hi, high)
    scale, zero = scale_and_zero(first)
    again = scale_and_zero(node)
    if not np.array_equal(scale, again[0]) or not np.array_equal(zero, again[1]):
        raise CompileError("QuantizeLinear and DequantizeLinear differ in scale or zero point", node=node, fix=_PAIR)
    if scale.size != 1 or lo > hi:
        raise CompileError(
            "an activation's quantiser has one scale a channel, or an empty range",
            node=node,
            fix="quantise activations per tensor",
        )
    return quantised(graph, node, operand(first, 0), QType(lo - int(zero), hi - int(zero), (float(scale),)))


def _constant(graph: ir.Graph, node: ir.Node) -> ir.Node:
    """A Quant of the real values, which gives back the integers: |q s / s - q| is far below a half up to 2^22."""
    values = lookup(node).execute(node, [v for v in map(constant, node.inputs) if v is not None])
    if element_type(node) == ir.DataType.INT32:  # a bias, for which its value is enough
        return beside(graph, node, "Identity", [constant_beside(graph, node, "value", values)])
    scale, zero = scale_and_zero(node)
    lo, hi = RANGES[element_type(node)]
    numbers = (values, scale, zero.astype(np.float32), np.asarray((hi - lo).bit_length(), np.float32))
    tags = ("value", "scale", "zero", "bits")
    inputs = [constant_beside(graph, node, tag, array) for tag, array in zip(tags, numbers, strict=True)]
    attributes = {"signed": int(lo < 0), "narrow": 0, "rounding_mode": "ROUND"}
    return beside(graph, node, "Quant", inputs, attributes, domain=QONNX)


def _bounds(clip: ir.Node) -> tuple[int, int]:
    found: list[float] = []
    for index, name, default in ((1, "min", -(2.0**31)), (2, "max", 2.0**31)):
        array = constant(clip.inputs[index]) if index < len(clip.inputs) else None
        found.append(float(array.ravel()[0]) if array is not None else real(clip, name, default))
    if any(v != round(v) for v in found):
        raise CompileError(f"a Clip of integers to {found}", node=clip, fix="clip to whole numbers")
    return round(found[0]), round(found[1])


RULES = {(ONNX, "DequantizeLinear"): _dequantize}


def check_pairs(graph: ir.Graph) -> list[CompileError]:
    """A problem for each QuantizeLinear whose integers something else than a DequantizeLinear reads."""
    return [
        CompileError("QuantizeLinear without a DequantizeLinear behind it", node=node, fix=_PAIR)
        for node in graph
        if (node.domain, node.op_type) == (ONNX, "QuantizeLinear")
    ]

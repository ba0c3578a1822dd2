"""FINN's and QONNX's operators whose results are integers without a quantiser: MultiThreshold, Trunc, QuantAvgPool2d.

    MultiThreshold(x) = Dequantize(Quantize(MultiThreshold(x))),  its levels being a scale times whole numbers

Both stay as element-wise operators in front of a Quantize that changes nothing, so that thresholds come out of the
same proof as everywhere. QuantAvgPool2d is AveragePool, a scale and Trunc.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops import lookup
from ..ops.base import CARDC, QONNX, constant, integer, ints, operand, real, result, shape_of, text
from ..ops.graph import rewire
from ..ops.multithreshold import truncation
from ..ops.qtype import QType
from ..ops.quant import level_range
from .edit import beside, constant_beside, moved_back, quantised, rank_of, reshape, to_first, to_last, transpose

_LAYOUTS = {2: "NC", 3: "NWC", 4: "NCHW"}
"""What a MultiThreshold without data_layout means by its rank, in qonnx 1.0.0."""


def _multithreshold(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    if any(_is_quantize(use.node) for use in result(node).uses()):
        return None  # our own, on its second visit
    x, rank = operand(node, 0), rank_of(operand(node, 0))
    layout = text(node, "data_layout", "") or _LAYOUTS.get(rank, "NC")
    axis = layout.index("C") if "C" in layout else 1
    if axis >= rank:
        raise CompileError(f"MultiThreshold of layout {layout} on rank {rank}", node=node, fix="check data_layout")
    order = [0, axis, *(a for a in range(1, rank) if a != axis)]
    nodes: list[ir.Node] = []
    if axis != 1:
        nodes.append(transpose(graph, node, x, order, "first"))
        x = result(nodes[-1])
    t = constant(operand(node, 1))
    if t is None:
        raise CompileError("MultiThreshold's thresholds are not constant", node=node, fix="export them as constants")
    if (t == t[:1]).all():
        t = t[:1]  # the same in every channel, which may then be moved
    kept = {k: node.attributes[k] for k in ("out_scale", "out_bias") if k in node.attributes}
    # The count is the same in any order, and ascending thresholds are what every later step expects.
    ascending = constant_beside(graph, node, "thresholds", np.sort(t.astype(np.float32), axis=1))
    plain = beside(graph, node, "MultiThreshold", [x, ascending], kept, domain=QONNX)
    lookup(plain).verify(plain)
    nodes += [plain, *quantised(graph, node, result(plain), _levels(plain, t.shape[1]))]
    if axis != 1:
        nodes.append(moved_back(graph, node, result(nodes[-1]), np.argsort(order).tolist(), "back"))
    return nodes


def _is_quantize(node: ir.Node) -> bool:
    return (node.domain, node.op_type) == (CARDC, "Quantize")


def _levels(node: ir.Node, count: int) -> QType:
    """The integers and the scale of out_scale * {0, ..., count} + out_bias."""
    scale, bias = (Fraction(float(np.float32(real(node, k, d)))) for k, d in (("out_scale", 1.0), ("out_bias", 0.0)))
    common = lcm(scale.denominator, bias.denominator)
    unit = Fraction(gcd(int(scale * common), int(bias * common)), common)
    lo, step = int(bias / unit), int(scale / unit)
    hi = lo + step * count
    real_values = (np.float32(scale) * np.arange(count + 1, dtype=np.float32) + np.float32(bias)).astype(np.float64)
    if not np.array_equal(np.arange(lo, hi + 1, step) * float(unit), real_values) or max(abs(lo), abs(hi)) >= 2**31:
        raise CompileError(
            f"MultiThreshold's levels {float(scale):g} * n + {float(bias):g} are no whole multiples of a scale",
            node=node,
            fix="use a whole out_scale and out_bias (FINN's streamlining gives such)",
        )
    return QType(lo, hi, (float(unit),), step)


def _trunc(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    if any(_is_quantize(use.node) for use in result(node).uses()):
        return None
    lookup(node).verify(node)
    _, _, scale, (lo, hi) = truncation(node)
    inputs = [operand(node, k) for k in range(len(node.inputs))]
    plain = beside(graph, node, "Trunc", inputs, {**node.attributes}, domain=QONNX)
    return [plain, *quantised(graph, node, result(plain), QType(lo, hi, (float(np.float32(scale)),)))]


def _average(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """QuantAvgPool2d: integers summed over k x k, the sum shifted right to obits."""
    kernel, stride = integer(node, "kernel", 1), integer(node, "stride", 1)
    bits = integer(node, "ibits", 8), integer(node, "obits", 8)
    signed, rank = bool(integer(node, "signed", 0)), rank_of(operand(node, 0))
    most = kernel * kernel * (2 ** bits[0] - 1)
    shift = max(0, most.bit_length() - bits[1])
    nodes: list[ir.Node] = []
    value = operand(node, 0)
    last = text(node, "data_layout", "NCHW") == "NHWC"
    if last:
        nodes.append(transpose(graph, node, value, (0, 3, 1, 2), "first"))
        value = result(nodes[-1])
    window = {"kernel_shape": [kernel] * (rank - 2), "strides": [stride] * (rank - 2)}
    nodes.append(beside(graph, node, "AveragePool", [value], window, tag="mean"))
    size = constant_beside(graph, node, "size", np.asarray(kernel * kernel, np.float32))
    nodes.append(beside(graph, node, "Mul", [result(nodes[-1]), size], tag="sum"))
    # The mean is a rounded quotient: the sum is the whole number next to its product.
    nodes.append(beside(graph, node, "Round", [result(nodes[-1])], tag="whole_sum"))
    divisor = constant_beside(graph, node, "divisor", np.asarray(2**shift, np.float32))
    nodes.append(beside(graph, node, "Div", [result(nodes[-1]), divisor], tag="shifted"))
    nodes.append(beside(graph, node, "Floor", [result(nodes[-1])], tag="whole"))
    nodes += quantised(graph, node, result(nodes[-1]), QType(*level_range(bits[1], signed, False)))
    if last:
        nodes.append(moved_back(graph, node, result(nodes[-1]), (0, 2, 3, 1), "last"))
    return nodes


def _lowered_conv(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    """MatMul(Im2Col(x), w) as the convolution of [N, H, W, C] that it was: w is [kh kw C, O]."""
    users = [use.node for use in result(node).uses()]
    if len(users) != 1 or users[0].op_type != "MatMul" or result(node) in graph.outputs or _unlike_conv(node):
        raise CompileError(
            "Im2Col that is no plain convolution with the MatMul behind it",
            node=node,
            fix="export the model before FINN's LowerConvsToMatMul",
        )
    x, w, product = operand(node, 0), operand(users[0], 1), users[0]
    kernel = list(ints(node, "kernel_size", ()))
    channels = shape_of(x)[-1]
    apart = reshape(graph, node, w, (*kernel, channels, shape_of(w)[1]), "kernel")
    weight = transpose(graph, node, result(apart), (3, 2, 0, 1), "weight")
    first = transpose(graph, node, x, to_first(4), "first")
    window = {
        "kernel_shape": kernel,
        "strides": list(ints(node, "stride", (1, 1))),
        "pads": list(ints(node, "pad_amount", (0, 0, 0, 0))),
        "dilations": list(ints(node, "dilations", (1, 1))),
    }
    rewire(graph, result(product), result(node))
    result(node).name, result(product).name = result(product).name, result(node).name
    graph.remove(product)
    for k in (0, 1):
        product.replace_input_with(k, None)
    conv = beside(graph, node, "Conv", [result(first), result(weight)], window)
    return [apart, weight, first, conv, moved_back(graph, node, result(conv), to_last(4), "last")]


def _unlike_conv(node: ir.Node) -> bool:
    """Whether an Im2Col's attributes are others than a convolution over four axes has, padded with zeros."""
    kernel = ints(node, "kernel_size", ())
    return (
        len(kernel) != 2
        or rank_of(operand(node, 0)) != 4
        or bool(integer(node, "depthwise", 0))
        or integer(node, "pad_value", 0) != 0
    )


RULES = {
    (QONNX, "MultiThreshold"): _multithreshold,
    (QONNX, "Trunc"): _trunc,
    (QONNX, "QuantAvgPool2d"): _average,
    (QONNX, "Im2Col"): _lowered_conv,
}

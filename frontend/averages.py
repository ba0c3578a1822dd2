"""AveragePool whose divisor differs by position, at a border that is not counted or under a window that hangs over.

    mean[c, p] = sum_{i in window p} x[c, i] / n[p]   ->   T'(Conv(T(x), w) / n),   w[p, i] = 1 where i is in window p

T lays positions out as channels, [N, C, H W] -> [N, H W, C], so that the sum is a convolution of kernel 1 with weights
0 and 1, and n a constant for each of its channels: thresholds and units are exact as for any layer. Applies only where
the divisors may differ; n[p] counts pixels, and with count_include_pad = 1 the padding too, never what ceil_mode adds.
Source: ONNX operator definitions, AveragePool-19.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import ONNX, Array, integer, ints, operand, result, shape_of, text
from .edit import beside, constant_beside, reshape, transpose
from .windows import padding

MAX_WEIGHTS = 1 << 22


def _average(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    spatial = shape_of(operand(node, 0))[2:]
    found = padding(node, spatial)
    if found is None:
        return None  # the operator's own rule says what is wrong
    pads, ceiled = found
    kernel = ints(node, "kernel_shape", ())
    strides, dilations = ints(node, "strides", (1,) * len(kernel)), ints(node, "dilations", (1,) * len(kernel))
    include = bool(integer(node, "count_include_pad", 0))
    if text(node, "auto_pad", "NOTSET") not in ("NOTSET", "") or (ceiled == pads and (include or not _any(pads))):
        return None
    taken, counted = np.ones((1, 1), np.int64), np.ones(1, np.int64)
    sizes: list[int] = []
    for n, k, s, d, pad, more in zip(spatial, kernel, strides, dilations, pads, ceiled, strict=True):
        one, number = _axis(n, (k, s, d), pad, more[1], include)
        taken, counted = np.kron(taken, one), np.kron(counted, number)
        sizes.append(len(one))
    if taken.size > MAX_WEIGHTS:
        raise CompileError(
            "AveragePool divides by another number at the border",
            node=node,
            fix="use count_include_pad=True, or no padding",
        )
    channels, pixels = shape_of(operand(node, 0))[1], taken.shape[1]
    flat = reshape(graph, node, operand(node, 0), (1, channels, pixels), "pixels")
    first = transpose(graph, node, result(flat), (0, 2, 1), "pixels_first")
    weight = constant_beside(graph, node, "windows", taken[:, :, None].astype(np.float32))
    total = beside(graph, node, "Conv", [result(first), weight], {"kernel_shape": [1]}, tag="total")
    size = constant_beside(graph, node, "counted", counted.reshape(1, -1, 1).astype(np.float32))
    mean = beside(graph, node, "Div", [result(total), size], tag="mean")
    last = transpose(graph, node, result(mean), (0, 2, 1), "channels_first")
    return [flat, first, total, mean, last, reshape(graph, node, result(last), (1, channels, *sizes), "image")]


def _any(pads: list[tuple[int, int]]) -> bool:
    return any(b or e for b, e in pads)


def _axis(n: int, window: tuple[int, int, int], pad: tuple[int, int], end: int, include: bool) -> tuple[Array, Array]:
    """Which of `n` elements each window of (kernel, stride, dilation) sums, [P, n], and how many it counts, [P]."""
    kernel, stride, dilation = window
    starts = np.arange((n + pad[0] + end - dilation * (kernel - 1) - 1) // stride + 1) * stride - pad[0]
    taps = starts[:, None] + dilation * np.arange(kernel)
    taken = (taps[:, :, None] == np.arange(n)).sum(axis=1)
    inside = (taps >= -pad[0]) & (taps < n + pad[1]) if include else (taps >= 0) & (taps < n)
    return taken, np.maximum(inside.sum(axis=1), 1)


RULES = {(ONNX, "AveragePool"): _average}

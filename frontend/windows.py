"""Windows with explicit pads: auto_pad and ceil_mode written out, GlobalMaxPool as MaxPool.

SAME: total = max(0, (ceil(n / s) - 1) s + d (k - 1) + 1 - n), the odd one at the end (UPPER) or the start (LOWER)
ceil: as many elements at the end as the last window that starts inside needs; of MaxPool, where no padding wins
"""

from __future__ import annotations

from math import ceil

import onnx_ir as ir

from ..ops.base import ONNX, integer, ints, operand, shape_of, text
from .edit import CHANNELS_LAST, beside

_Pads = list[tuple[int, int]]


def _explicit(graph: ir.Graph, node: ir.Node) -> list[ir.Node] | None:
    auto, ceiled = text(node, "auto_pad", "NOTSET"), integer(node, "ceil_mode", 0)
    if auto in ("NOTSET", "") and not ceiled:
        return None
    shape = shape_of(operand(node, 0))
    found = padding(node, shape[1:-1] if node.domain == CHANNELS_LAST else shape[2:])
    if found is None:
        return None  # the operator's own rule says what is wrong
    pads, more = found
    if more != pads and node.op_type != "MaxPool":
        return None
    attributes = {k: a for k, a in node.attributes.items() if k not in ("auto_pad", "ceil_mode")}
    flat = [*(b for b, _ in more), *(e for _, e in more)]
    inputs = [v for v in node.inputs if v is not None]
    return [beside(graph, node, node.op_type, inputs, {**attributes, "pads": flat}, domain=node.domain)]


def padding(node: ir.Node, spatial: tuple[int, ...]) -> tuple[_Pads, _Pads] | None:
    """The pads of a window over `spatial` elements, and those with what ceil_mode adds; None for malformed ones."""
    rank, auto = len(spatial), text(node, "auto_pad", "NOTSET")
    kernel = ints(node, "kernel_shape", _weight_kernel(node))
    strides, dilations = ints(node, "strides", (1,) * rank), ints(node, "dilations", (1,) * rank)
    given = ints(node, "pads", (0,) * (2 * rank))
    if min(len(kernel), len(strides), len(dilations), len(given) // 2) != rank or min(*strides, *kernel) < 1:
        return None
    pads = list(zip(given[:rank], given[rank:], strict=True))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    if auto == "VALID":
        pads = [(0, 0)] * rank
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = [_same(n, s, r, auto) for n, s, r in zip(spatial, strides, reach, strict=True)]
    elif auto not in ("NOTSET", ""):
        return None
    if not integer(node, "ceil_mode", 0):
        return pads, pads
    return pads, [_ceiled(n, s, r, p) for n, s, r, p in zip(spatial, strides, reach, pads, strict=True)]


def _weight_kernel(node: ir.Node) -> tuple[int, ...]:
    if node.op_type != "Conv":
        return ()
    shape = shape_of(node.inputs[1])
    return shape[1:-1] if node.domain == CHANNELS_LAST else shape[2:]


def _same(size: int, stride: int, reach: int, auto: str) -> tuple[int, int]:
    total = max(0, (ceil(size / stride) - 1) * stride + reach - size)
    half = total // 2
    return (half, total - half) if auto == "SAME_UPPER" else (total - half, half)


def _ceiled(size: int, stride: int, reach: int, pads: tuple[int, int]) -> tuple[int, int]:
    begin, end = pads
    steps = ceil((size + begin + end - reach) / stride)
    if steps * stride >= size + begin:
        steps -= 1  # a window that starts in the padding at the end is left out
    return begin, max(end, steps * stride + reach - size - begin)


def _global(graph: ir.Graph, node: ir.Node) -> list[ir.Node]:
    x = operand(node, 0)
    return [beside(graph, node, "MaxPool", [x], {"kernel_shape": list(shape_of(x)[2:])})]


RULES = {
    (ONNX, "Conv"): _explicit,
    (ONNX, "MaxPool"): _explicit,
    (ONNX, "AveragePool"): _explicit,
    (CHANNELS_LAST, "Conv"): _explicit,
    (CHANNELS_LAST, "MaxPool"): _explicit,
    (CHANNELS_LAST, "AveragePool"): _explicit,
    (ONNX, "GlobalMaxPool"): _global,
}

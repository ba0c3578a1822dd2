"""Conv: y[n, o] = sum over taps of w[o, c, k] * x[n, c, i * stride + k * dilation - pad], zero outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import CARDC, ONNX, Array, OpDef, TensorType, arity, in_range, integer, operand, result, shape_of
from .linear import accumulator, exact_product
from .qtype import qtype
from .window import Window, window, window_shape


def geometry(node: ir.Node) -> tuple[Window, int]:
    """The window and the number of groups of a convolution, checked against its weight shape."""
    w = shape_of(node.inputs[1])
    x = shape_of(node.inputs[0])
    group = integer(node, "group", 1)
    win = window(node, w[2:])
    if group < 1 or len(x) != len(w) or w[0] % group or x[1] != w[1] * group or win.kernel != w[2:]:
        raise CompileError(
            f"Conv weights {list(w)} do not fit input {list(x)} with group={group}",
            node=node,
            fix="check the layer's channels and groups; activations are channels-first",
        )
    return win, group


def weight_rows(w: Array) -> Array:
    """[O, I, *kernel] -> [O, taps]."""
    return w.reshape(w.shape[0], -1)


def correlate(x: Array, w: Array, win: Window, group: int) -> Array:
    """The sum itself, in the arrays' own type: x [N, C, *in], w [O, C / group, *kernel] -> [N, O, *out]."""
    seen = win.view(x, 0)
    n, out, rank = x.shape[0], seen.shape[2 : 2 + len(win.kernel)], len(win.kernel)
    cin, cout = w.shape[1], w.shape[0] // group
    parts = []
    for g in range(group):
        # [N, cin, *out, *kernel] -> [N * out, cin * kernel], so that one matrix product does the layer.
        part = np.moveaxis(seen[:, g * cin : (g + 1) * cin], 1, 1 + rank)
        flat = part.reshape(n * int(np.prod(out)), -1)
        y = flat @ weight_rows(w[g * cout : (g + 1) * cout]).T
        parts.append(np.moveaxis(y.reshape(n, *out, cout), -1, 1))
    return np.concatenate(parts, axis=1)


def _infer_float(node: ir.Node) -> TensorType:
    win, _ = geometry(node)
    return TensorType(window_shape(node, shape_of(node.inputs[1])[0], win), None)


def _infer(node: ir.Node) -> TensorType:
    win, group = geometry(node)
    weights = operand(node, 1)
    if weights.const_value is None:
        raise CompileError("Conv weights are not constant", node=node, fix="export the model in eval mode")
    w = weight_rows(weights.const_value.numpy().astype(np.int64))
    x, wq = qtype(operand(node, 0)), qtype(weights)
    q = accumulator(w, wq, x, win.padded, _products(node, wq.scale, x.scale, w.shape[0], group))
    return TensorType(window_shape(node, w.shape[0], win), q)


def _products(
    node: ir.Node, w: tuple[float, ...], x: tuple[float, ...], out: int, group: int
) -> tuple[float, ...] | None:
    """Scales of the output channels where the input has one scale a channel, which only depthwise layers can take."""
    if len(x) == 1:
        return None
    if len(x) != group:
        raise CompileError(
            "Conv sums over channels of different scales", node=node, fix="use one scale for the input tensor"
        )
    each = w if len(w) > 1 else w * out
    return tuple(s * x[o // (out // group)] for o, s in enumerate(each))


def _execute_float(node: ir.Node, args: Sequence[Array]) -> Array:
    win, group = geometry(node)
    y = correlate(args[0], args[1], win, group)
    return y + args[2].reshape(1, -1, *(1,) * (y.ndim - 2)) if len(args) > 2 else y


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    win, group = geometry(node)
    q = qtype(result(node))
    bound = int(np.abs(weight_rows(args[1])).sum(axis=1).max(initial=0)) * max(1, int(np.abs(args[0]).max(initial=0)))
    y = exact_product(args[0], args[1], bound, lambda x, w: correlate(x, w, win, group))
    return in_range(node, y, q)


OPS = (
    OpDef(ONNX, "Conv", arity(2, 3), _infer_float, _execute_float),
    OpDef(CARDC, "Conv", arity(2), _infer, _execute),
)

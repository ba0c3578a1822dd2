"""ConvTranspose on floats: a convolution over the input with zeros between its pixels.

y = Conv(ZeroStuff(x, strides), w'), w'[o, c, k] = w[c, o, K - 1 - k] within each group, dilations kept,
pads d (K - 1) - p at the start and d (K - 1) - p + output_padding at the end. That is how it becomes integers, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import ONNX, Array, OpDef, TensorType, arity, integer, ints, shape_of, text
from .conv import correlate
from .spread import stuff
from .window import Window


@dataclass(frozen=True, slots=True)
class Transposed:
    """The convolution that a transposed one is: `factors` of the zero-stuffing, then `win` with `group` groups."""

    factors: tuple[int, ...]
    win: Window
    group: int


def transposed(node: ir.Node) -> Transposed:
    """What `node` is as a convolution.

    Raises CompileError for weights that do not fit, automatic shapes, or pads wider than the kernel.
    """
    x, w, group = shape_of(node.inputs[0]), shape_of(node.inputs[1]), integer(node, "group", 1)
    kernel = w[2:]
    rank = len(kernel)
    if rank not in (1, 2) or len(x) != len(w) or group < 1 or w[0] % group or x[1] != w[0]:
        raise CompileError(
            f"ConvTranspose weights {list(w)} do not fit input {list(x)} with group={group}",
            node=node,
            fix="check the layer's channels and groups; activations are channels-first",
        )
    if text(node, "auto_pad", "NOTSET") not in ("NOTSET", "") or ints(node, "output_shape", ()):
        raise CompileError("ConvTranspose with automatic pads", node=node, fix="export with explicit pads")
    strides, dilations = ints(node, "strides", (1,) * rank), ints(node, "dilations", (1,) * rank)
    pads, more = ints(node, "pads", (0,) * (2 * rank)), ints(node, "output_padding", (0,) * rank)
    lengths = (len(ints(node, "kernel_shape", kernel)), len(strides), len(dilations), len(pads) // 2, len(more))
    if set(lengths) != {rank} or min(*kernel, *strides, *dilations) < 1 or min(more) < 0:
        raise CompileError("ConvTranspose has a window that makes no sense", node=node, fix="use positive sizes")
    reach = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    begin = tuple(r - p for r, p in zip(reach, pads[:rank], strict=True))
    end = tuple(r - p + o for r, p, o in zip(reach, pads[rank:], more, strict=True))
    if min(*begin, *end) < 0 or min(pads) < 0:
        raise CompileError(
            f"ConvTranspose crops more than its kernel adds: pads {list(pads)}",
            node=node,
            fix="use padding of at most dilation * (kernel_size - 1)",
        )
    return Transposed(strides, Window(kernel, (1,) * rank, dilations, begin, end), group)


def forward_weights(w: Array, group: int) -> Array:
    """[I, O / group, *kernel] of a transposed convolution -> [O, I / group, *kernel] of a plain one."""
    parts = w.reshape(group, w.shape[0] // group, *w.shape[1:])
    kernel = tuple(range(3, parts.ndim))
    turned = np.flip(np.swapaxes(parts, 1, 2), kernel)
    return np.ascontiguousarray(turned).reshape(group * w.shape[1], w.shape[0] // group, *w.shape[2:])


def _infer(node: ir.Node) -> TensorType:
    what = transposed(node)
    x, w = shape_of(node.inputs[0]), shape_of(node.inputs[1])
    stuffed = tuple((n - 1) * f + 1 for n, f in zip(x[2:], what.factors, strict=True))
    return TensorType((x[0], w[1] * what.group, *what.win.out(stuffed)), None)


def _execute(node: ir.Node, args: Sequence[Array]) -> Array:
    what = transposed(node)
    y = correlate(stuff(args[0], what.factors), forward_weights(args[1], what.group), what.win, what.group)
    return y + args[2].reshape(1, -1, *(1,) * (y.ndim - 2)) if len(args) > 2 else y


OPS = (OpDef(ONNX, "ConvTranspose", arity(2, 3), _infer, _execute),)

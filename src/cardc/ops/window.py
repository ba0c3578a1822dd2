"""Sliding windows: the shared geometry of convolution and pooling (1-D and 2-D, ONNX attributes)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..errors import CompileError
from .base import Array, integer, ints, shape_of, text


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, strides, dilations and pads (begin then end) per spatial axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]

    @property
    def padded(self) -> bool:
        return any(self.begin) or any(self.end)

    def out(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Output size per spatial axis."""
        return tuple(
            (n + b + e - d * (k - 1) - 1) // s + 1
            for n, k, s, d, b, e in zip(
                spatial, self.kernel, self.strides, self.dilations, self.begin, self.end, strict=True
            )
        )

    def view(self, x: Array, fill: float) -> Array:
        """[N, C, *spatial] -> [N, C, *out, *kernel], padded with `fill`; a view where nothing is padded."""
        if self.padded:
            pads = [(0, 0), (0, 0), *zip(self.begin, self.end, strict=True)]
            x = np.pad(x, pads, constant_values=fill)
        rank = len(self.kernel)
        reach = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))
        axes = tuple(range(2, 2 + rank))
        seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
        pick = [slice(None)] * 2 + [slice(None, None, s) for s in self.strides]
        return seen[(*pick, *(slice(None, None, d) for d in self.dilations))]


def window(node: ir.Node, kernel: tuple[int, ...] | None = None) -> Window:
    """The window that `node`'s attributes describe; `kernel` when the weights give it.

    Raises CompileError for automatic padding, ceil mode, or attributes of the wrong length.
    """
    kernel = ints(node, "kernel_shape", kernel or ())
    rank = len(kernel)
    auto = text(node, "auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID", ""):
        raise CompileError(f"auto_pad={auto} is not supported", node=node, fix="export with explicit pads")
    if integer(node, "ceil_mode", 0) != 0:
        raise CompileError("ceil_mode=1 is not supported", node=node, fix="use ceil_mode=0 and explicit pads")
    strides, dilations = ints(node, "strides", (1,) * rank), ints(node, "dilations", (1,) * rank)
    pads = ints(node, "pads", (0,) * (2 * rank))
    sane = rank in (1, 2) and min((*kernel, *strides, *dilations), default=0) > 0 and min(pads, default=0) >= 0
    if not sane or len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank:
        raise CompileError(
            f"{node.op_type} has a window that makes no sense: kernel {kernel}, strides {strides}, pads {pads}",
            node=node,
            fix="use a 1-D or 2-D window with positive sizes",
        )
    return Window(kernel, strides, dilations, pads[:rank], pads[rank:])


def window_shape(node: ir.Node, channels: int, win: Window) -> tuple[int, ...]:
    """[N, channels, *out] for `node`'s first input."""
    shape = shape_of(node.inputs[0])
    if len(shape) != 2 + len(win.kernel):
        raise CompileError(
            f"{node.op_type} takes a tensor of rank {2 + len(win.kernel)}, not {list(shape)}",
            node=node,
            fix="reshape its input",
        )
    out = win.out(shape[2:])
    if min(out) < 1:
        raise CompileError(f"{node.op_type}'s window is larger than its input", node=node, fix="use a smaller kernel")
    return (shape[0], channels, *out)

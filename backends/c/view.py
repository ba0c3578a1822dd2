"""A stored tensor as a node sees it, for kernels that take any strides (cardc_view)."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ...errors import CompileError
from ...ops.base import operand
from ...ops.qtype import qtype
from ...ops.window import Window
from ...passes.layouts import Layout, chw, layout_of
from ...passes.schedule import base
from .step import Places, at

TYPES = {1: "CARDC_U8", 2: "CARDC_I16", 4: "CARDC_I32", 8: "CARDC_I64"}
"""Element types by width; int64 is for the wide kernels only."""
C_TYPES = {1: "uint8_t", 2: "int16_t", 4: "int32_t", 8: "int64_t"}


@dataclass(frozen=True, slots=True)
class View:
    """A tensor as a node sees it: sizes and strides (plane, row, column) in elements, and where element 0 is."""

    layout: Layout
    sizes: tuple[int, int, int]
    strides: tuple[int, int, int]
    pointer: str

    def struct(self) -> str:
        """A cardc_view initialiser."""
        return f"{{{', '.join(map(str, (*self.sizes, TYPES[self.layout.width_bytes], *self.strides)))}}}"

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie one after the other."""
        _, height, width = self.sizes
        return self.strides == (height * width, width, 1)


def view_of(node: ir.Node, index: int, places: Places) -> View:
    """Input `index` of `node`, which may be a reshaped view of what is stored."""
    value = operand(node, index)
    stored = layout_of(base(value))
    sizes = places.sizes(value)
    strides = (stored.plane, stored.row, 1)
    if chw(value) != (stored.channels, stored.height, stored.width):
        if not stored.contiguous:
            raise CompileError(
                f"{node.op_type} reads a reshaped tensor that other layers need with a border",
                node=node,
                fix="do not reshape between convolutions",
            )
        strides = (sizes[1] * sizes[2], sizes[2], 1)
    offset = places.start(base(value)) + stored.interior * stored.width_bytes
    return View(stored, sizes, strides, at(offset, C_TYPES[stored.width_bytes], const=True))


def reach(value: ir.Value, stored: Layout) -> tuple[int, int]:
    """Lowest and highest stored number of `value`."""
    q = qtype(value)
    return (q.lo - stored.lo) // stored.step, (q.hi - stored.lo) // stored.step


def window_sizes(win: Window) -> dict[str, tuple[int, int]]:
    """Kernel, stride, dilation, pad as (down, across); a 1-D window has height 1."""
    found = {"kernel": win.kernel, "stride": win.strides, "dilation": win.dilations, "pad": win.begin}
    return {k: (v[0], v[1]) if len(v) == 2 else (0 if k == "pad" else 1, v[0]) for k, v in found.items()}

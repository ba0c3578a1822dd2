"""Tensors in rows of all channels, one behind the other, without border left and right: what rows need to come and go.

Memory then holds of a tensor the rows from one to another in one piece, and what one stage has read makes room for what
another one writes. Convolutions by runs copy what they read anyway, and give the copies their border.
"""

from __future__ import annotations

import onnx_ir as ir

from ..ops.base import shape_of, text
from ..ops.graph import is_cardc
from ..ops.window import window
from .choose_layout import pads_of
from .layouts import Layout, chw
from .schedule import Schedule, Stage, base, readers

_MOST = 255  # pixels of border that a kernel gives a row


def can_be_bare(plan: Schedule, value: ir.Value, stored: Layout) -> bool:
    """Whether `value`, `stored` so where it has a border, can be in rows of all channels: all that read and write it
    take any strides and need no border."""
    if value is plan.output or not stored.is_bytes or len(shape_of(value)) != 4 or min(chw(value)) < 1:
        return False
    makers = [stage.node for stage in plan.stages if stage.output is value]
    made = value is plan.source or (len(makers) == 1 and _gives(makers[0]))
    users = [n for n in readers(value) if n is not plan.quantizer]
    seen = all(chw(v) == chw(value) for n in users for v in n.inputs if v is not None and base(v) is value)
    bare = _bare(value, stored)
    fits = bare.row <= 0xFFFF and bare.interior % bare.row == -(-max(p[1] for p in _pads(value)) // 4) * 4
    return made and seen and bool(users) and all(_takes(n) for n in users) and fits


_GIVE = ("runs", "stacked", "long", "pairs", "int8", "taps", "lanes", "straight")
"""Encodings of convolutions whose kernels write to any strides."""


def _gives(node: ir.Node) -> bool:
    """Whether the kernel of `node` writes tensors in rows of all channels."""
    return is_cardc(node, "Add") or (is_cardc(node, "Conv") and text(node, "encoding", "") in _GIVE)


def _takes(node: ir.Node) -> bool:
    """Whether the kernel of `node` reads tensors in rows of all channels."""
    if is_cardc(node, "Add"):
        return True
    if not is_cardc(node, "Conv") or text(node, "encoding", "") != "runs" or len(shape_of(node.inputs[1])) != 4:
        return False
    win = window(node, shape_of(node.inputs[1])[2:])
    return max(*pads_of(node), *win.dilations) <= _MOST and shape_of(node.outputs[0])[-1] > max(
        win.begin[1], win.end[1]
    )


def bare_layout(value: ir.Value, stored: Layout) -> Layout:
    """The layout of `value` in rows of all channels; `stored` is the one that it has otherwise."""
    return _bare(value, stored)


def _bare(value: ir.Value, stored: Layout) -> Layout:
    channels, height, width = chw(value)
    top, left, bottom, right = (max(side) for side in zip(*_pads(value), strict=True))
    pitch = -(-width // 4) * 4
    # What a copy reads beside the first row's begin and behind the last one's end is no element, but it is read.
    row, lead, tail = channels * pitch, -(-left // 4) * 4, -(-right // 4) * 4
    size = lead + (top + height + bottom) * row + tail
    return Layout(
        channels, height, width, pitch, row, top * row + lead, size, 1, stored.lo, stored.step, stored.levels,
        stored.border if top or left or bottom or right else None, bare=True,
    )  # fmt: skip


def _pads(value: ir.Value) -> list[tuple[int, int, int, int]]:
    """How far its readers reach out of `value`."""
    return [(0, 0, 0, 0), *(pads_of(n) for n in readers(value) if is_cardc(n, "Conv"))]


def rows_below(value: ir.Value) -> int:
    """Rows of border below `value`."""
    return max(p[2] for p in _pads(value))


def slides(plan: Schedule, stage: Stage, layouts: dict[str, Layout]) -> bool:
    """Whether `stage` can be part of a stream in which rows come and go."""
    if not is_cardc(stage.node, "Conv", "Add"):
        return False
    values = [*stage.sources, stage.output]
    return all(can_be_bare(plan, v, layouts[v.name or ""]) for v in values)

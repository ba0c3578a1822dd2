"""Where in its own arena a network may be given its input, so that this takes no memory of its own."""

from __future__ import annotations

from ...ops.qtype import qtype
from ...passes.layouts import Layout, layout_of
from .program import Program
from .step import place_of

_BYTES = ("int8_t", "uint8_t")


def input_offset(program: Program) -> int | None:
    """Bytes from the start of the arena at which the quantised input may begin; None where it may not lie there.

    The first step reads the input's elements in their order and writes each, as a stored byte, to a place that grows
    with it. With the input far enough up, no byte is written before it was read. That takes an input of bytes, all of
    which are loaded before anything else is written, and an arena with that much room.
    """
    source, first = program.schedule.source, program.order[0].calls
    layout = layout_of(source)
    if len(first) != 1 or first[0].rows is not None or program.in_type not in _BYTES or not layout.is_bytes:
        return None
    begin = place_of(source) + layout.interior + _lead(layout)
    if _copied(program, layout) and not layout.contiguous:  # by memcpy, whose operands may not overlap
        begin += layout.width
    return begin if begin + layout.elements <= program.arena else None


def _lead(layout: Layout) -> int:
    """How far a row's place is at most in front of the row itself, were place and input to begin together."""
    ends = [(c, y) for c in (0, layout.channels - 1) for y in (0, layout.height - 1)]
    return max(c * layout.plane + y * layout.row - (c * layout.height + y) * layout.width for c, y in ends)


def _copied(program: Program, layout: Layout) -> bool:
    """Whether `cardc_load_u8` finds nothing to change: a contiguous input then is where it belongs."""
    hi = qtype(program.schedule.source).hi
    return program.in_type == "uint8_t" and (layout.lo, hi, layout.step) == (0, 255, 1)

"""Stages that run a few rows at a time (passes.streams): their steps, and the loop that calls these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from ...ops.qtype import qtype
from ...passes.bare import rows_below
from ...passes.layouts import Layout, chw, layout_of
from ...passes.plan_memory import paced
from ...passes.schedule import Schedule, Stage, base
from ...passes.streams import Pace, Stream, Streamed, output, reads
from .order import Call, Repeat, Rows
from .step import Moving, Places, Step, at, c_map, place_of

Emit = Callable[[Step, Stage, str, Layout, Places], None]
"""Adds the kernel of a stage that writes to a pointer, laid out as said, from what the places say."""


@dataclass(frozen=True, slots=True)
class Strip(Places):
    """The rows that one turn of `stage` reads, of sources that run at `paces` (None: whose rows have places of their
    own), to make `rows` rows (0: as many as any) but for the first `skipped` ones; those above the tensor's row 0 are
    skipped, so that what is left begins with it."""

    stage: Stage
    pace: Pace
    paces: tuple[Pace | None, ...]
    rows: int = 0
    skipped: int = 0

    def start(self, value: ir.Value) -> Moving:
        """Where the storage of `value` would begin, were the first row that is read its row 0."""
        layout = layout_of(value)
        return self._row(value, 0) + -(layout.interior // layout.row) * layout.row

    def sizes(self, value: ir.Value) -> tuple[int, int, int]:
        """Of the rows that are read."""
        c, _, w = chw(value)
        needs = reads(self.stage)
        return c, ((self.rows or self.pace.rows) - 1) * needs.stride + needs.span, w

    def window(self, value: ir.Value) -> tuple[Moving, Layout]:
        """Where the padded rows begin that a convolution reads, and a layout for what is there."""
        layout, top = layout_of(value), reads(self.stage).top
        return self._row(value, -top), replace(layout, interior=top * layout.row + layout.interior % layout.row)

    def _row(self, value: ir.Value, further: int) -> Moving:
        """Where the row begins that lies `further` below the first one's place, padding aside."""
        layout, stride = layout_of(value), reads(self.stage).stride
        source = self.paces[[base(v) is value for v in self.stage.sources].index(True)]
        if source is None:
            place = Moving(place_of(value) + (further + layout.above) * layout.row, stride * layout.row)
            return place.fixed(0) if self.skipped else place
        # In any round, so in round 0: the buffer ends with the last row that the source has made.
        begin = source.end - source.lines
        row = (self.pace.first(0) + self.skipped) * stride + further
        return Moving(place_of(value) + (row - begin) * layout.row)


def add_stream(plan: Schedule, stream: Stream, steps: Sequence[Step], emit: Emit) -> Repeat:
    """Fill in `steps`, those of the members of `stream`; the loop that calls them."""
    layouts = {value.name or "": layout_of(value) for value in (output(plan, k) for k in range(-1, len(plan.stages)))}
    streamed = paced(plan, stream, layouts)
    calls = [
        Call(step.index, _fill(plan, step, one, streamed, emit))
        for step, one in zip(steps, streamed.paces, strict=True)
    ]
    return Repeat(tuple(calls), streamed.rounds)


def _fill(plan: Schedule, step: Step, one: Pace, streamed: Streamed, emit: Emit) -> Rows:
    """The body of `step`: called with the number `row` of the first row to make, which may be none of the tensor."""
    value = output(plan, one.stage)
    if layout_of(value).bare:
        return _slide(plan, step, one, streamed, emit)
    layout, first = layout_of(value), one.first(streamed.begin)
    start = Moving(place_of(value) + layout.interior, layout.row)
    if one.lines:
        start = Moving(place_of(value) + layout.interior + (one.lines - one.rows) * layout.row)
        strip = _strip(step, value, one, first)
        step.functions.add("cardc_next_rows")
        head = f"if (cardc_next_rows({strip}, arena, row)) {{"
        tail = [] if one.aligned else [f"cardc_end_rows({strip}, arena, row);"]
        step.functions |= set() if one.aligned else {"cardc_end_rows"}
    else:
        _border(step, value)
        head, tail = f"if (row >= 0 && row < {one.height}) {{", []
    before, step.body = step.body, []
    _kernel(plan, step, one, streamed, emit, start, one.rows)
    step.body = [*before, head, *(f"    {line}" for line in step.body), "}", *tail]
    return Rows(first, one.rows, one.height, start.start, start.step)


def _slide(plan: Schedule, step: Step, one: Pace, streamed: Streamed, emit: Emit) -> Rows:
    """The body of `step`, whose tensor is bare: rows that the tensor does not have are not made."""
    value = output(plan, one.stage)
    layout, first = layout_of(value), one.first(streamed.begin)
    begin = place_of(value) + layout.interior % layout.row
    start = Moving(begin + layout.above * layout.row, layout.row)
    if one.lines:
        start = Moving(begin + (one.lines - one.rows) * layout.row)
    turns = {one.first(n): one.made(n) for n in range(streamed.begin, streamed.begin + streamed.rounds)}
    body: list[str] = []
    for row, rows in _kinds(turns, one):
        skipped, step.body = rows.start - row, []
        place = (start + skipped * layout.row) if one.lines else start.fixed(0) if skipped else start
        _kernel(plan, step, one, streamed, emit, place, len(rows), skipped)
        body += [f"if ({_when(row, rows, one)}) {{", *(f"    {line}" for line in step.body), "}"]
    if one.lines:
        strip = _strip(step, value, one, first)
        step.functions |= {"cardc_next_rows", "cardc_end_rows"}
        body = [*(f"    {line}" for line in body), f"    cardc_end_rows({strip}, arena, row);"]
        step.body = [f"if (cardc_next_rows({strip}, arena, row)) {{", *body, "}"]
    else:
        made = [row for row, rows in turns.items() if rows]
        fills = zip(border_rows(step, value), (made[0], made[-1]), strict=True)
        step.body = body + [
            line for fill, row in fills if fill for line in (f"if (row == {row}) {{", f"    {fill}", "}")
        ]
    return Rows(first, one.rows, one.height, start.start, start.step)


def _kinds(turns: dict[int, range], one: Pace) -> list[tuple[int, range]]:
    """A turn of each kind, with its `row`: one that begins above the tensor, one that ends below it, a full one."""
    found = {(rows.start - row, len(rows)): (row, rows) for row, rows in turns.items() if rows}
    return sorted(found.values(), key=lambda turn: (len(turn[1]) == one.rows, turn[0]))


def _when(row: int, rows: range, one: Pace) -> str:
    """What is true of `row` in turns of the kind of this one."""
    if len(rows) < one.rows:
        return f"row == {row}"
    return f"row >= 0 && row <= {one.height - one.rows}"


def border_rows(step: Step, value: ir.Value) -> tuple[str, str]:
    """What fills the border above and that below of a bare tensor; empty where there is none."""
    layout, below = layout_of(value), rows_below(value)
    begin = place_of(value) + layout.interior
    above = _fill_rows(step, layout, begin - layout.above * layout.row, layout.above)
    return above, _fill_rows(step, layout, begin + layout.height * layout.row, below)


def _fill_rows(step: Step, layout: Layout, begin: int, rows: int) -> str:
    if layout.border is None or not rows:
        return ""
    step.functions.add("cardc_fill_rows")
    return f"cardc_fill_rows({at(begin)}, {rows * layout.row}, {layout.border});"


def _strip(step: Step, value: ir.Value, one: Pace, first: int) -> str:
    """The cardc_strip of the rows that memory holds of `value`."""
    layout = layout_of(value)
    at, size, plane, channels = place_of(value), layout.size, layout.plane, layout.channels
    if layout.bare:  # a row of all channels as one of a single plane
        at, size, plane, channels = at + layout.interior, one.lines * layout.row, one.lines * layout.row, 1
    fields = [
        ("at", at), ("size", size), ("plane", plane), ("row", layout.row),
        ("channels", channels), ("lines", one.lines), ("rows", one.rows), ("height", one.height),
        ("first", first), ("border", layout.border or 0),
    ]  # fmt: skip
    return step.struct("cardc_strip", "strip", fields)


def _border(step: Step, value: ir.Value) -> None:
    """The border of a tensor that exists whole, before its first row."""
    layout, place = layout_of(value), place_of(value)
    if layout.border is None:
        return
    inside = step.maps("inside", layout)
    step.functions.add("cardc_fill_border")
    fill = f"cardc_fill_border({at(place)}, {layout.size}, {layout.interior}, {inside}, {layout.border});"
    step.body += ["if (row == 0) {", f"    {fill}", "}"]


def _kernel(
    plan: Schedule, step: Step, one: Pace, streamed: Streamed, emit: Emit, start: Moving, rows: int,
    skipped: int = 0,
) -> None:  # fmt: skip
    """The kernel that makes `rows` rows to `start`; the first `skipped` of the turn are none of the tensor."""
    out = replace(layout_of(output(plan, one.stage)), height=rows)
    if one.stage < 0:
        _load(step, output(plan, one.stage), at(start), out, skipped)
        return
    stage = plan.stages[one.stage]
    made = {output(plan, p.stage).name: p for p in streamed.paces if p.lines}
    sources = tuple(made.get(value.name) for value in stage.sources)
    emit(step, stage, at(start), out, Strip(stage, one, sources, rows, skipped))


def _load(step: Step, value: ir.Value, dst: str, out: Layout, skipped: int = 0) -> None:
    """The rows of the input, channel by channel."""
    q, one = qtype(value), replace(out, channels=1)
    _, height, width = chw(value)
    kernel = "cardc_load_i8" if q.hi < 128 else "cardc_load_u8"  # as program.in_type
    to = step.struct("cardc_map", "to", [("to", c_map(one).strip("{}"))])
    step.functions.add(kernel)
    low = f"({out.lo})" if out.lo < 0 else out.lo
    numbers = f"{low}, {q.hi}, {out.step}"
    row = 0 if skipped else "row"
    call = f"{kernel}(in + {width} * {row} + c * {height * width}, {numbers}, {to}, {dst} + c * {out.plane});"
    step.body += [f"for (uint32_t c = 0; c < {out.channels}; c++) {{", f"    {call}", "}"]

"""An arena that knows of every byte which element of which tensor it holds: a plan is carried out on it, step by step,
and every element that a stage reads must be there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from cardc.ops.base import text
from cardc.ops.graph import is_cardc
from cardc.passes.bare import rows_below
from cardc.passes.choose_layout import pads_of
from cardc.passes.layouts import Layout, layout_of
from cardc.passes.plan_memory import ARENA, OFFSET, SCRATCH, paced, streams_of, to_caller
from cardc.passes.runs_plan import geometry
from cardc.passes.schedule import Schedule, schedule
from cardc.passes.scratch import band_of
from cardc.passes.streams import Pace, Streamed, output, reads

GARBAGE, BORDER = -1, -2


class Overwritten(AssertionError):
    """Something else lies where an element is read."""


@dataclass
class Arena:
    """The memory of one inference of `model`, which has a plan."""

    model: ir.Model
    plan: Schedule = field(init=False)
    bytes: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.plan = schedule(self.model)
        self.bytes = np.full(int(self.model.metadata_props[ARENA]), GARBAGE, np.int64)

    def run(self) -> None:
        """Carry out the plan. Raises Overwritten where a stage reads what is not there."""
        streams = streams_of(self.model)
        layouts = {v.name or "": layout_of(v) for v in (output(self.plan, k) for k in range(-1, len(self.plan.stages)))}
        k = -1
        while k < len(self.plan.stages):
            stream = next((s for s in streams if k == s.first), None)
            if stream is None:
                self._whole(k)
                k += 1
                continue
            streamed = paced(self.plan, stream, layouts)
            for number in range(streamed.begin, streamed.begin + streamed.rounds):
                for pace in streamed.paces:
                    self._turn(pace, streamed, number)
            k = stream.last + 1

    def _place(self, value: ir.Value) -> int:
        return int(value.metadata_props[OFFSET])

    def _spoil(self, k: int) -> None:
        """What is scratch memory of a stage holds nothing behind it."""
        if k >= 0:
            for start, size in json.loads(self.plan.stages[k].node.metadata_props[SCRATCH]).values():
                self.bytes[start : start + size] = GARBAGE

    def _tags(self, k: int, layout: Layout, row: int) -> NDArray[np.int64]:
        """[channels, width] of row `row` of the output of stage `k`."""
        c, x = np.ogrid[: layout.channels, : layout.width]
        found = ((k + 2) * 1000 + c) * 1_000_000 + (row + 1) * 1000 + x
        return np.asarray(found)

    def _write(self, k: int, start: int, row: int) -> None:
        """Row `row` of the output of stage `k` to where its first element lies."""
        layout = layout_of(output(self.plan, k))
        c, x = np.ogrid[: layout.channels, : layout.width]
        self.bytes[start + c * layout.plane + x] = self._tags(k, layout, row)

    def _border_rows(self, k: int, first: int, count: int) -> None:
        """Rows of border of a bare tensor."""
        value = output(self.plan, k)
        layout = layout_of(value)
        start = self._place(value) + layout.interior + first * layout.row
        if layout.border is not None:
            self.bytes[start : start + count * layout.row] = BORDER

    def _read(
        self, k: int, layout: Layout, start: int, row: int, left: int, right: int, height: int,
        sums: NDArray[np.int64] | None,
    ) -> None:  # fmt: skip
        c, x = np.ogrid[: layout.channels, -left : layout.width + right]
        there = self.bytes[start + c * layout.plane + x]
        want = np.full(there.shape, BORDER)
        if 0 <= row < height:
            want[:, left : left + layout.width] = self._tags(k, layout, row)
        same = there == want
        if sums is not None and 0 <= row < height:  # an addition reads an element, then writes one in its place
            same |= there == sums
        if not same.all():
            raise Overwritten(f"row {row} of {output(self.plan, k).name} is not there")

    def _copies(self, k: int, rows: int) -> bool:
        """Whether stage `k` reads all that it needs for `rows` rows before it writes."""
        stage = self.plan.stages[k] if 0 <= k < len(self.plan.stages) else None
        if stage is None or stage.node.op_type != "Conv" or text(stage.node, "encoding", "") != "runs":
            return False
        g = geometry(stage.node, max(1, layout_of(stage.source).levels - 1), at_once=band_of(stage) or rows)
        return g is not None and g.rows >= rows

    def _whole(self, k: int) -> None:
        if k >= 0:
            self._sources(k, range(layout_of(output(self.plan, k)).height), None, 0)
        if k == len(self.plan.stages) or to_caller(self.plan, output(self.plan, k)):
            return
        value = output(self.plan, k)
        layout, place = layout_of(value), self._place(value)
        if layout.width_bytes != 1:  # elements of several bytes: each has the tag of its first
            self.bytes[place : place + layout.size] = GARBAGE
            return
        if layout.bare:
            self._border_rows(k, -layout.above, layout.above)
            self._border_rows(k, layout.height, rows_below(value))
        else:
            self.bytes[place : place + layout.size] = BORDER
        for row in range(layout.height):
            self._write(k, place + layout.interior + row * layout.row, row)
        if not self._copies(k, layout.height):
            self._sources(k, range(layout.height), None, 0, written=True)  # writing must have left them alone
        self._spoil(k)

    def _sources(self, k: int, rows: range, streamed: Streamed | None, number: int, written: bool = False) -> None:
        """Everything that stage `k` reads for `rows` of its output is there, or was before they were `written`."""
        if k < 0 or k >= len(self.plan.stages):
            return
        stage = self.plan.stages[k]
        if not is_cardc(stage.node, "Conv", "Add", "MaxPool", "SumPool"):
            return
        made = {output(self.plan, m).name: m for m in range(-1, len(self.plan.stages))}
        conv, needs = is_cardc(stage.node, "Conv"), reads(stage)
        _, left, _, right = pads_of(stage.node) if conv else (0, 0, 0, 0)
        for value in stage.sources:
            layout, source = layout_of(value), made[value.name]
            if layout.bare:
                left = right = 0
            if layout.width_bytes != 1:
                continue
            above = layout.interior // layout.row
            begin = -above
            if layout.lines:
                assert streamed is not None
                pace = streamed.of(source)
                begin = pace.first(number) + pace.rows - pace.lines
                above = 0
            for y in rows:
                for row in range(y * needs.stride - needs.top, y * needs.stride - needs.top + needs.span):
                    start = self._place(value) + (row - begin) * layout.row + layout.interior % layout.row
                    if layout.lines and not 0 <= row - begin < layout.lines:
                        raise Overwritten(f"row {row} of {value.name} is not held any more, or not yet")
                    in_place = written and is_cardc(stage.node, "Add")
                    sums = self._tags(k, layout_of(stage.output), row) if in_place else None
                    self._read(source, layout, start, row, left, right, layout.height, sums)

    def _turn(self, pace: Pace, streamed: Streamed, number: int) -> None:
        value, first = output(self.plan, pace.stage), pace.first(number)
        layout, place = layout_of(value), self._place(value)
        rows = range(max(0, first), min(pace.height, first + pace.rows))
        left = layout.interior % layout.row
        if layout.bare and not (rows or pace.lines):
            return
        if pace.lines and layout.bare:
            held = self.bytes[place + left : place + left + pace.lines * layout.row]
            if number == streamed.begin:
                held[:] = BORDER
            held[: -pace.rows * layout.row] = held[pace.rows * layout.row :].copy()
        elif pace.lines:
            if number == streamed.begin:
                self.bytes[place : place + layout.size] = BORDER
            for c in range(layout.channels):
                plane = self.bytes[place + c * layout.plane : place + (c + 1) * layout.plane]
                plane[: -pace.rows * layout.row] = plane[pace.rows * layout.row :].copy()
        elif first == 0 and not layout.bare:
            self.bytes[place : place + layout.size] = BORDER
        if rows:
            self._spoil(pace.stage)
        self._sources(pace.stage, rows, streamed, number)
        if layout.bare and not pace.lines:
            self._border_rows(pace.stage, -layout.above, layout.above if rows.start == 0 else 0)
            self._border_rows(pace.stage, layout.height, rows_below(value) if rows.stop == layout.height else 0)
        for row in rows:
            at = row - first + pace.lines - pace.rows if pace.lines else row + layout.interior // layout.row
            self._write(pace.stage, place + at * layout.row + left, row)
        for row in set(range(first, first + pace.rows)) - set(rows) if pace.lines else ():
            start = place + (left if layout.bare else 0) + (row - first + pace.lines - pace.rows) * layout.row
            for c in range(1 if layout.bare else layout.channels):
                self.bytes[start + c * layout.plane : start + c * layout.plane + layout.row] = BORDER
        if not (layout.bare and self._copies(pace.stage, pace.rows)):
            self._sources(pace.stage, rows, streamed, number, written=True)

"""When which bytes of the arena live: every call of an inference, and what it finds and leaves of tensors and scratch.

A call takes two steps: it reads in the first and writes in the second. What it writes exists from the first on, but for
convolutions by runs in one band, which copy all that they read before they write, so that their output may take its
place. An addition reads an element and writes one: its output may lie exactly over an input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..ops.base import text
from .arena import Buffer, Spans, aligned
from .bare import rows_below
from .layouts import Layout
from .runs_plan import geometry
from .schedule import Schedule, Stage
from .streams import Stream, Streamed, output, reads

_NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Turn:
    """A call of stage `stage` that makes `rows` of its output. `whole`: all at once, from all of its sources. `copies`:
    it has read everything before it writes. `room`: it makes room for what it writes in front of all. The stage behind
    the last one stores the result."""

    stage: int
    rows: range
    whole: bool
    copies: bool = False
    room: bool = False


def whole_turn(plan: Schedule, k: int, layouts: Mapping[str, Layout], band: int = 0) -> Turn:
    """The call of stage `k` alone, in bands of `band` rows if it goes by runs (0: as many as it may)."""
    if k < 0 or k == len(plan.stages):
        return Turn(k, range(1), whole=True)
    height = layouts[plan.stages[k].output.name or ""].height
    return Turn(k, range(height), whole=True, copies=_copies(plan.stages[k], layouts, height, band))


def turns_of(plan: Schedule, stream: Stream, streamed: Streamed, layouts: Mapping[str, Layout]) -> list[Turn]:
    """The calls of a stream, in order."""
    kernels = [p for p in streamed.paces if p.stage >= 0 and stream.sliding]
    one_band = {p.stage: _copies(plan.stages[p.stage], layouts, p.rows) for p in kernels}
    found = []
    for number in range(streamed.begin, streamed.begin + streamed.rounds):
        turns = [
            Turn(p.stage, p.made(number), False, one_band.get(p.stage, False), not stream.sliding)
            for p in streamed.paces
        ]
        found += [turn for turn, p in zip(turns, streamed.paces, strict=True) if turn.rows or p.lines]
    return found


def _copies(stage: Stage, layouts: Mapping[str, Layout], rows: int, band: int = 0) -> bool:
    if stage.node.op_type != "Conv" or text(stage.node, "encoding", "") != "runs":
        return False
    g = geometry(stage.node, max(1, layouts[stage.source.name or ""].levels - 1), at_once=band or rows)
    return g is not None and g.rows >= rows


Access = tuple[int, int, int]
"""The number of a turn, the first row of a tensor's storage that it reads (or writes), the row behind the last."""


@dataclass(frozen=True)
class Timeline:
    """`turns` in order, of tensors laid out as `layouts` say; `scratch` bytes by stage and name. `after`: tensors that
    are read behind the last turn."""

    plan: Schedule
    turns: Sequence[Turn]
    layouts: Mapping[str, Layout]
    scratch: Mapping[int, Mapping[str, int]]
    after: Collection[str] = ()

    def buffers(self, values: Iterable[ir.Value]) -> list[Buffer]:
        """What of `values` and of all scratch memory lives when."""
        tensors = [self._tensor(value) for value in values]
        return [b for b in [*tensors, *self._scratches()] if b is not None]

    def _tensor(self, value: ir.Value) -> Buffer | None:
        layout, steps = self.layouts[value.name or ""], np.arange(2 * len(self.turns))
        written, read = self._written(value, layout), self._read(value, layout)
        strict = _spans(layout, written, read, steps, [t.copies for t in self.turns])
        adds = [t.copies or (self._adds(t) and not t.room) for t in self.turns]
        early = _spans(layout, written, read, steps, adds)
        over = tuple(
            (tensor_name(v), layout_v.interior - layout.interior) for v, layout_v in self._under(value, layout)
        )
        return _buffer(tensor_name(value), layout.size, strict, early, over)

    def _adds(self, turn: Turn) -> bool:
        return 0 <= turn.stage < len(self.plan.stages) and self.plan.stages[turn.stage].node.op_type == "Add"

    def _under(self, value: ir.Value, layout: Layout) -> list[tuple[ir.Value, Layout]]:
        """The inputs that `value`, the output of an addition, may lie exactly over."""
        makers = [s for s in self.plan.stages if s.output is value and s.node.op_type == "Add"]
        sources = [(v, self.layouts[v.name or ""]) for s in makers for v in s.sources]
        same = [(v, o) for v, o in sources if (o.plane, o.row, o.bare) == (layout.plane, layout.row, layout.bare)]
        return [(v, o) for v, o in same if o.is_bytes and layout.is_bytes and not o.lines and not layout.lines]

    def _written(self, value: ir.Value, layout: Layout) -> list[Access]:
        found = []
        for i, turn in enumerate(self.turns):
            if turn.stage < len(self.plan.stages) and output(self.plan, turn.stage) is value:
                height = layout.height
                first = 0 if turn.whole or turn.rows.start == 0 else turn.rows.start + layout.above
                last = height if turn.whole else turn.rows.stop
                below = rows_below(value) if layout.bare and last == height else 0
                found.append((i, first, last + layout.above + below))
        return found or [(-1, 0, layout.height + layout.above + (rows_below(value) if layout.bare else 0))]

    def _read(self, value: ir.Value, layout: Layout) -> dict[int, list[Access]]:
        """By the stage that reads."""
        found: dict[int, list[Access]] = {}
        for i, turn in enumerate(self.turns):
            if turn.stage < 0:
                continue
            if turn.stage == len(self.plan.stages):
                sources: tuple[ir.Value, ...] = (self.plan.output,)
            else:
                sources = self.plan.stages[turn.stage].sources
            if not any(v is value for v in sources):
                continue
            first = 0
            if not turn.whole:
                needs = reads(self.plan.stages[turn.stage])
                first = max(0, turn.rows.start * needs.stride - needs.top + layout.above)
            found.setdefault(turn.stage, []).append((i, first, 0))
        if value.name in self.after:
            found[_NEVER] = [(len(self.turns), 0, 0)]
        return found

    def _scratches(self) -> list[Buffer | None]:
        found = []
        for k, sizes in self.scratch.items():
            at = [i for i, turn in enumerate(self.turns) if turn.stage == k and (turn.rows or turn.whole)]
            spans = np.zeros((2 * len(self.turns), 2), np.int64)
            for what, size in sizes.items():
                spans[[2 * i for i in at], 1] = spans[[2 * i + 1 for i in at], 1] = aligned(size)
                found.append(_buffer(scratch_name(k, what), size, spans, spans, ()))
        return found


def tensor_name(value: ir.Value) -> str:
    return f"tensor {value.name}"


def scratch_name(k: int, what: str) -> str:
    return f"{what} of stage {k}"


def _spans(
    layout: Layout, written: list[Access], read: dict[int, list[Access]], steps: NDArray[np.int64], copies: list[bool]
) -> NDArray[np.int64]:
    """[steps, 2]: from where to where in its storage something of a tensor lives. `copies`, by turn: what it reads is
    read when it begins to write."""
    # What is held in lines makes room for new ones before anything is read.
    begins = [2 * i + int(i >= 0 and copies[i] and not layout.lines) for i, *_ in written]
    ends = {k: [2 * i + int(i >= len(copies) or not copies[i]) for i, *_ in found] for k, found in read.items()}
    last = max([2 * written[-1][0] + 1, *(e for found in ends.values() for e in found)])
    if not layout.bare or layout.lines:
        lives = (steps >= begins[0]) & (steps <= last)
        return np.stack([np.zeros_like(steps), lives * aligned(layout.size)], axis=1)
    top, end = np.full(len(steps), _NEVER), np.zeros(len(steps), np.int64)
    for k, found in read.items():
        at = np.searchsorted(ends[k], steps)
        firsts = np.array([*(first for _, first, _ in found), _NEVER])
        top = np.minimum(top, firsts[at])
    for begin, (i, first, stop) in zip(begins, written, strict=True):
        end[steps >= begin] = stop
        now = (steps >= begin) & (steps <= 2 * i + 1)
        top[now] = np.minimum(top[now], first)
    lead = layout.interior % layout.row
    lives = top < end
    return np.stack([(lead + top * layout.row) * lives, (lead + end * layout.row) * lives], axis=1)


def _buffer(
    name: str, size: int, strict: NDArray[np.int64], early: NDArray[np.int64], over: tuple[tuple[str, int], ...]
) -> Buffer | None:
    some = np.flatnonzero((strict[:, 0] < strict[:, 1]) | (early[:, 0] < early[:, 1]))
    if not some.size:
        return None
    first, last = int(some[0]), int(some[-1])
    spans: list[Spans] = [tuple((int(x), int(y)) for x, y in a[first : last + 1]) for a in (strict, early)]
    return Buffer(name, size, first, last, spans[0], spans[1], over)

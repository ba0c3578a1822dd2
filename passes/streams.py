"""Streams: consecutive stages that run in rounds of a few rows, so that what lies between them never exists whole.

Each round makes `rows` more rows of the last stage's output. To make rows, a stage has those before it make what it
still lacks, `rows` at a time as well, and of its output memory holds only the rows that somebody will read: before a
stage adds rows, those that are left move to the start of their buffer. Nothing is computed twice. Source of the idea:
line buffers of stencil pipelines (Hegarty et al., "Darkroom", 2014); here the schedule is worked out row by row, which
suits any stride, padding and branch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import onnx_ir as ir

from ..ops.base import operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.window import window
from .choose_layout import copy_layout, pads_of
from .layouts import Layout, chw
from .schedule import Schedule, Stage, base, readers

WORDS = ("lanes", "rice-lanes", "runs")
"""Encodings whose kernels read rows word by word."""
_KERNELS = (*WORDS, "vectors", "taps", "rice", "pairs", "int8")


@dataclass(frozen=True, slots=True)
class Stream:
    """Stages `first` .. `last` of a schedule (first -1: the load of the input, too), `rows` of each at a time."""

    first: int
    last: int
    rows: int

    @property
    def members(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Stage `stage` makes rows `first` .. `first + rows` of its output, whose buffer then begins with row `held`.

    Before, `moved` rows move up by `up`. The buffers of `sources` begin with the rows that `from_` says, None for those
    that exist whole. `closing`: these are the last rows.
    """

    stage: int
    first: int
    rows: int
    held: int
    up: int
    moved: int
    from_: tuple[int | None, ...]
    closing: bool

    @property
    def opening(self) -> bool:
        return self.first == 0


@dataclass(frozen=True, slots=True)
class Streamed:
    """The turns of each round in order, and how many rows of the output of each stage memory holds, by stage; 0 for
    outputs that exist whole."""

    rounds: tuple[tuple[Turn, ...], ...]
    lines: dict[int, int]

    def most(self, stage: int) -> int:
        """Rows that `stage` makes at most in one turn."""
        return max(turn.rows for turns in self.rounds for turn in turns if turn.stage == stage)


@dataclass(frozen=True, slots=True)
class Reads:
    """What a stage reads for output row y: `span` rows of its sources from y * stride - top on."""

    stride: int
    span: int
    top: int


def reads(stage: Stage) -> Reads:
    """How the rows of the stage's sources make those of its output."""
    if stage.node.op_type == "Add":
        return Reads(1, 1, 0)
    weights = shape_of(stage.node.inputs[1])[2:] if stage.node.op_type == "Conv" else None
    win = window(stage.node, weights)
    return Reads(win.strides[0], win.dilations[0] * (win.kernel[0] - 1) + 1, win.begin[0])


def output(plan: Schedule, stage: int) -> ir.Value:
    """The tensor that `stage` makes; that of stage -1 is the network's input."""
    return plan.source if stage < 0 else plan.stages[stage].output


def streams(stage: Stage, layouts: dict[str, Layout]) -> bool:
    """Whether the kernel of `stage` can make its output a few rows at a time, from tensors as `layouts` say."""
    node = stage.node
    values = [v for v in node.inputs if v is not None and v.const_value is None]
    if any(len(shape_of(v)) != 4 or chw(v) != chw(base(v)) for v in (*values, result(node), stage.output)):
        return False
    if any(not layouts[v.name or ""].is_bytes for v in (*stage.sources, stage.output)):
        return False
    if node.op_type == "Conv":
        encoding = text(node, "encoding", "")
        stored = layouts[stage.source.name or ""]
        return encoding in _KERNELS and copy_layout(node, stored, encoding in WORDS) is None
    if node.op_type in ("MaxPool", "SumPool"):
        win = window(node)
        return not win.padded and win.kernel[0] < shape_of(operand(node, 0))[2]
    return is_cardc(node, "Add")


def streams_in(plan: Schedule, layouts: dict[str, Layout]) -> bool:
    """Whether the input can be loaded a few rows at a time."""
    return len(shape_of(plan.source)) == 4 and layouts[plan.source.name or ""].is_bytes


def is_whole(plan: Schedule, stream: Stream, stage: int) -> bool:
    """Whether the output of `stage`, a member of `stream`, exists whole: somebody outside reads it."""
    value = output(plan, stage)
    behind = any(value in s.sources for s in plan.stages[stream.last + 1 :])
    return stage == stream.last or value is plan.output or behind


def lines_layout(stored: Layout, lines: int) -> Layout:
    """The layout of a tensor of which memory holds `lines` rows at a time, from that which it has where it is whole."""
    left = stored.interior % stored.row
    plane = stored.row * lines
    size = -(-(stored.channels * plane + left) // 4) * 4
    return Layout(
        stored.channels, stored.height, stored.width, plane, stored.row, stored.interior, size, 1, stored.lo,
        stored.step, stored.levels, stored.border, lines,
    )  # fmt: skip


def below(value: ir.Value) -> int:
    """Rows of border below `value` that its readers read."""
    return max((pads_of(n)[2] for n in readers(value) if is_cardc(n, "Conv")), default=0)


def simulate(plan: Schedule, stream: Stream, layouts: dict[str, Layout]) -> Streamed:
    """Which rows are made when: the schedule of `stream`."""
    run = _Run(plan, stream, layouts)
    height = chw(output(plan, stream.last))[1]
    count = -(-height // stream.rows)
    rounds = tuple(run.round(k, count) for k in range(count))
    return Streamed(rounds, run.lines)


@dataclass(slots=True)
class _Run:
    """A simulation: of each member how many rows are `done`, and which row its buffer begins with."""

    plan: Schedule
    stream: Stream
    layouts: dict[str, Layout]
    turns: list[Turn] = field(default_factory=list)
    done: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)
    height: dict[int, int] = field(default_factory=dict)
    whole: dict[int, bool] = field(default_factory=dict)
    bottom: dict[int, int] = field(default_factory=dict)
    reads: dict[int, Reads] = field(default_factory=dict)
    sources: dict[int, list[int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = {output(self.plan, k).name: k for k in self.stream.members}
        for k in self.stream.members:
            value = output(self.plan, k)
            self.done[k], self.lines[k], self.height[k] = 0, 0, chw(value)[1]
            self.held[k] = -self.layouts[value.name or ""].above
            self.whole[k] = is_whole(self.plan, self.stream, k)
            self.bottom[k] = below(value)
            self.sources[k] = [made.get(v.name) for v in self.plan.stages[k].sources] if k >= 0 else []
            if k >= 0:
                self.reads[k] = reads(self.plan.stages[k])

    def round(self, number: int, count: int) -> tuple[Turn, ...]:
        """The turns of round `number` of `count`."""
        self.turns = []
        self._make(self.stream.last, min(self.height[self.stream.last], (number + 1) * self.stream.rows))
        for k in self.stream.members:
            if self.whole[k] or number + 1 == count:  # in equal parts, so that it is complete in the end
                self._make(k, -(-self.height[k] * (number + 1) // count))
        return tuple(self.turns)

    def _make(self, k: int, target: int) -> None:
        """Turns up to row `target` of stage `k`."""
        while self.done[k] < target:
            end = min(target, self.done[k] + self.stream.rows)
            for source in self.sources[k]:
                if source is not None:
                    last = (end - 1) * self.reads[k].stride + self.reads[k].span - self.reads[k].top
                    self._make(source, min(self.height[source], last))
            self.turns.append(self._turn(k, end))

    def _turn(self, k: int, target: int) -> Turn:
        up, moved, first = 0, 0, self.done[k]
        if not self.whole[k]:
            begin = max(self.held[k], min([first, *self._wanted(k)]))
            up, moved = begin - self.held[k], first - begin
            self.held[k] = begin
            end = target + (self.bottom[k] if target == self.height[k] else 0)
            self.lines[k] = max(self.lines[k], end - begin)
        self.done[k] = target
        from_ = tuple(None if s is None or self.whole[s] else self.held[s] for s in self.sources[k])
        return Turn(
            k, first, target - first, self.held[k], up, moved if up else 0, from_, target == self.height[k]
        )  # fmt: skip

    def _wanted(self, k: int) -> list[int]:
        """The first row of the output of `k` that each of its readers has yet to read."""
        reading = [c for c in self.stream.members if k in self.sources[c] and self.done[c] < self.height[c]]
        return [self.done[c] * self.reads[c].stride - self.reads[c].top for c in reading]

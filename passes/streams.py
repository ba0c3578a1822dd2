"""Streams: consecutive stages that run in rounds of a few rows, so that what lies between them never exists whole.

In round r a stage makes the next rows of its output, up to row `rows * r + end`. Its readers set both: as many rows as
they take, and as far ahead as their windows reach, so that in the order of the stages every round finds what it reads.
Rows above and below a tensor are made like others and hold its border. Memory holds the rows of the output from the
first that somebody will read to the last: as all go on in step, that is a fixed number of `lines`, and the newest are
always the last ones. Nothing is computed twice. Sources of the idea: line buffers of stencil pipelines (Hegarty et al.,
"Darkroom", 2014), modulo schedules (Rau, 1994).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx_ir as ir

from ..ops.base import operand, result, shape_of, text
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from ..ops.window import window
from .choose_layout import WORDS, copy_layout
from .layouts import Layout, chw
from .schedule import Schedule, Stage, base

_KERNELS = (*WORDS, "vectors", "products", "patches", "straight", "taps", "rice", "pairs", "int8")


@dataclass(frozen=True, slots=True)
class Stream:
    """Stages `first` .. `last` of a schedule (first -1: the load of the input, too), `rows` of the last one a round.

    `aligned`: every stage makes whole turns of rows of its tensor, which takes more lines and fewer instructions.
    `sliding`: tensors are bare, each row has a place of its own and takes it only until it is read; with `held`, memory
    holds lines of those that only convolutions read."""

    first: int
    last: int
    rows: int
    aligned: bool = False
    sliding: bool = False
    held: bool = False

    @property
    def members(self) -> range:
        return range(self.first, self.last + 1)


@dataclass(frozen=True, slots=True)
class Pace:
    """Stage `stage` makes `rows` rows of `height` a round, in round 0 those before `end`. Memory holds `lines` of them
    (0: all). `aligned`: no turn makes rows of the tensor and others."""

    stage: int
    rows: int
    end: int
    height: int
    lines: int
    aligned: bool

    def first(self, number: int) -> int:
        """The first row of round `number`."""
        return self.rows * (number - 1) + self.end

    def made(self, number: int) -> range:
        """The rows of the tensor that round `number` makes."""
        return range(max(0, self.first(number)), min(self.height, self.first(number) + self.rows))


@dataclass(frozen=True, slots=True)
class Streamed:
    """How the members of a stream run: rounds `begin` .. `begin + rounds`."""

    paces: tuple[Pace, ...]
    begin: int
    rounds: int

    def of(self, stage: int) -> Pace:
        """The pace of a member."""
        return self.paces[stage - self.paces[0].stage]


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
    stored = [layouts[v.name or ""] for v in (*stage.sources, stage.output)]
    if any(not one.is_bytes or one.row > 0xFFFF for one in stored):  # as cardc_strip has it
        return False
    if node.op_type == "Conv":
        encoding = text(node, "encoding", "")
        return encoding in _KERNELS and copy_layout(node, stored[0], encoding in WORDS) is None
    if node.op_type in ("MaxPool", "SumPool"):
        win = window(node)
        return not win.padded and win.kernel[0] < shape_of(operand(node, 0))[2]
    return is_cardc(node, "Add")


def streams_in(plan: Schedule, layouts: dict[str, Layout]) -> bool:
    """Whether the input can be loaded a few rows at a time."""
    q = qtype(plan.source)
    small = q.lo >= -128 and q.hi < (128 if q.lo < 0 else 256)
    return len(shape_of(plan.source)) == 4 and layouts[plan.source.name or ""].is_bytes and small


def is_whole(plan: Schedule, stream: Stream, stage: int) -> bool:
    """Whether the output of `stage`, a member of `stream`, exists whole: somebody outside reads it."""
    value = output(plan, stage)
    behind = any(value in s.sources for s in plan.stages[stream.last + 1 :])
    return stage == stream.last or value is plan.output or behind


def lines_layout(stored: Layout, lines: int) -> Layout:
    """The layout of a tensor of which memory holds `lines` rows at a time, from that which it has where it is whole."""
    left = stored.interior % stored.row
    if stored.bare:
        rest = stored.size - left - (stored.above + stored.height) * stored.row
        size = left + lines * stored.row + rest % stored.row
        return replace(stored, interior=left, size=size, lines=lines)
    plane = stored.row * lines
    size = -(-(stored.channels * plane + left) // 4) * 4
    return replace(stored, plane=plane, interior=left, size=size, lines=lines)


def pace(plan: Schedule, stream: Stream, layouts: dict[str, Layout]) -> Streamed | None:
    """How `stream` runs; None where its readers disagree on how many rows a stage makes, or one that must make whole
    turns cannot."""
    made = {output(plan, k).name: k for k in stream.members}
    rounds = -(-chw(output(plan, stream.last))[1] // stream.rows)
    paces: dict[int, Pace] = {}
    for k in reversed(stream.members):
        value = output(plan, k)
        users = [c for c in paces if value in plan.stages[c].sources]
        found = _pace(k, [(paces[c], reads(plan.stages[c])) for c in users], chw(value)[1], stream, rounds)
        whole = is_whole(plan, stream, k)
        outside = k < 0 or any(v.name not in made for v in plan.stages[k].sources)
        if found is None:
            return None
        added = any(plan.stages[c].node.op_type == "Add" for c in users)
        if not stream.sliding and (whole or outside or stream.aligned):
            found = replace(found, aligned=True, end=_whole(found))
            if found.height % found.rows:
                return None
        first = [(paces[c].first(0), reads(plan.stages[c])) for c in users]
        lines = max([found.rows, *(found.end - (row * r.stride - r.top) for row, r in first)])
        paces[k] = replace(found, lines=0 if whole or (stream.sliding and (added or not stream.held)) else lines)
    begin = min((p.rows - p.end) // p.rows for p in paces.values())
    return Streamed(tuple(paces[k] for k in stream.members), begin, rounds - begin)


def _whole(pace: Pace) -> int:
    """The end of the round in which whole turns reach that of `pace`."""
    return -(-pace.end // pace.rows) * pace.rows


def _pace(k: int, users: list[tuple[Pace, Reads]], height: int, stream: Stream, rounds: int) -> Pace | None:
    """Of stage `k`, for what its readers need."""
    if k == stream.last:
        return Pace(k, stream.rows, stream.rows, height, 0, aligned=False)
    rates = {p.rows * r.stride for p, r in users}
    if len(rates) != 1:
        return None
    (rows,) = rates
    ends = [(p.end - 1) * r.stride + r.span - r.top for p, r in users]
    # Rows that nobody reads are made too: every tensor is complete behind the last round.
    return Pace(k, rows, max([*ends, height - rows * (rounds - 1)]), height, 0, aligned=False)

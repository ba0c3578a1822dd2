"""plan-memory: a layout for every integer tensor and a place for each in one arena; nothing is computed.

A tensor lives from the stage that writes it to the last stage that reads it; scratch lives during its stage. The
result of the last stage goes straight to the caller's buffer where it is a plain integer. For the smallest memory, or
where the target has no more, stages run as streams (see streams), between which a few rows of a tensor live. Writes
metadata:

    tensor   cardc.layout (see layouts), cardc.offset (bytes into the arena; absent: the caller's output buffer)
    node     cardc.scratch: {name: [offset, bytes]} with names `copy`, `planes`, `table`, `work`;
             cardc.rows: how many rows it makes at most at a time (absent: all), cardc.band: of runs, how many in a band
    model    cardc.arena_bytes, cardc.arena_lower_bound (largest live set), cardc.output_bytes,
             cardc.streams: [[first stage, last stage, rows a round, aligned, sliding, held]]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import onnx_ir as ir

from ..errors import CompileError
from ..ops.base import text
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .arena import Placement, place
from .bare import bare_layout
from .base import Pass, PassLog
from .choose_layout import BEHIND, WORDS, choose_layout, gives_levels, plain_layout, plain_width
from .choose_streams import Memory, choose_streams
from .layouts import Layout, chw, layout_of, set_layout
from .order_branches import order_branches
from .schedule import MOVES, Schedule, readers, schedule
from .scratch import BAND, ROWS, band_of, rows_of, scratch_sizes
from .streams import Stream, Streamed, lines_layout, output, pace
from .timeline import Timeline, Turn, scratch_name, tensor_name, turns_of, whole_turn

OFFSET, SCRATCH = "cardc.offset", "cardc.scratch"
ARENA, BOUND, STREAMS = "cardc.arena_bytes", "cardc.arena_lower_bound", "cardc.streams"
SLACK = 16
"""Bytes behind a tensor that a lane-packed kernel may read (CARDC_SLACK in cardc_types.h)."""

_TOO_BIG = 2**31 - 1
_MOST = 64  # streams
_OTHERS = 2048  # bytes that stack and static data may take of a target's memory; of a small one, an eighth


Placed = tuple[Memory, Placement, list[dict[str, int]]]
"""A way to run, its places, and the scratch memory of each stage by name."""


@dataclass(frozen=True)
class PlanMemory(Pass):
    """`ram` are the target's bytes of memory (0: no limit): what does not fit there is streamed, in as few instructions
    as its core's `features` let expect. With `optimize` "size", all is that saves memory; with "balanced", what makes
    the product of memory and instructions smaller. `streams`, given, are taken as they are, for tests."""

    name: ClassVar[str] = "plan-memory"
    ram: int = 0
    optimize: str = "speed"
    features: tuple[str, ...] = ()
    streams: tuple[Stream, ...] | None = None

    def run(self, model: ir.Model, log: PassLog) -> int:
        order_branches(model)
        plan = schedule(model)
        values = [plan.source, *(s.output for s in plan.stages)]
        layouts = _set_layouts(plan)
        for value in values:
            _check_size(value, layouts[value.name or ""].size)
        ways = self._streams(plan, layouts)
        memory, placement, scratch = self._placed(plan, ways, layouts)
        chosen = [stream for stream, _ in memory.streams]
        _write(plan, placement, scratch)
        ends = [_end(value) for value in values if OFFSET in value.metadata_props]
        arena = max([placement.arena, *ends])
        if arena > _TOO_BIG:
            raise CompileError(f"the activations take {arena} bytes", fix="use a smaller model or input")
        model.metadata_props[ARENA] = str(arena)
        model.metadata_props[BOUND] = str(placement.lower_bound)
        model.metadata_props[STREAMS] = json.dumps(
            [[s.first, s.last, s.rows, int(s.aligned), int(s.sliding), int(s.held)] for s in chosen]
        )
        log.notes.append(f"arena of {arena} bytes; the largest live set is {placement.lower_bound}")
        for s in chosen:
            names = [output(plan, k).name for k in (s.first, s.last)]
            log.notes.append(f"{names[0]} .. {names[1]} by {s.rows} rows a round")
        return len(values)

    def _placed(self, plan: Schedule, ways: list[Memory], layouts: dict[str, Layout]) -> Placed:
        """The best of `ways` with its places; where these take more than what lives, perhaps with streams that hold
        their tensors otherwise."""
        most = self._most(plan, layouts)

        def cost(one: Placed) -> tuple[bool, float]:
            """What does not fit last; then instructions, or for less memory bytes times instructions."""
            memory, placement, _ = one
            bytes_ = 1 if self.optimize == "speed" else placement.arena
            return 0 < most < placement.arena, memory.instructions * bytes_

        best = min((_place(plan, way, layouts) for way in ways), key=cost)
        if self.streams is None and best[1].arena > best[1].lower_bound:
            others = [_held(plan, way, layouts, [held] * _MOST) for way in ways for held in (False, True)]
            best = min([best, *(_place(plan, way, layouts) for way in others if way not in ways)], key=cost)
            held = [stream.held for stream, _ in best[0].streams]
            turned = [[not h if i == k else h for i, h in enumerate(held)] for k in range(len(held))]
            others = [_held(plan, best[0], layouts, flags) for flags in turned]
            best = min([best, *(_place(plan, way, layouts) for way in others if way != best[0])], key=cost)
        _arrange(plan, best[0], layouts)
        return best

    def _most(self, plan: Schedule, layouts: dict[str, Layout]) -> int:
        """Bytes that the arena may take; 0: any."""
        return _room(plan, layouts, self.ram) if self.ram else 0

    def _streams(self, plan: Schedule, layouts: dict[str, Layout]) -> list[Memory]:
        if self.streams is not None:
            return [Memory(tuple((stream, paced(plan, stream, layouts)) for stream in self.streams))]
        most = self._most(plan, layouts)
        return choose_streams(plan, layouts, to_caller, frozenset(self.features), self.optimize, most)


def has_room(model: ir.Model, ram: int) -> bool:
    """Whether the arena that was planned for `model` fits `ram` bytes, beside input, output and all else."""
    plan = schedule(model)
    layouts = {v.name or "": layout_of(v) for v in (plan.source, plan.output)}
    return int(model.metadata_props[ARENA]) <= _room(plan, layouts, ram)


def _room(plan: Schedule, layouts: Mapping[str, Layout], ram: int) -> int:
    """What of `ram` bytes is left for an arena."""
    given = sum(layouts[v.name or ""].elements * width for v, width in ((plan.source, 1), (plan.output, 2)))
    return max(1, ram - min(_OTHERS, ram // 8) - given)


def _held(plan: Schedule, way: Memory, layouts: dict[str, Layout], held: Sequence[bool]) -> Memory:
    """`way` with streams in which rows come and go holding lines or not."""
    streams = [replace(s, held=h) if s.sliding else s for (s, _), h in zip(way.streams, held, strict=False)]
    return replace(way, streams=tuple((s, paced(plan, s, layouts)) for s in streams))


def _arrange(plan: Schedule, memory: Memory, layouts: dict[str, Layout]) -> list[ir.Value]:
    """Give every tensor its layout and every stage its rows; the tensors."""
    values = [plan.source, *(stage.output for stage in plan.stages)]
    for value in values:
        set_layout(value, layouts[value.name or ""])
    _set_rows(plan, memory, layouts)
    return values


def _place(plan: Schedule, memory: Memory, layouts: dict[str, Layout]) -> Placed:
    """Arrange everything, and find places for tensors and scratch memory."""
    values = _arrange(plan, memory, layouts)
    scratch = [scratch_sizes(stage, rows_of(stage), band_of(stage)) for stage in plan.stages]
    found = {v.name or "": layout_of(v) for v in values}
    line = Timeline(plan, _turns(plan, memory, found), found, dict(enumerate(scratch)))
    return memory, place(line.buffers(v for v in values if not to_caller(plan, v))), scratch


def _set_layouts(plan: Schedule) -> dict[str, Layout]:
    """Give every tensor the layout that it has where it is whole; by name."""
    _forget_rows(plan)
    layouts: dict[str, Layout] = {}
    for value in (output(plan, k) for k in range(-1, len(plan.stages))):
        layout = output_layout(value) if to_caller(plan, value) else choose_layout(value, _word_rows(value))
        set_layout(value, layout)
        layouts[value.name or ""] = layout
    return layouts


def _forget_rows(plan: Schedule) -> None:
    """Those of another way to run, or of a plan made before."""
    for stage in plan.stages:
        stage.node.metadata_props.pop(ROWS, None)
        stage.node.metadata_props.pop(BAND, None)


def streams_of(model: ir.Model) -> list[Stream]:
    """The streams that plan-memory chose for `model`."""
    try:
        found = json.loads(model.metadata_props.get(STREAMS, "[]"))
        return [Stream(int(k), int(n), int(rows), bool(a), bool(s), bool(h)) for k, n, rows, a, s, h in found]
    except (ValueError, TypeError) as error:
        fix = "write the stage again with --stop-after"
        raise CompileError("the model's streams are malformed", fix=fix) from error


def paced(plan: Schedule, stream: Stream, layouts: dict[str, Layout]) -> Streamed:
    """How `stream` runs. Raises CompileError where it cannot."""
    found = pace(plan, stream, layouts)
    if found is None:
        what = f"stages {stream.first} .. {stream.last} cannot run {stream.rows} rows at a time"
        raise CompileError(what, fix="compile again from the imported model")
    return found


def to_caller(plan: Schedule, value: ir.Value) -> bool:
    """Whether `value` is the result, written by a kernel that can write it as plain integers for the caller."""
    if value is not plan.output or not plan.stages or value is not plan.stages[-1].output or readers(value):
        return False
    # Levels are bytes, and moves keep what they read; one more stage stores those into the caller's buffer.
    return not gives_levels(value) and plan.stages[-1].node.op_type not in MOVES


def output_layout(value: ir.Value) -> Layout:
    """How the caller gets the result: the narrowest of int16, int32 and int64, in the order of the graph."""
    return plain_layout(chw(value), plain_width(qtype(value)))


def _set_rows(plan: Schedule, memory: Memory, layouts: dict[str, Layout]) -> None:
    """Give the tensors within streams their layouts, the stages their rows and bands."""
    _forget_rows(plan)
    for stream, streamed in memory.streams:
        for k in stream.members if stream.sliding else ():
            for touched in (output(plan, k), *(plan.stages[k].sources if k >= 0 else ())):
                set_layout(touched, bare_layout(touched, layouts[touched.name or ""]))
        for k in stream.members:
            value, one = output(plan, k), streamed.of(k)
            if one.lines:
                set_layout(value, lines_layout(layout_of(value), one.lines))
            if k >= 0:
                plan.stages[k].node.metadata_props[ROWS] = str(one.rows)
    for k, band in memory.bands.items():
        plan.stages[k].node.metadata_props[BAND] = str(band)


def steps_of(plan: Schedule, streams: Sequence[Stream]) -> list[int]:
    """When each stage runs, by its number, that of the load first: those of a stream at the same time."""
    steps = list(range(len(plan.stages) + 1))
    for stream in streams:
        for k in stream.members:
            steps[k + 1] = stream.last + 1
    return steps


def lifetimes(plan: Schedule, streams: Sequence[Stream]) -> list[tuple[ir.Value, int, int]]:
    """Each tensor in the arena with the steps of its first and its last use. Step 0 writes the input, step k + 1 is
    stage k, and the step behind the last stores a result of bytes."""
    at = steps_of(plan, streams)
    last = {id(plan.output): len(plan.stages) + 1}
    for k, stage in enumerate(plan.stages):
        for source in stage.sources:
            last[id(source)] = max(at[k + 1], last.get(id(source), 0))
    written = [(output(plan, k), at[k + 1]) for k in range(-1, len(plan.stages))]
    return [(v, first, max(first, last.get(id(v), 0))) for v, first in written if not to_caller(plan, v)]


def _turns(plan: Schedule, memory: Memory, layouts: dict[str, Layout]) -> list[Turn]:
    """Every call of an inference."""
    found: list[Turn] = []
    inside = {k for stream, _ in memory.streams for k in stream.members}
    for k in range(-1, len(plan.stages) + 1 - int(to_caller(plan, plan.output))):
        begun = [pair for pair in memory.streams if pair[0].first == k]
        found += [turn for stream, streamed in begun for turn in turns_of(plan, stream, streamed, layouts)]
        found += [] if k in inside else [whole_turn(plan, k, layouts, memory.bands.get(k, 0))]
    return found


def _write(plan: Schedule, placement: Placement, scratch: list[dict[str, int]]) -> None:
    """Offsets of tensors and scratch memory."""
    for k in range(-1, len(plan.stages)):
        value = output(plan, k)
        value.metadata_props.pop(OFFSET, None)
        if not to_caller(plan, value):
            value.metadata_props[OFFSET] = str(placement.offsets[tensor_name(value)])
    for k, (stage, sizes) in enumerate(zip(plan.stages, scratch, strict=True)):
        spans = {what: [placement.offsets.get(scratch_name(k, what), 0), size] for what, size in sizes.items()}
        stage.node.metadata_props[SCRATCH] = json.dumps(spans, separators=(",", ":"))


def _word_rows(value: ir.Value, encodings: tuple[str, ...] = WORDS) -> bool:
    return any(is_cardc(n, "Conv") and text(n, "encoding", "") in encodings for n in readers(value))


def _end(value: ir.Value) -> int:
    layout = layout_of(value)
    slack = SLACK if _word_rows(value, BEHIND) else 0
    return int(value.metadata_props[OFFSET]) + layout.size + slack


def _check_size(value: ir.Value, size: int) -> None:
    if size > _TOO_BIG or max(chw(value)) > 0xFFFF:
        raise CompileError(
            f"tensor {value.name!r} of shape {list(chw(value))} takes {size} bytes",
            node=value.producer(),
            fix="use a smaller input or fewer channels (at most 65,535 along an axis)",
        )

"""Which stages run as streams, and in which bands convolutions go by runs: memory weighed against instructions.

A way from the load to the end takes each stage once, alone or in a stream. Its peak is the largest live set, its effort
the instructions that it takes more than all stages alone, as estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from ..ops.base import text
from .arena import aligned, live_bytes
from .bare import bare_layout, can_be_bare, slides
from .layouts import Layout
from .schedule import Schedule
from .scratch import scratch_sizes
from .stream_costs import stage_cost
from .streams import Stream, Streamed, lines_layout, output, pace, streams, streams_in
from .timeline import Timeline, Turn, turns_of, whole_turn

_LONGEST = 24  # stages of a stream
_WORTH, _LEAST = 8, 512  # what saves less than this part of the memory, or bytes, is not worth its code
_SLOWER = 0.25  # how much more instructions "balanced" takes at most for less memory
_PARTS = (100, 95, 90, 85, 75, 60)  # per cent of the memory that live sets may take, should places need the rest
_BEST, _ALMOST = 4, 1.05  # so many ways whose product is at most so much above the least
_MOVE = 0.8  # instructions for a byte that is moved
_SLIDING = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16)  # rows of the last stage a round


@dataclass(frozen=True, slots=True)
class Memory:
    """The streams that were chosen, in order, and for some stages (by number) how many rows a band of runs has.
    `instructions` as estimated, of all stages."""

    streams: tuple[tuple[Stream, Streamed], ...] = ()
    bands: Mapping[int, int] = field(default_factory=dict)
    instructions: float = 1.0


@dataclass(frozen=True, slots=True)
class Option:
    """Stages that run together, or one alone: bytes that live meanwhile, and instructions that it takes more."""

    begin: int
    end: int
    peak: int
    effort: float
    stream: tuple[Stream, Streamed] | None = None
    band: int = 0


Way = Sequence[Option]


def choose_streams(
    plan: Schedule, layouts: dict[str, Layout], to_caller: Callable[[Schedule, ir.Value], bool],
    features: frozenset[str], optimize: str, most: int,
) -> list[Memory]:  # fmt: skip
    """How the stages of `plan` run, the best first; `layouts` are those of whole tensors.

    For "size" in the least memory. Else in at most `most` bytes (0: any), where that can be; "balanced": such that the
    product of bytes and instructions is the least, else such that instructions are. There are several where the places
    that are found for them may decide.
    """
    search = _Search(plan, layouts, to_caller, features)
    end, alone = len(plan.stages), [search.alone(k) for k in range(-1, len(plan.stages))]
    largest = max(option.peak for option in alone)
    if optimize == "speed" and (most == 0 or largest <= most):
        return [Memory()]
    options = [*alone, *search.bands(), *search.streams(), *search.sliding()]
    least = _smallest(options, end)
    if least > largest - max(largest // _WORTH, _LEAST) and (most == 0 or largest <= most):
        return [Memory()]
    match optimize:
        case "size":
            ways = [_cheapest(options, end, least)]
        case "balanced":
            ways = _balanced(options, end, max(least, most) if most else largest, search.total())
        case _:
            limits = [max(least, most * part // 100) for part in _PARTS]
            ways = list(filter(None, (_cheapest(options, end, limit) for limit in dict.fromkeys(limits))))
    return [_memory(way, search.total()) for way in ways] or [Memory()]


def _memory(way: Way, total: float) -> Memory:
    streams = tuple(o.stream for o in way if o.stream)
    return Memory(streams, {o.begin: o.band for o in way if o.band}, total + sum(o.effort for o in way))


def _smallest(options: list[Option], end: int) -> int:
    """The least peak of a way."""
    best = {-1: 0}
    for option in sorted(options, key=lambda o: o.begin):
        if option.begin in best:
            peak = max(best[option.begin], option.peak)
            best[option.end] = min(best.get(option.end, peak), peak)
    return best[end]


def _cheapest(options: list[Option], end: int, limit: int) -> Way:
    """The way of least effort of which no option's peak is above `limit`; the fewest bytes among equals. Empty where
    there is none."""
    best: dict[int, tuple[tuple[float, int], list[Option]]] = {-1: ((0, 0), [])}
    for option in sorted(options, key=lambda o: o.begin):
        if option.begin in best and option.peak <= limit:
            (effort, peak), way = best[option.begin]
            cost = (effort + option.effort, max(peak, option.peak))
            if option.end not in best or cost < best[option.end][0]:
                best[option.end] = cost, [*way, option]
    return best[end][1] if end in best else []


def _balanced(options: list[Option], end: int, limit: int, total: float) -> list[Way]:
    """The ways up to `limit` whose peak times instructions, `total` and its effort, is the least or almost; of those
    that take at most a quarter more, if any does."""
    found: list[tuple[float, Way]] = []
    for peak in sorted({o.peak for o in options if o.peak <= limit}, reverse=True):  # from the fastest on
        way = _cheapest(options, end, peak)
        if way:
            effort = sum(o.effort for o in way)
            product = max(o.peak for o in way) * (total + effort)
            if not found or (effort <= _SLOWER * total and all(way != other for _, other in found)):
                found.append((product, way))
    found.sort(key=lambda one: one[0])
    return [way for product, way in found[:_BEST] if product <= _ALMOST * found[0][0]]


@dataclass
class _Search:
    """`plan` with what each stage would take."""

    plan: Schedule
    layouts: dict[str, Layout]
    to_caller: Callable[[Schedule, ir.Value], bool]
    features: frozenset[str]
    last: dict[str, int] = field(default_factory=dict)
    turns: dict[tuple[int, int], tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for k, stage in enumerate(self.plan.stages):
            self.last.update({value.name or "": k for value in stage.sources})
        self.last[self.plan.output.name or ""] = len(self.plan.stages)

    def alone(self, k: int, band: int = 0) -> Option:
        """Stage `k` as it is, in bands of `band` rows where it goes by runs (0: as it would)."""
        if k < 0:
            return Option(k, k + 1, self._size(k), 0)
        stage, height = self.plan.stages[k], self._height(k)
        scratch = sum(map(aligned, scratch_sizes(stage, 0, band).values()))
        effort = stage_cost(stage, height, 1, self.features, band) - self._cost(k) if band else 0.0
        peak = self._peak(k, k, [whole_turn(self.plan, k, self.layouts, band)], self.layouts, {k: scratch})
        return Option(k, k + 1, peak, effort, None, band)

    def bands(self) -> list[Option]:
        """Stages alone whose scratch memory is that of lower bands."""
        found = []
        for k, stage in enumerate(self.plan.stages):
            if text(stage.node, "encoding", "") == "runs":
                found += [self.alone(k, band) for band in (1, 2, 4, 8, 16) if band < self._height(k)]
        return found

    def total(self) -> float:
        """Instructions of all stages alone."""
        return sum(self._cost(k) for k in range(len(self.plan.stages)))

    def streams(self) -> list[Option]:
        """Every stream that can be."""
        fits = [streams_in(self.plan, self.layouts), *(streams(s, self.layouts) for s in self.plan.stages)]
        found = []
        for first in range(-1, len(self.plan.stages)):
            for last in range(first + 1, min(len(self.plan.stages), first + _LONGEST)):
                if not fits[first + 1] or not fits[last + 1]:
                    break
                found += self._of(first, last)
        return found

    def _of(self, first: int, last: int) -> list[Option]:
        if self.to_caller(self.plan, output(self.plan, last)):
            return []
        height = self._height(last)
        rows = [n for n in range(1, height // 2 + 1) if height % n == 0]
        wanted = [Stream(first, last, n, whole) for n in rows for whole in (False, True)]
        found = [(stream, pace(self.plan, stream, self.layouts)) for stream in wanted]
        return [self._option(stream, streamed) for stream, streamed in found if streamed is not None]

    def sliding(self) -> list[Option]:
        """Every stream in which rows come and go."""
        source = can_be_bare(self.plan, self.plan.source, self.layouts[self.plan.source.name or ""])
        fits = [
            source and streams_in(self.plan, self.layouts),
            *(slides(self.plan, s, self.layouts) for s in self.plan.stages),
        ]
        found = []
        for first in range(-1, len(self.plan.stages)):
            for last in range(first + 1, min(len(self.plan.stages), first + _LONGEST)):
                if not fits[first + 1] or not fits[last + 1]:
                    break
                rows = [n for n in _SLIDING if n <= self._height(last) // 2]
                wanted = [Stream(first, last, n, False, True, held) for n in rows for held in (False, True)]
                streamed = [(stream, pace(self.plan, stream, self.layouts)) for stream in wanted]
                found += [self._slide(stream, one) for stream, one in streamed if one is not None]
        return found

    def _slide(self, stream: Stream, streamed: Streamed) -> Option:
        touched = {v.name or "": v for k in stream.members for v in (output(self.plan, k), *self._sources(k))}
        layouts = self.layouts | {name: bare_layout(v, self.layouts[name]) for name, v in touched.items()}
        lines = {output(self.plan, p.stage).name or "": p for p in streamed.paces if p.lines}
        layouts |= {name: lines_layout(layouts[name], p.lines) for name, p in lines.items()}
        moved = sum((p.lines - p.rows) * layouts[name].row for name, p in lines.items()) * streamed.rounds
        turns = turns_of(self.plan, stream, streamed, layouts)
        rows = {p.stage: p.rows for p in streamed.paces if p.stage >= 0}
        peak = self._peak(stream.first, stream.last, turns, layouts, {k: self._turn(k, n)[0] for k, n in rows.items()})
        effort = sum(self._turn(t.stage, len(t.rows))[1] for t in turns if t.stage >= 0 and t.rows)
        effort += moved * _MOVE - sum(map(self._cost, rows))
        return Option(stream.first, stream.last + 1, peak, effort, (stream, streamed))

    def _peak(
        self, first: int, last: int, turns: list[Turn], layouts: Mapping[str, Layout], scratch: Mapping[int, int]
    ) -> int:
        """The largest live set of `turns`, those of stages `first` .. `last`."""
        own = {v.name or "": v for k in range(first, last + 1) for v in (output(self.plan, k), *self._sources(k))}
        own = {name: v for name, v in own.items() if not self.to_caller(self.plan, v)}
        after = {name for name in own if self.last.get(name, -1) > last}
        line = Timeline(self.plan, turns, layouts, {k: {"": size} for k, size in scratch.items() if size}, after)
        buffers = line.buffers(own.values())
        return self._live(first, last, own) + (int(live_bytes(buffers).max()) if buffers else 0)

    def _sources(self, k: int) -> tuple[ir.Value, ...]:
        return self.plan.stages[k].sources if k >= 0 else ()

    def _option(self, stream: Stream, streamed: Streamed) -> Option:
        peak, scratch, effort = self._live(stream.first, stream.last), 0, 0.0
        for k, one in zip(stream.members, streamed.paces, strict=True):
            layout = self.layouts[output(self.plan, k).name or ""]
            peak += aligned(lines_layout(layout, one.lines).size if one.lines else layout.size)
            moved = max(0, one.lines - one.rows) * layout.channels * layout.row
            effort += streamed.rounds * moved * _MOVE
            if k >= 0:
                bytes_, each = self._turn(k, one.rows)
                scratch = max(scratch, bytes_)
                rows = [one.first(streamed.begin + r) for r in range(streamed.rounds)]
                effort += each * sum(-one.rows < row < one.height for row in rows) - self._cost(k)
        return Option(stream.first, stream.last + 1, peak + scratch, effort, (stream, streamed))

    def _cost(self, k: int) -> float:
        """Instructions of stage `k` alone."""
        return self._turn(k, self._height(k))[1]

    def _turn(self, k: int, rows: int) -> tuple[int, float]:
        """Scratch memory of stage `k` for `rows` rows at a time, and instructions."""
        if (k, rows) not in self.turns:
            stage = self.plan.stages[k]
            scratch = sum(map(aligned, scratch_sizes(stage, rows).values()))
            self.turns[k, rows] = scratch, stage_cost(stage, rows, 1, self.features)
        return self.turns[k, rows]

    def _height(self, k: int) -> int:
        return self.layouts[output(self.plan, k).name or ""].height

    def _live(self, first: int, last: int, own: Container[str] = ()) -> int:
        """Bytes of the tensors that live while stages `first` .. `last` run, made before them; but for `own`."""
        before = [output(self.plan, k).name or "" for k in range(-1, first)]
        before = [name for name in before if name not in own]
        return sum(aligned(self.layouts[name].size) for name in before if self.last.get(name, -1) >= first)

    def _size(self, k: int) -> int:
        value = output(self.plan, k)
        return 0 if self.to_caller(self.plan, value) else aligned(self.layouts[value.name or ""].size)

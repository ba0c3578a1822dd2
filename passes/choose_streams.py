"""Which stages run as streams, and in which bands convolutions go by runs: memory weighed against instructions.

A way from the load to the end takes each stage once, alone or in a stream. Its peak is the largest live set, its effort
the instructions that it takes more than all stages alone, as estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from ..ops.base import text
from .arena import aligned
from .layouts import Layout
from .schedule import Schedule
from .scratch import scratch_sizes
from .stream_costs import stage_cost
from .streams import Stream, Streamed, lines_layout, output, pace, streams, streams_in

_LONGEST = 24  # stages of a stream
_WORTH, _LEAST = 8, 512  # what saves less than this part of the memory, or bytes, is not worth its code
_SLOWER = 0.25  # how much more instructions "balanced" takes at most for less memory
_MOVE = 0.8  # instructions for a byte that is moved


@dataclass(frozen=True, slots=True)
class Memory:
    """The streams that were chosen, in order, and for some stages (by number) how many rows a band of runs has."""

    streams: tuple[tuple[Stream, Streamed], ...]
    bands: Mapping[int, int]


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
) -> Memory:  # fmt: skip
    """How the stages of `plan` run; `layouts` are those of whole tensors.

    For "size" in the least memory. Else in at most `most` bytes (0: any), where that can be; "balanced": such that the
    product of bytes and instructions is the least, else such that instructions are.
    """
    search = _Search(plan, layouts, to_caller, features)
    end, alone = len(plan.stages), [search.alone(k) for k in range(-1, len(plan.stages))]
    largest = max(option.peak for option in alone)
    if optimize == "speed" and (most == 0 or largest <= most):
        return Memory((), {})
    options = [*alone, *search.bands(), *search.streams()]
    least = _smallest(options, end)
    if least > largest - max(largest // _WORTH, _LEAST) and (most == 0 or largest <= most):
        return Memory((), {})
    match optimize:
        case "size":
            way = _cheapest(options, end, least)
        case "balanced":
            way = _balanced(options, end, max(least, most) if most else largest, search.total())
        case _:
            way = _cheapest(options, end, max(least, most))
    return Memory(tuple(o.stream for o in way if o.stream), {o.begin: o.band for o in way if o.band})


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


def _balanced(options: list[Option], end: int, limit: int, total: float) -> Way:
    """The way up to `limit` whose peak times instructions, `total` and its effort, is the least; of those that take at
    most a quarter more, if any does."""
    best: tuple[float, Way] | None = None
    for peak in sorted({o.peak for o in options if o.peak <= limit}, reverse=True):  # from the fastest on
        way = _cheapest(options, end, peak)
        if way:
            effort = sum(o.effort for o in way)
            product = max(o.peak for o in way) * (total + effort)
            if best is None or (product < best[0] and effort <= _SLOWER * total):
                best = product, way
    return best[1] if best is not None else []


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
        return Option(k, k + 1, self._live(k, k) + self._size(k) + scratch, effort, None, band)

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

    def _live(self, first: int, last: int) -> int:
        """Bytes of the tensors that live while stages `first` .. `last` run, made before them."""
        before = [output(self.plan, k).name or "" for k in range(-1, first)]
        return sum(aligned(self.layouts[name].size) for name in before if self.last.get(name, -1) >= first)

    def _size(self, k: int) -> int:
        value = output(self.plan, k)
        return 0 if self.to_caller(self.plan, value) else aligned(self.layouts[value.name or ""].size)

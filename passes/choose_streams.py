"""Which stages run as streams: those that bring the largest live set down, and no more than that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ..ops.base import constant, text
from .arena import aligned
from .layouts import Layout
from .schedule import Schedule
from .scratch import scratch_sizes
from .streams import Stream, Streamed, lines_layout, output, pace, streams, streams_in

_LONGEST = 24  # stages of a stream
_WORTH, _LEAST = 8, 512  # streams that save less than this part of the memory, or bytes, are not worth their code
_TURN, _DECODE = 150, 45  # instructions: what a turn takes, and what each weight to be decoded


@dataclass(frozen=True, slots=True)
class Option:
    """Stages that run together, or one alone: bytes that live meanwhile, and instructions that it takes more."""

    stream: Stream | None
    begin: int
    end: int
    peak: int
    effort: int
    streamed: Streamed | None


def choose_streams(
    plan: Schedule, layouts: dict[str, Layout], to_caller: Callable[[Schedule, ir.Value], bool], *,
    smallest: bool, most: int,
) -> list[tuple[Stream, Streamed]]:  # fmt: skip
    """Disjoint streams of `plan`, in order; `layouts` are those of whole tensors.

    None where the largest live set is at most `most` bytes anyway (0: no limit); with `smallest`, those that make it as
    small as it gets. Where nothing comes below `most`, the same.
    """
    search = _Search(plan, layouts, to_caller)
    alone = [search.alone(k) for k in range(-1, len(plan.stages))]
    largest = max(option.peak for option in alone)
    if not smallest and (most == 0 or largest <= most):
        return []
    options = [*alone, *search.streams()]
    least = _smallest(options, len(plan.stages))
    if smallest and least > largest - max(largest // _WORTH, _LEAST):
        return []
    limit = least if smallest else max(least, most)
    found = _cheapest(options, len(plan.stages), limit)
    return [(o.stream, o.streamed) for o in found if o.stream is not None and o.streamed is not None]


def _smallest(options: list[Option], end: int) -> int:
    """The least peak of a way from the load to the end that takes every stage once."""
    best = {-1: 0}
    for option in sorted(options, key=lambda o: o.begin):
        if option.begin in best:
            peak = max(best[option.begin], option.peak)
            best[option.end] = min(best.get(option.end, peak), peak)
    return best[end]


def _cheapest(options: list[Option], end: int, limit: int) -> list[Option]:
    """The way of least effort of which no option's peak is above `limit`; the fewest bytes among equals."""
    best: dict[int, tuple[tuple[int, int], list[Option]]] = {-1: ((0, 0), [])}
    for option in sorted(options, key=lambda o: o.begin):
        if option.begin in best and option.peak <= limit:
            (effort, peak), way = best[option.begin]
            cost = (effort + option.effort, max(peak, option.peak))
            if option.end not in best or cost < best[option.end][0]:
                best[option.end] = cost, [*way, option]
    return best[end][1]


@dataclass
class _Search:
    """`plan` with what each stage would take."""

    plan: Schedule
    layouts: dict[str, Layout]
    to_caller: Callable[[Schedule, ir.Value], bool]
    last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for k, stage in enumerate(self.plan.stages):
            self.last.update({value.name or "": k for value in stage.sources})
        self.last[self.plan.output.name or ""] = len(self.plan.stages)

    def alone(self, k: int) -> Option:
        """Stage `k` as it is."""
        scratch = sum(map(aligned, scratch_sizes(self.plan.stages[k]).values())) if k >= 0 else 0
        return Option(None, k, k + 1, self._live(k, k) + self._size(k) + scratch, 0, None)

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
        value, found, rows = output(self.plan, last), [], 1
        if self.to_caller(self.plan, value):
            return []
        while rows < self.layouts[value.name or ""].height:
            stream = Stream(first, last, rows)
            streamed = pace(self.plan, stream, self.layouts)
            if streamed is not None:
                found.append(self._option(stream, streamed))
            rows *= 2
        return found

    def _option(self, stream: Stream, streamed: Streamed) -> Option:
        peak, scratch, effort = self._live(stream.first, stream.last), 0, 0
        for k, one in zip(stream.members, streamed.paces, strict=True):
            layout = self.layouts[output(self.plan, k).name or ""]
            peak += aligned(lines_layout(layout, one.lines).size if one.lines else layout.size)
            moved = max(0, one.lines - one.rows) * layout.channels * layout.row
            effort += streamed.rounds * (_TURN + moved // 2)
            if k >= 0:
                sizes = scratch_sizes(self.plan.stages[k], one.rows)
                scratch = max(scratch, sum(map(aligned, sizes.values())))
                effort += (one.height // one.rows - 1) * _DECODE * self._decoded(k)
        return Option(stream, stream.first, stream.last + 1, peak + scratch, effort, streamed)

    def _decoded(self, k: int) -> int:
        """Weights that stage `k` decodes in each turn."""
        node = self.plan.stages[k].node
        w = constant(node.inputs[1]) if node.op_type == "Conv" else None
        if w is None:
            return 0
        return int(np.count_nonzero(w)) // (1 if text(node, "encoding", "").startswith("rice") else 4)

    def _live(self, first: int, last: int) -> int:
        """Bytes of the tensors that live while stages `first` .. `last` run, made before them."""
        before = [output(self.plan, k).name or "" for k in range(-1, first)]
        return sum(aligned(self.layouts[name].size) for name in before if self.last.get(name, -1) >= first)

    def _size(self, k: int) -> int:
        value = output(self.plan, k)
        return 0 if self.to_caller(self.plan, value) else aligned(self.layouts[value.name or ""].size)

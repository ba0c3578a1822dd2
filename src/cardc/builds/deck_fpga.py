"""A whole deck on an FPGA: an hls4ml project a card, the gate and the join as HLS components; their C simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..backends.hls4ml import Options
from ..backends.hls4ml.deck import join_component
from ..backends.hls4ml.deck_csim import JoinCsim
from ..backends.hls4ml.gate import gate_component
from ..backends.hls4ml.gate_csim import GateCsim
from ..deck_compile import LoweredDeck
from ..deck_model import DeckAnswer
from ..errors import CompileError
from ..ops.base import Array, shape_of
from ..ops.deck_join import chosen
from ..project import Project, merge
from ..report import CardFacts, DeckFacts, Figure, Layer, Report, board, fits, latency_seconds
from ..targets.base import Target
from ..verify.deck import DeckStage
from ..verify.run import Stage
from .deck import DeckBuild
from .deck_gate import gate_facts
from .fpga import FpgaBuild

_ADDED = ("lut", "ff", "dsp", "bram18")
_REUSE = 4


class FpgaDeckBuild(DeckBuild):
    """Folders `cards/<card>`, `gate` and `join`; in the design, the gate's pick tells which card gets the image."""

    def __init__(self, lowered: LoweredDeck, target: Target, options: Options | None = None) -> None:
        self.options = options
        super().__init__(lowered, target)

    @cached_property
    def cards(self) -> tuple[FpgaBuild, ...]:
        """Each card as a build of its own."""
        return tuple(FpgaBuild(card, self.target, self.options) for card in self.lowered.cards)

    @property
    def _classes(self) -> int:
        return int(np.prod(shape_of(self.lowered.first.integer.graph.outputs[0])[1:]))

    @cached_property
    def project(self) -> Project:
        low = self.lowered
        if low.joint.picked > 1:
            fix = 'use mode = "adaptive" or "agnostic", or a microcontroller'
            raise CompileError("a top-n deck on an FPGA: the gate's component gives one pick", node=self.name, fix=fix)
        names = [card.name for card in low.cards]
        clock = self.target.clock_period_ns
        part = self.target.part or ""
        parts = [build.project.below(f"cards/{build.name}") for build in self.cards]
        join = join_component(
            low.name, names, low.joint, self._classes, len(low.groups), part=part, clock_ns=clock
        )  # fmt: skip
        parts.append(Project(join).below("join"))
        if low.gate is not None:
            gate = gate_component(low.gate, low.name, reuse_factor=_REUSE, part=part, clock_ns=clock)
            parts.append(Project(gate).below("gate"))
        return merge([*parts, Project({"README.md": self._readme()})])

    def _readme(self) -> str:
        low = self.lowered
        rows = "".join(
            f"| `cards/{card.name}` | {source.augmentation} |\n"
            for card, source in zip(low.cards, low.deck.cards, strict=True)
        )
        gate = (
            f"`gate/` holds `{low.name}_gate`: pixels in, the index of an augmentation out ({', '.join(low.groups)}).\n"
            if low.gate is not None
            else "All cards run for every image; there is no gate.\n"
        )
        return f"""\
# {low.name}

A deck for {self.target.title}, by cardc: an hls4ml project for each card, and components beside them.

| folder | augmentation |
|---|---|
{rows}
{gate}`join/` holds `{low.name}_join`: reads the pick and the results of the cards that it picked, writes one integer
a class.

Build each card as an hls4ml project, the components with `vitis_hls -f build_*.tcl`, and connect their streams in a
block design: the image to the gate and, by its pick, to the cards; their results to the join.
"""

    @cached_property
    def _gate(self) -> GateCsim | None:
        return None if self.lowered.gate is None else GateCsim(self.lowered.gate, reuse_factor=_REUSE)

    @cached_property
    def _join(self) -> JoinCsim:
        low = self.lowered
        return JoinCsim(low.name, [c.name for c in low.cards], low.joint, self._classes, len(low.groups))

    def run_integers(self, q: Array) -> DeckAnswer:
        _ = self.project  # refuses what has no design
        low = self.lowered
        picks = np.zeros((len(q), 0), np.int64) if self._gate is None else self._gate.run(q)[0].reshape(-1, 1)
        runs = chosen(picks, low.joint.groups) if low.joint.picked else np.ones((len(q), len(low.cards)), np.bool_)
        results = []
        for card, mask in zip(self.cards, runs.T, strict=True):
            some = np.flatnonzero(mask)
            found = np.zeros((len(q), self._classes), np.int64)
            if len(some):
                found[some] = card.run_integers(q[some]).reshape(len(some), -1)
            results.append(found)
        return DeckAnswer(picks, self._join.run(runs, picks, results))

    def deck_stages(self, inputs: int, emulated: int) -> Sequence[DeckStage]:
        return [DeckStage("hls4ml:csim", self._run, emulated)]

    def _run(self, q: Array) -> dict[str, Array]:
        found = self.run_integers(q)
        return {"picks": found.picks, "outputs": found.outputs}

    def card_stages(self, inputs: int, emulated: int) -> Callable[[int], Sequence[Stage]]:
        return lambda index: self.cards[index].stages(inputs, max(1, emulated // len(self.cards)))

    def _measure(self) -> Report:
        """Sums of the cards' estimates; gate and join are not estimated, and the report says so."""
        low = self.lowered
        reports = [card.report for card in self.cards]
        totals = {name: _sum([r.totals[name] for r in reports]) for name in _ADDED}
        totals |= {
            name: max((r.totals[name] for r in reports), key=lambda f: f.value) for name in ("latency_cycles", "ii")
        }
        totals["latency_s"] = latency_seconds(totals["latency_cycles"], self.target)
        layers = tuple(
            replace(layer, name=f"{source.name}/{layer.name}")
            for source, report in zip(low.deck.cards, reports, strict=True)
            for layer in report.layers
        )
        beside = [name for name, there in (("gate", low.gate is not None), ("join", True)) if there]
        notes = ("not estimated: synthesise it, and add it to the totals",)
        layers = (*(Layer(name=name, op="component", notes=notes) for name in beside), *layers)
        return Report(
            model=self.name, board=board(self.target), fit=fits(totals, self.target, layers=layers), totals=totals,
            layers=layers, deck=self._facts(reports), passes=low.first.traces, provenance=self.provenance(),
        )  # fmt: skip

    def _facts(self, reports: Sequence[Report]) -> DeckFacts:
        low = self.lowered
        cards = tuple(
            CardFacts(name=source.name, augmentation=source.augmentation, figures=_own(report.totals))
            for source, report in zip(low.deck.cards, reports, strict=True)
        )
        gate = None
        if low.gate is not None and low.deck.gate is not None:
            gate = gate_facts(low.deck.gate, low.gate, 0, {})
        return DeckFacts(
            mode=low.deck.mode if low.gate is not None else "agnostic", average=low.joint.kind, bound=low.joint.bound,
            picked=low.joint.picked, cards=cards, gate=gate,
        )  # fmt: skip


def _own(totals: Mapping[str, Figure]) -> dict[str, Figure]:
    return {name: totals[name] for name in (*_ADDED, "latency_cycles") if name in totals}


def _sum(figures: Sequence[Figure]) -> Figure:
    low = None if figures[0].low is None else sum(f.low or 0 for f in figures)
    high = None if figures[0].high is None else sum(f.high or 0 for f in figures)
    return Figure(sum(f.value for f in figures), figures[0].stage, low, high)

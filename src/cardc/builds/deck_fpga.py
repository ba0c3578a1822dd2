"""A whole deck on an FPGA: an hls4ml project a card, the gate and the join as HLS components; their C simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..backends.hls4ml import Options, make_plan
from ..backends.hls4ml.components import deck_totals, gate_figures, join_figures
from ..backends.hls4ml.deck import join_component
from ..backends.hls4ml.deck_csim import JoinCsim
from ..backends.hls4ml.deck_design import DesignCard, design
from ..backends.hls4ml.design_csim import DesignCsim
from ..backends.hls4ml.gate import butterflies, gate_component, interval
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
from .deck_fpga_readme import design_readme, parts_readme
from .deck_gate import gate_facts
from .fpga import FpgaBuild

_COSTS = ("lut", "ff", "dsp", "bram18", "latency_cycles")
_REUSE = 4


class FpgaDeckBuild(DeckBuild):
    """Folders `cards/<card>`, `gate` and `join`; in the design, the gate's pick tells which card gets the image. With
    `one_project` one design, whose top function does that."""

    def __init__(
        self, lowered: LoweredDeck, target: Target, options: Options | None = None, *, one_project: bool = False
    ) -> None:
        self.options, self.one_project = options, one_project
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
        if self.one_project:
            return self._design
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
        return merge([*parts, Project({"README.md": parts_readme(low, self.target)})])

    @cached_property
    def _design(self) -> Project:
        """Everything under one top function."""
        low = self.lowered
        cards = [
            DesignCard(build.name, build.project.files, make_plan(build.lowered.integer, self.target, build.options))
            for build in self.cards
        ]
        found = design(
            low.name, cards, low.gate, low.joint, len(low.groups), reuse_factor=_REUSE, part=self.target.part or "",
            clock_ns=self.target.clock_period_ns,
        )  # fmt: skip
        return merge([found, Project({"README.md": design_readme(low, self.target)})])

    @cached_property
    def _whole(self) -> DesignCsim:
        return DesignCsim(self._design, self.lowered.name, self._classes)

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
        if self.one_project:
            found, outputs = self._whole.run(q)
            return DeckAnswer(found[:, None][:, : low.joint.picked], outputs)
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
        """The cards' estimates, and those of gate and join, which add up."""
        low = self.lowered
        reports = [card.report for card in self.cards]
        gate = None if low.gate is None else gate_figures(low.gate, butterflies(low.gate, _REUSE), interval(_REUSE))
        join = join_figures(low.joint, self._classes)
        totals = deck_totals([r.totals for r in reports], gate, join, self._in_turn)
        totals["latency_s"] = latency_seconds(totals["latency_cycles"], self.target)
        layers = tuple(
            replace(layer, name=f"{source.name}/{layer.name}")
            for source, report in zip(low.deck.cards, reports, strict=True)
            for layer in report.layers
        )
        notes = ("counted from its operators; nothing public to calibrate it by",)
        beside = [(name, figures) for name, figures in (("gate", gate), ("join", join)) if figures is not None]
        layers = (*(Layer(name=n, op="component", notes=notes, figures=f) for n, f in beside), *layers)
        return Report(
            model=self.name, board=board(self.target), fit=fits(totals, self.target, layers=layers), totals=totals,
            layers=layers, deck=self._facts(reports, gate, join), passes=low.first.traces,
            provenance=self.provenance(),
        )  # fmt: skip

    @property
    def _in_turn(self) -> list[list[int]] | None:
        """The cards of each pick, where one top function runs them."""
        if not self.one_project:
            return None
        groups = self.lowered.joint.groups
        if not self.lowered.joint.picked:
            return [list(range(len(groups)))]
        return [[k for k, own in enumerate(groups) if own == group] for group in sorted(set(groups))]

    def _facts(
        self, reports: Sequence[Report], gate: Mapping[str, Figure] | None, join: Mapping[str, Figure]
    ) -> DeckFacts:
        low = self.lowered
        cards = tuple(
            CardFacts(name=source.name, augmentation=source.augmentation, figures=_own(report.totals))
            for source, report in zip(low.deck.cards, reports, strict=True)
        )
        facts = None
        if low.gate is not None and low.deck.gate is not None and gate is not None:
            facts = gate_facts(low.deck.gate, low.gate, low.goal_db, 0, _own(gate))
        return DeckFacts(
            mode=low.deck.mode if low.gate is not None else "agnostic", average=low.joint.kind, bound=low.joint.bound,
            picked=low.joint.picked, cards=cards, gate=facts, shared=_own(join),
        )  # fmt: skip


def _own(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    return {name: figures[name] for name in _COSTS if name in figures}

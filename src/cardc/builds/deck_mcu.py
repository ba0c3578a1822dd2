"""A whole deck on a microcontroller: one C library, emulated and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial

from ..backends.c.backend import OUT_OFFSET, OUT_SCALE
from ..backends.c.deck.constants import owners
from ..backends.c.deck.emit import emit_deck
from ..backends.c.deck.program import DeckCard, DeckProgram
from ..backends.c.deck.run import DeckC, DeckMeasurement
from ..backends.c.deck.selftest import Golden, golden_inputs
from ..backends.c.emulate.cores import get_core
from ..backends.c.gate import emit_gate
from ..backends.c.image import Pixels
from ..backends.c.network import symbol
from ..backends.c.program import build as build_program
from ..backends.c.run import EMULATED, FLASH
from ..deck_compile import LoweredDeck
from ..deck_model import DeckAnswer
from ..ops.base import Array
from ..ops.qtype import qtype
from ..project import Project
from ..report import Figure, Layer, MemoryMap, Report, board, fits, latency_seconds, mcu_cycles
from ..targets.base import Target
from ..verify.deck import DeckStage
from ..verify.run import Stage
from .deck import DeckBuild
from .deck_costs import deck_facts, ram_bytes
from .mcu import compiler_option, memory_map, step_rows


class McuDeckBuild(DeckBuild):
    """C library and emulation. Sizes come from the linked library, instructions from the emulated core. `pixels` says
    how bytes of an image become the deck's input, for a library that takes images."""

    def __init__(self, lowered: LoweredDeck, target: Target, pixels: Pixels | None = None) -> None:
        self.pixels = pixels
        super().__init__(lowered, target)

    @cached_property
    def program(self) -> DeckProgram:
        low = self.lowered
        cards = []
        for lowered, group, part in zip(low.cards, low.joint.groups, low.joint.parts, strict=True):
            program = build_program(lowered.lowered)
            output = program.schedule.output
            scale = output.metadata_props.get(OUT_SCALE, repr(qtype(output).scale[0]))
            offset = output.metadata_props.get(OUT_OFFSET, "0.0")
            cards.append(DeckCard(lowered.name, lowered.lowered, program, group, part, scale, offset))
        return DeckProgram(low.name, tuple(cards), low.groups, low.gate, low.joint)

    @cached_property
    def project(self) -> Project:
        inputs = golden_inputs(self.program)
        answer = self.model.run(inputs)
        golden = Golden(inputs, answer.picks, answer.outputs)
        optimise = self._optimise or get_core(self.target.core).optimise
        return emit_deck(self.program, golden, self.target, optimise, self.pixels)

    @property
    def _optimise(self) -> str | None:
        return compiler_option(self.lowered.first)

    @cached_property
    def c(self) -> DeckC:
        """The emitted library, to run on this computer or on any emulated core."""
        return DeckC(self.project, self.program, self._optimise)

    def run_integers(self, q: Array) -> DeckAnswer:
        found = self.c.run(q, self.target.core)
        return DeckAnswer(found.picks, found.outputs)

    def deck_stages(self, inputs: int, emulated: int) -> Sequence[DeckStage]:
        core = self.target.core
        return [
            DeckStage("c:host", partial(self._run, core="host"), inputs),
            DeckStage(f"c:{core}", partial(self._run, core=core), emulated),
        ]

    def _run(self, q: Array, core: str) -> dict[str, Array]:
        found = self.c.run(q, core)
        return {"picks": found.picks, "outputs": found.outputs}

    def card_stages(self, inputs: int, emulated: int) -> Callable[[int], Sequence[Stage]]:
        core = self.target.core

        def stages(index: int) -> list[Stage]:
            card = self.c.card(index)
            few = max(1, emulated // len(self.program.cards))
            return [
                Stage("c:host", card.trace, inputs),
                Stage(f"c:{core}", partial(card.trace, core=core), few, batch=20),
            ]

        return stages

    def _measure(self) -> Report:
        deck = self.program
        found = self.c.measure(self.target.core, golden_inputs(deck))
        most = max(found.instructions)
        cycles = mcu_cycles(most, self.target)
        ram = ram_bytes(deck, found, deck.arena)
        totals = {
            "flash_bytes": Figure(found.flash_bytes, FLASH),
            "ram_bytes": Figure(ram, FLASH),
            "stack_bytes": Figure(found.stack_bytes, EMULATED),
            "instructions": Figure(most, EMULATED),
            "cycles": cycles,
            "latency_s": latency_seconds(cycles, self.target),
        }
        layers, memory = tuple(self._layers(found)), self._memory()
        return Report(
            model=self.name,
            board=board(self.target),
            fit=fits(totals, self.target, layers=layers, memory=memory),
            totals=totals,
            layers=layers,
            memory=memory,
            deck=deck_facts(self.lowered, deck, found),
            passes=self.lowered.first.traces,
            provenance=self.provenance(),
        )

    def _layers(self, found: DeckMeasurement) -> list[Layer]:
        """The gate, then every card's layers under the card's name; constants that two share count for the first."""
        rows = []
        if self.lowered.gate is not None:
            code = emit_gate(self.lowered.gate, self.name, self.program.in_type)
            spent = {"instructions": Figure(found.gate_instructions, EMULATED)}
            plan = self.lowered.gate.plan
            rows.append(
                Layer(
                    name="gate", op="SpectralScores", encoding="none",
                    in_shape=(plan.channels, plan.height, plan.width), out_shape=(len(self.lowered.groups),),
                    in_bits=8, out_bits=64, weight_bytes=code.constants, figures=spent,
                )
            )  # fmt: skip
        held = owners(self.program.cards)
        for card, source in zip(self.program.cards, self.lowered.deck.cards, strict=True):
            own = [symbol(card.name, step) for step in card.program.steps]
            for row, step in zip(step_rows(card.program, own, found.by_layer), card.program.steps, strict=True):
                size = sum(a.bytes for a in step.arrays if held[card.name, a.name] == f"{card.name}_{a.name}")
                rows.append(replace(row, name=f"{source.name}/{row.name}", weight_bytes=size))
        return rows

    def _memory(self) -> MemoryMap:
        """The arena of the card that needs most of it; the gate has the same bytes before that card runs."""
        cards = list(zip(self.program.cards, self.lowered.deck.cards, strict=True))
        card, source = max(cards, key=lambda pair: pair[0].program.arena)
        found = memory_map(card.program)
        steps = tuple(f"{source.name}/{step}" for step in found.steps)
        return MemoryMap(self.program.arena, found.lower_bound_bytes, steps, found.tensors)

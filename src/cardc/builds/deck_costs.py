"""What a deck on a microcontroller costs, part by part, beside the same cards without a gate.

Flash is gate + cards + what they share; RAM the largest of gate and cards + what they share; the instructions of an
inference are the gate's, the picked cards' and the joining of their answers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..backends.c.deck.constants import owners
from ..backends.c.deck.program import DeckCard, DeckProgram
from ..backends.c.deck.run import DeckMeasurement
from ..backends.c.gate import arena_bytes
from ..backends.c.run import EMULATED, FLASH
from ..deck_compile import LoweredDeck
from ..report import CardFacts, DeckFacts, Figure
from .deck_gate import gate_facts


def deck_facts(low: LoweredDeck, deck: DeckProgram, found: DeckMeasurement) -> DeckFacts:
    """The parts of `deck` as `found` measured them."""
    held = owners(deck.cards)
    cards = tuple(
        CardFacts(
            name=source.name, augmentation=source.augmentation, shared_bytes=_shared(card, held),
            figures={
                "flash_bytes": Figure(found.flash.cards[card.name], FLASH),
                "ram_bytes": Figure(card.program.arena, FLASH),
                "instructions": Figure(found.card_instructions[card.name], EMULATED),
            },
        )
        for card, source in zip(deck.cards, low.deck.cards, strict=True)
    )  # fmt: skip
    gate, largest = None, max(card.program.arena for card in deck.cards)
    if low.gate is not None and low.deck.gate is not None:
        largest = max(largest, arena_bytes(low.gate))
        figures = {
            "instructions": Figure(found.gate_instructions, EMULATED),
            "ram_bytes": Figure(arena_bytes(low.gate), FLASH),
            "flash_bytes": Figure(found.flash.gate, FLASH),
        }
        gate = gate_facts(low.deck.gate, low.gate, low.goal_db, found.state_bytes, figures)
    shared = {
        "flash_bytes": Figure(found.flash.shared, FLASH),
        "ram_bytes": Figure(ram_bytes(deck, found, deck.arena) - largest, FLASH),
        "instructions": Figure(found.join_instructions, EMULATED),
    }
    return DeckFacts(
        mode=low.deck.mode if low.gate is not None else "agnostic",
        average=low.joint.kind, bound=low.joint.bound, picked=low.joint.picked, cards=cards, gate=gate,
        mean={"instructions": Figure(round(float(np.mean(found.instructions))), EMULATED)},
        agnostic=_agnostic(deck, found), shared=shared,
    )  # fmt: skip


def ram_bytes(deck: DeckProgram, found: DeckMeasurement, arena: int) -> int:
    """Arena, the gate's state, static data, and the caller's buffers."""
    buffers = deck.inputs * deck.in_dtype.itemsize + deck.outputs * deck.out_dtype.itemsize
    return arena + found.state_bytes + found.static_bytes + buffers


def _agnostic(deck: DeckProgram, found: DeckMeasurement) -> Mapping[str, Figure]:
    """The same cards without the gate: all run, one arena."""
    every = sum(found.card_instructions.values()) + len(deck.cards) * found.join_instructions
    ram = ram_bytes(deck, found, deck.results_at + deck.results_bytes) - found.state_bytes
    return {
        "flash_bytes": Figure(found.agnostic_flash_bytes, FLASH),
        "ram_bytes": Figure(ram, FLASH),
        "instructions": Figure(every, EMULATED),
    }


def _shared(card: DeckCard, held: Mapping[tuple[str, str], str]) -> int:
    """Bytes of the card's constants that a card before it has."""
    arrays = [array for step in card.program.steps for array in step.arrays]
    return sum(array.bytes for array in arrays if held[card.name, array.name] != f"{card.name}_{array.name}")

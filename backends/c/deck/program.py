"""What a deck's library holds: cards side by side, one arena, and how their answers become one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir

from ....errors import CompileError
from ....ops.deck_join import Joint, Part
from ....ops.spectral import IntegerGate
from ..gate import arena_bytes
from ..program import Program


@dataclass(frozen=True, slots=True, eq=False)
class DeckCard:
    """A card of the library: `name` is the prefix of its functions, `group` the augmentation that picks it, `part` how
    its result comes to the deck's unit. `scale` and `offset` are its own unit, as text."""

    name: str
    model: ir.Model
    program: Program
    group: int
    part: Part
    scale: str
    offset: str

    @property
    def wide(self) -> int:
        """1 where its results are int32_t."""
        return int(self.program.out_type == "int32_t")


@dataclass(frozen=True, slots=True, eq=False)
class DeckProgram:
    """`groups` are the augmentations, in the gate's order; `joint` says which cards run and how they are joined."""

    name: str
    cards: tuple[DeckCard, ...]
    groups: tuple[str, ...]
    gate: IntegerGate | None
    joint: Joint

    @property
    def first(self) -> Program:
        """The first card's program, whose input is that of all."""
        return self.cards[0].program

    @property
    def in_type(self) -> str:
        return self.first.in_type

    @property
    def in_dtype(self) -> np.dtype[Any]:
        return self.first.in_dtype

    @property
    def out_type(self) -> str:
        """int16_t or int32_t. CompileError, with the card, where a card's results take 64 bits."""
        for card in self.cards:
            if card.program.out_type not in ("int16_t", "int32_t"):
                fix = "use fewer bits for its last layer's weights or inputs"
                raise CompileError(f"the results of card {card.name!r} do not fit 32 bits", fix=fix)
        if self.joint.kind != "card":
            return "int32_t"
        return "int16_t" if all(c.program.out_type == "int16_t" for c in self.cards) else "int32_t"

    @property
    def out_dtype(self) -> np.dtype[Any]:
        return np.dtype(self.out_type.removesuffix("_t"))

    @property
    def inputs(self) -> int:
        return self.first.inputs

    @property
    def outputs(self) -> int:
        return self.first.outputs

    @property
    def results_at(self) -> int:
        """Where in the arena a card's results lie until they are added: behind all that a card uses."""
        return -(-max(1, *(c.program.arena for c in self.cards)) // 4) * 4

    def direct(self, card: DeckCard) -> bool:
        """Whether `card` writes the deck's result itself."""
        return self.joint.kind == "card" and card.program.out_type == self.out_type

    @property
    def results_bytes(self) -> int:
        """Room for the results of one card, 0 where each writes the deck's own."""
        return max([0, *(self.outputs * c.program.out_dtype.itemsize for c in self.cards if not self.direct(c))])

    @property
    def arena(self) -> int:
        """Bytes of working memory: gate and cards have it in turn."""
        gate = 0 if self.gate is None else arena_bytes(self.gate)
        return max(self.results_at + self.results_bytes, gate)


def without_quantizer(program: Program) -> Program:
    """`program` for a card whose input the deck quantises."""
    return replace(program, schedule=replace(program.schedule, quantizer=None))

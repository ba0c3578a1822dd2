"""An emitted deck at work: on this computer, on emulated cores, and measured there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np

from ....ops.base import Array
from ....project import Project
from .. import runtime
from ..emulate import qemu, zig
from ..emulate.cores import get_core
from ..emulate.elf import Elf
from ..network import symbol
from ..run import CBuild
from .board import HELPERS, BoardDeck, DeckRuns, HostDeck
from .driver import DRIVER, driver
from .emit import library_files
from .flash import FlashParts, flash_parts
from .network import kernels
from .program import DeckProgram, without_quantizer
from .qemu_deck import QemuDeck

MEASURED_INPUTS = 8


@dataclass(frozen=True, slots=True)
class DeckMeasurement:
    """What a deck takes on a core, built by zig with -O2 (-Os where the deck or the core asks for it); bytes and
    instructions.

    `flash_bytes` is all of the linked library, `flash` its parts, `agnostic_flash_bytes` that of the same cards without
    the gate.
    `instructions` are those of each measured inference, `stack_bytes` the deepest stack. `gate_instructions` and
    `join_instructions` are the most that gate and joining of answers took, `card_instructions` the most of each card,
    by its name, `by_layer` that same run split by the symbols of layers.
    """

    flash_bytes: int
    flash: FlashParts
    agnostic_flash_bytes: int
    static_bytes: int
    state_bytes: int
    stack_bytes: int
    instructions: tuple[int, ...]
    gate_instructions: int
    card_instructions: Mapping[str, int]
    join_instructions: int
    by_layer: Mapping[str, int]


class DeckC:
    """A deck that was emitted as C. `core` is a core of emulate/cores.py, or "host" for this computer. `optimise` is
    the compiler's option for cores; None is each core's own."""

    def __init__(self, project: Project, deck: DeckProgram, optimise: str | None = None) -> None:
        self.project, self.deck, self.optimise = project, deck, optimise
        self._boards: dict[str, BoardDeck | QemuDeck] = {}
        self._cards: dict[int, CBuild] = {}

    def run(self, q: Array, core: str = "host") -> DeckRuns:
        """Picks and outputs for a sequence of quantised inputs q [N, ...] from a fresh state."""
        data = np.ascontiguousarray(q.reshape(len(q), self.deck.inputs), self.deck.in_dtype)
        return self._host.run(data) if core == "host" else self._board(core).run(data)

    def card(self, index: int) -> CBuild:
        """One card as it is in the deck's library, with no more of that than it needs, to run and trace by itself."""
        if index not in self._cards:
            card = self.deck.cards[index]
            program = without_quantizer(card.program)
            needed = {f"{card.name}.h", f"{card.name}.c", f"{card.name}_weights.h"} | {
                *runtime.sources({*program.functions, f"cardc_argmax_{'i32' if card.wide else 'i16'}"})
            }
            files = {
                path: content
                for path, content in self.project.files.items()
                # its constants may be those of a card before it
                if path.parts[0] == "src" and (path.name in needed or path.stem.endswith("_weights"))
            }
            self._cards[index] = CBuild(Project(files), program, card.name, self.optimise)
        return self._cards[index]

    def measure(self, core: str, q: Array) -> DeckMeasurement:
        """Sizes from the linked file, counts from the sequence q on the emulated core, and each card on q[:1] where the
        gate never picked it."""
        deck, board = self.deck, self._board(core)
        data = np.ascontiguousarray(q.reshape(len(q), deck.inputs), deck.in_dtype)
        marks = self._marks()
        deep = board.run(data, marks=marks, measure_stack=True).runs
        elf = self.elf(core, (f"{deck.name}_predict",))
        cards, layers = dict[str, int](), dict[str, int]()
        for run in deep:
            for card in deck.cards:
                own = {m: run.by_mark[m] for m in self._layers(card.name) if run.entries[m]}
                spent = sum(own.values()) + run.by_mark[f"{card.name}_predict"]
                if own and spent > cards.get(card.name, 0):
                    cards[card.name] = spent
                    layers |= own
        for index, card in enumerate(deck.cards):
            if card.name not in cards:
                found = self.card(index).measure(core)
                cards[card.name] = found.instructions
                layers |= found.by_layer
        gate = max(r.by_mark[f"{deck.name}_gate_feed"] for r in deep) if deck.gate is not None else 0
        joining = max(sum(r.by_mark[m] for m in self._joining()) for r in deep)
        return DeckMeasurement(
            flash_bytes=elf.sizes.flash,
            flash=flash_parts(elf, deck),
            agnostic_flash_bytes=self._agnostic_flash(core) if deck.gate is not None else elf.sizes.flash,
            static_bytes=elf.sizes.ram,
            state_bytes=board.state_bytes,
            stack_bytes=max(r.stack_bytes or 0 for r in deep),
            instructions=tuple(r.instructions for r in deep),
            gate_instructions=gate,
            card_instructions=cards,
            join_instructions=joining,
            by_layer=layers,
        )

    def _agnostic_flash(self, core: str) -> int:
        """Flash of a library of the same cards that runs all of them, linked as this one is."""
        joint = replace(self.deck.joint, kind="logits", picked=0, weights=(*[0] * len(self.deck.cards), 1))
        if self.deck.joint.kind != "card":
            joint = replace(joint, kind=self.deck.joint.kind)
        plain = replace(self.deck, gate=None, joint=joint)
        sources = {PurePosixPath(path).name: text for path, text in library_files(plain).items()}
        return self._linked(sources, core, (f"{plain.name}_predict",)).sizes.flash

    def selftest(self, core: str, compiler: str = "gcc") -> qemu.QemuResult:
        """Build and run the emitted self-test on a board that QEMU emulates."""
        return qemu.run_selftest(self.sources(selftest=True), get_core(core), compiler=compiler)

    def sources(self, *, selftest: bool = False) -> dict[str, str]:
        """The C files by their base names, as the compilers of `emulate` take them."""
        folders = ("src", "test") if selftest else ("src",)
        return {p.name: self.project.text(p) for p in self.project.files if p.parts[0] in folders}

    def elf(self, core: str, keep: tuple[str, ...]) -> Elf:
        """The library linked for `core` by zig: the functions `keep` and all that they reach."""
        sources = self.sources()
        if any(name in HELPERS for name in keep):
            sources[DRIVER] = driver(self.deck)
        return self._linked(sources, core, keep)

    def _linked(self, sources: Mapping[str, str], core: str, keep: tuple[str, ...]) -> Elf:
        at = get_core(core)
        return zig.compile_elf(sources, at, keep=keep, optimise=self.optimise or at.optimise)

    @cached_property
    def _host(self) -> HostDeck:
        return HostDeck(self.deck, self.sources())

    def _board(self, core: str) -> BoardDeck | QemuDeck:
        if core not in self._boards:
            if get_core(core).unicorn is not None:
                self._boards[core] = BoardDeck(self.deck, lambda keep: self.elf(core, keep), core)
            else:
                self._boards[core] = QemuDeck(self.deck, self.sources(), core, self.optimise)
        return self._boards[core]

    def _layers(self, card: str) -> list[str]:
        program = next(c.program for c in self.deck.cards if c.name == card)
        return [symbol(card, step) for step in program.steps]

    def _joining(self) -> list[str]:
        return sorted(name for name in kernels(self.deck) if name.startswith("cardc_add_"))

    def _marks(self) -> tuple[str, ...]:
        """The functions that instructions are counted by."""
        deck = self.deck
        own = [m for card in deck.cards for m in (f"{card.name}_predict", *self._layers(card.name))]
        gate = [f"{deck.name}_gate_feed"] if deck.gate is not None else []
        return (*gate, *own, *self._joining())

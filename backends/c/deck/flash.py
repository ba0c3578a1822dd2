"""Whose bytes a linked deck's flash holds: the gate's, each card's, and what all have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .. import runtime
from ..emulate.elf import Elf, Symbol
from .program import DeckProgram

_GATE_KERNELS = frozenset(name for name in runtime.FILE_OF if name.startswith(("cardc_gate_", "cardc_fft_")))
_GATE_FILES = frozenset(runtime.FILE_OF[name] for name in _GATE_KERNELS)


@dataclass(frozen=True, slots=True)
class FlashParts:
    """Bytes by part. `cards` by their names: constants that no card before has, and code; `shared` is all else: kernels
    that more than the gate use, what joins answers, the compiler's helpers, padding."""

    gate: int
    cards: Mapping[str, int]
    shared: int


def flash_parts(elf: Elf, deck: DeckProgram) -> FlashParts:
    """The parts of `elf`, by its symbols. They add up to its flash."""
    found: dict[str, list[tuple[int, int]]] = {}
    names = [card.name for card in deck.cards]
    for symbol in elf.all_symbols:
        part = _part(symbol, deck.name, names)
        if symbol.size and part:
            found.setdefault(part, []).append((symbol.address, symbol.address + symbol.size))
    sizes = {part: _covered(spans) for part, spans in found.items()}
    gate, cards = sizes.get(_GATE, 0), {name: sizes.get(name, 0) for name in names}
    return FlashParts(gate, cards, elf.sizes.flash - gate - sum(cards.values()))


_GATE = " gate"  # no name in C


def _part(symbol: Symbol, deck: str, cards: list[str]) -> str:
    """The card's name, `_GATE`, or nothing for what is shared."""
    stem = symbol.file.removesuffix(".c") if symbol.file else symbol.name
    if (
        symbol.file in _GATE_FILES
        or stem in _GATE_KERNELS
        or stem == f"{deck}_gate"
        or stem.startswith(f"{deck}_gate_")
    ):
        return _GATE
    # the longest name wins: a card may be called as another one with something behind it
    owners = [name for name in cards if stem == name or stem.startswith(f"{name}_")]
    return max(owners, key=len, default="")


def _covered(spans: list[tuple[int, int]]) -> int:
    """How many addresses lie in at least one span."""
    total, end = 0, 0
    for low, high in sorted(spans):
        total += max(0, high - max(low, end))
        end = max(end, high)
    return total

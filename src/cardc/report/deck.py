"""What a report says of a deck: its gate, its cards, and what the same cards cost without a gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .figure import Figure, check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """A card of the deck: `figures` are its own, by the names of TOTALS; `shared_bytes` of its constants lie in flash
    once for it and a card before it."""

    name: str
    augmentation: str
    shared_bytes: int = 0
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """The gate: `window` inputs, `spectrum` in words, `shape` [planes, rows, columns] of what it looks at, `templates`
    one row an augmentation, in the float gate's unit. `figures` are its own."""

    augmentations: tuple[str, ...]
    window: int
    spectrum: str
    shape: tuple[int, int, int]
    templates: tuple[tuple[float, ...], ...]
    state_bytes: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.figures)
        planes, rows, columns = self.shape
        if any(len(t) > planes * rows * columns for t in self.templates):
            raise ValueError("templates that are larger than the spectrum")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckFacts:
    """`average` is "card", "softmax" or "logits"; `bound` how far an output may be from the exact mean, in real
    numbers. `picked` augmentations run at once, 0: all, without a gate. `mean` holds what an inference takes on average
    over the measured inputs, `agnostic` what the same cards would take without a gate, all of them at once.
    """

    mode: str
    average: str
    bound: float
    picked: int
    cards: tuple[CardFacts, ...]
    gate: GateFacts | None = None
    mean: Mapping[str, Figure] = field(default_factory=dict)
    agnostic: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.mean)
        check_names(self.agnostic)

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


@dataclass(frozen=True, slots=True)
class GateStage:
    """A stage of the gate's transform: `name`, its radix, what its sums are divided by, and the bound that no magnitude
    behind it passes."""

    name: str
    radix: int
    divided_by: int
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """The gate: `window` inputs, `spectrum` in words, `shape` [planes, rows, columns] of what it looks at, `templates`
    one row an augmentation, in the float gate's unit. `words` are word lengths in bits, `stages` those of the transform
    in order, `snr_db` what the words promise against float64 on images like the templates, `goal_db` what they were
    chosen for. `figures` are its own."""

    augmentations: tuple[str, ...]
    window: int
    spectrum: str
    shape: tuple[int, int, int]
    templates: tuple[tuple[float, ...], ...]
    state_bytes: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    stages: tuple[GateStage, ...] = ()
    snr_db: float | None = None
    goal_db: float | None = None
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
    over the measured inputs, `agnostic` what the same cards would take without a gate, all of them at once, `shared`
    what belongs to no part: flash is gate + cards + shared, RAM the largest of gate and cards + shared, instructions
    gate + the picked cards + shared.
    """

    mode: str
    average: str
    bound: float
    picked: int
    cards: tuple[CardFacts, ...]
    gate: GateFacts | None = None
    mean: Mapping[str, Figure] = field(default_factory=dict)
    agnostic: Mapping[str, Figure] = field(default_factory=dict)
    shared: Mapping[str, Figure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.mean)
        check_names(self.agnostic)
        check_names(self.shared)

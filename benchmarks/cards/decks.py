"""The deck of the trained cards: its gate chosen by validation, its accuracy, and what the gate picks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from benchmarks.cards.data import cells, testing, validation
from benchmarks.cards.gates import Candidate, candidates
from benchmarks.cards.jobs import Outcome
from benchmarks.cards.study import Study

from cardc.frontend.deck import Card, Deck, Gate, combine
from cardc.frontend.deck.deck import card_weights
from cardc.frontend.train.corruptions import CORRUPTIONS, HELD_OUT, SEVERITIES

WINDOWS = (1, 10, 100)
EXPORTED_WINDOW = 10
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Row:
    """Accuracy on the clean images and for each corruption (mean over severities), in CORRUPTIONS' order."""

    name: str
    clean: float
    corrupted: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over all corruptions."""
        return float(np.mean(self.corrupted))


@dataclass(frozen=True, slots=True)
class DeckResult:
    """Rows of cards and deck, the gates tried, and how often the second augmentation is picked for each window.

    `candidates`, the best first, and `tested`, what the first SHOWN of them score under CORRUPTIONS, M = 1, which
    shows how much the choice matters and decides nothing. `chosen_single` is the index of the card that is best on
    validation images, clean and under HELD_OUT.
    """

    rows: tuple[Row, ...]
    chosen_single: int
    candidates: tuple[Candidate, ...]
    tested: tuple[float, ...]
    picks: dict[int, tuple[float, ...]]
    clean_picks: dict[int, float]
    deck: Deck


def score(name: str, clean: np.ndarray, y: np.ndarray, corrupted: np.ndarray, y_cells: np.ndarray) -> Row:
    """From logits or probabilities: clean [N, classes], corrupted [75, n, classes]."""
    right = (corrupted.argmax(-1) == y_cells).mean(1).reshape(len(CORRUPTIONS), len(SEVERITIES)).mean(1)
    return Row(name, float((clean.argmax(1) == y).mean()), tuple(right.tolist()))


def evaluate(s: Study) -> DeckResult:
    """Choose the gate, then test the deck."""
    tried = candidates(s)
    gate = tried[0].gate
    (x, y), (x_cells, y_cells) = testing(s.source, s.plan.exam), cells(s.source, s.plan.exam, CORRUPTIONS, test=True)
    names = [o.job.augmentation for o in s.deck]
    clean, parts = np.stack([o.clean for o in s.deck]), np.stack([o.cells for o in s.deck], 1)

    def row(title: str, mode: str, window: int, gate: Gate = gate) -> Row:
        joined = combine(clean, card_weights(mode, names, gate, 1, x, window))  # type: ignore[arg-type]
        each = [
            combine(c, card_weights(mode, names, gate, 1, v, window))  # type: ignore[arg-type]
            for c, v in zip(parts, x_cells, strict=True)
        ]
        return score(title, joined, y, np.stack(each), y_cells)

    rows = [score(f"{o.job.augmentation} {o.job.seed}", o.clean, y, o.cells, y_cells) for o in s.deck]
    rows.append(row("deck, agnostic", "agnostic", 1))
    rows += [row(f"deck, adaptive, M = {m}", "adaptive", m) for m in WINDOWS]
    rows.append(_oracle(s.deck, gate.names, y, y_cells))
    tested = tuple(row("", "adaptive", 1, c.gate).mean for c in tried[:SHOWN])
    picks = {m: _by_corruption([(gate.picks(v, m) == 1).mean() for v in x_cells]) for m in WINDOWS}
    clean_picks = {m: float((gate.picks(x, m) == 1).mean()) for m in WINDOWS}
    return DeckResult(tuple(rows), _single(s), tried, tested, picks, clean_picks, _deck(s, gate))


def _oracle(cards: Sequence[Outcome], names: Sequence[str], y: np.ndarray, y_cells: np.ndarray) -> Row:
    """The pair of cards of one augmentation that is better, for each corruption: what no gate can know."""
    pairs = []
    for a in names:
        own = [o for o in cards if o.job.augmentation == a]
        even = np.full((1, len(own)), 1 / len(own))
        clean = combine(np.stack([o.clean for o in own]), even.repeat(len(y), 0))
        each = [
            combine(np.stack([o.cells[i] for o in own]), even.repeat(y_cells.shape[1], 0)) for i in range(len(y_cells))
        ]
        pairs.append(score(a, clean, y, np.stack(each), y_cells))
    best = tuple(max(p.corrupted[i] for p in pairs) for i in range(len(CORRUPTIONS)))
    return Row("best pair in hindsight", max(p.clean for p in pairs), best)


def _single(s: Study) -> int:
    y, y_held = validation(s.source, s.plan.exam)[1], cells(s.source, s.plan.exam, HELD_OUT, test=False)[1]
    shares = [(o.validation.argmax(1) == y).mean() + (o.held_out.argmax(-1) == y_held).mean() for o in s.deck]
    return int(np.argmax(shares))


def _by_corruption(shares: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.array(shares).reshape(len(CORRUPTIONS), len(SEVERITIES)).mean(1).tolist())


def _deck(s: Study, gate: Gate) -> Deck:
    models = [onnx.load(o.job.file(s.source.work, "onnx")) for o in s.deck]
    cards = [
        Card(f"{o.job.augmentation}_{o.job.seed}", o.job.augmentation, m) for o, m in zip(s.deck, models, strict=True)
    ]
    return Deck(s.plan.dataset, tuple(cards), "adaptive", dataclasses.replace(gate, window=EXPORTED_WINDOW))

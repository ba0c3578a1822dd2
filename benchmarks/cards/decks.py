"""The deck of the trained cards: its gate, its accuracy agnostic and adaptive, and what the gate picks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from benchmarks.cards.data import Size, corrupted_test, testing, training
from benchmarks.cards.jobs import Job, Outcome

from cardc.frontend.deck import Card, Deck, Gate, Spectrum, combine, fit_gate
from cardc.frontend.deck.deck import card_weights
from cardc.frontend.train.augment import augmentation
from cardc.frontend.train.corruptions import CORRUPTIONS, SEVERITIES

WINDOWS = (1, 10, 100)
SPECTRA = (
    Spectrum(scale="log"), Spectrum(scale="log", constant=False), Spectrum(), Spectrum(constant=False),
    Spectrum(scale="power"), Spectrum(scale="log", crop=8),
)  # fmt: skip


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


def score(name: str, clean: np.ndarray, y: np.ndarray, cells: np.ndarray, y_cells: np.ndarray) -> Row:
    """From logits or probabilities: clean [N, classes], cells [75, n, classes]."""
    right = (cells.argmax(-1) == y_cells).mean(1).reshape(len(CORRUPTIONS), len(SEVERITIES)).mean(1)
    return Row(name, float((clean.argmax(1) == y).mean()), tuple(right.tolist()))


def gates(job: Job, augmentations: Sequence[str]) -> list[tuple[Spectrum, Gate]]:
    """A gate for each spectrum, fitted to training images under each augmentation (the mixed view, for AugMix)."""
    x = torch.from_numpy(training(job.data, job.size)[0])
    views = {a: augmentation(a).views(x, torch.Generator().manual_seed(1))[-1].numpy() for a in augmentations}
    return [(s, fit_gate(views, s)) for s in SPECTRA]


@dataclass(frozen=True, slots=True)
class DeckResult:
    """Rows of the deck, and the share of picks of the second augmentation by corruption for each window."""

    rows: tuple[Row, ...]
    spectra: tuple[tuple[str, float], ...]
    picks: dict[int, tuple[float, ...]]
    clean_picks: dict[int, float]
    deck: Deck


def evaluate(outcomes: Sequence[Outcome], size: Size) -> DeckResult:
    """Join the cards of `outcomes`; the spectrum is chosen on training images augmented anew."""
    job = outcomes[0].job
    y = testing(job.data, size)[1]
    x_clean = testing(job.data, size)[0]
    x_cells, y_cells = corrupted_test(job.data, size, job.work)
    names = [o.job.augmentation for o in outcomes]
    kinds = list(dict.fromkeys(names))
    found = gates(job, kinds)
    spectra = [(describe(s), _told_apart(job, g)) for s, g in found]
    gate = found[int(np.argmax([share for _, share in spectra]))][1]
    clean, cells = np.stack([o.clean for o in outcomes]), np.stack([o.cells for o in outcomes], 1)

    def row(title: str, mode: str, window: int) -> Row:
        joined = combine(clean, card_weights(mode, names, gate, 1, x_clean, window))
        parts = [combine(c, card_weights(mode, names, gate, 1, x, window)) for c, x in zip(cells, x_cells, strict=True)]
        return score(title, joined, y, np.stack(parts), y_cells)

    rows = [score(o.job.name, o.clean, y, o.cells, y_cells) for o in outcomes]
    rows.append(row("deck, agnostic", "agnostic", 1))
    rows += [row(f"deck, adaptive, M = {m}", "adaptive", m) for m in WINDOWS]
    picks = {m: _picks(gate, x_cells, m) for m in WINDOWS}
    clean_picks = {m: float((gate.picks(x_clean, m) == 1).mean()) for m in WINDOWS}
    models = [onnx.load(job.work / f"{o.job.name}.onnx") for o in outcomes]
    cards = [
        Card(f"{o.job.augmentation}_{o.job.seed}", o.job.augmentation, m) for o, m in zip(outcomes, models, strict=True)
    ]
    deck = Deck("mnist", tuple(cards), "adaptive", Gate(gate.spectrum, gate.names, gate.templates, 10))
    return DeckResult(tuple(rows), tuple(spectra), picks, clean_picks, deck)


def _told_apart(job: Job, gate: Gate) -> float:
    """How often the gate is right (M = 1) on training images under each augmentation, drawn anew."""
    x = torch.from_numpy(training(job.data, job.size)[0][:2000])
    random = torch.Generator().manual_seed(2)
    rights = [
        (gate.picks(augmentation(a).views(x, random)[-1].numpy(), 1) == i).mean() for i, a in enumerate(gate.names)
    ]
    return float(np.mean(rights))


def _picks(gate: Gate, x_cells: np.ndarray, window: int) -> tuple[float, ...]:
    shares = np.array([(gate.picks(x, window) == 1).mean() for x in x_cells])
    return tuple(shares.reshape(len(CORRUPTIONS), len(SEVERITIES)).mean(1).tolist())


def describe(s: Spectrum) -> str:
    """A spectrum in a few words."""
    crop = f", lowest {s.crop}" if s.crop else ""
    return f"{s.scale}{crop}{'' if s.constant else ', without frequency 0'}"

"""Gates to choose from: what they see of an image, ranked on validation images under held-out corruptions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from benchmarks.cards.data import cells, training
from benchmarks.cards.study import Study

from cardc.frontend.deck import Gate, Spectrum, combine, fit_gate
from cardc.frontend.deck.deck import card_weights
from cardc.frontend.train.augment import augmentation
from cardc.frontend.train.corruptions import HELD_OUT

TEMPLATE_IMAGES = 5_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A gate: what it sees, whether AugMix' template counts the clean view, too, and how well it does.

    `adaptive`: accuracy of the deck, M = 1, on validation images under HELD_OUT corruptions, by which gates are
    ranked; `told_apart`: right picks on training images augmented anew.
    """

    spectrum: Spectrum
    all_views: bool
    gate: Gate
    adaptive: float
    told_apart: float


def spectra(height: int) -> list[Spectrum]:
    """Every scale, with and without frequency 0, whole and cropped."""
    crops = (None, height // 4, height // 8)
    every = itertools.product(("log", "amplitude", "power"), crops, (True, False))
    return [Spectrum("grey", scale, crop, constant) for scale, crop, constant in every]  # type: ignore[arg-type]


def candidates(s: Study) -> tuple[Candidate, ...]:
    """All gates, the best first; among equals in order of trial."""
    names = [o.job.augmentation for o in s.deck]
    kinds = tuple(dict.fromkeys(names))
    x, _ = training(s.source, s.plan.exam, min(TEMPLATE_IMAGES, s.plan.deck_size.train))
    random = torch.Generator().manual_seed(1)
    seen = {a: augmentation(a).views(torch.from_numpy(x), random) for a in kinds}
    anew = {a: augmentation(a).views(torch.from_numpy(x[:1000]), random)[-1].numpy() for a in kinds}
    x_held, y_held = cells(s.source, s.plan.exam, HELD_OUT, test=False)
    logits = np.stack([o.held_out for o in s.deck]).reshape(len(names), -1, s.deck[0].held_out.shape[-1])
    x_held = x_held.reshape(-1, *x_held.shape[2:])
    found = []
    for all_views, spectrum in itertools.product((False, True), spectra(x.shape[2])):
        shown = {a: torch.cat(v if all_views else v[-1:]).numpy() for a, v in seen.items()}
        gate = fit_gate(shown, spectrum)
        joined = combine(logits, card_weights("adaptive", names, gate, 1, x_held, 1))
        told = [(gate.picks(view, 1) == i).mean() for i, view in enumerate(anew.values())]
        found.append(
            Candidate(spectrum, all_views, gate, float((joined.argmax(1) == y_held.reshape(-1)).mean()),
                      float(np.mean(told)))
        )  # fmt: skip
    return tuple(sorted(found, key=lambda c: -c.adaptive))


def describe(c: Candidate) -> str:
    """A gate in a few words."""
    s = c.spectrum
    crop = f", lowest {s.crop}" if s.crop else ""
    views = ", clean view counted" if c.all_views else ""
    return f"{s.scale}{crop}{'' if s.constant else ', without frequency 0'}{views}"

"""The trained decks in examples/decks: small, loadable, exact when lowered, and right about their data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from cardc.frontend.deck import load_deck
from cardc.frontend.load import load
from cardc.passes.base import run_steps
from cardc.passes.pipeline import TO_INTEGER
from cardc.verify import verify

DECKS = Path(__file__).parents[3] / "examples" / "decks"
SHAPES = {"digits": (1, 8, 8), "mnist": (1, 28, 28)}
NAMES = tuple(SHAPES)


def test_decks_are_small() -> None:
    assert sum(p.stat().st_size for p in DECKS.rglob("*") if p.is_file()) < 5_000_000
    assert sorted(p.name for p in DECKS.iterdir() if p.is_dir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_card_lowers_exactly(name: str) -> None:
    deck = load_deck(DECKS / name)
    assert len(deck.cards) == 4
    assert deck.gate is not None
    assert {c.augmentation for c in deck.cards} == {"augmix", "gaussian"} == set(deck.gate.names)
    x = np.random.default_rng(0).random((3, *SHAPES[name]), np.float32)
    for card in deck.cards:
        imported = load(ir.from_proto(card.model))
        integer = imported.clone()
        run_steps(integer, TO_INTEGER)
        result = verify(imported, integer, card.model, x, [])
        assert result.equal, f"{card.name}: {result.first_difference}"
    np.testing.assert_allclose(deck.probabilities(x).sum(1), 1)

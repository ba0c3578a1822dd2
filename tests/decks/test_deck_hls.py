"""Decks as hls4ml projects: one a card, gate and join as components; their C simulation equals the integer deck."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardc.backends.hls4ml.deck_csim import JoinCsim
from cardc.builds.deck_fpga import FpgaDeckBuild
from cardc.deck_api import compile_deck
from cardc.deck_joint import Average, Result, make_joint
from cardc.errors import CompileError
from cardc.frontend.deck import load_deck
from cardc.ops.deck_join import chosen, join

DIGITS = Path(__file__).parents[2] / "examples" / "decks" / "digits"
RESULTS = [Result(-90, 110, 5, 0.07 + 0.01 * k, 0.25 * k, True) for k in range(3)]


@pytest.mark.parametrize(("average", "picked"), [(None, 1), ("logits", 1), ("softmax", 0)])
def test_the_join_equals_its_model(average: Average | None, picked: int) -> None:
    joint = make_joint(RESULTS, [0, 1, 1], picked, average)
    rng = np.random.default_rng(0)
    results = [rng.integers(r.lo, r.hi, (40, r.classes), endpoint=True) for r in RESULTS]
    picks = rng.integers(0, 2, (40, 1)) if picked else np.zeros((40, 0), np.int64)
    runs = chosen(picks, joint.groups) if picked else np.ones((40, 3), np.bool_)
    want = join([joint.brought(k, x) for k, x in enumerate(results)], runs, joint.weights)
    got = JoinCsim("deck", ["a", "b", "c"], joint, 5, 2).run(runs, picks, results)
    assert np.array_equal(got, want)


def test_a_deck_in_c_simulation() -> None:
    deck = load_deck(DIGITS)
    build = compile_deck(replace(deck, cards=(deck.cards[0], deck.cards[2])), "pynq-z2")
    assert isinstance(build, FpgaDeckBuild)
    x = np.random.default_rng(0).random((6, 1, 8, 8), np.float32)
    x[:3] = np.cumsum(x[:3], axis=3) / 8
    q = build.quantize(x)
    got, want = build.run_integers(q), build.model.run(q)
    assert np.array_equal(got.picks, want.picks)
    assert np.array_equal(got.outputs, want.outputs)
    names = {str(path) for path in build.project.files}
    assert {"gate/firmware/digits_gate.cpp", "join/firmware/digits_join.cpp", "README.md"} <= names
    assert any(name.startswith("cards/digits_augmix_0/firmware/") for name in names)
    report = build.report
    assert report.deck is not None
    assert report.totals["lut"].value == sum(card.figures["lut"].value for card in report.deck.cards)
    assert any("not estimated" in note for layer in report.layers for note in layer.notes)


def test_top_n_is_refused() -> None:
    deck = replace(load_deck(DIGITS), mode="top-n", top=2)
    with pytest.raises(CompileError, match="top-n") as caught:
        compile_deck(deck, "pynq-z2")
    assert "adaptive" in caught.value.fix

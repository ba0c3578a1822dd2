"""The whole deck as one graph: executed, it is the integer deck; written and read back, it is the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from cardc.deck_compile import DeckOptions, lower_deck
from cardc.deck_graph import deck_graph
from cardc.deck_model import IntegerDeck
from cardc.frontend.deck import load_deck
from cardc.ops.execute import execute
from cardc.targets import load

DECK = load_deck(Path(__file__).parents[2] / "examples" / "decks" / "digits")
C = DECK.cards


@pytest.mark.parametrize(
    ("deck", "average"),
    [
        (DECK, None),
        (replace(DECK, cards=(C[0], C[2])), None),
        (replace(DECK, cards=C[:3]), "logits"),
        (replace(DECK, mode="agnostic"), "logits"),
        (replace(DECK, mode="top-n", top=2, cards=C[:3]), None),
    ],
)
def test_the_graph_is_the_deck(deck: object, average: object, tmp_path: Path) -> None:
    lowered = lower_deck(deck, load("nucleo-f446re"), DeckOptions(average))  # type: ignore[arg-type]
    x = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    x[:2] = np.cumsum(x[:2], axis=3) / 8
    model = IntegerDeck(lowered)
    want = model.run(model.quantize(x))
    graph = deck_graph(lowered)
    ir.save(graph, tmp_path / "deck.onnx")
    for found in (graph, ir.load(tmp_path / "deck.onnx")):
        got = execute(found, {found.graph.inputs[0].name or "": x})
        assert np.array_equal(got["answer"], want.outputs)
    ops = [node.op_type for node in graph.graph]
    assert ops.count("SpectralScores") == (lowered.gate is not None)
    assert ops[-1] == "DeckJoin"

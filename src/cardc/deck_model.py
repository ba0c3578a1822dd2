"""The integer deck in numpy: what every compiled form of a deck must equal, pick by pick and output by output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .compiler import Lowered
from .deck_compile import LoweredDeck
from .ops import lookup
from .ops.base import Array, as_int, constant, result, shape_of
from .ops.deck_join import chosen, join, ranked
from .ops.qtype import find_qtype
from .ops.spectral.gate import sliding
from .verify.run import check_inputs, entry


@dataclass(frozen=True, slots=True, eq=False)
class DeckAnswer:
    """For a sequence of N inputs: `picks` [N, picked], the nearest augmentation first ([N, 0] without a gate), and
    `outputs` [N, classes]; integers."""

    picks: NDArray[np.int64]
    outputs: NDArray[np.int64]


class IntegerDeck:
    """A lowered deck, executed. Inputs are a sequence in time that starts from an empty window."""

    def __init__(self, deck: LoweredDeck) -> None:
        self.deck = deck

    @cached_property
    def _quantizer(self) -> tuple[str, str]:
        graph = self.deck.first.integer.graph
        return graph.inputs[0].name or "", entry(self.deck.first.integer)

    def quantize(self, x: Array) -> NDArray[np.int64]:
        """Real inputs x [N, ...] to the integers that the deck takes. CompileError where x does not fit."""
        floats = check_inputs(self.deck.first.imported, x)
        name, to = self._quantizer
        if name == to:
            return as_int(floats)
        return as_int(run_card(self.deck.first, {name: floats}, stop=to)[to])

    def picks(self, q: Array) -> NDArray[np.int64]:
        """[N, picked] for quantised inputs q [N, ...]."""
        gate, picked = self.deck.gate, self.deck.joint.picked
        if gate is None:
            return np.zeros((len(q), 0), np.int64)
        return ranked(sliding(gate.scores(q), gate.window), picked)

    def run(self, q: Array) -> DeckAnswer:
        """Picks and outputs for quantised inputs q [N, ...]; a card sees only the inputs for which it was picked."""
        joint, picks = self.deck.joint, self.picks(q)
        runs = chosen(picks, joint.groups) if joint.picked else np.ones((len(q), len(self.deck.cards)), np.bool_)
        classes = int(np.prod(shape_of(self.deck.first.integer.graph.outputs[0])[1:]))
        parts = [np.zeros((len(q), classes), np.int64) for _ in self.deck.cards]
        for index, card in enumerate(self.deck.cards):
            some = np.flatnonzero(runs[:, index])
            if len(some):
                parts[index][some] = joint.brought(index, run_quantized(card, q[some]))
        return DeckAnswer(picks, join(parts, runs, joint.weights))


def run_quantized(card: Lowered, q: Array) -> NDArray[np.int64]:
    """A card's integer results [N, classes] for quantised inputs."""
    output = card.integer.graph.outputs[0].name or ""
    found = run_card(card, {entry(card.integer): as_int(q)})[output]
    return as_int(found.reshape(len(q), -1))


def run_card(card: Lowered, given: Mapping[str, Array], stop: str | None = None) -> dict[str, Array]:
    """The integer graph's tensors by name, from those `given` on, up to tensor `stop`."""
    graph = card.integer.graph
    values = dict(given)
    for name, initializer in graph.initializers.items():
        raw = constant(initializer)
        if raw is not None:
            values[name] = as_int(raw) if find_qtype(initializer) is not None else raw
    for node in graph:
        name = result(node).name or ""
        if name not in values and all(v is None or v.name in values for v in node.inputs):
            values[name] = lookup(node).execute(node, [values[v.name or ""] for v in node.inputs if v is not None])
        if name == stop:
            break
    return values

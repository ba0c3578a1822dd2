"""The chain of a deck: every card's own, then the picks of the gate and the answers of the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import CompileError
from ..frontend.deck import Deck, softmax
from ..ops.base import Array
from ..report.exact import Exact, GateAgreement, Moved
from .compare import Tally, compare_integers
from .run import Progress, Stage, check_inputs, check_labels, verify

if TYPE_CHECKING:
    from ..deck_compile import LoweredDeck

CardStages = Callable[[int], Sequence[Stage]]
"""The compiled stages of the card of that number."""
_LISTED = 100
_BATCH = 50


@dataclass(frozen=True, slots=True)
class DeckStage:
    """A compiled form of a whole deck. `run` takes a sequence of quantised inputs and gives picks and outputs."""

    name: str
    run: Callable[[Array], Mapping[str, Array]]
    inputs: int


def verify_deck(
    lowered: LoweredDeck,
    x: Array,
    card_stages: CardStages,
    deck_stages: Sequence[DeckStage],
    labels: Array | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Exact:
    """Each card on x [N, ...] through the whole chain, then the deck on x as a sequence in time from a fresh state.

    Exactness is of integers: picks and outputs of every compiled form equal the integer deck's. How often that one
    decides as the float deck does is counted beside it (`Exact.gate`), and is no matter of exactness.
    """
    from ..deck_model import IntegerDeck

    x = check_inputs(lowered.first.imported, x)
    labels = check_labels(labels, len(x))
    parts = [_card(lowered, index, x, card_stages(index), progress) for index in range(len(lowered.cards))]
    model, tally = IntegerDeck(lowered), Tally()
    q = model.quantize(x)
    want = model.run(q)
    right = {} if labels is None else {"integer": _share(want.outputs, labels)}
    for stage in deck_stages:
        n = stage.inputs
        got = stage.run(q[:n])
        compare_integers(stage.name, got, {"picks": want.picks[:n], "outputs": want.outputs[:n]}, tally)
        if labels is not None:
            right[stage.name] = _share(got["outputs"], labels[:n])
        progress(f"deck, {stage.name}", n, n)
    agreement, floats = _agreement(lowered, x, want.picks, want.outputs)
    if labels is not None:
        right = {"float": _share(floats, labels), **right}
    return _joined(parts, tally, deck_stages, len(x), right, agreement)


def _card(lowered: LoweredDeck, index: int, x: Array, stages: Sequence[Stage], progress: Progress) -> Exact:
    card, name = lowered.cards[index], lowered.deck.cards[index].name
    found = verify(
        card.imported, card.integer, card.proto, x, stages,
        progress=lambda stage, done, total: progress(f"{name}, {stage}", done, total),
    )  # fmt: skip
    return found if found.equal else replace(found, first_difference=f"card {name}: {found.first_difference}")


def _joined(
    parts: Sequence[Exact], tally: Tally, stages: Sequence[DeckStage], inputs: int, right: Mapping[str, float],
    agreement: GateAgreement | None,
) -> Exact:  # fmt: skip
    names = list(dict.fromkeys([name for part in parts for name in part.stages] + [s.name for s in stages]))
    least = {s.name: s.inputs for s in stages if s.inputs < inputs}
    for part in parts:
        for name, count in part.stage_inputs.items():
            least[name] = min(count, least.get(name, count))
    difference = next((p.first_difference for p in parts if not p.equal), "") or tally.difference
    return Exact(
        equal=not difference,
        inputs=inputs,
        tensors=sum(p.tensors for p in parts) + len(tally.tensors),
        float_boundary_cases=sum(p.float_boundary_cases for p in parts),
        stages=tuple(names),
        stage_inputs=least,
        accuracy=dict(right),
        first_difference=difference,
        gate=agreement,
    )


def _share(outputs: Array, labels: Array) -> float:
    return float((outputs.argmax(axis=1) == labels).mean())


def float_answer(deck: Deck, x: Array, picks: NDArray[np.int64], kind: str) -> NDArray[np.float64]:
    """[N, classes] of the float deck where `picks` [N, top] run: mean softmax, mean logits, or the one card's own.

    Raises CompileError where there is no input.
    """
    groups = list(deck.gate.names) if picks.shape[1] and deck.gate is not None else []
    total: NDArray[np.float64] | None = None
    count = np.zeros(len(x))
    for card in deck.cards:
        runs = (picks == groups.index(card.augmentation)).any(1) if groups else np.ones(len(x), np.bool_)
        some = np.flatnonzero(runs)
        if not len(some):
            continue
        logits = card.logits(x[some]).astype(np.float64)
        part = softmax(logits) if kind == "softmax" else logits
        total = np.zeros((len(x), part.shape[1])) if total is None else total
        total[some] += part
        count[some] += 1
    if total is None:
        raise CompileError("no inputs", node=f"deck {deck.name!r}", fix="give at least one")
    return total / count[:, None]


def _agreement(
    lowered: LoweredDeck, x: Array, picks: NDArray[np.int64], outputs: Array
) -> tuple[GateAgreement | None, NDArray[np.float64]]:
    """The integer deck beside the float deck, which sees x as it is given."""
    deck, joint = lowered.deck, lowered.joint
    if lowered.gate is None or deck.gate is None:
        floats = float_answer(deck, x, picks, joint.kind)
        same = int((floats.argmax(1) == outputs.argmax(1)).sum())
        return GateAgreement(len(x), len(x), same, (), ()), floats
    margins = deck.gate.margins(x)
    order = np.argsort(-margins, axis=1, kind="stable")
    floats = float_answer(deck, x, order[:, : joint.picked], joint.kind)
    differs = (np.sort(order[:, : joint.picked], 1) != np.sort(picks, 1)).any(1)
    best = np.take_along_axis(margins, order, 1)
    moved = []
    for sample in np.flatnonzero(differs):
        gap = float(best[sample, joint.picked - 1] - best[sample, joint.picked])
        moved.append(Moved(int(sample), gap, int(order[sample, 0]), int(picks[sample, 0])))
    table = np.zeros((len(lowered.groups), len(lowered.groups)), np.int64)
    np.add.at(table, (order[:, 0], picks[:, 0]), 1)
    return GateAgreement(
        inputs=len(x),
        same_picks=int((~differs).sum()),
        same_classes=int((floats.argmax(1) == outputs.argmax(1)).sum()),
        table=tuple(tuple(int(v) for v in row) for row in table),
        moved=tuple(sorted(moved, key=lambda m: (-m.margin, m.sample))[:_LISTED]),
    ), floats

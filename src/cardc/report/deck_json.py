"""The parts of a deck's report as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .deck import CardFacts, DeckFacts, GateFacts, GateStage
from .exact import GateAgreement, Moved
from .figure import TOTALS, Figure
from .reader import Reader


def deck_table(deck: DeckFacts) -> dict[str, Any]:
    """`deck` of a report."""
    return {
        "mode": deck.mode,
        "average": deck.average,
        "bound": deck.bound,
        "picked": deck.picked,
        "cards": [
            {
                "name": card.name,
                "augmentation": card.augmentation,
                "shared_bytes": card.shared_bytes,
                **_figures(card.figures),
            }
            for card in deck.cards
        ],
        "gate": None if deck.gate is None else _gate(deck.gate),
        "mean": _figures(deck.mean),
        "agnostic": _figures(deck.agnostic),
        "shared": _figures(deck.shared),
    }


def _gate(gate: GateFacts) -> dict[str, Any]:
    return {
        "augmentations": list(gate.augmentations),
        "window": gate.window,
        "spectrum": gate.spectrum,
        "shape": list(gate.shape),
        "templates": [list(row) for row in gate.templates],
        "state_bytes": gate.state_bytes,
        "words": dict(gate.words),
        "stages": [asdict(stage) for stage in gate.stages],
        "snr_db": gate.snr_db,
        "goal_db": gate.goal_db,
        **_figures(gate.figures),
    }


def agreement_table(gate: GateAgreement) -> dict[str, Any]:
    """`exact.gate`."""
    return {
        "inputs": gate.inputs,
        "same_picks": gate.same_picks,
        "same_classes": gate.same_classes,
        "table": [list(row) for row in gate.table],
        "moved": [
            {
                "sample": m.sample,
                "margin": m.margin,
                "float_pick": m.float_pick,
                "integer_pick": m.integer_pick,
            }
            for m in gate.moved
        ],
    }


def read_deck(table: Reader) -> DeckFacts:
    """What `deck_table` wrote."""
    return DeckFacts(
        mode=table.text("mode"),
        average=table.text("average"),
        bound=table.number("bound"),
        picked=table.count("picked"),
        cards=tuple(
            CardFacts(
                name=card.text("name"),
                augmentation=card.text("augmentation"),
                shared_bytes=card.count("shared_bytes"),
                figures=_read_figures(card),
            )
            for card in table.subs("cards")
        ),
        gate=_read_gate(table.sub("gate")) if table.holds("gate") else None,
        mean=_read_figures(table.sub("mean")),
        agnostic=_read_figures(table.sub("agnostic")),
        shared=_read_figures(table.sub("shared")) if table.holds("shared") else {},
    )


def _read_gate(table: Reader) -> GateFacts:
    shape = table.counts("shape")
    if len(shape) != 3:
        raise ValueError("a spectrum without planes, rows and columns")
    return GateFacts(
        augmentations=table.texts("augmentations"),
        window=table.count("window"),
        spectrum=table.text("spectrum"),
        shape=(shape[0], shape[1], shape[2]),
        templates=table.rows("templates"),
        state_bytes=table.count("state_bytes"),
        words={key: table.sub("words").count(key) for key in table.sub("words").names()},
        stages=tuple(
            GateStage(s.text("name"), s.count("radix"), s.count("divided_by"), s.count("largest"))
            for s in (table.subs("stages") if table.holds("stages") else ())
        ),
        snr_db=table.number("snr_db") if table.holds("snr_db") else None,
        goal_db=table.number("goal_db") if table.holds("goal_db") else None,
        figures=_read_figures(table),
    )


def read_agreement(table: Reader) -> GateAgreement:
    """What `agreement_table` wrote."""
    return GateAgreement(
        inputs=table.count("inputs"),
        same_picks=table.count("same_picks"),
        same_classes=table.count("same_classes"),
        table=tuple(tuple(int(v) for v in row) for row in table.rows("table")),
        moved=tuple(
            Moved(m.count("sample"), m.number("margin"), m.count("float_pick"), m.count("integer_pick"))
            for m in table.subs("moved")
        ),
    )


def figure_table(figure: Figure) -> dict[str, Any]:
    """A figure with its stage, and its band if it has one."""
    band = {} if figure.low is None else {"low": figure.low, "high": figure.high}
    return {"value": figure.value, "stage": figure.stage, **band}


def read_figure(table: Reader) -> Figure:
    """What `figure_table` wrote."""
    low = table.number("low") if table.holds("low") else None
    high = table.number("high") if table.holds("high") else None
    return Figure(table.number("value"), table.text("stage"), low, high)


def _figures(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: figure_table(figure) for name, figure in figures.items()}


def _read_figures(table: Reader) -> dict[str, Figure]:
    return {name: read_figure(table.sub(name)) for name in TOTALS if table.holds(name)}

"""The figures as a list, as every program under benchmarks/ prints them with --json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.cards.compare import Line, claims
from benchmarks.cards.decks import DeckResult
from benchmarks.cards.fit import BOARD, FIGURES, Fit
from benchmarks.cards.study import Study


def records(done: Study, found: Sequence[Line], result: DeckResult, fits: Sequence[Fit]) -> list[dict[str, Any]]:
    """Figures as a list; the peer of a recipe is the dense float network, a deck's its best single card."""
    out = list[dict[str, Any]]()

    def add(work: str, tool: str, value: float, unit: str, peer: str, peer_value: float) -> None:
        ratio = value / peer_value if peer_value else None
        out.append({"work": work, "tool": tool, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
                    "ratio": ratio})  # fmt: skip

    name = done.plan.dataset
    for n in found:
        (dense,) = (d for d in found if d.recipe == "dense" and d.arch == n.arch)
        for row, peer in zip(n.rows, dense.rows, strict=True):
            add(f"{name}, clean", row.name, row.clean, "accuracy", peer.name, peer.clean)
            add(f"{name}, corrupted", row.name, row.mean, "accuracy", peer.name, peer.mean)
    for c in claims(found):
        for t, p in zip(c.tickets, c.peers, strict=True):
            add(f"{name}, corrupted, {c.arch} {c.sparsity:.0%}", "lottery-ticket style", t, "accuracy",
                "fine-tuned and gradual", p)  # fmt: skip
    best = max(result.rows[: len(done.deck)], key=lambda r: r.mean)
    for row in result.rows:
        add(f"{name}, clean", row.name, row.clean, "accuracy", best.name, best.clean)
        add(f"{name}, corrupted", row.name, row.mean, "accuracy", best.name, best.mean)
    for f in fits:
        for figure in FIGURES if f.compiled else ():
            add(f"{name}, {BOARD}", f.name, (f.compiled or {})[figure], figure, "estimate", f.estimated[figure])
    return out

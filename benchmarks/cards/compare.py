"""Recipes against each other over seeds, and what that says of the paper's claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.cards.data import cells, testing
from benchmarks.cards.decks import Row, score
from benchmarks.cards.jobs import Outcome
from benchmarks.cards.plan import PEERS, TICKETS, TITLES
from benchmarks.cards.study import Study

from cardc.frontend.train.corruptions import CORRUPTIONS


@dataclass(frozen=True, slots=True)
class Line:
    """One architecture, recipe and sparsity; accuracies by seed."""

    arch: str
    recipe: str
    sparsity: float
    rows: tuple[Row, ...]
    epochs: int
    cpu_seconds: float

    def mean_row(self) -> Row:
        """The mean over seeds, under a short name."""
        zeros = f" {self.sparsity:.0%}" if self.recipe in (*PEERS, *TICKETS) else ""
        name = f"{self.arch}: {TITLES[self.recipe]}{zeros}"
        corrupted = np.mean([r.corrupted for r in self.rows], axis=0)
        return Row(name, float(np.mean(self.clean)), tuple(corrupted.tolist()))

    @property
    def clean(self) -> tuple[float, ...]:
        return tuple(r.clean for r in self.rows)

    @property
    def corrupted(self) -> tuple[float, ...]:
        return tuple(r.mean for r in self.rows)


def lines(s: Study) -> list[Line]:
    """One for each recipe and sparsity, seeds in order."""
    y, y_cells = testing(s.source, s.plan.exam)[1], cells(s.source, s.plan.exam, CORRUPTIONS, test=True)[1]
    groups: dict[tuple[str, str, float], list[Outcome]] = {}
    for o in s.main:
        groups.setdefault((o.job.arch, o.job.recipe, o.job.sparsity), []).append(o)
    found = []
    for (arch, recipe, _), own in sorted(groups.items(), key=_in_order):
        rows = tuple(score(o.job.title, o.clean, y, o.cells, y_cells) for o in own)
        cost = float(np.mean([o.cpu_seconds for o in own]))
        found.append(Line(arch, recipe, own[0].sparsity, rows, own[0].epochs, cost))
    return found


def _in_order(group: tuple[tuple[str, str, float], list[Outcome]]) -> tuple[str, int, float]:
    (arch, recipe, sparsity), _ = group
    return arch, list(TITLES).index(recipe), sparsity


@dataclass(frozen=True, slots=True)
class Claim:
    """Mean corrupted accuracy of the lottery-ticket style recipes and of the others, by seed."""

    arch: str
    sparsity: float
    tickets: tuple[float, ...]
    peers: tuple[float, ...]

    @property
    def verdict(self) -> str:
        """Confirmed or contradicted where all seeds agree; one seed says nothing."""
        better = [t > p for t, p in zip(self.tickets, self.peers, strict=True)]
        if len(better) < 2:
            return "one seed, no verdict"
        return "confirmed" if all(better) else "contradicted" if not any(better) else "seeds disagree"


def claims(found: Sequence[Line]) -> list[Claim]:
    """One for each architecture and sparsity."""
    points = sorted({(n.arch, round(n.sparsity, 2)) for n in found if n.recipe in (*PEERS, *TICKETS)})

    def mean(arch: str, sparsity: float, recipes: Sequence[str]) -> tuple[float, ...]:
        own = [
            n.corrupted for n in found
            if n.arch == arch and round(n.sparsity, 2) == sparsity and n.recipe in recipes
        ]  # fmt: skip
        return tuple(np.mean(own, axis=0).tolist())

    return [Claim(a, s, mean(a, s, TICKETS), mean(a, s, PEERS)) for a, s in points]

"""The result of an exploration: its points, what stopped it, and its forms: JSON and HTML."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ..errors import counted
from ..report import Board, Figure
from .point import OBJECTIVES, Point, Refused

SCHEMA = "cardc.explore/1"


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of the first `tried` of `candidates` candidates for `model` on `board`, in their order.

    Candidates that settled on equal options are one point.
    `stopped` says what ended it early: "budget" (time), "points" (their number), or nothing.
    """

    model: str
    board: Board
    points: tuple[Point, ...]
    refused: tuple[Refused, ...]
    candidates: int
    tried: int
    stopped: str

    @property
    def objectives(self) -> tuple[str, ...]:
        """The figures that points are judged by, less is better."""
        return OBJECTIVES[self.board.backend]

    @property
    def front(self) -> tuple[Point, ...]:
        """The points that no other beats, by the first objective."""
        return tuple(sorted((p for p in self.points if p.on_front), key=lambda p: p.objective(self.objectives[0])))

    @property
    def fits(self) -> bool:
        """Whether any point fits the board."""
        return any(point.fits for point in self.points)

    @property
    def verdict(self) -> str:
        """How far it got, in a sentence."""
        tried = f"{self.tried} of {counted(self.candidates, 'candidates')} tried"
        why = {"budget": "the time was over", "points": "the number of points was reached"}.get(self.stopped)
        parts = [f"{tried}: stopped, {why}" if why else f"all {counted(self.candidates, 'candidates')} tried"]
        parts += [f"{len(self.refused)} refused"] if self.refused else []
        fitting = sum(point.fits for point in self.points)
        return ", ".join(
            [*parts, f"{fitting} of {counted(len(self.points), 'points')} fit, {len(self.front)} on the front"]
        )

    def to_json(self) -> str:
        """The schema `cardc.explore/1`, documented in docs/explore.md."""
        table = {
            "schema": SCHEMA,
            "model": self.model,
            "target": self.board.name,
            "objectives": list(self.objectives),
            "candidates": self.candidates,
            "tried": self.tried,
            "stopped": self.stopped,
            "fits": self.fits,
            "points": [_point(point) for point in self.points],
            "refused": [{"label": r.candidate.label, "reason": r.reason} for r in self.refused],
        }
        return json.dumps(table, indent=2, sort_keys=True) + "\n"

    def to_html(self) -> str:
        """One self-contained page: the front as a plot and a table, all points behind it."""
        from .html import to_html

        return to_html(self)


def _point(point: Point) -> dict[str, Any]:
    return {
        "label": point.label,
        "options": point.options,
        "arguments": list(point.arguments),
        "figures": {name: _figure(figure) for name, figure in point.figures.items()},
        "fits": point.fits,
        "share": round(point.share, 6),
        "limiting": point.limiting,
        "on_front": point.on_front,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    band = {"low": figure.low, "high": figure.high} if figure.low is not None else {}
    return {"value": figure.value, "stage": figure.stage} | band

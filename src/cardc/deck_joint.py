"""Which cards of a deck run together, and in which integers their answers are added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from .errors import CompileError
from .ops.deck_join import Joint, Line
from .ops.softmax_fixed import ONE, error_bound, softmax_plan

Average = Literal["softmax", "logits"]
_LARGEST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Result:
    """A card's result: `classes` integers lo ... hi, real = scale * integer + offset. `logits` is False where it is
    a class already (the card ends in ArgMax)."""

    lo: int
    hi: int
    classes: int
    scale: float
    offset: float
    logits: bool


def make_joint(results: Sequence[Result], groups: Sequence[int], picked: int, average: Average | None) -> Joint:
    """The joint of cards with these `results`; `average` None is the mean of softmax where several cards run at once.

    Raises CompileError where cards that give classes would have to be averaged, or no 32 bits hold the sum.
    """
    sizes = counts(groups, picked)
    if sizes == [1] and average is None:
        parts = tuple(Line(1, 0) for _ in results)
        return Joint("card", tuple(groups), picked, parts, (0, 1, *(0 for _ in results[1:])), None, 0.0)
    if not all(r.logits for r in results):
        raise CompileError(
            "cards that end in ArgMax cannot be averaged",
            node="deck", fix="export them up to their last layer, or give each augmentation one card",
        )  # fmt: skip
    common = math.lcm(*sizes)
    if common > _LARGEST // ONE:
        raise CompileError(f"means over {sizes} cards have no common divisor that fits", node="deck",
                           fix="give each augmentation as many cards")  # fmt: skip
    weights = tuple(common // n if n in sizes else 0 for n in range(len(results) + 1))
    if average == "logits":
        lines, unit, bound = _lines(results, _LARGEST // common)
        return Joint("logits", tuple(groups), picked, lines, weights, unit / common, bound)
    plans = tuple(softmax_plan(r.scale, r.lo, r.hi, r.classes) for r in results)
    bound = max(error_bound(plan) for plan in plans)
    return Joint("softmax", tuple(groups), picked, plans, weights, 1 / (ONE * common), bound)


def counts(groups: Sequence[int], picked: int) -> list[int]:
    """How many cards may run at once, ascending: of every choice of `picked` groups (0: all)."""
    sums = {(0, 0)}
    for group in range(max(groups) + 1):
        size = list(groups).count(group)
        sums |= {(n + 1, total + size) for n, total in sums if n < picked}
    return [len(groups)] if picked == 0 else sorted({total for n, total in sums if n == picked})


def _lines(results: Sequence[Result], room: int) -> tuple[tuple[Line, ...], float, float]:
    """A line for each card, the unit of all, and the largest error: none where a power of two is a common unit."""
    for places in range(31):
        unit = Fraction(1, 1 << places)
        exact = [(Fraction(r.scale) / unit, Fraction(r.offset) / unit) for r in results]
        if all(m.denominator == b.denominator == 1 for m, b in exact):
            lines = tuple(Line(int(m), int(b)) for m, b in exact)
            if all(_reach(r, line) <= room for r, line in zip(results, lines, strict=True)):
                return lines, float(unit), 0.0
            break
    most = max(max(abs(r.lo), abs(r.hi)) * abs(r.scale) + abs(r.offset) for r in results)
    step = most / (room - max(max(abs(r.lo), abs(r.hi)) for r in results) - 2) if most else 1.0
    if step <= 0:
        raise CompileError("no 32 bits hold the mean of these logits", node="deck", fix="average softmax instead")
    lines = tuple(Line(round(r.scale / step), round(r.offset / step)) for r in results)
    errors = [
        max(abs(r.lo), abs(r.hi)) * abs(line.multiplier * step - r.scale) + abs(line.offset * step - r.offset)
        for r, line in zip(results, lines, strict=True)
    ]
    return lines, step, max(errors)


def _reach(result: Result, line: Line) -> int:
    return max(abs(result.lo), abs(result.hi)) * abs(line.multiplier) + abs(line.offset)

"""How exact a plan is: predicted from its roundings, measured against float64, and words chosen for a goal.

Prediction (rounding errors as independent and uniform, variance 1/12): a stage of radix r that divides by r adds 1/12
to each component and passes 1 / r of what came before; the split adds 1/12 once more. A component of a twiddle is wrong
by 2^-t / sqrt(12), which turns that part of what it multiplies, frequency 0 aside, into noise. In the words of `wide`
each product is rounded down: what those roundings have in common is as much again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import CompileError
from ..base import Array
from .plan import LONGEST_TWIDDLE, LONGEST_WORD, LUMA, TWIDDLE_BITS, Plan, make_plan
from .spectrum import words
from .transform import radices

GOAL_DB = 60.0
BEST_DB = 108.0
"""What the parabolas of `curve_wide` are wrong by: words that are better than that decide no better."""
NARROW = range(8, 17)
WIDE = range(17, LONGEST_WORD + 1)
EVERY = (*NARROW, *WIDE)
_NEAR_DB = 0.1


@dataclass(frozen=True, slots=True)
class Signal:
    """Of images: the mean of |X|^2 over images and frequencies, exact and in units of the images' integers, with
    frequency 0 and without."""

    power: float
    varying: float


@dataclass(frozen=True, slots=True)
class Words:
    """A plan that was chosen, and the signal-to-noise ratio that it promises."""

    plan: Plan
    predicted_db: float
    goal_db: float


def exact(plan: Plan, images: Array) -> Array:
    """The transform in float64 of q [N, C, H, W]: complex [N, planes, rows, half + 1], in units of q."""
    q = np.asarray(images, np.float64)
    if plan.grey:
        q = np.tensordot(q, np.asarray(LUMA), axes=(1, 0))[:, None]
    return np.fft.rfft2(q, (plan.rows, plan.columns))


def signal(plan: Plan, images: Array) -> Signal:
    """What q [N, C, H, W] hold."""
    square = np.abs(exact(plan, images)) ** 2
    varying = square.copy()
    varying[..., 0, 0] = 0
    return Signal(float(square.mean()), float(varying.mean()))


def predicted_db(plan: Plan, of: Signal) -> float:
    """Signal power over noise power, in dB."""
    stages = (*radices(plan.half), *radices(plan.rows))
    variance = stages[0] / 12 if plan.mix_shift else 0.0
    for at, radix in enumerate(stages[1:], 1):
        variance = variance / radix + (_wide_rounding(plan, at) if plan.wide else 1 / 12)
    turned = sum((radix - 1) / radix for radix in stages[1:]) + 1
    twiddle = turned * 2.0 ** (-2 * plan.twiddle_bits) / 6
    scale = plan.scaling**2
    split = 2 * (variance / 4 + 1 / 4) if plan.wide else variance + 1 / 12
    noise = 2 * split + of.varying * scale * twiddle
    return 10 * math.log10(max(of.power, 1e-300) * scale / noise)


def measured_db(plan: Plan, images: Array) -> float:
    """The same, by running q [N, C, H, W]: all words of X against float64."""
    want = exact(plan, images) * plan.scaling
    re, im = (part.astype(np.float64) for part in words(plan, np.asarray(images, np.int64)).spectrum)
    re[..., 0, 0] += plan.offset
    im[..., plan.half // 2 + 1 :] *= -1  # the mirrored half is conjugated
    noise = (re - want.real) ** 2 + (im - want.imag) ** 2
    return float(10 * np.log10((np.abs(want) ** 2).sum() / noise.sum()))


def goal_for(window: int) -> float:
    """The goal in dB where none is given: 60, and 30 log10 of the `window`, up to BEST_DB.

    A decision that stands for M images shall differ from the float gate's M times less often, and how many do goes with
    the noise's amplitude: 20 log10 M. What the roundings of all images have in common stays, while the spread of scores
    shrinks by the root of M: 10 log10 M.
    """
    return min(GOAL_DB + 30 * math.log10(window), BEST_DB)


def choose_words(
    shape: tuple[int, int, int],
    lo: int,
    hi: int,
    of: Signal,
    *,
    grey: bool,
    goal_db: float = GOAL_DB,
    data_bits: Sequence[int] = EVERY,
) -> Words:
    """The shortest data of `data_bits` that reach `goal_db` on images that hold `of`, and the shortest twiddles that
    lose no more than 0.1 dB against the longest. CompileError where no choice reaches the goal."""
    best = -math.inf
    for bits in sorted(data_bits):
        longest = _plan(shape, lo, hi, grey, bits)
        if longest is None:
            continue
        best = max(best, reached := predicted_db(longest, of))
        if reached < goal_db:
            continue
        for twiddle_bits in range(6, longest.twiddle_bits + 1):
            plan = _with_twiddles(longest, twiddle_bits)
            if plan is not None and (db := predicted_db(plan, of)) >= max(goal_db, reached - _NEAR_DB):
                return Words(plan, db, goal_db)
    raise CompileError(
        f"words of {max(data_bits)} bits reach {best:.1f} dB, not {goal_db:g} dB",
        node="gate",
        fix="lower the goal, or give images with more contrast",
    )


def default_words(shape: tuple[int, int, int], lo: int, hi: int, of: Signal, *, grey: bool, window: int) -> Words:
    """16 bits, with twiddles of 14, where they reach the goal for `window`; else the shortest longer ones that do, or
    the longest that there are."""
    goal = goal_for(window)
    plan = make_plan(shape, lo, hi, grey=grey)
    if (db := predicted_db(plan, of)) >= goal:
        return Words(plan, db, goal)
    longest = make_plan(shape, lo, hi, grey=grey, data_bits=LONGEST_WORD, twiddle_bits=LONGEST_TWIDDLE)
    goal = min(goal, predicted_db(longest, of))
    return choose_words(shape, lo, hi, of, grey=grey, goal_db=goal, data_bits=WIDE)


def _plan(shape: tuple[int, int, int], lo: int, hi: int, grey: bool, bits: int) -> Plan | None:
    """With the longest twiddles; None where the pixels alone are wider."""
    twiddle_bits = LONGEST_TWIDDLE if bits > 16 else TWIDDLE_BITS
    try:
        return make_plan(shape, lo, hi, grey=grey, data_bits=bits, twiddle_bits=twiddle_bits)
    except CompileError:
        if bits >= 16:  # not for want of bits, then
            raise
        return None


def _with_twiddles(plan: Plan, bits: int) -> Plan | None:
    """None where the gain leaves no room for the roundings of such twiddles."""
    try:
        return replace(plan, twiddle_bits=bits)
    except CompileError:
        return None


def _wide_rounding(plan: Plan, stage: int) -> float:
    """Variance that a stage of the wide transform adds to a component: six products and a quarter, each rounded down; a
    first stage of columns rounds its sums once."""
    return 1 / 12 if stage == len(radices(plan.half)) else 7 / 12

"""How exact a plan is: predicted from its roundings, measured against float64, and words chosen for a goal.

Prediction (rounding errors as independent and uniform, variance 1/12): a stage of radix r that divides by r adds 1/12
to each component and passes 1 / r of what came before; the split adds 1/12 once more. A component of a twiddle is wrong
by 2^-t / sqrt(12), which turns that part of what it multiplies, frequency 0 aside, into noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import CompileError
from ..base import Array
from .plan import LUMA, TWIDDLE_BITS, Plan, make_plan
from .spectrum import words
from .transform import Ints, radices

GOAL_DB = 60.0
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
    for radix in stages[1:]:
        variance = variance / radix + 1 / 12
    turned = sum((radix - 1) / radix for radix in stages[1:]) + 1
    twiddle = turned * 2.0 ** (-2 * plan.twiddle_bits) / 6
    scale = plan.scaling**2
    noise = 2 * (variance + 1 / 12) + of.varying * scale * twiddle
    return 10 * math.log10(max(of.power, 1e-300) * scale / noise)


def measured_db(plan: Plan, images: Array) -> float:
    """The same, by running q [N, C, H, W]: all words of X against float64."""
    want = exact(plan, images) * plan.scaling
    re, im = (part.astype(np.float64) for part in words(plan, np.asarray(images, np.int64)).spectrum)
    re[..., 0, 0] += plan.offset
    im[..., plan.half // 2 + 1 :] *= -1  # the mirrored half is conjugated
    noise = (re - want.real) ** 2 + (im - want.imag) ** 2
    return float(10 * np.log10((np.abs(want) ** 2).sum() / noise.sum()))


def choose_words(
    shape: tuple[int, int, int],
    lo: int,
    hi: int,
    images: Ints,
    *,
    grey: bool,
    goal_db: float = GOAL_DB,
    data_bits: Sequence[int] = (16,),
) -> Words:
    """The shortest data of `data_bits` that reach `goal_db` on `images` q [N, C, H, W], and the shortest twiddles that
    lose no more than 0.1 dB against 14 bits. On a microcontroller a word has 16 bits at no cost; on an FPGA give
    `range(8, 17)`. CompileError where no choice reaches the goal."""
    best = -math.inf
    for bits in sorted(data_bits):
        longest = _plan(shape, lo, hi, grey, bits)
        if longest is None:
            continue
        of = signal(longest, images)
        best = predicted_db(longest, of)
        if best < goal_db:
            continue
        for twiddle_bits in range(6, TWIDDLE_BITS + 1):
            plan = _with_twiddles(longest, twiddle_bits)
            if plan is not None and (db := predicted_db(plan, of)) >= max(goal_db, best - _NEAR_DB):
                return Words(plan, db, goal_db)
    raise CompileError(
        f"words of {max(data_bits)} bits reach {best:.1f} dB, not {goal_db:g} dB",
        node="gate",
        fix="lower the goal, or give images with more contrast",
    )


def _plan(shape: tuple[int, int, int], lo: int, hi: int, grey: bool, bits: int) -> Plan | None:
    """None where the pixels alone are wider."""
    try:
        return make_plan(shape, lo, hi, grey=grey, data_bits=bits)
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

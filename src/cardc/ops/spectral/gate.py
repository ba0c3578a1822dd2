"""The decision of a gate in integers: scores of one image, their sum over a window, the first of the largest.

argmin_a ||S - T_a||^2 with S the mean of the last M spectra y_i is argmax_a sum over i of <y_i, T_a> - ||T_a||^2 / 2.
That sum is over scores, one number an augmentation and image: a window holds M of these, not M spectra, and is exact
under eviction. Only differences count, so scores are taken against the first augmentation's, which is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from . import curve_wide as wide
from .curve import OCTAVES, SEGMENTS, values
from .curve_wide import power_shift, read_wide
from .plan import Plan
from .spectrum import Words, words
from .transform import Ints

CHUNK = 250  # images at a time
LONGEST = 1000


@dataclass(frozen=True, slots=True, eq=False)
class IntegerGate:
    """A gate in integers.

    `differences` int64 [A - 1, F]: the scaled T_a - T_0, frequencies row by row, channel by channel, as the float
    gate's. `constants` int64 [A - 1]: the scaled (||T_a||^2 - ||T_0||^2) / 2. `table` as in `curve`, None for power.
    `crop` and `constant` as in the float gate's Spectrum. `window` is M. `scale` is what an integer of an image is
    worth in the float gate's images.
    """

    names: tuple[str, ...]
    plan: Plan
    table: Ints | None
    differences: Ints
    constants: Ints
    crop: int | None = None
    constant: bool = True
    window: int = 1
    scale: float = 1 / 255

    def __post_init__(self) -> None:
        check(self)

    def picked(self) -> tuple[Ints, Ints]:
        """Row and column of each frequency that is looked at, in order."""
        return frequencies(self.plan, self.crop, self.constant)

    def features(self, images: Array) -> Ints:
        """y [N, F] of q [N, C, H, W]."""
        return self._features(words(self.plan, self.checked(images)))

    def _features(self, found: Words) -> Ints:
        rows, columns = self.picked()
        spectrum = found.spectrum[0][..., rows, columns], found.spectrum[1][..., rows, columns]
        return self.curve(spectrum, (rows == 0) & (columns == 0))[1].reshape(len(found.pixels), -1)

    def curve(self, spectrum: tuple[Ints, Ints], zero: Ints) -> tuple[Ints, Ints]:
        """|X|^2 and what the gate makes of it; `zero` marks frequency 0, which `offset` is given back."""
        p, octave = powers(self.plan, spectrum, zero)
        if not self.plan.wide:
            return p, values(self.table, p, octave)
        return p, p >> power_shift(self.plan.power_bits) if self.table is None else read_wide(self.table, p)

    def scores(self, images: Array) -> Ints:
        """int64 [N, A], the first column 0, of q [N, C, H, W]: what each image alone speaks for."""
        checked = self.checked(images)
        parts = [self._scores(checked[i : i + CHUNK]) for i in range(0, len(checked), CHUNK)]
        return np.concatenate([np.zeros((0, len(self.names)), np.int64), *parts])

    def _scores(self, images: Ints) -> Ints:
        dot = self._features(words(self.plan, images)) @ self.differences.T - self.constants
        return np.concatenate([np.zeros((len(images), 1), np.int64), dot], 1)

    def feed(self, state: GateState, images: Array) -> NDArray[np.int64]:
        """The pick for each of a sequence q [N, C, H, W]; `state` remembers the window."""
        return state.feed(self.scores(images))

    def picks(self, images: Array, window: int | None = None) -> NDArray[np.int64]:
        """As `feed` from the start; `window` stands in for the gate's own M."""
        return GateState(len(self.names), window or self.window).feed(self.scores(images))

    def checked(self, images: Array) -> Ints:
        """`images` as int64. CompileError unless they are integers of the plan's shape and range."""
        x, plan = np.asarray(images), self.plan
        shape = (plan.channels, plan.height, plan.width)
        if x.ndim != 4 or x.shape[1:] != shape or not np.issubdtype(x.dtype, np.integer):
            fix = f"give quantised integers [N, {', '.join(map(str, shape))}]"
            raise CompileError(f"images are {x.dtype} {list(x.shape)}", node="gate", fix=fix)
        if x.size and not (plan.lo <= int(x.min()) and int(x.max()) <= plan.hi):
            raise CompileError(f"pixels leave {plan.lo} ... {plan.hi}", node="gate", fix="quantise the images first")
        return x.astype(np.int64)


@dataclass(slots=True)
class GateState:
    """The scores of the last `window` images, and their sums: what a caller keeps between images."""

    augmentations: int
    window: int
    ring: list[Ints] = field(default_factory=list)

    @property
    def sums(self) -> Ints:
        """int64 [augmentations]."""
        return np.asarray(sum(self.ring, np.zeros(self.augmentations, np.int64)))

    def feed(self, scores: Ints) -> NDArray[np.int64]:
        """The pick behind each of scores [N, augmentations]."""
        before = len(self.ring)
        every = np.concatenate([np.reshape(self.ring, (before, self.augmentations)).astype(np.int64), scores])
        sums = sliding(every, self.window)[before:]
        self.ring = list(every[max(0, len(every) - self.window) :])
        return np.asarray(sums.argmax(1), np.int64)


def sliding(scores: Ints, window: int) -> Ints:
    """Row i: the sum of rows max(0, i - window + 1) ... i."""
    totals = np.concatenate([np.zeros((1, scores.shape[1]), np.int64), scores.cumsum(0)])
    last = np.arange(1, len(scores) + 1)
    return np.asarray(totals[last] - totals[np.maximum(0, last - window)])


def frequencies(plan: Plan, crop: int | None, constant: bool) -> tuple[Ints, Ints]:
    """Row and column of each frequency below `crop`, row by row; without (0, 0) where `constant` is off."""
    rows, columns = np.arange(plan.rows), np.arange(plan.half + 1)
    if crop is not None:
        rows, columns = rows[np.minimum(rows, plan.rows - rows) < crop], columns[:crop]
    at = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    return at if constant else (at[0][1:], at[1][1:])


def powers(plan: Plan, spectrum: tuple[Ints, Ints], zero: Ints) -> tuple[Ints, Ints]:
    """|X|^2, and how many octaves above it the table is read; `zero` marks frequency 0, which `offset` is given back.

    In 16-bit plans that one may have 17 bits, so its half is squared.
    """
    re, im = spectrum
    if plan.wide:
        whole, imaginary = np.where(zero, re + plan.offset, re), np.where(zero, 0, im)
        return whole * whole + imaginary * imaginary, 0 * re
    whole = np.where(zero, (re + plan.offset + 1) >> 1, re)
    return whole * whole + np.where(zero, 0, im * im), np.where(zero, 2, 0) + 0 * re


def check(gate: IntegerGate) -> None:
    """CompileError unless the parts fit each other and no sum of a window leaves 64 bits."""

    def refuse(what: str) -> CompileError:
        return CompileError(f"the integer gate is wrong: {what}", node="gate", fix="fit the integer gate again")

    count, d = len(gate.picked()[0]) * gate.plan.planes, gate.differences
    if not count:
        raise CompileError("the gate looks at no frequency", node="gate", fix="crop less, or keep frequency 0")
    if not gate.names or d.shape != (len(gate.names) - 1, count) or gate.constants.shape != (len(gate.names) - 1,):
        raise refuse(f"{len(gate.names)} names, {count} frequencies, templates {list(d.shape)}")
    if not 1 <= gate.window <= LONGEST:
        raise CompileError(f"a window of {gate.window}", node="gate", fix=f"1 to {LONGEST} inputs")
    if not _table_fits(gate):
        raise refuse("a table of another length, or one that falls")
    top = int(gate.table[-1]) if gate.table is not None and not gate.plan.wide else 0
    widest = 1 << 20 if gate.plan.wide else min(1 << 15, (1 << 31) // max(1, top))
    if d.size and int(np.abs(d).max()) >= widest:
        raise refuse("templates that are too wide")
    if reach(gate) * gate.window >= 1 << 62:
        raise refuse("sums that leave 64 bits")


def _table_fits(gate: IntegerGate) -> bool:
    table, bits = gate.table, gate.plan.power_bits
    if table is None:
        return True
    if gate.plan.wide:
        whole = table.shape == (bits * wide.SEGMENTS * wide.TERMS,)
        return whole and int(np.abs(table).max()) < 1 << 30 and wide.largest(table) < 1 << 30
    falls = bool((np.diff(table) < 0).any())
    return table.shape == (OCTAVES * SEGMENTS + 1,) and table.min() >= 0 and table[-1] < 1 << 24 and not falls


def largest_value(gate: IntegerGate) -> int:
    """No y is larger in size."""
    if gate.table is None:
        return 1 << 31
    return wide.largest(gate.table) if gate.plan.wide else int(gate.table[-1])


def reach(gate: IntegerGate) -> int:
    """No score of one image is further from 0."""
    top = largest_value(gate)
    rows = zip(gate.differences, gate.constants, strict=True)
    return max((int(np.abs(row).sum()) * top + abs(int(c)) for row, c in rows), default=0)

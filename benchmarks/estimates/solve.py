"""Constants by least squares of relative errors, none negative, and the choice among optional terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

_WORTH = 0.98  # what an optional term must make of the error to be taken


@dataclass(frozen=True, slots=True)
class Equation:
    """One design's say in one set's constants."""

    group: str
    free: NDArray[np.float64]
    actual: float
    given: float


# What a term should take where the designs cannot tell, and how strongly: an adder takes a LUT a bit (AMD UG474).
_PRIOR: Mapping[str, float] = {
    "adder_bits": 1.0, "adder_register_bits": 1.0, "thin_bits": 0.9, "thick_bits": 0.9, "two_digit_bits": 1.4,
    "negation_bits": 1.5,
    "fabric_bits": 0.9, "unit_bits": 2.7, "vitis.register_1": 0.6, "vitis.register_2": 0.8, "vitis.register_3": 1.2,
    "vivado.register_1": 0.06, "vivado.register_2": 0.1, "vivado.register_3": 0.2,
}  # fmt: skip
_PRIOR_WEIGHT = 0.15


def solve(
    equations: Sequence[Equation], names: Sequence[str], given: Mapping[str, float], family: str = ""
) -> dict[str, float]:
    """Constants by name, for the tools of `family`. Designs of zero are left out: they have no relative errors."""
    used = [e for e in equations if e.actual > 0]
    found = dict(given)
    if used and names:
        scale = np.array([e.actual for e in used])
        matrix = np.stack([e.free for e in used]) / scale[:, None]
        wanted = (scale - [e.given for e in used]) / scale
        wishes = {name: _PRIOR.get(name, _PRIOR.get(f"{family}.{name}")) for name in names}
        pulled = {name: wish for name, wish in wishes.items() if wish}
        rows = np.zeros((len(pulled), len(names)))
        for i, name in enumerate(pulled):
            rows[i, names.index(name)] = _PRIOR_WEIGHT / pulled[name]
        matrix = np.vstack([matrix, rows])
        wanted = np.concatenate([wanted, np.full(len(pulled), _PRIOR_WEIGHT)])
        size = np.maximum(np.abs(matrix).max(axis=0), 1e-12)
        answer, _ = nnls(matrix / size, wanted)
        found |= {name: float(f"{x:.4g}") for name, x in zip(names, answer / size, strict=True)}
    return {name: each for name, each in found.items() if each}


def choose(
    equations: Sequence[Equation], names: Sequence[str], fewest: int, given: Mapping[str, float], family: str
) -> list[int]:
    """The columns to solve for: the first `fewest`, and of the others one after the other that predicts groups better
    which the solution has not seen."""
    groups = sorted({e.group for e in equations})

    def error(columns: Sequence[int]) -> float:
        off = []
        for group in groups:
            seen = [with_columns(e, columns) for e in equations if e.group != group]
            found = solve(seen, [names[c] for c in columns], given, family)
            each = np.array([found.get(names[c], 0.0) for c in columns])
            off += [
                abs(float(e.free[list(columns)] @ each) + e.given - e.actual) / e.actual
                for e in equations
                if e.group == group and e.actual > 0
            ]
        return float(np.mean(off)) if off else 0.0

    taken, rest = list(range(fewest)), list(range(fewest, len(names)))
    least = error(taken) if rest and len(groups) > 2 else 0.0
    while rest and len(groups) > 2:
        errors = [error([*taken, c]) for c in rest]
        if min(errors) > _WORTH * least:
            break
        least = min(errors)
        taken.append(rest.pop(errors.index(least)))
    return sorted(taken)


def with_columns(equation: Equation, columns: Sequence[int]) -> Equation:
    """The equation with some of its terms."""
    return Equation(equation.group, equation.free[list(columns)], equation.actual, equation.given)

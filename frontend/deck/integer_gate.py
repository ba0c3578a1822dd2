"""From the float gate to the integer gate: words, table and templates, chosen so that the decisions stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...errors import CompileError
from ...ops.base import Array
from ...ops.spectral import IntegerGate, Plan, make_plan
from ...ops.spectral.curve import POWER_SHIFT, make_table
from ...ops.spectral.noise import choose_words
from .gate import Gate

_VALUE_BITS = {"amplitude": 18, "log": 15}
"""An amplitude has 17 bits and one place; with a logarithm 15 bits are a step of 0.0003 or less."""
_PRODUCT_BITS = 31


def fit_integer_gate(
    gate: Gate,
    shape: tuple[int, int, int],
    lo: int,
    hi: int,
    scale: float,
    images: Array | None = None,
    *,
    goal_db: float | None = None,
    data_bits: Sequence[int] = (16,),
) -> IntegerGate:
    """The integer gate that decides as `gate` does, for images q [C, H, W] of integers lo ... hi, each worth `scale`.

    Rounding shifts all scores a little (noise makes small amplitudes larger); with calibration `images`, integers
    [N, C, H, W], the mean of that is taken away, which matters where a window averages the rest out. A thousand do.
    The words are the longest that a microcontroller has; with `goal_db` the shortest of `data_bits` that reach it on
    `images` (see `choose_words`).
    Raises CompileError where the spectrum is not padded, of another size, or no kernel has it.
    """
    spectrum = gate.spectrum
    grey = spectrum.colour == "grey"
    if goal_db is None:
        plan = make_plan(shape, lo, hi, grey=grey)
    elif images is None or len(images) == 0:
        raise CompileError("a goal without images to measure it by", node="gate", fix="give calibration images")
    else:
        plan = choose_words(shape, lo, hi, images, grey=grey, goal_db=goal_db, data_bits=data_bits).plan
    if not spectrum.pad and (plan.rows, plan.columns) != shape[1:]:
        fix = "fit the gate with Spectrum(pad=True)"
        raise CompileError(f"a spectrum of {shape[1]}x{shape[2]} images without padding", node="gate", fix=fix)
    unit = scale / plan.scaling
    if spectrum.scale == "power":
        table, per_one, bits = None, 1 / ((1 << POWER_SHIFT) * unit * unit), _PRODUCT_BITS - 15
    else:
        bits = _VALUE_BITS[spectrum.scale]
        table, per_one = make_table(spectrum.scale, unit, (1 << bits) - 1)
    templates = gate.templates.astype(np.float64) * per_one
    found = _quantized(gate, plan, table, templates, min(15, _PRODUCT_BITS - bits), scale)
    return found if images is None or len(images) == 0 else _calibrated(found, gate, per_one, images)


def _calibrated(found: IntegerGate, gate: Gate, per_one: float, images: Array) -> IntegerGate:
    """`found` with constants that make its mean scores those of `gate` on `images`."""
    margins = gate.margins(images * found.scale, 1)
    exact = (margins[:, 1:] - margins[:, :1]) * per_one**2
    differences = (gate.templates[1:] - gate.templates[:1]).astype(np.float64) * per_one
    norm = (differences * differences).sum()
    # the factor between float and integer templates, as it is after rounding
    factor = float((found.differences * differences).sum() / norm) if norm > 0 else 1.0
    shift = (found.scores(images)[:, 1:] - exact * factor).mean(0)
    return replace(found, constants=found.constants + np.rint(shift).astype(np.int64))


def _quantized(
    gate: Gate, plan: Plan, table: NDArray[np.int64] | None, templates: NDArray[np.float64], bits: int, scale: float
) -> IntegerGate:
    """`templates` in the features' own unit, scaled so that the widest difference fills `bits` bits and a sign."""
    differences = templates[1:] - templates[0]
    squares = (templates * templates).sum(1) / 2
    widest = float(np.abs(differences).max(initial=0.0))
    spectrum = gate.spectrum
    factor = ((1 << bits) - 1) / widest if widest > 0 else 1.0
    return IntegerGate(
        gate.names, plan, table, np.rint(differences * factor).astype(np.int64),
        np.rint((squares[1:] - squares[0]) * factor).astype(np.int64),
        spectrum.crop, spectrum.constant, gate.window, scale,
    )  # fmt: skip

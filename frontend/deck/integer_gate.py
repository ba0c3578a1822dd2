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
from ...ops.spectral.curve_wide import make_wide_table, power_shift
from ...ops.spectral.gate import frequencies
from ...ops.spectral.noise import EVERY, Signal, choose_words, default_words, signal
from .gate import Gate

_VALUE_BITS = {"amplitude": 18, "log": 15}
"""An amplitude has 17 bits and one place; with a logarithm 15 bits are a step of 0.0003 or less."""
_PRODUCT_BITS = 31
_WIDE_TEMPLATE_BITS = 20


def fit_integer_gate(
    gate: Gate,
    shape: tuple[int, int, int],
    lo: int,
    hi: int,
    scale: float,
    images: Array | None = None,
    *,
    goal_db: float | None = None,
    data_bits: Sequence[int] = EVERY,
) -> IntegerGate:
    """As `fit_gate_and_goal`, the gate alone."""
    return fit_gate_and_goal(gate, shape, lo, hi, scale, images, goal_db=goal_db, data_bits=data_bits)[0]


def fit_gate_and_goal(
    gate: Gate,
    shape: tuple[int, int, int],
    lo: int,
    hi: int,
    scale: float,
    images: Array | None = None,
    *,
    goal_db: float | None = None,
    data_bits: Sequence[int] = EVERY,
) -> tuple[IntegerGate, float]:
    """The integer gate that decides as `gate` does, for images q [C, H, W] of integers lo ... hi, each worth `scale`.

    Rounding shifts all scores a little (noise makes small amplitudes larger); with calibration `images`, integers
    [N, C, H, W], the mean of that is taken away, which matters where a window averages the rest out. A thousand do.
    The words are the shortest of `data_bits` that reach `goal_db`, signal to noise on `images` or, without any, on
    images like the templates; where no goal is given, 16 bits or, for the goal that `goal_for` sets a window, more.
    The second result is that goal in dB, or what the longest words reach where that is less.
    Raises CompileError where the spectrum is not padded, of another size, or no kernel has it.
    """
    spectrum = gate.spectrum
    grey = spectrum.colour == "grey"
    first = make_plan(shape, lo, hi, grey=grey)
    if not spectrum.pad and (first.rows, first.columns) != shape[1:]:
        fix = "fit the gate with Spectrum(pad=True)"
        raise CompileError(f"a spectrum of {shape[1]}x{shape[2]} images without padding", node="gate", fix=fix)
    of = template_signal(gate, first, scale) if images is None or len(images) == 0 else signal(first, images)
    if goal_db is None:
        words = default_words(shape, lo, hi, of, grey=grey, window=gate.window)
    else:
        words = choose_words(shape, lo, hi, of, grey=grey, goal_db=goal_db, data_bits=data_bits)
    plan = words.plan
    unit = scale / plan.scaling
    table, per_one = _curve(spectrum.scale, unit, plan)
    bits = _WIDE_TEMPLATE_BITS
    if not plan.wide:
        bits = 15 if table is None else min(15, _PRODUCT_BITS - _VALUE_BITS[spectrum.scale])
    templates = gate.templates.astype(np.float64) * per_one
    found = _quantized(gate, plan, table, templates, bits, scale)
    if images is not None and len(images) > 0:
        found = _calibrated(found, gate, per_one, images)
    return found, words.goal_db


def _curve(scale: str, unit: float, plan: Plan) -> tuple[NDArray[np.int64] | None, float]:
    """The table of `scale`, and how many of its integers are 1 of the float gate's; None for the power."""
    if scale == "power":
        shift = power_shift(plan.power_bits) if plan.wide else POWER_SHIFT
        return None, 1 / ((1 << shift) * unit * unit)
    if plan.wide:
        return make_wide_table(scale, unit, plan.power_bits)
    return make_table(scale, unit, (1 << _VALUE_BITS[scale]) - 1)


def template_signal(gate: Gate, plan: Plan, scale: float) -> Signal:
    """A signal as strong as the templates, in units of the images' integers, each worth `scale`, at the frequencies
    that the gate looks at."""
    t = np.maximum(gate.templates.astype(np.float64).mean(0), 0)
    amplitude = np.expm1(t) if gate.spectrum.scale == "log" else np.sqrt(t) if gate.spectrum.scale == "power" else t
    rows, columns = frequencies(plan, gate.spectrum.crop, gate.spectrum.constant)
    if len(t) != plan.planes * len(rows):
        what = f"templates of {len(t)} frequencies, images of {plan.planes * len(rows)}"
        raise CompileError(what, node="gate", fix="give images of the size that the gate was fitted to")
    square = (amplitude / scale).reshape(plan.planes, -1) ** 2
    zero = (rows == 0) & (columns == 0)
    return Signal(float(square.mean()), float(square[:, ~zero].sum()) / square.size)


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
    """`templates` in the features' own unit, scaled so that the widest difference fills `bits` bits and a sign, or
    fewer where sums of a window would leave 64."""
    differences = templates[1:] - templates[0]
    squares = (templates * templates).sum(1) / 2
    widest = float(np.abs(differences).max(initial=0.0))
    spectrum = gate.spectrum
    while True:
        factor = ((1 << bits) - 1) / widest if widest > 0 else 1.0
        try:
            return IntegerGate(
                gate.names, plan, table, np.rint(differences * factor).astype(np.int64),
                np.rint((squares[1:] - squares[0]) * factor).astype(np.int64),
                spectrum.crop, spectrum.constant, gate.window, scale,
            )  # fmt: skip
        except CompileError:
            if bits <= 15:
                raise
            bits -= 1

"""What a report says of a deck's gate, whatever the backend."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..frontend.deck import Gate
from ..frontend.deck.integer_gate import template_signal
from ..ops.spectral import IntegerGate
from ..ops.spectral import curve_wide as wide
from ..ops.spectral.noise import predicted_db
from ..ops.spectral.transform import radices
from ..report import Figure, GateFacts, GateStage


def gate_facts(
    gate: Gate, integer: IntegerGate, goal_db: float | None, state_bytes: int, figures: Mapping[str, Figure]
) -> GateFacts:
    """The float gate's templates and the integer gate's words."""
    s, plan = gate.spectrum, integer.plan
    crop = "" if s.crop is None else f", frequencies below {s.crop}"
    constant = "" if s.constant else ", without frequency 0"
    rows, columns = (len(set(part.tolist())) for part in integer.picked())
    return GateFacts(
        augmentations=gate.names,
        window=gate.window,
        spectrum=f"{s.scale} of the {s.colour} spectrum, {plan.rows}x{plan.columns}{crop}{constant}",
        shape=(plan.planes, rows, columns),
        templates=tuple(tuple(float(f"{v:.4g}") for v in row) for row in gate.templates.tolist()),
        state_bytes=state_bytes,
        words=gate_words(integer),
        stages=gate_stages(integer),
        snr_db=round(predicted_db(plan, template_signal(gate, plan, integer.scale)), 1),
        goal_db=goal_db,
        figures=figures,
    )


def gate_words(integer: IntegerGate) -> dict[str, int]:
    """Bits, with the sign where there is one, of what the gate computes with."""
    value = 31 if integer.plan.wide else 30
    if integer.table is not None:
        value = wide.VALUE_BITS if integer.plan.wide else int(integer.table[-1]).bit_length()
    template = int(np.abs(integer.differences).max(initial=0)).bit_length() + 1
    plan = integer.plan
    return {
        "data_bits": plan.data_bits, "twiddle_bits": plan.twiddle_bits, "power_bits": plan.power_bits,
        "value_bits": value, "template_bits": template, "sum_bits": 64,
    }  # fmt: skip


def gate_stages(integer: IntegerGate) -> tuple[GateStage, ...]:
    """Rows, then columns, then the split of the two real transforms."""
    plan = integer.plan
    bounds, spectrum = plan.magnitudes()
    names = [("rows", radix) for radix in radices(plan.half)] + [("columns", radix) for radix in radices(plan.rows)]
    found = [
        GateStage(f"{name}, radix {radix}", radix, 1 if k == 0 else radix, math.ceil(bound))
        for k, ((name, radix), bound) in enumerate(zip(names, bounds, strict=True))
    ]
    return (*found, GateStage("split", 2, 4 if plan.wide else 2, math.ceil(spectrum)))

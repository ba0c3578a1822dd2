"""What a report says of a deck's gate, whatever the backend."""

from __future__ import annotations

from collections.abc import Mapping

from ..frontend.deck import Gate
from ..ops.spectral import IntegerGate
from ..report import Figure, GateFacts


def gate_facts(gate: Gate, integer: IntegerGate, state_bytes: int, figures: Mapping[str, Figure]) -> GateFacts:
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
        words={"data_bits": plan.data_bits, "twiddle_bits": plan.twiddle_bits},
        figures=figures,
    )

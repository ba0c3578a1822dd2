"""The constants of an emitted gate: arrays, and the fields of its struct."""

from __future__ import annotations

import numpy as np

from ...ops.base import Array
from ...ops.spectral import IntegerGate
from ...ops.spectral.curve_wide import power_shift
from ...ops.spectral.transform import order, radices, twiddles

Arrays = dict[str, tuple[str, Array]]
_Q, _WIDE_Q = 14, 30  # the kernels' twiddles
TYPES = {"int8_t": (-128, 127), "uint8_t": (0, 255)}


def slots(gate: IntegerGate) -> Array:
    """For each slot of a plane, in the order in which the kernel fills them: the index of its frequency among
    `gate.picked()`, or -1 for frequency 0 where the gate does not look at it."""
    plan, at = gate.plan, {rc: i for i, rc in enumerate(zip(*(a.tolist() for a in gate.picked()), strict=True))}
    first, other, columns = kept(gate)
    rows = [*range(first), *range(other, plan.rows)]
    found: list[int] = []
    for kx in range(min(plan.half // 2 + 1, columns)):
        found += [at.get((ky, kx), -1) for ky in rows]
        behind = plan.half - kx
        if behind not in (kx,) and behind < columns:
            found += [at.get((-ky % plan.rows, behind), -1) for ky in rows]
    return np.asarray(found, np.int64)


def kept(gate: IntegerGate) -> tuple[int, int, int]:
    """The first rows that are looked at, where the others begin, and how many columns."""
    plan = gate.plan
    crop = gate.crop or plan.rows
    first = min(crop, plan.rows)
    return first, max(first, plan.rows - crop + 1), min(gate.crop or plan.half + 1, plan.half + 1)


def gate_arrays(gate: IntegerGate) -> Arrays:
    """C type and values by name."""
    plan, places = gate.plan, slots(gate)
    planes = gate.differences.reshape(len(gate.names) - 1, plan.planes, len(gate.picked()[0]))
    differences = np.where(places < 0, 0, planes[:, :, places])
    arrays: Arrays = {
        "mix": ("int32_t" if plan.wide else "int16_t", np.asarray(plan.mix)),
        "twiddles": _turns(gate),
        "row_order": ("uint8_t", np.asarray(order(plan.half)[:: radices(plan.half)[0]])),
        "column_order": ("uint8_t", np.asarray(order(plan.rows)[:: radices(plan.rows)[0]])),
        "differences": ("int32_t" if plan.wide else "int16_t", differences.ravel()),
        "constants": ("int64_t", gate.constants),
    }
    if gate.table is not None:
        narrow = "uint16_t" if gate.table[-1] < 1 << 15 else "uint32_t"
        arrays["table"] = ("int32_t" if plan.wide else narrow, gate.table)
    return arrays


def _turns(gate: IntegerGate) -> tuple[str, Array]:
    """Three quarters of a turn, which is what stages of radix 4 reach."""
    plan = gate.plan
    length = max(plan.rows, plan.columns)
    re, im = twiddles(length, 3 * length // 4, plan.twiddle_bits)
    if plan.wide:
        return "int32_t", np.stack([re, -im], 1) << (_WIDE_Q - plan.twiddle_bits)
    re, im = (part << (_Q - plan.twiddle_bits) for part in (re, im))
    return "uint32_t", (re & 0xFFFF) | (im & 0xFFFF) << 16


def gate_fields(gate: IntegerGate, elem: str) -> dict[str, object]:
    """cardc_gate, or cardc_gate_wide, in the order of its fields."""
    plan = gate.plan
    first, other, columns = kept(gate)
    lo, hi = TYPES[elem]
    what = {"power_shift": power_shift(plan.power_bits)} if plan.wide else {"kind": _kind(gate)}
    return {
        "channels": plan.channels, "height": plan.height, "width": plan.width, "rows": plan.rows, "half": plan.half,
        "mixes": len(plan.mix), "mix_shift": plan.mix_shift, "planes": plan.planes,
        **what,
        "first_rows": first, "other_rows": other, "columns": columns,
        "table_length": max(plan.rows, plan.columns), "rivals": len(gate.names) - 1,
        "clip": int(plan.lo > lo or plan.hi < hi), "window": gate.window, "lo": plan.lo, "hi": plan.hi,
        "bias": plan.bias, "offset": plan.offset,
        "mix": "mix", "twiddles": "twiddles", "row_order": "row_order", "column_order": "column_order",
        "table": "table" if gate.table is not None else "NULL", "differences": "differences", "constants": "constants",
        "slots": len(slots(gate)),
    }  # fmt: skip


def _kind(gate: IntegerGate) -> int:
    return 0 if gate.table is None else 1 if gate.table[-1] < 1 << 15 else 2

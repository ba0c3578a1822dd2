"""What a deck's own components take: the gate and the join, counted from their operators.

No synthesis results of these components are public, so nothing here is calibrated: a multiplier of up to 25 x 18 bits
is a DSP slice, an adder a LUT a bit, with a register behind each of both. The band says a factor of 2 either way, 4/3
for cycles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np

from ...ops.deck_join import Joint
from ...ops.softmax_fixed import SoftmaxPlan
from ...ops.spectral import IntegerGate
from ...ops.spectral.transform import radices
from ...report.figure import Figure

STAGE = "estimated:analytic"
_BAND, _CYCLES_BAND = 2.0, 4 / 3
_DEPTH = 8  # cycles of a pipeline of multiply, add, round
_BRAM18 = 18 * 1024


def gate_figures(gate: IntegerGate, butterflies: int, interval: int) -> dict[str, Figure]:
    """LUT, FF, DSP, BRAM18, latency and initiation interval of the component with so many `butterflies` a stage; a
    frequency every `interval` cycles."""
    plan, rivals = gate.plan, len(gate.names) - 1
    width = plan.data_bits + plan.twiddle_bits + 4
    lut, dsp, passes = 0, 0, 0
    for length, count in ((plan.half, plan.rows), (plan.rows, plan.half)):
        cycles = 2 * length
        for k, radix in enumerate(radices(length)):
            built = min(butterflies, length // radix)
            turned = 0 if k == 0 else radix - 1  # the first stage's roots are 1, i, -1, -i
            lut += built * width * (2 * turned + (24 if radix == 4 else 8))
            dsp += built * 4 * turned * _slices(plan.data_bits, plan.twiddle_bits + 2)
            cycles += ceil(length / radix / built) + _DEPTH
        passes += count * cycles
    # power: four products and two squares; value: one or two; each rival: one
    dsp += 4 * _slices(plan.data_bits + 1, plan.twiddle_bits + 2) + 2 * _slices(plan.data_bits + 2, plan.data_bits + 2)
    if plan.wide:
        dsp += 2 * _slices(32, 32) + _slices(33, int(np.abs(gate.differences).max(initial=0)).bit_length() + 1) * rivals
    else:
        dsp += 3 + 2 * rivals
    lut += 6 * width + 5 * 32 + 26 + rivals * 64 + 64
    frequencies = len(gate.picked()[0])
    bram = plan.planes * _blocks(plan.rows * plan.half, 2 * plan.data_bits)
    value_bits = 32 if plan.wide or gate.table is None else int(gate.table[-1]).bit_length()
    bram += 0 if gate.table is None else _blocks(gate.table.size, value_bits)
    template_bits = 21 if plan.wide else 16
    bram += max(1, rivals) * _blocks(plan.planes * frequencies, template_bits) + _blocks(gate.window * (rivals + 1), 64)
    load = plan.rows * plan.columns * plan.channels
    cycles = load + plan.planes * (passes + frequencies * interval + 3 * _DEPTH) + rivals + 1
    return _figures(lut, 2 * lut, dsp, bram, cycles)


def join_figures(joint: Joint, classes: int) -> dict[str, Figure]:
    """The same of the join of answers of `classes` integers; its loops are not pipelined into each other."""
    lut = dsp = 0
    cycles: list[int] = []
    for part in joint.parts:
        if isinstance(part, SoftmaxPlan):  # products of 32 x 32 and 16 x 16 bits in two loops, a quotient of 32 bits
            lut, dsp = lut + 1800, dsp + 2 * (4 + 1) + 4
            cycles.append(classes * (1 + 1 + 2) + 16 + 36 + 4 * _DEPTH)
        else:
            lut, dsp = lut + 200, dsp + 6
            cycles.append(2 * classes + _DEPTH)
    at_once = len(joint.parts) if not joint.picked else max(joint.groups.count(g) for g in set(joint.groups))
    total = sum(sorted(cycles)[-at_once:]) + classes
    return _figures(lut + 32 * classes, 2 * lut + 64 * classes, dsp, 0, total)


def _slices(a: int, b: int) -> int:
    """DSP slices of a multiplier."""
    return min(ceil(a / 25) * ceil(b / 18), ceil(a / 18) * ceil(b / 25))


def _blocks(words: int, bits: int) -> int:
    """Block RAM for a memory; small ones are made of LUTs."""
    return 0 if words * bits <= 1024 else ceil(words * bits / _BRAM18)


def _figures(lut: int, ff: int, dsp: int, bram: int, cycles: int) -> dict[str, Figure]:
    counts = {"lut": lut, "ff": ff, "dsp": dsp, "bram18": bram}
    found = {name: Figure(n, STAGE, int(n / _BAND), ceil(n * _BAND)) for name, n in counts.items()}
    latency = Figure(cycles, STAGE, int(cycles / _CYCLES_BAND), ceil(cycles * _CYCLES_BAND))
    return found | {"latency_cycles": latency, "ii": latency}


def deck_totals(
    cards: Sequence[Mapping[str, Figure]], gate: Mapping[str, Figure] | None, join: Mapping[str, Figure],
    in_turn: Sequence[Sequence[int]] | None = None,
) -> dict[str, Figure]:  # fmt: skip
    """Of gate, all cards, and the join: areas add up; the latency is the gate's, the slowest card's and the join's, the
    interval the slowest part's. With `in_turn`, sets of cards of which one set runs, a card behind the other, under one
    top function: the latency holds the slowest set, and is the interval."""
    beside = [*([gate] if gate is not None else []), join]
    totals = {name: _sum([f[name] for f in (*cards, *beside)]) for name in ("lut", "ff", "dsp", "bram18")}
    sets = in_turn or [[index] for index in range(len(cards))]
    spent = [_sum([cards[index]["latency_cycles"] for index in run]) for run in sets]
    slowest = max(spent, key=lambda f: f.value)
    totals["latency_cycles"] = _sum([slowest, *(f["latency_cycles"] for f in beside)])
    intervals = [f["ii"] for f in (*cards, *beside)]
    totals["ii"] = totals["latency_cycles"] if in_turn else max(intervals, key=lambda f: f.value)
    return totals


def _sum(figures: Sequence[Figure]) -> Figure:
    """A sum is known no better than its parts: the stage is that of the last one, which nothing was calibrated for."""
    low, high = (sum(getattr(f, end) if getattr(f, end) is not None else f.value for f in figures) for end in _ENDS)
    return Figure(sum(f.value for f in figures), figures[-1].stage, low, high)


_ENDS = ("low", "high")

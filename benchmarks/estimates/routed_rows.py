"""Rows after logic synthesis and routing, and rows of distributed arithmetic, which have no layers but adder bits.

The second step is judged by itself: from a csynth row of the same design to its routed rows, where both are there, and
from the adder bits that da4ml states (one LUT an adder bit would be csynth's; see `cardc.estimate.routed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rows import Design
from score import scores

from cardc.estimate import routed
from cardc.report.figure import Figure

_LUT_PER_ADDER_BIT = 0.78  # the one csynth row of distributed arithmetic


def after_csynth(rows: Sequence[Design]) -> list[dict[str, Any]]:
    """Scores of LUT on the routed rows, and on the csynth rows that only adder bits are known of."""
    found = []
    for stage in ("csynth", "post-synth", "post-route"):
        known = [row for row in rows if row.stage == stage and row.adder_bits and "lut" in row.actual]
        if not known:
            continue
        figures = [_estimate(row) for row in known]
        actual = [row.actual["lut"] for row in known]
        inside = [(f.low or 0) <= a <= f.most for f, a in zip(figures, actual, strict=True)]
        part = f"distributed arithmetic, {stage}"
        scored = scores(actual, [f.value for f in figures], inside)
        found.append({"work": "cardc estimate", "part": part, "quantity": "LUT", **scored})
    return found


def _estimate(row: Design) -> Figure:
    csynth = round((row.adder_bits or 0) * _LUT_PER_ADDER_BIT)
    figure = Figure(csynth, "estimated:csynth", round(csynth * 0.6), round(csynth * 1.6))
    return figure if row.stage == "csynth" else routed({"lut": figure})["lut_routed"]

"""From what C synthesis reports to what is left after placing and routing: a second step, with a wide band.

csynth counts each operation by itself; logic synthesis then shares, trims and merges into six-input tables. The
public data have one design with both: 8,851 LUT and 494 FF in csynth, 3,837 and 209 routed (da4ml's example, Vitis HLS
and Vivado 2025.1). Four more of da4ml's designs, without csynth, say how routing changes what logic synthesis
counted: between -1 % and +20 %. That is all there is, so the band says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor

from ..report.figure import Figure

STAGE = "estimated:routed"
# factor, and the band's ends as factors of the csynth band's ends
FACTORS: Mapping[str, tuple[float, float, float]] = {"lut": (0.43, 0.3, 1.1), "ff": (0.42, 0.3, 1.1)}


def routed(totals: Mapping[str, Figure]) -> dict[str, Figure]:
    """`lut_routed` and `ff_routed` of a design from its csynth totals, where it has those."""
    found = {}
    for name, (factor, low, high) in FACTORS.items():
        if name in totals:
            figure = totals[name]
            least = figure.value if figure.low is None else figure.low
            found[f"{name}_routed"] = Figure(
                round(figure.value * factor), STAGE, floor(least * low), ceil(figure.most * high)
            )
    return found

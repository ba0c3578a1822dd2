"""Instructions to cycles and seconds on a microcontroller: an estimate, with its band."""

from __future__ import annotations

from ..targets import Target
from .figure import Figure


def mcu_cycles(instructions: int, target: Target) -> Figure:
    """Cycles for so many instructions: the board's cycles-per-instruction band times the count.

    Emulators count instructions, not cycles; what a core adds (loads, taken branches, wait states) is in the
    band that the board file gives with its source. ValueError for a board without one (an FPGA).
    """
    if target.cpi is None:
        raise ValueError(f"target {target.name!r} has no cycles-per-instruction band")
    cpi = target.cpi
    return Figure(
        round(instructions * cpi.typical),
        "estimated:cpi",
        low=round(instructions * cpi.low),
        high=round(instructions * cpi.high),
    )


def latency_seconds(cycles: Figure, target: Target) -> Figure:
    """Cycles at the board's clock, in seconds, with the stage and the band of the cycles."""
    low = None if cycles.low is None else cycles.low / target.clock_hz
    high = None if cycles.high is None else cycles.high / target.clock_hz
    return Figure(cycles.value / target.clock_hz, cycles.stage, low=low, high=high)

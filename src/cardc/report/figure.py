"""A number and how it came to be: no figure in a report goes without its stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral

STAGES = (
    "measured:elf", "measured:emulated", "measured:csim", "estimated:analytic", "estimated:cpi", "estimated:csynth",
    "estimated:routed",
)  # fmt: skip

# Every total that a report may hold, in the order of printing: title and unit.
TOTALS: dict[str, tuple[str, str]] = {
    "flash_bytes": ("Flash", "bytes"),
    "ram_bytes": ("RAM", "bytes"),
    "stack_bytes": ("Stack, worst case", "bytes"),
    "instructions": ("Instructions", ""),
    "cycles": ("Cycles", ""),
    "lut": ("LUT", ""),
    "ff": ("Flip-flops", ""),
    "lut_routed": ("LUT after routing", ""),
    "ff_routed": ("Flip-flops after routing", ""),
    "dsp": ("DSP slices", ""),
    "bram18": ("Block RAM (18 Kb)", ""),
    "uram": ("UltraRAM", ""),
    "latency_cycles": ("Latency in cycles", ""),
    "ii": ("Initiation interval", "cycles"),
    "latency_s": ("Latency", "s"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` with its stage; `low` and `high` are the error band, which every estimated figure must have.

    Measured figures have no band. ValueError for an unknown stage, a number that is negative or not finite,
    or a band that does not hold the value.
    """

    value: float
    stage: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):  # numpy's integers become Python's: JSON knows no others
            if isinstance(getattr(self, name), Integral):
                object.__setattr__(self, name, int(getattr(self, name)))
        if self.stage not in STAGES:
            raise ValueError(f"unknown stage {self.stage!r}, not one of {', '.join(STAGES)}")
        numbers = [n for n in (self.low, self.value, self.high) if n is not None]
        if not all(math.isfinite(n) and n >= 0 for n in numbers) or numbers != sorted(numbers):
            raise ValueError(f"not a figure: low {self.low}, value {self.value}, high {self.high}")
        if (self.low is None) != (self.high is None) or (self.estimated and self.low is None):
            raise ValueError("an estimated figure needs both ends of its error band")

    @property
    def estimated(self) -> bool:
        return self.stage.startswith("estimated:")

    @property
    def most(self) -> float:
        """The upper end of the band, or the value itself."""
        return self.value if self.high is None else self.high


def show(figure: Figure, unit: str = "") -> str:
    """`9,120 bytes` or, estimated, `76,500 (61,800 to 105,900)`; seconds as s, ms or us."""
    if unit == "s":
        factor, unit = next(((f, u) for f, u in ((1, "s"), (1e3, "ms")) if figure.value * f >= 1), (1e6, "µs"))
    else:
        factor = 1
    if figure.value == 1 and unit in ("bytes", "cycles"):
        unit = unit.removesuffix("s")
    tail = f" {unit}" if unit else ""
    if figure.low is None or figure.high is None:
        return f"{number(figure.value * factor)}{tail}"
    band = f"{number(figure.low * factor)} to {number(figure.high * factor)}"
    return f"{number(figure.value * factor)}{tail} ({band})"


def number(value: float) -> str:
    """Whole numbers with thousands separators, others with three significant digits."""
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{round(value):,}"
    return f"{value:.3g}"


def check_names(figures: Mapping[str, Figure]) -> None:
    """ValueError for a name that is not in TOTALS."""
    for name in figures:
        if name not in TOTALS:
            raise ValueError(f"unknown figure {name!r}, not one of {', '.join(TOTALS)}")

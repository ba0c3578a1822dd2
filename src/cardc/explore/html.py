"""The exploration as one self-contained HTML page: the report's style, a plot of the front, a table of all points."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..report import TOTALS, Figure, number, show
from ..report.html import environment
from ..report.plots import WIDTH, Tick
from .exploration import Exploration
from .point import Point

HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 90, 30, 30, 60
# What the plot shows: costs to the right, time upwards.
_AXES = {"c": ("flash_bytes", "instructions"), "hls4ml": ("lut", "latency_cycles")}
COLUMNS = {
    "c": ("instructions", "latency_s", "flash_bytes", "ram_bytes"),
    "hls4ml": ("latency_cycles", "ii", "latency_s", "lut", "ff", "dsp", "bram18"),
}


@dataclass(frozen=True, slots=True)
class Dot:
    """A point in the plot; `style` is front, fits or over."""

    x: float
    y: float
    style: str
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Dots, the line through the front's, and both axes."""

    dots: tuple[Dot, ...]
    line: str
    across: tuple[Tick, ...]
    upwards: tuple[Tick, ...]
    titles: tuple[str, str]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM
    height: int = HEIGHT


def to_html(found: Exploration) -> str:
    """Same exploration, same bytes; a content policy in the page forbids scripts and requests."""
    page = environment(Path(__file__).parent).get_template("explore.html.j2")
    columns = [(name, *TOTALS[name]) for name in COLUMNS[found.board.backend]]
    rest = sorted((p for p in found.points if not p.on_front), key=lambda p: (not p.fits, p.label))
    return page.render(
        found=found,
        value=value,
        plot=plot(found),
        columns=columns,
        rest=rest,
        objectives=[TOTALS[name][0] for name in found.objectives],
        titles={name: heading for name, (heading, _) in TOTALS.items()},
        width=WIDTH,
    )


def value(figure: Figure, unit: str) -> str:
    """A figure without its band."""
    return re.sub(r" \(.*\)$", "", show(figure, unit))


def plot(found: Exploration) -> Plot:
    """Where every point lies; logarithmic where values span more than a factor of eight."""
    names = _AXES[found.board.backend]
    across, x_ticks = _axis([p.objective(names[0]) for p in found.points], _LEFT, WIDTH - _RIGHT)
    upwards, y_ticks = _axis([p.objective(names[1]) for p in found.points], HEIGHT - _BOTTOM, _TOP)
    dots = []
    for point in sorted(found.points, key=lambda p: (p.on_front, p.fits)):  # the front is drawn last, above the others
        style = "front" if point.on_front else "fits" if point.fits else "over"
        words = ", ".join(f"{TOTALS[n][0]} {number(point.objective(n))}" for n in names)
        dots.append(Dot(across(point.objective(names[0])), upwards(point.objective(names[1])), style,
                        f"{point.label}: {words}{'' if point.fits else ', does not fit'}"))  # fmt: skip
    line = " ".join(f"{across(p.objective(names[0]))},{upwards(p.objective(names[1]))}" for p in _stairs(found, names))
    return Plot(tuple(dots), line, x_ticks, y_ticks, (_title(names[0]), _title(names[1])))


def _title(name: str) -> str:
    return ", ".join(word for word in TOTALS[name] if word)


def _stairs(found: Exploration, names: Sequence[str]) -> list[Point]:
    """The front's points that the two plotted objectives alone put there, from left to right."""
    line: list[Point] = []
    for point in sorted(found.front, key=lambda p: (p.objective(names[0]), p.objective(names[1]))):
        if not line or point.objective(names[1]) < line[-1].objective(names[1]):
            line.append(point)
    return line


def _axis(values: Sequence[float], start: float, end: float) -> tuple[Callable[[float], float], tuple[Tick, ...]]:
    low, high = min(values), max(values)
    logarithmic = low > 0 and high / low > 8
    scale: Callable[[float], float] = math.log10 if logarithmic else float
    lowest, highest = scale(low), scale(high)
    margin = 0.04 * (highest - lowest) or abs(highest) * 0.5 or 1.0
    lowest, highest = lowest - margin, highest + margin

    def place(v: float) -> float:
        return round(start + (end - start) * (scale(v) - lowest) / (highest - lowest), 1)

    marks = _decades(low, high) if logarithmic else _round_steps(low, high)
    return place, tuple(Tick(place(mark), number(mark)) for mark in marks)


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 2000 else (1,)
    return [s * 10.0**p for p in powers for s in steps if low * 0.95 <= s * 10.0**p <= high * 1.05]


def _round_steps(low: float, high: float) -> list[float]:
    if low == high:
        return [low]
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * s for s in (1, 2, 5, 10) if power * s >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]

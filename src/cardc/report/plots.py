"""Where things go in the report's drawings: plain numbers, which the template draws as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import counted
from .figure import number
from .layers import Layer, MemoryMap

WIDTH = 1000  # of every drawing, in SVG units; the page scales it
_LEFT, _TOP, _MAP_HEIGHT = 70, 14, 260
_CHAR = 7.2  # width of a letter at the label size, SVG units
_HUES = 6


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with a label that fits in it (or none) and a full description."""

    x: float
    y: float
    width: float
    height: float
    label: str
    title: str
    hue: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class MapPlot:
    """The arena over time: a column a step, an arena offset a height."""

    height: float
    boxes: tuple[Box, ...]
    steps: tuple[Tick, ...]
    offsets: tuple[Tick, ...]
    bound: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart: `share` of the drawing's full length, 0 to 1, and of the sum so far."""

    name: str
    share: float
    text: str
    so_far: str = ""


def memory_plot(memory: MemoryMap) -> MapPlot:
    """The arena's tensors as rectangles: time to the right, address downwards."""
    column = (WIDTH - _LEFT) / max(1, len(memory.steps))
    scale = _MAP_HEIGHT / max(1, memory.arena_bytes)
    boxes = []
    for index, t in enumerate(sorted(memory.tensors, key=lambda t: (t.first, t.offset, t.name))):
        width, height = column * (t.last - t.first + 1) - 3, max(1.0, t.bytes * scale - 2)
        title = f"{t.name}: {counted(t.bytes, 'bytes')} at {t.offset:,}, {_span(memory, t.first, t.last)}"
        label = short(f"{t.name}  {t.bytes:,}", width - 12) if height >= 15 else ""
        left, top = _LEFT + column * t.first + 1.5, _TOP + t.offset * scale + 1
        boxes.append(Box(_r(left), _r(top), _r(width), _r(height), label, title, index % _HUES))
    steps = tuple(
        Tick(_r(_LEFT + column * (i + 0.5)), short(name, column - 4) or str(i + 1))
        for i, name in enumerate(memory.steps)
    )
    bottom = Tick(_TOP + _MAP_HEIGHT, f"{memory.arena_bytes:,}")
    middle = Tick(_TOP + _MAP_HEIGHT / 2, f"{memory.arena_bytes // 2:,}")
    bound = _r(_TOP + memory.lower_bound_bytes * scale)
    return MapPlot(_TOP + _MAP_HEIGHT + 30, tuple(boxes), steps, (Tick(_TOP, "0"), middle, bottom), bound)


def cost_bars(layers: Sequence[Layer], figure: str) -> tuple[Bar, ...]:
    """A Pareto chart: layers that cost anything, costliest first, with the share of the total reached so far."""
    known = [(layer.figures[figure].value, layer.name) for layer in layers if figure in layer.figures]
    costs = [(value, name) for value, name in known if value]
    total, most = sum(value for value, _ in costs), max((value for value, _ in costs), default=0)
    bars, so_far = [], 0.0
    for value, name in sorted(costs, key=lambda cost: -cost[0]):
        so_far += value
        bars.append(Bar(name, value / most, number(value), f"{100 * so_far / total:.0f} %"))
    return tuple(bars)


def short(text: str, width: float) -> str:
    """`text` cut with an ellipsis to `width` SVG units, or nothing where three letters do not fit."""
    room = int(width / _CHAR)
    if len(text) <= room:
        return text
    return f"{text[: room - 1]}…" if room >= 4 else ""


def _span(memory: MemoryMap, first: int, last: int) -> str:
    if first == last:
        return f"during {memory.steps[first]}"
    return f"from {memory.steps[first]} to {memory.steps[last]}"


def _r(value: float) -> float:
    return round(value, 1)

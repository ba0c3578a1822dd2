"""A whole design: its layers one by one, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

from ..report.figure import Figure
from .band import STAGE, banded, beyond, factors
from .between import control, design_latency, shared_registers
from .constants import QUANTITIES, Constants, load_constants
from .cost import Cost, layer_cost
from .layer import FpgaLayer, Tool

_SUMMED = ("lut", "ff", "dsp", "bram18")


@dataclass(frozen=True, slots=True)
class LayerEstimate:
    """A layer's figures by name, the constants they come from, and why they are extrapolated (if they are)."""

    name: str
    figures: Mapping[str, Figure]
    source: str
    beyond: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The layers in order, and the totals of the design with `latency_s`."""

    layers: tuple[LayerEstimate, ...]
    totals: Mapping[str, Figure]


def estimate(layers: Sequence[FpgaLayer], tool: Tool, constants: Constants | None = None) -> Estimate:
    """What C synthesis will report for a design of `layers` with `tool`: the one entrance to all FPGA estimates.

    LUT, FF, DSP, BRAM18, latency and initiation interval (cycles, for one input) by layer and in total, each with a
    band; `latency_s` at the tool's clock. Figures are csynth's, not silicon's: `routed` makes the next step.
    Deterministic and fast (a layer takes microseconds; counting its weights, `count_products`, milliseconds).
    `constants` other than those that come with cardc are for fitting.
    """
    known = constants or load_constants()
    costs = [layer_cost(layer, tool, known) for layer in layers]
    parts = tuple(_layer(layer, cost, tool, known) for layer, cost in zip(layers, costs, strict=True))
    return Estimate(parts, _totals(layers, costs, parts, tool, known))


def _layer(layer: FpgaLayer, cost: Cost, tool: Tool, constants: Constants) -> LayerEstimate:
    reasons = beyond(layer, tool, cost.source, constants)
    bands = factors(cost, reasons, constants)
    figures = {name: banded(name, cost.values[name], *bands[name]) for name in QUANTITIES}
    return LayerEstimate(layer.name, figures, cost.source, reasons)


def _totals(
    layers: Sequence[FpgaLayer], costs: Sequence[Cost], parts: Sequence[LayerEstimate], tool: Tool, constants: Constants
) -> dict[str, Figure]:
    interval = max((cost.values["ii"] for cost in costs), default=1)
    shared = shared_registers(layers, costs, tool, constants) | control(layers, interval, tool, constants)
    values = {name: sum(cost.values[name] for cost in costs) + shared.get(name, 0) for name in _SUMMED}
    values["ii"] = interval
    values["latency_cycles"] = design_latency(layers, costs, values["ii"])
    if tool.family == "vitis" and layers and all(layer.streams and layer.turns == 1 for layer in layers):
        values["ii"] = max(values["ii"], values["latency_cycles"])  # one packet: Vitis starts when it is through
    totals, bands = {}, _network_bands(layers, tool, constants)
    for name in QUANTITIES:
        low, high = _bounds(name, values[name], parts, costs)
        around = bands.get(name, (1.0, 1.0))
        around = around if len(layers) > 1 else (1.0, 1.0)
        totals[name] = Figure(
            values[name],
            STAGE,
            min(floor(low), floor(values[name] * around[0])),
            max(ceil(high), ceil(values[name] * around[1])),
        )
    cycles, second = totals["latency_cycles"], tool.clock_ns * 1e-9
    low, high = (cycles.low or 0) * second, (cycles.high or 0) * second
    return totals | {"latency_s": Figure(cycles.value * second, STAGE, low, high)}


def network_key(layers: Sequence[FpgaLayer], tool: Tool) -> str:
    """The bands of a whole design: where weights are not known, its figures are expectations and far wider."""
    guessed = any(layer.products is not None and layer.products.expected for layer in layers)
    return f"{tool.family}.{'unknown' if guessed else 'network'}"


def _network_bands(layers: Sequence[FpgaLayer], tool: Tool, constants: Constants) -> Mapping[str, tuple[float, float]]:
    other = replace(tool, family="vivado" if tool.family == "vitis" else "vitis")
    keys = (network_key(layers, each) for each in (tool, other))
    return next((constants.bands[key] for key in keys if key in constants.bands), {})


def _bounds(name: str, value: float, parts: Sequence[LayerEstimate], costs: Sequence[Cost]) -> tuple[float, float]:
    """The layers' bands put together as if all erred alike, around the design's value."""
    if not parts:
        return value, value
    lows, highs = ([part.figures[name].low or 0 for part in parts], [part.figures[name].most for part in parts])
    if name == "ii":
        return min(value, max(lows)), max(value, max(highs))
    own = sum(cost.values[name] for cost in costs)
    if name == "latency_cycles" and own:  # layers overlap: what they may err by shrinks as much
        return value * min(1.0, sum(lows) / own), value * max(1.0, sum(highs) / own)
    return max(0, value + min(0, sum(lows) - own)), value + max(0, sum(highs) - own)

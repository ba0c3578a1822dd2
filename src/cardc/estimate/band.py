"""How far off an estimate may be: bands from designs that no fit had seen, wider beyond what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor

from ..report.figure import Figure
from .constants import STATED, Constants
from .cost import Cost
from .layer import FpgaLayer, Tool

STAGE = "estimated:csynth"
_BEYOND = 1.5  # how much wider a band is where a feature of the layer is outside what was measured
_TOLERANCE = 1.25  # a feature within a quarter of the measured range is not called outside


def features(layer: FpgaLayer, tool: Tool) -> dict[str, float]:
    """What a set of constants has been measured over."""
    found = {
        "inputs": float(layer.inputs), "outputs": float(layer.outputs), "input bits": float(layer.act_bits),
        "clock ns": tool.clock_ns,
    }  # fmt: skip
    if layer.products is not None:
        found |= {
            "weight bits": float(layer.weight_bits), "accumulator bits": float(layer.acc_bits),
            "reuse factor": float(layer.reuse_factor),
        }  # fmt: skip
        if layer.strategy != "resource" or layer.reuse_factor == 1:  # in memory, zeros are weights as others
            found["non-zero weights"] = layer.products.nonzeros
    return found


def beyond(layer: FpgaLayer, tool: Tool, source: str, constants: Constants) -> tuple[str, ...]:
    """Why the estimate is an extrapolation: each feature of the layer that is outside what was measured."""
    if not source:
        kind = f"{layer.op} of signs" if layer.signs else "moving data" if layer.op == "other" else layer.op
        return (f"stated rules, no public results of {kind}",)
    reasons = [] if source.startswith(f"{tool.family}.") else [f"measured with {source.split('.')[0]} only"]
    if layer.products is not None and layer.products.expected:
        reasons.append("weights not known")
    if layer.products is not None and layer.streams:
        reasons.append("products in a stream")
    if layer.products is not None and layer.op == "conv2d":
        reasons.append("a convolution")
    for name, value in features(layer, tool).items():
        low, high = constants.ranges.get(source, {}).get(name, (value, value))
        if not low / _TOLERANCE <= value <= high * _TOLERANCE:
            reasons.append(f"{name} {value:g} (measured {low:g}{f' to {high:g}' if high > low else ''})")
    return tuple(reasons)


def factors(cost: Cost, reasons: tuple[str, ...], constants: Constants) -> Mapping[str, tuple[float, float]]:
    """The band of each quantity, as factors of its value."""
    found = dict(STATED) | dict(constants.bands.get(cost.source, {}))
    if reasons:
        found = {name: (min(low, 1) / _BEYOND, max(high, 1) * _BEYOND) for name, (low, high) in found.items()}
    return found


def banded(name: str, value: float, low: float, high: float) -> Figure:
    """A figure with a band that holds whole numbers; where others erred at all, cycles and blocks may by one."""
    slack = 1 if name in ("latency_cycles", "bram18", "dsp") and value > 1 and (low, high) != (1.0, 1.0) else 0
    floor_ = min(value, 1) if name == "ii" else 0
    least = max(floor_, min(floor(value * low), value - slack))
    return Figure(value, STAGE, least, max(ceil(value * high), value + slack))

"""What a design takes beyond its layers: registers between them, a state machine that starts them, cycles of calls."""

from __future__ import annotations

from collections.abc import Sequence

from .constants import Constants
from .cost import Cost
from .layer import FpgaLayer, Tool
from .terms import TERMS

_EDGES = ("in_bits", "out_bits", "pipeline_out_bits")


def shared_registers(
    layers: Sequence[FpgaLayer], costs: Sequence[Cost], tool: Tool, constants: Constants
) -> dict[str, float]:
    """Flip-flops between layers: each result once, where the design takes any time; layers' own edges count once."""
    if len(layers) < 2:
        return {}
    edges = 0.0
    for layer, cost in zip(layers, costs, strict=True):
        if layer.products is not None:
            fitted = constants.sets.get(cost.source, {}).get("ff", {})
            edges += sum(fitted[name] * TERMS[name](layer, tool) for name in _EDGES if name in fitted)
    timed = any(cost.values["latency_cycles"] for cost in costs)
    # The last result leaves the design unregistered, except into a stream; Vivado leaves streams to their FIFOs.
    inner = layers if layers[0].streams else layers[:-1]
    kept = timed and not (tool.family == "vivado" and layers[0].streams)
    between = sum(layer.units * layer.out_bits * layer.live for layer in inner) if kept else 0
    # Inputs are registered by the design where its first layer does not do that for itself.
    first = 2 + layers[0].in_shape[-1] * layers[0].act_bits
    if tool.family == "vitis" and (costs[0].values["latency_cycles"] or layers[0].streams):
        first = 0
    return {"ff": round(between + first - edges)}


def control(layers: Sequence[FpgaLayer], interval: float, tool: Tool, constants: Constants) -> dict[str, float]:
    """What starts the layers: a state machine with a state for each cycle of the interval, or next to nothing."""
    if len(layers) < 2 or layers[0].streams:
        return {}
    fitted = constants.sets.get(constants.find(tool.family, "network"), {}).get("lut", {})
    return {"lut": round(sum(each * control_terms(interval)[name] for name, each in fitted.items()))}


def control_terms(interval: float) -> dict[str, float]:
    """What the look-up tables between layers are counted by."""
    shared = interval > 1
    return {"one": 1.0, "control": float(shared), "states": interval * shared}


def design_latency(layers: Sequence[FpgaLayer], costs: Sequence[Cost], ii: float) -> float:
    """Layers in streams work at the same time; in parallel their latencies add up, with the calls between them."""
    alone = sum(cost.values["latency_cycles"] for cost in costs)
    if any(layer.streams and layer.turns > 1 for layer in layers):
        start = sum(
            cost.values["latency_cycles"] - cost.values["ii"]
            for cost in costs
            if cost.values["latency_cycles"] > cost.values["ii"]
        )
        return ii + start
    if not alone or len(layers) < 2 or layers[0].streams:
        return alone
    pipelined = sum(
        layer.products is not None and layer.reuse_factor == 1 and cost.values["latency_cycles"] > 0
        for layer, cost in zip(layers, costs, strict=True)
    )
    return alone + len(layers) - 1 + pipelined

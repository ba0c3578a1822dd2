"""What an hls4ml design of ternary layers will cost, from its weights and shapes: estimates, each with a band.

The model is physical and plain; it predicts what C synthesis reports, not silicon. One non-zero weight is one input
of an adder tree; a tree of n inputs has n - 1 adders, an adder takes one LUT a bit (carry chain, AMD UG474 chapter
2), and its width grows by a bit a level up to the accumulator's. Signs turn adders into subtracters and cost
nothing; ternary weights need no multiplier, hence no DSP; a dyadic requantisation takes one a value, or none where
synthesis finds few digits in the constant. A threshold is a comparator of the accumulator's width. Streams between
layers (io_stream) are FIFOs: shift registers of 32 bits a LUT up to 1,024 bits, block RAM above.

Checked against public Vivado HLS 2020.1 results of dense layers with ternary weights, 16-bit activations, 5 ns
(wa-hls4ml-search, 9 unrolled and 102 reused designs; the constants of reuse and of delay were read off the same
results, so these are not held-out errors). Median absolute error, and share within the band: unrolled LUT 8 % (all
9, always low, by 5 to 18 %), FF 6 % (8 of 9); with a reuse factor LUT 18 % (95 %), FF 7 % (99 %). No such results
exist for few activation bits, reuse factors up to the number of inputs, streams and thresholds: there the model is
untested. One design of those results has 8,851 LUT after C synthesis and 3,837 after routing, which is why the
bands reach down to 0.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

from .figure import Figure
from .fpga_cost import dsps, fifo, first_window, flip_flops, logic_luts, stages, weight_bram, window_luts
from .fpga_layer import FpgaLayer

# (low, high) factors of the bands.
_BANDS = {
    "lut": (0.4, 1.5),
    "ff": (0.4, 2.5),
    "latency_cycles": (0.5, 2.0),
    "ii": (1.0, 1.25),
    "bram18": (0.5, 2.0),
    "dsp": (0.0, 2.0),
}


def estimate_layer(layer: FpgaLayer, clock_period_ns: float) -> dict[str, Figure]:
    """LUT, FF, DSP, BRAM18, latency and initiation interval (cycles, for one input) of one layer."""
    depth = stages(layer, clock_period_ns)
    ii = layer.turns * layer.reuse_factor
    values = {
        "lut": logic_luts(layer) + window_luts(layer) + fifo(layer)[0],
        "ff": flip_flops(layer, depth),
        "dsp": dsps(layer),
        "bram18": fifo(layer)[1] + weight_bram(layer),
        "latency_cycles": max(1, depth + ii - 1 + first_window(layer)),
        "ii": ii,
    }
    return {name: _banded(name, value) for name, value in values.items()}


def estimate_design(layers: Sequence[FpgaLayer], clock_period_ns: float) -> dict[str, Figure]:
    """Totals of a design, by the names of `figure.TOTALS`.

    Resources add up. Layers in streams work at the same time: the slowest decides, the others add what they
    need to start; in io_parallel latencies add up. The next input may enter when the slowest layer is free
    again.
    """
    parts = [(layer, estimate_layer(layer, clock_period_ns)) for layer in layers]
    values = {name: sum(part[name].value for _, part in parts) for name in ("lut", "ff", "dsp", "bram18")}
    values["ii"] = max((part["ii"].value for _, part in parts), default=1)
    if any(layer.streams for layer in layers):
        start = sum(stages(layer, clock_period_ns) + first_window(layer) for layer in layers)
        values["latency_cycles"] = values["ii"] + start
    else:
        values["latency_cycles"] = sum(part["latency_cycles"].value for _, part in parts)
    totals = {name: _banded(name, value) for name, value in values.items()}
    cycles, second = totals["latency_cycles"], clock_period_ns * 1e-9
    low, high = (cycles.low or 0) * second, (cycles.high or 0) * second
    return totals | {"latency_s": Figure(cycles.value * second, "estimated:analytic", low, high)}


def _banded(name: str, value: float) -> Figure:
    low, high = _BANDS[name]
    return Figure(value, "estimated:analytic", floor(value * low), ceil(value * high))

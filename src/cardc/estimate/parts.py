"""What layers without a weight matrix are counted by: activations, pools, thresholds, requantisation, streams.

Activations and pools have fitted constants per unit, as `terms` has for weights. Thresholds, requantisations and
additions of cardc's own layers, and FIFOs, line buffers and window selection of convolutions, are in no public
results: their counts are plain physics and say so in their band ('stated').
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, log2, prod
from types import MappingProxyType

from .layer import FpgaLayer, Tool
from .regime import NO_DSP_BITS
from .terms import Term

# Activations of hls4ml that are measured behind a dense layer.
TABULATED = ("relu", "leaky_relu", "prelu", "elu", "sigmoid", "tanh")
OWN = ("threshold", "requantise", "pool", "add", "argmax", "reorder", "other")
WINDOWED = ("conv2d", "pool", "maxpool", "avgpool")
_TABLES = {"elu": 1, "sigmoid": 2, "tanh": 2}  # cycles to look a value up
_DIVIDER_CYCLES = 21  # Vivado divides by the number of pixels under a window that reaches over the edge
_SRL_BITS, _FIFO_LUT_BITS, _BRAM_WIDTH, _BRAM_DEPTH = 32, 1024, 36, 512


def _live(layer: FpgaLayer) -> float:
    return layer.units * layer.live


def _axes(layer: FpgaLayer) -> list[tuple[int, int, int]]:
    """(input, output, window) sizes along each axis of space."""
    axes = len(layer.in_shape) - 1
    return list(zip(layer.in_shape[:axes], layer.out_shape[:axes], layer.kernel[2 - axes :], strict=False))


def windows(layer: FpgaLayer) -> tuple[float, float]:
    """(additions over all windows, windows): a window at the edge has fewer elements."""
    elements = 1.0
    for size, out, k in _axes(layer):
        # Strides of pools equal their windows in all that is known; the last window may reach over the edge.
        elements *= (out - 1) * k + min(k, max(1, size - (out - 1) * k))
    count = prod(layer.out_shape)
    return max(0.0, elements * layer.out_shape[-1] - count), float(count)


def reaches_over(layer: FpgaLayer) -> bool:
    """Whether windows hang over the edge of the input (padding 'same')."""
    return any(out * k > size for size, out, k in _axes(layer))


def apart(layer: FpgaLayer) -> bool:
    """Whether windows share no element: cardc's streamed pools then keep one value a window, not its elements."""
    return all(out == 1 or out * k <= size for size, out, k in _axes(layer))


def _comparisons(layer: FpgaLayer) -> float:
    return prod(layer.out_shape) * (prod(layer.kernel) - 1.0)


PART_TERMS: Mapping[str, Term] = MappingProxyType({
    "unit": lambda layer, tool: _live(layer),
    "unit_bits": lambda layer, tool: _live(layer) * layer.act_bits,
    "hasty_unit_bits": lambda layer, tool: _live(layer) * layer.act_bits * tool.haste,
    "pair_bits": lambda layer, tool: (layer.units - 1) * layer.act_bits,  # a tree over the units
    "hasty_constant": lambda layer, tool: tool.haste,  # stages that a faster clock needs more
    "fabric_units": lambda layer, tool: _live(layer) if tool.multipliers == "fabric" else 0.0,
    # Between two layers in streams: handshakes and what FIFOs of one element take.
    "stream_bits": lambda layer, tool: float(layer.streams * layer.units * layer.act_bits),
    "constant": lambda layer, tool: 1.0,
    "input_bits": lambda layer, tool: float(prod(layer.in_shape) * layer.act_bits),
    "pool_adder_bits": lambda layer, tool: windows(layer)[0] * layer.act_bits,
    "comparison_bits": lambda layer, tool: _comparisons(layer) * layer.act_bits,
    "divided_windows": lambda layer, tool: windows(layer)[1] * (tool.family == "vivado" and reaches_over(layer)),
})  # fmt: skip


def part_dsps(layer: FpgaLayer, tool: Tool) -> float:
    """DSP slices of a layer without weights."""
    if tool.multipliers == "fabric":
        return 0
    if layer.op == "softmax":
        return layer.units
    if layer.op == "requantise" and min(layer.act_bits, layer.weight_bits or layer.act_bits) > NO_DSP_BITS:
        return ceil(layer.units * layer.factors[1] / layer.reuse_factor)
    return 0


def part_bram(layer: FpgaLayer) -> int:
    """Tables of 1,024 words, two readers each; softmax has one a unit (exponentials) and shares the inverse."""
    if layer.op in _TABLES:
        return ceil(layer.units / 2)
    if layer.op == "reorder" and layer.streams:  # the whole tensor is stored
        return ceil(prod(layer.in_shape) * layer.act_bits / (_BRAM_WIDTH * _BRAM_DEPTH))
    return layer.units if layer.op == "softmax" else 0


def part_cycles(layer: FpgaLayer, tool: Tool) -> int:
    """Latency of a layer without weights."""
    alone = 0
    if layer.op == "softmax":
        levels = ceil(log2(max(2, layer.units)))
        alone = 6 + round(levels * (2 + 3 * tool.haste)) - 2 * (tool.multipliers == "fabric")
    elif layer.op in _TABLES:
        alone = _TABLES[layer.op] - (tool.family == "vivado" and layer.op != "elu")
    elif layer.op in ("relu", "prelu", "leaky_relu", "requantise", "threshold"):
        alone = ceil(tool.haste)
    elif layer.op == "avgpool" and tool.family == "vivado" and reaches_over(layer):
        alone = _DIVIDER_CYCLES
    return alone + 1 if layer.streams else alone


def part_interval(layer: FpgaLayer) -> int:
    """Initiation interval: cardc's own layers take their elements in turns, hls4ml's activations all at once."""
    return layer.reuse_factor if layer.op in OWN else 1


def stated_luts(layer: FpgaLayer) -> float:
    """Look-up tables of what has no public results: comparators, additions, clipping, window selection."""
    if layer.op == "threshold":
        count_bits = max(1, ceil(log2(layer.levels + 1)))  # the comparisons are summed to the level's number
        return layer.units * (layer.levels * layer.acc_bits + max(0, layer.levels - 1) * count_bits)
    if layer.op == "requantise":
        return layer.units * (_scaling_luts(layer) + layer.acc_bits + 2 * layer.out_bits)  # then it adds and clips
    if layer.op == "add":
        return layer.units * (layer.act_bits + 1)
    if layer.op == "pool":  # a comparison (or an addition) and a selection each
        steps = 1 if layer.streams and apart(layer) else prod(layer.kernel) - 1
        return layer.units * steps * 2 * layer.act_bits
    if layer.op == "argmax":
        return (prod(layer.in_shape) - 1) * 2 * layer.act_bits
    return 0


def _scaling_luts(layer: FpgaLayer) -> float:
    """Look-up tables of a unit's multiplication by its constant: an adder for two digits; for more what selects the
    operands of a shared multiplier, four to a table, or a multiplier of its own where the value is narrow."""
    two, more = layer.factors
    bits = layer.weight_bits or layer.act_bits
    if min(layer.act_bits, bits) <= NO_DSP_BITS:
        wide = float(layer.act_bits * bits)
    else:
        wide = (layer.act_bits + bits) / 4 if layer.reuse_factor > 1 else 0.0
    return two * (layer.act_bits + bits / 2) + more * wide


def stream_luts(layer: FpgaLayer) -> float:
    """A streamed window's rows in shift registers, and the selection of a window that is not streamed."""
    if layer.op not in WINDOWED or len(layer.in_shape) < 2:
        return 0
    if layer.streams:
        rows = 0 if layer.op == "pool" and apart(layer) else layer.kernel[0] - 1
        return rows * layer.in_shape[-1] * layer.act_bits * ceil(layer.in_shape[-2] / _SRL_BITS)
    if layer.op == "conv2d":  # a LUT selects among four positions
        return layer.inputs * layer.act_bits * ceil(layer.turns / 4)
    return 0


def stream_ffs(layer: FpgaLayer) -> float:
    """The window of a streamed convolution or pool."""
    if layer.op == "pool" and layer.streams and apart(layer):  # a running value for each column of windows
        return layer.out_shape[-1] * (layer.out_shape[-2] if len(layer.out_shape) > 1 else 1) * layer.out_bits
    if layer.streams and layer.op in WINDOWED:
        return layer.in_shape[-1] * prod(layer.kernel) * layer.act_bits
    return 0


def fifo(layer: FpgaLayer) -> tuple[int, int]:
    """LUTs and BRAM18 of the stream behind the layer, as deep as it was made, or as its pixels (hls4ml's default)."""
    if not layer.streams or len(layer.out_shape) < 2:
        return 0, 0
    depth, width = layer.depth or prod(layer.out_shape[:-1]), layer.out_shape[-1] * layer.out_bits
    if depth * width <= _FIFO_LUT_BITS:
        return ceil(depth / _SRL_BITS) * width + 10, 0
    return 10, ceil(width / _BRAM_WIDTH) * ceil(depth / _BRAM_DEPTH)


def first_window(layer: FpgaLayer) -> int:
    """Pixels that must arrive before a streamed window gives its first output."""
    if not layer.streams or len(layer.in_shape) < 2 or layer.op not in WINDOWED:
        return 0
    rows = (layer.kernel[0] - 1) * layer.in_shape[-2] if len(layer.in_shape) > 2 else 0
    return (rows + layer.kernel[1] - 1) * layer.reuse_factor

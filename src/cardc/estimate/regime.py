"""Which kind of hardware a layer of weights becomes, and the counts that do not need any fitted constant.

Read off public results and checked there, each on designs that were not used to find it (docs/estimates.md):
multipliers, cycles, initiation intervals, block RAM.
"""

from __future__ import annotations

from math import ceil, floor, log2

from .layer import FpgaLayer, Tool
from .products import Products

_CHAIN = 4096  # products from which Vitis no longer balances the adders of an output; one design shows it
NO_DSP_BITS = 4  # multipliers by constants or inputs of so few bits stay in fabric
# Adder levels that Vivado's schedule puts into one period of 5 ns, and adders of a chain in one of Vitis.
_VIVADO_LEVELS, _CHAIN_ADDERS = 4.2, 2.7
_BRAM18_BITS = ((512, 36), (1024, 18))  # words and their width
_INDEX_DEPTH = 512  # index tables become block RAM from so many words on


def regime(layer: FpgaLayer, tool: Tool) -> str:
    """The name of the set of constants that goes for `layer`, which has weights.

    unrolled: strategy latency, one multiplier a product; shared: with a reuse factor, by which products take turns;
    latency: either, in Vitis, where both look alike; constant: strategy resource without reuse; folded, folded2:
    resource, weights in memory (folded2: a multiplier serves two outputs at most, and no table has to say which).
    """
    if layer.strategy == "resource":
        if layer.reuse_factor == 1:
            return "constant"
        return "folded" if layer.reuse_factor > 2 * layer.inputs else "folded2"
    if tool.family == "vitis":
        return "latency"
    return "unrolled" if layer.reuse_factor == 1 or not _products(layer).made[2] else "shared"


def chained(layer: FpgaLayer, tool: Tool) -> bool:
    """Whether the tool adds one product after the other, where it would make a tree of fewer."""
    return tool.family == "vitis" and layer.strategy != "resource" and _products(layer).nonzeros > _CHAIN


def multiplier_limit(layer: FpgaLayer) -> int:
    """Multipliers that strategy latency allows with a reuse factor: fewer by those that zeros free."""
    products = _products(layer)
    zeros = max(0.0, products.weights - products.nonzeros)
    return max(1, ceil(products.weights / layer.reuse_factor) - floor(zeros / layer.reuse_factor))


def rounds(layer: FpgaLayer) -> int:
    """How often the allowed multipliers are used in turn (strategy latency)."""
    if layer.reuse_factor == 1:
        return 1
    return max(1, ceil(_products(layer).made[2] / multiplier_limit(layer)))


def dsps(layer: FpgaLayer, tool: Tool) -> float:
    """DSP slices of a layer of weights."""
    if tool.multipliers == "fabric" or min(layer.act_bits, layer.weight_bits) <= NO_DSP_BITS:
        return 0
    if layer.strategy == "resource" and layer.reuse_factor > 1:
        # The highest part of a memory word has no sign bits to spare: narrow weights are seen to be narrow there.
        narrow = 0 < layer.top_bits <= NO_DSP_BITS
        return layer.multipliers - narrow
    products = _products(layer)
    made = products.wide if tool.multipliers == "auto" else products.made[2]
    if layer.strategy == "resource" or layer.reuse_factor == 1:
        return round(made)
    return round(min(made, multiplier_limit(layer)))


def fabric_multipliers(layer: FpgaLayer, tool: Tool) -> float:
    """Multipliers in look-up tables, of those whose products take three digits and more."""
    if tool.multipliers == "fabric" or (0 < min(layer.act_bits, layer.weight_bits) <= NO_DSP_BITS):
        limit = multiplier_limit(layer) if layer.reuse_factor > 1 else float("inf")
        return min(_products(layer).used[2], limit)
    return 0.0


def depth(layer: FpgaLayer, tool: Tool) -> int:
    """Cycles of unrolled products and their adder trees."""
    products = _products(layer)
    if products.adders <= 0 and not products.made[2]:
        return 0
    levels = log2(products.longest + (products.biases > 0) if products.longest else 1)
    if tool.family == "vivado":
        return floor(levels / _VIVADO_LEVELS * 5.0 / tool.clock_ns)
    if chained(layer, tool):
        return ceil(products.longest / _CHAIN_ADDERS * tool.pace)
    multiplier = 0.4 if tool.multipliers == "fabric" or not products.made[2] else 3.4
    return round(levels * tool.pace + multiplier * tool.haste)


def cycles(layer: FpgaLayer, tool: Tool) -> int:
    """Latency of a layer of weights for one position."""
    if layer.strategy == "resource":
        if layer.reuse_factor == 1:
            return depth(layer, tool)
        short = regime(layer, tool) == "folded2" and min(layer.act_bits, layer.weight_bits) <= NO_DSP_BITS
        return layer.reuse_factor + (1 if short else 2)
    alone = depth(layer, tool)
    if layer.reuse_factor == 1:
        return alone
    if tool.family == "vivado":
        return rounds(layer) + 1 if alone or _products(layer).made[2] else 0
    if rounds(layer) <= 2:
        return alone
    single = multiplier_limit(layer) == 1
    tail = (1 if tool.multipliers == "fabric" else 5) if single else 2
    return max(alone, rounds(layer) + tail)


def interval(layer: FpgaLayer, tool: Tool) -> int:
    """Initiation interval of a layer of weights for one position."""
    if layer.strategy == "resource":
        if layer.reuse_factor > 1 or layer.op == "conv2d":
            return layer.reuse_factor
        return 1 + (cycles(layer, tool) > 0)
    latency = cycles(layer, tool)
    return 1 if latency == 0 else min(layer.reuse_factor, latency + 1)


def weight_bram(layer: FpgaLayer) -> int:
    """Block RAM of folded weights and of the table that says whose output a product belongs to."""
    if layer.strategy != "resource" or layer.reuse_factor == 1:
        return 0
    turns = layer.reuse_factor
    width = (layer.multipliers - 1) * layer.weight_bits + (layer.top_bits or layer.weight_bits)
    index = 1 if turns >= _INDEX_DEPTH and turns > 2 * layer.inputs else 0
    for depth_, bits in _BRAM18_BITS:
        if turns <= depth_:
            return ceil(width / bits) + index
    # Deeper: whole columns of 1,024 words, and the rest beside them; a few left-over bits go to fabric.
    rest = turns % 1024
    per = next((bits for words, bits in _BRAM18_BITS if rest <= words), 9)
    more = width // per + (width % per > 4) if rest else 0
    return (turns // 1024) * ceil(width / 18) + more + index


def _products(layer: FpgaLayer) -> Products:
    if layer.products is None:
        raise ValueError(f"layer {layer.name!r} has no weights")
    return layer.products

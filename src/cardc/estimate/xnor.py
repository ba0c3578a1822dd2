"""Products of signs: an exclusive nor each, and a count of bits. No public synthesis results: stated rules."""

from __future__ import annotations

from math import ceil, log2

from .layer import FpgaLayer
from .products import Products

# An exclusive nor goes into the first adder of a count; adders grow by a bit a level: n/2 of one bit, n/4 of two ...
_LUT_PER_BIT = 2
_ROM_WORDS, _SELECTED = 64, 4  # a LUT holds 64 bits, and selects among four


def _counted(layer: FpgaLayer, products: Products) -> float:
    """Bits counted in a turn: unrolled, zeros are gone; in turns, every weight's."""
    return products.nonzeros if layer.reuse_factor == 1 else layer.multipliers


def xnor_luts(layer: FpgaLayer, products: Products) -> float:
    """Counts and the subtraction behind each; in turns also the weights, the inputs' selection and the sums so far."""
    luts = _LUT_PER_BIT * _counted(layer, products) + layer.outputs * layer.acc_bits
    if layer.reuse_factor > 1:
        weights = layer.multipliers * layer.weight_bits * ceil(layer.reuse_factor / _ROM_WORDS)
        inputs = ceil(layer.inputs / layer.reuse_factor) * ceil(layer.reuse_factor / _SELECTED)
        luts += weights + inputs + layer.outputs * layer.acc_bits
    return luts


def xnor_ffs(layer: FpgaLayer, products: Products) -> float:
    """Sums so far, and one stage in the counts of many bits."""
    stages = xnor_cycles(layer, products)
    return layer.outputs * layer.acc_bits * (1 if stages else 0) + _counted(layer, products) / 4 * min(1, stages)


def xnor_cycles(layer: FpgaLayer, products: Products) -> int:
    """The turns, and the levels of a count beyond those that a period takes."""
    longest = products.longest if layer.reuse_factor == 1 else layer.inputs / layer.reuse_factor
    levels = ceil(log2(max(1.0, longest)))
    return (layer.reuse_factor if layer.reuse_factor > 1 else 0) + levels // 5

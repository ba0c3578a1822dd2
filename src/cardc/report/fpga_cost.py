"""What one hls4ml layer takes; `fpga_estimate` explains the model and how well it does."""

from __future__ import annotations

from math import ceil, floor, log2, prod

from .fpga_layer import FpgaLayer

_LEVEL_NS = 0.8  # one adder level; those results show 5 levels of 16 bits in one 5 ns cycle, and 6 in two
_COMPARE_NS = 1.2  # a comparator and the sum of its results
_USABLE = 0.875  # HLS keeps an eighth of the clock period as its margin (AMD UG1399, clock uncertainty)
_SHARED_CONTROL = 4900  # LUTs of the control that any reuse factor above 1 brings in those results
_SRL_BITS, _FIFO_LUT_BITS, _BRAM_WIDTH, _BRAM_DEPTH = 32, 1024, 36, 512


def tree_luts(inputs: int, bits: int, acc_bits: int) -> int:
    """LUTs of a balanced adder tree over `inputs` values of `bits`, its adders no wider than `acc_bits`."""
    luts, width, left = 0, bits, inputs
    while left > 1:
        width = min(width + 1, acc_bits)
        luts += left // 2 * width
        left = (left + 1) // 2
    return luts


def logic_luts(layer: FpgaLayer) -> int:
    """Adders, comparators and multiplexers."""
    if layer.op == "threshold":
        count_bits = max(1, ceil(log2(layer.levels + 1)))  # the comparisons are summed to the level's number
        return layer.units * (layer.levels * layer.acc_bits + max(0, layer.levels - 1) * count_bits)
    if layer.op == "requantise":
        return layer.units * (layer.acc_bits + 2 * layer.out_bits)  # the addition, then the comparisons that clip
    if layer.op == "pool":
        return layer.units * (prod(layer.kernel) - 1) * 2 * layer.act_bits  # a comparison and a selection each
    if layer.reuse_factor == 1:
        return sum(tree_luts(n, layer.act_bits, layer.acc_bits) for n in layer.nonzeros)
    return _shared_luts(layer)


def _shared_luts(layer: FpgaLayer) -> int:
    """With a reuse factor, weights come from memory: zeros save nothing, and what is shared is multiplexed.

    Up to a reuse factor of the number of inputs, a multiplier serves one output: its input is one of `reuse_factor`
    (a LUT selects among four), its product is added. Beyond, it serves several outputs, and each product finds its
    accumulator: among few by a small multiplexer, among many (from four on) through a decoder over all outputs.
    """
    outputs = len(layer.nonzeros)
    products = ceil(layer.inputs * outputs / layer.reuse_factor)
    select = 2 * layer.inputs * layer.act_bits + 1.4 * outputs * layer.acc_bits
    if layer.reuse_factor <= layer.inputs:
        each: float = layer.acc_bits + (ceil(layer.reuse_factor / 4) + 2) * layer.act_bits
    else:
        each = (outputs / 2 if layer.reuse_factor >= 4 * layer.inputs else 8) * layer.acc_bits
    return round(_SHARED_CONTROL + select + products * each)


def window_luts(layer: FpgaLayer) -> int:
    """The rows that a streamed window keeps: shift registers, `kernel rows - 1` image rows a channel."""
    if not layer.streams or len(layer.in_shape) < 3:
        return 0
    rows = layer.kernel[0] - 1
    return rows * layer.in_shape[2] * layer.act_bits * ceil(layer.in_shape[1] / _SRL_BITS)


def fifo(layer: FpgaLayer) -> tuple[int, int]:
    """LUTs and BRAM18 of the stream behind the layer, as deep as its pixels (hls4ml's default)."""
    if not layer.streams:
        return 0, 0
    depth, width = prod(layer.out_shape[:-1]), layer.out_shape[-1] * layer.out_bits
    if depth * width <= _FIFO_LUT_BITS:
        return ceil(depth / _SRL_BITS) * width + 10, 0
    return 10, ceil(width / _BRAM_WIDTH) * ceil(depth / _BRAM_DEPTH)


def dsps(layer: FpgaLayer) -> int:
    """Multipliers by a constant of many digits; ternary weights need none."""
    return layer.units if layer.op == "requantise" else 0


def weight_bram(layer: FpgaLayer) -> int:
    """Block RAM for weights, which only a reuse factor needs: unrolled weights are wires."""
    if layer.reuse_factor == 1 or not layer.nonzeros:
        return 0
    width = 2 * ceil(layer.inputs * len(layer.nonzeros) / layer.reuse_factor)  # two bits a ternary weight
    return ceil(width / _BRAM_WIDTH) * ceil(layer.reuse_factor / _BRAM_DEPTH)


def stages(layer: FpgaLayer, clock_period_ns: float) -> int:
    """Pipeline registers in the layer: how many usable clock periods its logic takes."""
    delay = _COMPARE_NS if layer.op in ("threshold", "pool") else 0.0
    if layer.nonzeros:
        delay = _LEVEL_NS * ceil(log2(max(1, *layer.nonzeros, 1)))
    return floor(delay / (_USABLE * clock_period_ns)) + (2 if layer.reuse_factor > 1 else 0)


def first_window(layer: FpgaLayer) -> int:
    """Pixels that must arrive before a streamed window gives its first output."""
    if not layer.streams or len(layer.in_shape) < 3:
        return 0
    return ((layer.kernel[0] - 1) * layer.in_shape[1] + layer.kernel[1] - 1) * layer.reuse_factor


def flip_flops(layer: FpgaLayer, depth: int) -> int:
    """The results, once more for each pipeline stage, and the window of a stream."""
    window = layer.in_shape[-1] * prod(layer.kernel) if len(layer.in_shape) == 3 and layer.streams else 0
    kept = 1 if layer.reuse_factor > 1 else 1 + depth
    return window * layer.act_bits + kept * layer.units * max(layer.acc_bits, layer.out_bits)

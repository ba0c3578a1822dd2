"""What each kernel of fully connected layers costs: instructions, estimated from the layer, and bytes of flash.

The rates are non-negative least squares over 400 layers (8 to 784 inputs, 1 to 200 outputs) run on emulated cores
(zig -O2), which they follow to 10 %; a test beside choose-encodings compares them with fresh measurements. Cortex-M3
differs from Cortex-M4 in int8 weights alone. RV32IMC has no rates of its own: there sparse layers cost a quarter more
than on Cortex-M0+, all others a tenth to a fifth less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand, text
from ..ops.graph import is_cardc
from .encodings import sparse_dense, vertical
from .kernel_costs import Cost, is_int8, is_ternary
from .schedule import finish_of


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the sums: `levels` thresholds, a requantisation, or nothing but a factor and an offset."""

    kind: Literal["thresholds", "scaled", "plain"]
    levels: int = 0


@dataclass(frozen=True, slots=True)
class _Rates:
    """Instructions. A row is one output's weights for one bit plane; a word is 32 weights of it."""

    call: float
    weight: float  # sparse: one that is not 0
    listed: float  # sparse: an output's list in one block of inputs
    listed_32: float  # sparse: 32 outputs
    byte: float  # int8: a weight
    byte_row: float  # int8: an output
    byte_16: float  # int8: 16 outputs
    binary_8: float  # binary: eight words
    binary_word: float  # binary: one of the others
    ternary_8: float
    ternary_word: float
    plane_row: float  # binary, ternary
    plane_16: float  # binary, ternary: 16 outputs
    pack: float  # binary, ternary: a bit of the input
    vertical_call: float
    gather: float  # vertical: an input
    block: float  # vertical: 16 inputs that are added, for 32 outputs
    digit: float  # vertical: a binary digit of 32 outputs
    matrix: float  # vertical: 32 outputs
    sums_32: float  # vertical: 32 sums from their digits
    bit: float  # one threshold
    search: float  # 3, 7, 15 or 31 thresholds: without the steps of the search
    search_step: float
    scaled: float
    plain: float
    other: float  # any other finish


# Cortex-M4: unaligned loads. Cortex-M0+.
_UNALIGNED = _Rates(
    58, 2.96, 10.5, 80, 3.31, 27, 47, 84, 15.1, 95, 17, 28, 160, 2.83, 166, 5.82, 139, 24.4, 55, 224, 8.1, 6.5, 8.5,
    5.9, 5.8, 76,
)  # fmt: skip
_ALIGNED = _Rates(
    74, 2.95, 23, 93, 5.99, 44, 55, 130, 24, 144, 27, 30, 186, 3.84, 188, 8.96, 203, 28, 63, 396, 10.4, 14, 12,
    15, 9.7, 95,
)  # fmt: skip
# RV32EC: a multiplication is a call, which takes as long as its factors have bits. To some 15 %, int8 weights worse.
_SOFTWARE = _Rates(
    60, 4.08, 34, 145, 24, 88, 65, 116, 27, 151, 30, 54, 250, 5.3, 60, 4.9, 204, 132, 99, 20, 8, 80, 24,
    60, 20, 150,
)  # fmt: skip
# AVR, whose words take four registers, and four instructions for each of anyone else's: estimated from fewer layers.
_EIGHT_BIT = _Rates(
    100, 13.2, 60, 100, 27, 100, 100, 928, 116, 976, 122, 20, 500, 60, 500, 12, 480, 150, 1400, 12000, 60, 100, 60,
    200, 150, 300,
)  # fmt: skip
_DSP = (2.0, 11.0, 77.0)  # byte, byte_row, byte_16 with two multiplications an instruction
_VECTOR, _VECTOR_8, _FOUR_ROWS = 10.0, 14.0, 85.0  # 16 inputs, those of 8 bits, four outputs with MVE
_QUAD_BLOCK, _QUAD_MATRIX = 205.0, 180.0  # vertical: as block and matrix, for 128 outputs with MVE
_COUNTED = (45.0, 9.0)  # eight words, a word, where a core counts bits in one instruction
_FEW = (3, 7, 15, 31)


def dense_costs(w: Array, levels: int, tail: Tail, features: frozenset[str]) -> dict[str, Cost]:
    """Encodings that hold the weights `w` [inputs, outputs], for inputs stored as bytes of `levels` levels."""
    rates = _rates(features)
    inputs, outputs = int(w.shape[0]), int(w.shape[1])
    end, found = rates.call + _finish(rates, tail) * outputs, {}
    if is_ternary(w):
        full = np.count_nonzero(w) == w.size
        found["sparse"] = _sparse(rates, w, end)
        eight, word = rates.ternary_8, rates.ternary_word
        found["ternary"] = _planes(rates, inputs, outputs, levels, features, (eight, word, 2), end)
        if full:
            eight, word = rates.binary_8, rates.binary_word
            found["binary"] = _planes(rates, inputs, outputs, levels, features, (eight, word, 1), end)
        if levels <= 2 and vertical.fits(inputs, outputs):
            found["vertical"] = _vertical(rates, inputs, outputs, 1 if full else 2, tail, end, "mve" in features)
    if is_int8(w):
        dsp = "dsp" in features
        byte, row, group = _DSP if dsp else (rates.byte, rates.byte_row, rates.byte_16)
        left = outputs % 4 if dsp else 0  # rows that find no three others to share the inputs with
        spent = byte * w.size + (rates.byte - byte) * left * inputs + row * outputs + group * -(-outputs // 16)
        if "mve" in features:
            spent = _in_vectors(inputs, outputs, levels)
        found["int8"] = Cost(spent + end, float(w.size))
    return found


def _in_vectors(inputs: int, outputs: int, levels: int) -> float:
    """Instructions of int8 weights on a Cortex-M55: 16 inputs of four outputs at a time."""
    each = _VECTOR if levels <= 128 else _VECTOR_8
    return -(-outputs // 4) * (each * -(-inputs // 16) + _FOUR_ROWS) + _DSP[2] * -(-outputs // 16)


def _rates(features: frozenset[str]) -> _Rates:
    if "eight_bit" in features:
        return _EIGHT_BIT
    if "software_multiply" in features:
        return _SOFTWARE
    return _UNALIGNED if "unaligned" in features else _ALIGNED


def _finish(rates: _Rates, tail: Tail) -> float:
    """Instructions of an output, from its sum to what is stored."""
    if tail.kind != "thresholds":
        return rates.scaled if tail.kind == "scaled" else rates.plain
    if tail.levels == 1:
        return rates.bit
    return rates.search + rates.search_step * tail.levels.bit_length() if tail.levels in _FEW else rates.other


def _sparse(rates: _Rates, w: Array, end: float) -> Cost:
    nonzeros, outputs = int(np.count_nonzero(w)), int(w.shape[1])
    lists = outputs * sparse_dense.blocks_of(w.T)[0]
    spent = rates.weight * nonzeros + rates.listed * lists + rates.listed_32 * -(-outputs // 32)
    return Cost(spent + end, float(nonzeros + 2 * lists))


def _planes(
    rates: _Rates, inputs: int, outputs: int, levels: int, features: frozenset[str],
    kernel: tuple[float, float, int], end: float,
) -> Cost:  # fmt: skip
    eight, word, bits = kernel
    if "popcount" in features:
        eight, word = _COUNTED
    words, planes = -(-inputs // 32), max(1, (levels - 1).bit_length())
    row = eight * (words // 8) + word * (words % 8) + rates.plane_row
    spent = planes * (rates.pack * inputs + outputs * row) + rates.plane_16 * -(-outputs // 16)
    return Cost(spent + end, 4.0 * bits * words * outputs)


def _vertical(
    rates: _Rates, inputs: int, outputs: int, matrices: int, tail: Tail, end: float, in_vectors: bool
) -> Cost:  # fmt: skip
    """The most that an input can cost: half of the rows are added."""
    words, bits, one = -(-outputs // 32), vertical.bits_of(inputs), tail == Tail("thresholds", 1)
    blocks, turns = -(-(inputs // 2) // 16), words
    block, matrix = rates.block, rates.matrix
    if in_vectors and words >= 4:
        turns, block, matrix = -(-words // 4), _QUAD_BLOCK, _QUAD_MATRIX
    spent = rates.vertical_call + rates.gather * inputs + words * rates.digit * bits
    spent += turns * matrices * (block * blocks + matrix)
    spent += rates.call if one else words * rates.sums_32 + end
    return Cost(spent, 4.0 * words * (matrices * (inputs + 1) + bits + (bits + 1 if one else 0)))


def tail_of(node: ir.Node) -> Tail:
    """What follows the MatMul `node` in its stage."""
    finish = finish_of(node)
    if finish is None or is_cardc(finish, "Affine"):
        return Tail("plain")
    if is_cardc(finish, "Requantize") and text(finish, "rounding", "floor") == "floor":
        return Tail("scaled")
    t = constant(operand(finish, 1)) if is_cardc(finish, "Threshold") else None
    levels = 0 if t is None else t.shape[1]
    rising = len(finish.inputs) < 3
    # Kernels search among 2^k - 1 thresholds; fewer are filled up where all rise.
    filled = (1 << levels.bit_length()) - 1 if rising and 1 < levels <= 31 else levels
    return Tail("thresholds", filled)

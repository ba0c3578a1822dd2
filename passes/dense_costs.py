"""What each kernel of fully connected layers costs: instructions, estimated from the layer, and bytes of flash.

The rates are least squares over layers run on emulated cores (zig -O2); a test beside choose-encodings compares them
with fresh measurements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..ops.base import Array
from .encodings import vertical
from .kernel_costs import Cost, is_int8, is_ternary

Tail = Literal["bit", "levels", "scaled", "plain"]
"""What follows the sums: one threshold, several, a requantisation, or nothing but an offset."""


@dataclass(frozen=True, slots=True)
class _Rates:
    """Instructions. A row is one output's weights for one bit plane; a word is 32 weights of it."""

    step: float  # sparse: a weight
    byte: float
    ternary_word: float
    ternary_row: float
    binary_word: float
    binary_row: float
    pack: float  # bit planes: a bit of the input
    gather: float  # vertical: an input
    row_word: float  # vertical: 32 outputs of an input that is added
    word: float  # vertical: 32 outputs
    unpack: float  # vertical: an output's sum
    output: float  # an output


# Cortex-M4: unaligned loads, the DSP extension.
_UNALIGNED = _Rates(4.0, 3.4, 10.8, 48, 7.3, 46, 4, 7, 8.3, 400, 30, 100)
# Cortex-M0+ and RV32IMC, which differ by less than their compilers: the mean of both.
_ALIGNED = _Rates(4.7, 5.5, 15.7, 61, 9.7, 59, 5, 10, 11, 480, 36, 120)
# RV32EC: a multiplication is a call.
_SOFTWARE = replace(_ALIGNED, byte=20)
# AVR
_EIGHT_BIT = _Rates(13.2, 27, 122, 20, 116, 20, 60, 12, 30, 2900, 430, 300)
_DSP = 2.1  # a byte, with two multiplications an instruction
_SWAR = 9.0  # instructions that a core which counts bits in one instruction saves a word


def dense_costs(w: Array, levels: int, tail: Tail, features: frozenset[str]) -> dict[str, Cost]:
    """Encodings that hold the weights `w` [inputs, outputs], for inputs stored as bytes of `levels` levels."""
    rates = _rates(features)
    inputs, outputs = int(w.shape[0]), int(w.shape[1])
    nonzeros, words = int(np.count_nonzero(w)), -(-inputs // 32)
    planes = max(1, (levels - 1).bit_length())
    saved = _SWAR if "popcount" in features else 0.0
    finish, pack, found = rates.output * outputs, rates.pack * planes * inputs, {}

    def by_bits(word: float, row: float) -> float:
        return pack + planes * outputs * (max(2.0, word - saved) * words + row) + finish

    if is_ternary(w):
        found["sparse"] = Cost(rates.step * nonzeros + finish, nonzeros + 4.0 * outputs)
        found["ternary"] = Cost(by_bits(rates.ternary_word, rates.ternary_row), 8.0 * words * outputs)
        if nonzeros == w.size:
            found["binary"] = Cost(by_bits(rates.binary_word, rates.binary_row), 4.0 * words * outputs)
        if levels <= 2 and vertical.fits(inputs, outputs):
            found["vertical"] = _vertical(rates, inputs, outputs, 1 if nonzeros == w.size else 2, tail)
    if is_int8(w):
        byte = _DSP if "dsp" in features else rates.byte
        found["int8"] = Cost(byte * w.size + finish, float(w.size))
    return found


def _rates(features: frozenset[str]) -> _Rates:
    if "eight_bit" in features:
        return _EIGHT_BIT
    if "software_multiply" in features:
        return _SOFTWARE
    return _UNALIGNED if "unaligned" in features else _ALIGNED


def _vertical(rates: _Rates, inputs: int, outputs: int, matrices: int, tail: Tail) -> Cost:
    """The most that an input can cost: half of the rows are added."""
    words, bits = -(-outputs // 32), vertical.bits_of(inputs)
    rows = matrices * -(-inputs // 32) * 16
    spent = rates.gather * inputs + words * (rates.row_word * rows + rates.word)
    end = 0.0 if tail == "bit" else (rates.unpack + rates.output) * outputs
    flash = 4 * words * (matrices * (inputs + 1) + bits + (bits + 1 if tail == "bit" else 0))
    return Cost(spent + end, float(flash))

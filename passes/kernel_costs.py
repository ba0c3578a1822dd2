"""What each kernel of convolutions costs: instructions of one layer, estimated from its shape, and bytes of flash.

The rates are least squares over some ten layers a kernel, run on emulated cores (zig -O2), and follow the measured
counts to 20 %. A test beside choose-encodings compares the choices that they lead to with fresh measurements.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..ops.base import Array
from .encodings import pairs


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate: instructions of one inference, bytes of flash for the weights."""

    instructions: float
    bytes: float


@dataclass(frozen=True, slots=True)
class _Rates:
    """Instructions. A word is four pixels."""

    lane_word: float  # lanes: one tap on four pixels
    lane_widen: float  # lanes: four pixels, once their bytes are full
    lane_channel: float  # lanes: an output channel, its finish table included
    lane_pixel: float  # lanes: an output
    lane_row: float  # lanes: 16 pixels of a channel, where no finish table pays
    lane_chunk: float  # lanes: the same, for as many taps as fill bytes
    tap: float
    tap_pixel: float
    conv_byte: float
    pair3: float  # pairs: two weights on a pixel, kernels three wide
    pair: float  # pairs: two weights on a pixel, other kernels
    pair_weight: float  # pairs: two weights, unpacked
    pair_split: float  # pairs: two sums, taken apart
    pair_pixel: float  # pairs: an output


# Cortex-M4: unaligned loads, the DSP extension.
_UNALIGNED = _Rates(2.4, 36, 1150, 2.5, 0, 0, 4.8, 100, 14.5, 2.0, 4.9, 9, 33, 39)
# Cortex-M0+ and RV32IMC, which differ by less than their compilers: the mean of both.
_ALIGNED = _Rates(6.1, 68, 1700, 6.7, 500, 420, 5.7, 115, 15.5, 3.6, 7.7, 12.5, 69, 36)
# RV32EC: every multiplication, those that addresses are made with included, is a call of some 30 to 200 instructions.
_SOFTWARE = _Rates(6.1, 68, 2000, 8, 3200, 1130, 5.9, 165, 44, 110, 110, 12.5, 80, 170)
# AVR: a word takes four registers, and four instructions for each of anyone else's. Lanes do not pay: their code and
# stack are more than such parts have.
_EIGHT_BIT = _Rates(math.inf, 0, 0, 0, 0, 0, 12.5, 570, 104, 91, 91, 30, 150, 600)
_FEW = 7  # fewer bytes of a sum than these are added in 16 bits


def conv_costs(
    w: Array, levels: int, height: int, width: int, stride: int, features: frozenset[str]
) -> dict[str, Cost]:
    """Encodings that hold the weights `w` [O, I, *kernel], for an output of `height` x `width` and inputs of `levels`
    levels; `stride` is the one across."""
    rates = _rates(features)
    pixels, nonzeros = height * width, int(np.count_nonzero(w))
    outputs, found = pixels * w.shape[0], {}
    if is_ternary(w):
        flash = 2.0 * nonzeros + 8 * w.shape[0]
        if stride == 1 and not math.isinf(rates.lane_word):
            words = nonzeros * height * -(-width // 4)
            adds = max(1, 255 // max(1, levels - 1))  # how many fit a byte
            each = rates.lane_word + rates.lane_widen / adds
            lanes = words * each + rates.lane_channel * w.shape[0] + rates.lane_pixel * outputs
            found["lanes"] = Cost(lanes + _untabled(rates, w, levels, height, width), flash)
        found["taps"] = Cost(rates.tap * nonzeros * pixels + rates.tap_pixel * outputs, flash)
    if is_int8(w):
        found["int8"] = Cost(rates.conv_byte * w.size * pixels, float(w.size))
        # One level more than there are: a border's zero may be one of its own.
        room = pairs.room_of(w, levels)
        rows = -(-w.shape[0] // 2) if room else w.shape[0]
        words = rows * math.prod(w.shape[1:])
        splits = rows * -(-w.shape[1] // room) if room else 0
        each = rates.pair3 if w.shape[-1] == 3 else rates.pair
        spent = (words * each + splits * rates.pair_split) * pixels + words * rates.pair_weight
        flash = words if not room or pairs.bits_of(w) == 4 else 2 * words
        found["pairs"] = Cost(spent + rates.pair_pixel * outputs, float(flash))
    return found


def _untabled(rates: _Rates, w: Array, levels: int, height: int, width: int) -> float:
    """What lanes cost more where channels are not finished by table (see cardc_conv_lanes.c): an entry takes 3
    instructions, and saves a search of some 44 for a pixel."""
    taps, top = int(np.count_nonzero(w)) / len(w), max(1, levels - 1)
    if height * width * 44 >= 3 * taps * top + 180:
        return 0.0
    room = 255 // top
    chunks = math.ceil(taps / room) if room >= _FEW else 1
    return len(w) * height * -(-width // 16) * (rates.lane_row + rates.lane_chunk * chunks)


def _rates(features: frozenset[str]) -> _Rates:
    if "eight_bit" in features:
        return _EIGHT_BIT
    if "software_multiply" in features:
        return _SOFTWARE
    return _UNALIGNED if "unaligned" in features else _ALIGNED


def is_int8(w: Array) -> bool:
    """Whether every weight fits a signed byte."""
    return bool(w.size == 0 or (w.min() >= -128 and w.max() <= 127))


def is_ternary(w: Array) -> bool:
    """Whether every weight is -1, 0 or 1."""
    return bool(np.isin(w, (-1, 0, 1)).all())

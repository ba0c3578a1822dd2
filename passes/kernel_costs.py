"""What each kernel of convolutions costs: instructions of one layer, estimated from its shape, and bytes of flash.

The sum over terms (conv_terms, lane_terms) of how often a kernel does something, times what that takes (rates). A test
compares the estimates with fresh measurements of layers that no rate was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ..ops.base import Array
from . import conv_terms, lane_terms
from .conv_terms import ConvShape, Terms
from .encodings import pairs, rice
from .rates import rates_of

_TERNARY: Mapping[str, Callable[[ConvShape], Terms]] = {"lanes": lane_terms.lanes, "taps": conv_terms.taps}


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate: instructions of one inference, bytes of flash for the weights."""

    instructions: float
    bytes: float


def spent(terms: Terms, features: frozenset[str]) -> float:
    """Instructions of `terms` on a core of `features`."""
    rates = rates_of(features)
    return sum(rates.get(name, 0.0) * n for name, n in terms.items())


def conv_costs(s: ConvShape, features: frozenset[str]) -> dict[str, Cost]:
    """Encodings that hold the weights of `s`. On AVR lanes do not pay: their code and stack are more than such parts
    have; nor are constants in flash read as variables are, which Rice codes need."""
    found: dict[str, Cost] = {}
    small = "eight_bit" in features
    if is_ternary(s.w):
        flash = 2.0 * float(s.taps.sum()) + 8 * len(s.w)
        for name, terms in _TERNARY.items():
            if name == "taps" or (s.stride == 1 and not small):
                counted = terms(s)
                found[name] = Cost(spent(counted, features), flash)
        if not small:
            found["rice"] = Cost(spent(conv_terms.in_rice(s), features), float(rice.size_of(rice.in_order(s.w))))
    if is_int8(s.w):
        found["int8"] = Cost(spent(conv_terms.int8(s), features), float(s.w.size))
        words = s.pairs * s.w[0].size if pairs.room_of(s.w, max(1, s.levels - 1)) else s.w.size
        half = words == s.w.size or pairs.bits_of(s.w) == 4
        found["pairs"] = Cost(spent(conv_terms.in_pairs(s), features), float(words if half else 2 * words))
    return found


def is_int8(w: Array) -> bool:
    """Whether every weight fits a signed byte."""
    return bool(w.size == 0 or (w.min() >= -128 and w.max() <= 127))


def is_ternary(w: Array) -> bool:
    """Whether every weight is -1, 0 or 1."""
    return bool(np.isin(w, (-1, 0, 1)).all())

"""What weights as Rice codes cost: instructions with their decoding, and bytes near the entropy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..ops.base import Array
from .encodings import rice
from .kernel_costs import Cost

# Convolutions: instructions for a weight that is not zero, and for an output channel, besides what the kernel takes
# that runs them; on cores with and without unaligned loads (zig -O2).
_UNALIGNED, _ALIGNED = (100.0, 300.0), (130.0, 400.0)
# Fully connected layers, which add while they decode: a weight that is not zero, a bit of its code, an output.
_DENSE_UNALIGNED, _DENSE_ALIGNED = (45.0, 2.3, 35.0), (63.0, 2.3, 60.0)
_NAMES = {"lanes": "rice-lanes", "taps": "rice"}


def rice_conv(w: Array, found: Mapping[str, Cost], features: frozenset[str]) -> dict[str, Cost]:
    """The kernels of `found` that can run the ternary convolution `w` [O, ...] from Rice codes: none where constants in
    flash are not read as variables are (AVR)."""
    if "eight_bit" in features:
        return {}
    weight, channel = _UNALIGNED if "unaligned" in features else _ALIGNED
    decoding, size = weight * float(np.count_nonzero(w)) + channel * len(w), 0.0
    costs: dict[str, Cost] = {}
    for base, name in _NAMES.items():
        if base in found:
            size = size or float(rice.size_of(w))
            costs[name] = Cost(found[base].instructions + decoding, size)
    return costs


def rice_dense(w: Array, found: Mapping[str, Cost], features: frozenset[str]) -> dict[str, Cost]:
    """The fully connected layer `w` [inputs, outputs], where `found` says that it is ternary, from Rice codes."""
    if "sparse" not in found:
        return {}
    weight, bit, output = _DENSE_UNALIGNED if "unaligned" in features else _DENSE_ALIGNED
    size = rice.size_of(w.T)
    spent = weight * float(np.count_nonzero(w)) + bit * 8 * size + output * w.shape[1]
    return {"rice": Cost(spent, float(size))}

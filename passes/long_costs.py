"""What a convolution by long multiplications costs on cores that multiply to 64 bits in one instruction: instructions,
estimated from its shape, and bytes of flash.

The rates are least squares over random layers run on emulated cores (zig -O2); a test compares the estimates with fresh
measurements.
"""

from __future__ import annotations

import numpy as np

from ..ops.base import Array
from .encodings import long
from .kernel_costs import Cost
from .runs_costs import Finish

_NAMES = (
    "layer", "group",
    "column",  # of words of the copies of a channel
    "copied",  # a word
    "channel",  # of output
    "weight",
    "three", "one", "two",  # rows by three, one and two words of weights; the first needs no loop
    "term",  # a word of weights on six sums
    "segment", "slow",  # six sums of rows that are longer, or dilated; a word of weights on them
    "line", "word",  # rows of outputs by line, four outputs
    "looked", "plain",  # outputs by table, one by one
)  # fmt: skip
_RATES = (300, 60, 30, 11, 120, 9, 37, 27, 27, 7, 60, 14, 8, 13.5, 6, 25)


def features(w: Array, g: long.LongGeometry, group: int, finish: Finish, *, flat: bool) -> dict[str, float]:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]. `flat`: whether rows
    of the output lie one behind the other."""
    rows, found = len(w) * g.height, dict.fromkeys(_NAMES, 0.0)
    columns = group * g.depth * g.phases * -(-(g.width + g.chunks - 1) // 3)
    found |= {"layer": 1, "group": group, "column": columns, "copied": columns * g.height * min(2, g.stride[0])}
    found |= {"channel": len(w), "weight": len(w) * g.terms * g.taps}
    if g.dilation[0] > 1 or g.chunks > 1 or g.width + g.lead > 6 or g.phases > 2:
        segments = rows * -(-(g.width + g.lead) // 6)
        found |= {"segment": segments, "slow": segments * g.terms}
    elif g.phases == 1 and g.terms == 3:
        found |= {"three": rows}
    else:
        found |= {"one" if g.phases == 1 else "two": rows, "term": rows * g.terms}
    outputs = rows * g.width
    if finish == "line":
        found |= {"line": len(w) if flat else rows, "word": outputs / 4 if flat else rows * -(-g.width // 4)}
    else:
        found["looked" if finish == "shared" else "plain"] = outputs
    return {name: float(n) for name, n in found.items()}


def long_cost(w: Array, g: long.LongGeometry, group: int, finish: Finish, *, flat: bool = True) -> Cost:
    """The cost of the weights `w` of a convolution of `group` groups."""
    counts = features(w, g, group, finish, flat=flat)
    spent = sum(rate * n for rate, n in zip(_RATES, counts.values(), strict=True))
    slots = len(w) * g.terms * g.taps
    few = bool(np.abs(w).max(initial=0) <= 7)
    return Cost(spent, (slots / 2 if few else slots) + 2.0 * len(w) + (12 * len(w) if finish == "line" else 0))

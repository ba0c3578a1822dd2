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
    "copied",  # a word of a copy
    "cleared",  # a word that may be padding
    "channel",  # of output
    "weight",
    "row", "segment",  # of a channel of output; of six sums of a row, where that has several
    # On six sums: three words of weights that stay in registers; one; one met with another; one with its own step.
    "three", "term", "dense", "stepped",
    "line", "word",  # rows of outputs by line, four outputs
    "looked", "searched", "plain",  # outputs by table, by thresholds, as they are
)  # fmt: skip
_RATES = (90, 18, 49, 8.7, 6.8, 208, 13, 29, 29, 3.3, 5.6, 2.9, 7.1, 9.3, 22, 6, 41, 23)


def features(w: Array, g: long.LongGeometry, group: int, finish: Finish, *, flat: bool) -> dict[str, float]:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]. `flat`: whether rows
    of the output lie one behind the other."""
    rows, outputs, found = len(w) * g.height, len(w) * g.height * g.width, dict.fromkeys(_NAMES, 0.0)
    columns = group * g.depth * g.phases * -(-(g.width + g.chunks - 1) // 3)
    found |= {"layer": 1, "group": group, "column": columns, "copied": columns * g.height * min(2, g.stride[0])}
    found |= {"cleared": g.terms_at / 4, "channel": len(w), "weight": len(w) * g.terms * g.taps, "row": rows}
    found["segment"] = rows * g.segments if g.segments > 1 else 0
    stepped = g.chunks > 1 or g.dilation[0] > 1
    dense = g.blocks == 2 and g.terms % 2 == 0
    kind, count = ("dense" if dense else "term", g.terms) if g.terms != 3 else ("three", 1)
    found["stepped" if stepped else kind] = rows * g.segments * (g.terms if stepped else count)
    if finish == "line":
        found |= {"line": len(w) if flat else rows, "word": outputs / 4 if flat else rows * -(-g.width // 4)}
    else:
        found[{"shared": "looked", "table": "searched"}.get(finish, "plain")] = outputs
    return {name: float(n) for name, n in found.items()}


def long_cost(w: Array, g: long.LongGeometry, group: int, finish: Finish, *, flat: bool = True) -> Cost:
    """The cost of the weights `w` of a convolution of `group` groups."""
    counts = features(w, g, group, finish, flat=flat)
    spent = sum(rate * n for rate, n in zip(_RATES, counts.values(), strict=True))
    slots = len(w) * g.terms * g.taps
    few = bool(np.abs(w).max(initial=0) <= 7)
    return Cost(spent, (slots / 2 if few else slots) + 2.0 * len(w) + (12 * len(w) if finish == "line" else 0))

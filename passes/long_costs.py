"""What a convolution by long multiplications costs on cores that multiply to 64 bits in one instruction: instructions,
estimated from its shape, and bytes of flash.

The terms follow the loops of `cardc_conv_long.c` and what it includes; rates has what each takes.
"""

from __future__ import annotations

import numpy as np

from ..ops.base import Array
from .channel_ends import Ends
from .conv_terms import Terms, finish_terms
from .encodings import lines, long
from .encodings.pairs import bits_of
from .kernel_costs import Cost, spent
from .tails import Tail

_CHUNK = 16  # pixels that are finished together where there is neither table nor line


def long_terms(w: Array, g: long.LongGeometry, group: int, ends: Ends, tail: Tail, *, flat: bool) -> Terms:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]. `flat`: whether rows
    of the output lie one behind the other."""
    columns = float(group * g.depth * g.phases * -(-(g.width + g.chunks - 1) // 3))
    weights = float(len(w) * g.terms)
    found = {"long_layer": 1.0, "long_group": float(group), "long_column": columns, "long_channel": float(len(w))}
    found |= {"long_copied": columns * g.height * min(2, g.stride[0]), "long_cleared": group * g.terms_at / 4}
    double = bits_of(w) == 4 and g.taps == 2  # which are unpacked two at a time
    found |= {"long_double": weights} if double else {"long_word": weights, "long_weight": weights * g.taps}
    found["long_sums"] = float(len(w) * g.height * _row(g))
    return found | _ends(len(w), g, ends, tail, flat=flat)


def _row(g: long.LongGeometry) -> int:
    """Instructions that make a row of sums: they are written in assembly."""
    if g.chunks > 1 or g.dilation[0] > 1:  # terms with a step each
        each = 3 + 8 * g.terms
    elif g.terms == 3:  # which stay in registers
        each = 11
    elif g.blocks == 2 and g.terms % 2 == 0:
        return 31 + 4 * g.terms
    else:
        each = 2 + 7 * g.terms
    return 27 + each if g.segments == 1 else 11 + g.segments * (33 + each)


def _ends(channels: int, g: long.LongGeometry, ends: Ends, tail: Tail, *, flat: bool) -> Terms:
    bands = [min(g.band, g.height - y) for y in range(0, g.height, g.band)]
    across = [rows * g.width if flat else g.width for rows in bands]  # rows without gaps are one
    down = [1 if flat else rows for rows in bands]
    by_line = int((ends.kinds != lines.NONE).sum())
    others = channels - by_line
    each = 0 if ends.shared else others
    found = {
        "long_band": float(channels * len(bands)), "long_line": float(by_line * sum(down)),
        "long_four": float(by_line * sum(d * -(-n // 4) for d, n in zip(down, across, strict=True))),
        "long_part": float(by_line * sum(d * (n % 4) for d, n in zip(down, across, strict=True))),
        "long_looked": float((others - each) * g.height * g.width), "long_each": float(each * g.height * g.width),
    }  # fmt: skip
    calls = sum(d * -(-n // _CHUNK) for d, n in zip(down, across, strict=True))
    return found | finish_terms(tail, float(each * g.height * g.width), float(each * calls))


def long_cost(
    w: Array, g: long.LongGeometry, group: int, ends: Ends, tail: Tail, features: frozenset[str], *, flat: bool = True
) -> Cost:
    """The cost of the weights `w` of a convolution of `group` groups."""
    instructions = spent(long_terms(w, g, group, ends, tail, flat=flat), features)
    slots = len(w) * g.terms * g.taps
    few = bool(np.abs(w).max(initial=0) <= 7)
    by_line = 12 * len(w) if ends.kinds.any() else 0
    return Cost(instructions, (slots / 2 if few else slots) + 2.0 * len(w) + by_line)

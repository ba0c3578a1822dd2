"""What a convolution by stacked rows costs: instructions, estimated from its shape, and bytes of flash.

The terms follow the loops of `cardc_conv_stacked.c`. Rates (`stacked_rates.py`) are least squares over random layers
run on emulated cores; a test compares the estimates with fresh measurements.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand
from ..ops.qtype import qtype
from .channel_ends import finish_kind
from .conv_terms import Terms, finish_terms
from .encodings import stacked
from .encodings.pairs import bits_of
from .kernel_costs import Cost, spent
from .layer_shape import tail_of, to_bytes
from .schedule import finish_of
from .stacked_plan import weights4
from .stacked_rates import RATES, Core
from .turns import turns_of

End = Literal["looked", "scaled", "plain", "step", "rescaled"]
"""What ends the sums: one table for all channels, multiplications without further ado, or what all kernels have:
nothing, thresholds, products to more than bytes or of more than 32 bits."""
_TABLE = 2048  # entries of the largest table for all channels
_CHUNK = 16  # sums that are finished together otherwise


def terms(
    w: Array, g: stacked.StackedGeometry, group: int, end: End, core: Core = "few", turns: float = 0, *,
    flat: bool = True,
) -> Terms:  # fmt: skip
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]; without what kernels
    share to end sums. `turns` of a loop multiply a sum on cores that do not. `flat`: whether rows of the output lie one
    behind the other."""
    digits, threes = core == "none", core in ("many", "adds") and g.kernel[1] == 3 and g.stride[1] == g.dilation[1] == 1
    left = [min(g.lanes * g.part, g.height - y) for y in range(0, g.height, g.lanes * g.part)]
    parts = [-(-rows // g.lanes) for rows in left]  # rows of a lane
    copied = [(part - 1) * g.stride[0] + (g.kernel[0] - 1) * g.dilation[0] + 1 for part in parts]
    columns = group * g.depth * g.phases
    taps = float(np.bitwise_count(_digits(w)).sum() if digits else np.count_nonzero(w))
    touching = g.phases * g.words == g.width and g.stride[0] == 1
    sizes, outputs = (4, 2, 1) if digits else (8, 5, 4, 2, 1), float(len(w) * g.height * g.width)
    each = [_tiles(part * g.width, sizes) if touching else part * _tiles(g.width, sizes) for part in parts]
    tiles, calls = float(sum(each)), sum(each) if touching else len(parts) * _tiles(g.width, sizes)
    ended, runs, chunks = _runs(g, flat=flat)
    quick = end in ("looked", "scaled")
    words = float(sum(parts) * g.width)
    found = {
        "layer": 1.0, "blank": g.blank_at / 4, "place": float(g.taps),
        "copy": float(columns * len(left)), "copy_row": float(columns * sum(copied)),
        "copy_word": float(columns * sum(copied) * g.words),
        "copy_lane": float(columns * sum(copied) * g.words * g.lanes),
        "copy_find": float(columns * len(left) * g.words),
        "channel": float(len(w) * len(left)), "weight": float(w.size * len(left)), "term": taps * len(left),
        "tile": tiles * len(w), "tap": taps * tiles, "product": taps * words,
        "call": float(calls * len(w)),
        "lane": float(ended * len(w)),
        f"{end if quick else 'other'}_run": float(runs * len(w)), end: outputs,
    }  # fmt: skip
    found |= {} if quick else {"chunk": float(chunks * len(w))}
    if threes:
        lines = float(np.count_nonzero(w.any(axis=3)))
        for name in ("weight", "term", "tap", "product"):
            del found[name]
        found |= {"weight_3": float(w.size * len(left)), "tap_3": lines * tiles, "product_3": lines * words}
    if digits:
        planes = sum(int(_digits(row).max()).bit_length() for row in w.reshape(len(w), -1))
        found |= {"plane": planes * tiles, "twice": planes * words, "turn": outputs * turns}
        found |= {"scan": float(planes * w[0].size * len(left))}
    return found


def _runs(g: stacked.StackedGeometry, *, flat: bool) -> tuple[int, int, int]:
    """Of a channel: lanes of bands, runs of sums that lie, as their outputs do, one behind the other, and chunks of
    these."""
    lanes = runs = chunks = 0
    for y in range(0, g.height, g.lanes * g.part):
        rows = min(g.lanes * g.part, g.height - y)
        part = -(-rows // g.lanes)
        for first in range(0, rows, part):
            high = min(part, rows - first)
            down, across = (1, high * g.width) if flat else (high, g.width)
            lanes, runs, chunks = lanes + 1, runs + down, chunks + down * -(-across // _CHUNK)
    return lanes, runs, chunks


def _digits(w: Array) -> Array:
    """Which digits of weights are not 0 when they are sums and differences of powers of two, as few as can be."""
    return np.asarray(((3 * w) ^ w) >> 1 & 255)


def _tiles(width: int, sizes: tuple[int, ...]) -> int:
    found, left = divmod(width, sizes[0])
    for size in sizes[1:]:
        more, left = divmod(left, size)
        found += more
    return found


def stacked_cost(
    node: ir.Node, w: Array, g: stacked.StackedGeometry, features: frozenset[str], *, flat: bool = True
) -> Cost:
    """The cost of the weights `w` of the Conv `node`. `flat`: whether rows of the output lie one behind the other."""
    end: End = _end(node, w, g)
    core = _core(features)
    reach = np.abs(w.reshape(len(w), -1)).sum(axis=1) * (qtype(operand(node, 0)).levels - 1)
    turns = float(np.log2(1 + np.minimum(reach / 2, _factor(node))).mean()) if end == "scaled" else 0
    counts = terms(weights4(w), g, integer(node, "group", 1), end, core, turns, flat=flat)
    rates = RATES[core]
    total = sum(rates.get(name, 0.0) * n for name, n in counts.items())
    if end not in ("looked", "scaled"):
        outputs, turned = counts[end], turns_of(node, w, features)  # of sums by their scales
        total += spent(finish_terms(tail_of(node), outputs, counts["chunk"]), features)
        total += 0.0 if turned is None else spent({"end_turn": outputs * turned.sums}, features)
    return Cost(total, w.size * (0.5 if bits_of(w) == 4 else 1.0) + 4.0 * len(w))


def _core(features: frozenset[str]) -> Core:
    if "software_multiply" in features:
        return "none"
    if "many_registers" in features:
        return "many"
    return "adds" if "unaligned" in features else "few"


def _factor(node: ir.Node) -> float:
    """What sums are multiplied by, in the mean."""
    finish = finish_of(node)
    m = None if finish is None else constant(operand(finish, 1))
    return 0.0 if m is None else float(np.abs(m).mean())


def _end(node: ir.Node, w: Array, g: stacked.StackedGeometry) -> End:
    """As the emitter of C chooses."""
    tail, in_bytes = tail_of(node), to_bytes(node)
    if tail.kind == "plain":
        return "plain"
    flat, max_u = w.reshape(len(w), -1), qtype(operand(node, 0)).levels - 1
    reach = (np.maximum(flat, 0).sum(axis=1).max() - np.minimum(flat, 0).sum(axis=1).min()) * max_u
    if finish_kind(node, dsp=False) == "shared" and reach < min(_TABLE, len(w) * g.height * g.width // 4):
        return "looked"
    if tail.kind == "thresholds":
        return "step"
    return "scaled" if in_bytes and not tail.wide else "rescaled"

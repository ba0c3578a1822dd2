"""What a convolution by stacked rows costs: instructions, estimated from its shape, and bytes of flash.

The terms follow the loops of `cardc_conv_stacked.c`. Rates are least squares over random layers run on emulated cores
(zig -O2); a test compares the estimates with fresh measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, integer, operand
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .channel_ends import finish_kind
from .conv_terms import Terms, finish_terms
from .encodings import stacked
from .encodings.pairs import bits_of
from .kernel_costs import Cost, spent
from .layer_shape import tail_of, to_bytes
from .schedule import finish_of
from .stacked_plan import weights4
from .tails import Tail
from .turns import turns_of

Core = Literal["few", "many", "adds", "none"]
"""Of few registers; of many, where three neighbouring weights share their pixels; of those one that multiplies and adds
at once; one that does not multiply."""
End = Literal["looked", "scaled", "other"]
"""What ends the sums: one table for all channels, multiplications without further ado, or what all kernels have."""
_TABLE = 2048  # entries of the largest table for all channels

_RATES: Mapping[Core, Mapping[str, float]] = {
    "few": {  # Cortex-M0+
        "layer": 14.1, "blank": 5.13, "place": 0.052, "copy": 257, "copy_row": 13.5, "copy_word": 1.88, "copy_lane":
        3.66, "channel": 426, "weight": 4.21, "term": 7.71, "tile": 18.4, "tap": 3.02, "product": 2.98, "looked":
        7.52, "scaled": 16.6,
    },
    "many": {  # RV32IMC
        "blank": 6.31, "copy": 184, "copy_row": 4.3, "copy_word": 2.79, "copy_lane": 3.61, "channel": 347, "weight":
        3.72, "term": 7.9, "tap": 4.75, "product": 3.02, "looked": 9.2, "scaled": 18.9, "weight_3": 12, "tap_3": 10.3,
        "product_3": 6.5,
    },
    "adds": {  # Cortex-M4
        "blank": 5.55, "copy": 254, "copy_row": 2.34, "copy_word": 3.56, "copy_lane": 2.1, "channel": 386, "weight":
        2.34, "term": 4.61, "tap": 3.74, "product": 2.03, "run": 2.3, "looked": 7.64, "scaled": 17.3, "weight_3": 7.46,
        "tap_3": 7.14, "product_3": 4.7,
    },
    "none": {  # RV32EC, for size
        "layer": 770, "blank": 7.28, "place": 6.71, "copy": 107, "copy_row": 11.5, "copy_word": 2.91, "copy_lane":
        3.83, "channel": 702, "weight": 19.2, "term": 8.86, "tile": 7.58, "tap": 3.25, "product": 2.65, "run": 14.8,
        "looked": 8.98, "scaled": 41.8, "plane": 1.39, "twice": 3.43, "scan": 10.6, "turn": 7.37,
    },
}  # fmt: skip
"""By the kind of core."""


def terms(w: Array, g: stacked.StackedGeometry, group: int, end: End, core: Core = "few", turns: float = 0) -> Terms:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]; without what kernels
    share to end sums. `turns` of a loop multiply a sum on cores that do not."""
    digits, threes = core == "none", core in ("many", "adds") and g.kernel[1] == 3 and g.stride[1] == g.dilation[1] == 1
    left = [min(g.lanes * g.part, g.height - y) for y in range(0, g.height, g.lanes * g.part)]
    parts = [-(-rows // g.lanes) for rows in left]  # rows of a lane
    copied = [(part - 1) * g.stride[0] + (g.kernel[0] - 1) * g.dilation[0] + 1 for part in parts]
    columns = group * g.depth * g.phases
    taps = float(np.bitwise_count(_digits(w)).sum() if digits else np.count_nonzero(w))
    touching = g.phases * g.words == g.width and g.stride[0] == 1
    sizes, outputs = (4, 2, 1) if digits else (8, 5, 4, 2, 1), float(len(w) * g.height * g.width)
    each = [_tiles(part * g.width, sizes) if touching else part * _tiles(g.width, sizes) for part in parts]
    tiles = float(sum(each))
    words = float(sum(parts) * g.width)
    found = {
        "layer": 1.0, "blank": g.blank_at / 4, "place": float(g.taps),
        "copy": float(columns * len(left)), "copy_row": float(columns * sum(copied)),
        "copy_word": float(columns * sum(copied) * g.words),
        "copy_lane": float(columns * sum(copied) * g.words * g.lanes),
        "channel": float(len(w) * len(left)), "weight": float(w.size * len(left)), "term": taps * len(left),
        "tile": tiles * len(w), "tap": taps * tiles, "product": taps * words,
        "run": float(sum(min(g.lanes, -(-rows // part)) for rows, part in zip(left, parts, strict=True)) * len(w)),
        end: outputs,
    }  # fmt: skip
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


def _digits(w: Array) -> Array:
    """Which digits of weights are not 0 when they are sums and differences of powers of two, as few as can be."""
    return np.asarray(((3 * w) ^ w) >> 1 & 255)


def _tiles(width: int, sizes: tuple[int, ...]) -> int:
    found, left = divmod(width, sizes[0])
    for size in sizes[1:]:
        more, left = divmod(left, size)
        found += more
    return found


def stacked_cost(node: ir.Node, w: Array, g: stacked.StackedGeometry, features: frozenset[str]) -> Cost:
    """The cost of the weights `w` of the Conv `node`."""
    end: End = _end(node, w, g)
    kinds: dict[str, Core] = {"software_multiply": "none", "many_registers": "many", "unaligned": "adds"}
    core: Core = next((core for name, core in kinds.items() if name in features), "few")
    reach = np.abs(w.reshape(len(w), -1)).sum(axis=1) * (qtype(operand(node, 0)).levels - 1)
    turns = float(np.log2(1 + np.minimum(reach / 2, _factor(node))).mean()) if end == "scaled" else 0
    counts = terms(weights4(w), g, integer(node, "group", 1), end, core, turns)
    rates = _RATES[core]
    total = sum(rates.get(name, 0.0) * n for name, n in counts.items())
    if end == "other":
        total += spent(finish_rows(tail_of(node), len(w), g), features)
        turned = turns_of(node, w, features)  # sums by their scales
        total += (
            0.0 if turned is None else spent({"end_turn": float(len(w) * g.height * g.width) * turned.sums}, features)
        )
    return Cost(total, w.size * (0.5 if bits_of(w) == 4 else 1.0) + 4.0 * len(w))


def _factor(node: ir.Node) -> float:
    """What sums are multiplied by, in the mean."""
    finish = finish_of(node)
    m = None if finish is None else constant(operand(finish, 1))
    return 0.0 if m is None else float(np.abs(m).mean())


def finish_rows(tail: Tail, channels: int, g: stacked.StackedGeometry) -> Terms:
    """What all kernels have to end sums, 16 at a time, where rows touch as they mostly do."""
    outputs = float(channels * g.height * g.width)
    return finish_terms(tail, outputs, channels * g.bands * g.lanes * -(-g.part * g.width // 16))


def _end(node: ir.Node, w: Array, g: stacked.StackedGeometry) -> End:
    finish = finish_of(node)
    if finish is None or not is_cardc(finish, "Threshold", "Requantize") or not to_bytes(node):
        return "other"
    flat, max_u = w.reshape(len(w), -1), qtype(operand(node, 0)).levels - 1
    reach = (np.maximum(flat, 0).sum(axis=1).max() - np.minimum(flat, 0).sum(axis=1).min()) * max_u
    if finish_kind(node, dsp=False) == "shared" and reach < min(_TABLE, len(w) * g.height * g.width // 4):
        return "looked"
    return "scaled" if tail_of(node).kind == "scaled" else "other"

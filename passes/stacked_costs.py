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

End = Literal["looked", "scaled", "other"]
"""What ends the sums: one table for all channels, multiplications without further ado, or what all kernels have."""
_TABLE = 2048  # entries of the largest table for all channels

_RATES: Mapping[str, Mapping[str, float]] = {
    "few": {  # Cortex-M0+
        "layer": 161, "blank": 2.5, "place": 5.78, "copy": 155, "copy_row": 21.1, "copy_lane": 4.97, "channel": 376,
        "weight": 5.08, "term": 6.51, "tile": 9.94, "tap": 3.29, "product": 2.9, "run": 33.7, "looked": 7.86,
        "scaled": 24.7,
    },
    "many": {  # RV32IMC
        "blank": 5.51, "copy": 110, "copy_row": 11.2, "copy_word": 1.21, "copy_lane": 4.11, "channel": 344, "weight":
        3.44, "term": 9.19, "tap": 4.99, "product": 2.92, "looked": 9.09, "scaled": 19.2,
    },
    "no multiplication": {  # RV32EC, for size
        "layer": 835, "blank": 6.98, "place": 4.71, "copy": 77.7, "copy_row": 14.7, "copy_word": 2.12, "copy_lane":
        4.12, "channel": 558, "weight": 20.1, "term": 7.04, "tile": 14.2, "tap": 3.13, "product": 2.66, "run": 68.1,
        "looked": 8.31, "scaled": 43.9, "plane": 2.39, "twice": 3.28, "scan": 11.4, "turn": 7.24,
    },
}  # fmt: skip
"""By whether there are few or many registers, or no multiplication."""


def terms(
    w: Array, g: stacked.StackedGeometry, group: int, end: End, *, digits: bool = False, turns: float = 0
) -> Terms:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw]; without what kernels
    share to end sums. With `digits` on cores that do not multiply; `turns` of a loop multiply a sum there."""
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
    end, digits = _end(node, w, g), "software_multiply" in features
    reach = np.abs(w.reshape(len(w), -1)).sum(axis=1) * (qtype(operand(node, 0)).levels - 1)
    turns = float(np.log2(1 + np.minimum(reach / 2, _factor(node))).mean()) if end == "scaled" else 0
    counts = terms(weights4(w), g, integer(node, "group", 1), end, digits=digits, turns=turns)
    rates = _RATES["no multiplication" if digits else "many" if "many_registers" in features else "few"]
    total = sum(rates.get(name, 0.0) * n for name, n in counts.items())
    if end == "other":
        total += spent(finish_rows(tail_of(node), len(w), g), features)
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

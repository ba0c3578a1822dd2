"""What a convolution by runs costs: instructions, estimated from the places of its weights, and bytes of flash.

The terms follow the loops of `cardc_conv_runs.c`; rates has what each takes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import onnx_ir as ir

from ..ops.base import Array, constant, operand, result
from ..ops.graph import is_cardc
from ..ops.qtype import qtype
from .conv_terms import Terms, finish_terms, worth_table
from .encodings import runs
from .kernel_costs import Cost, spent
from .layer_shape import to_bytes
from .schedule import finish_of
from .tails import Tail

Finish = Literal["line", "shared", "table", "none"]
"""What ends the sums: packed arithmetic, one table for all channels, a table of each channel, or nothing quick."""


def finish_kind(node: ir.Node, dsp: bool) -> Finish:
    """How the sums of the convolution `node` by runs or vectors are finished, most likely; `dsp`: with packed
    arithmetic."""
    finish = finish_of(node)
    if finish is None or not is_cardc(finish, "Threshold", "Requantize") or not to_bytes(node):
        return "none"
    if dsp and (is_cardc(finish, "Requantize") or qtype(result(finish)).levels <= 2):
        return "line"
    given = [constant(operand(finish, k)) for k in range(1, len(finish.inputs))]
    return "shared" if all(c is not None and (c == c[:1]).all() for c in given) else "table"


def run_terms(
    w: Array,
    g: runs.RunsGeometry,
    height: int,
    max_u: int,
    finish: Finish,
    tail: Tail,
    *,
    unaligned: bool,
    in_bytes: bool = True,
) -> Terms:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw] in bands as `g` says,
    for an output of `height` rows."""
    weights = w.reshape(len(w), -1)
    taps, minus = np.count_nonzero(weights, axis=1), (weights < 0).sum(axis=1)
    bands = [min(g.rows, height - y) for y in range(0, height, g.rows)]
    words = sum(r * -(-g.width // 4) for r in bands)
    tiles = sum(-(-r * g.pitch * g.lane // runs.TILE) for r in bands)
    chunks = np.maximum(1, -(-taps // (255 // max_u))) if g.lane == 1 else np.ones(len(taps), np.int64)
    if finish == "line" and g.lane == 1:
        chunks = np.where(minus * max_u <= 190, 1, chunks)  # plus taps stop at 255
    many = chunks > 1 if g.lane == 1 else chunks > 0
    found = {
        "run_tap": float(taps.sum() * tiles), "run_tile": float(chunks.sum() * tiles),
        "run": float(chunks.sum() * len(bands)), "run_channel": float(len(w) * len(bands)),
        "run_listed": float(taps.sum() * len(bands)),
    } | _copies(g, bands)  # fmt: skip
    tabled = np.full(len(w), True)
    if finish in ("table", "none"):
        pixels = height * g.width
        tabled = np.array([in_bytes and worth_table(tail, pixels, int(r), unaligned=unaligned) for r in taps * max_u])
        found |= finish_terms(tail, float((~tabled).sum()) * pixels, float((~tabled).sum() * height))
        entry = "run_entry" if tail.kind == "thresholds" else "run_entry_scaled"
        found |= {entry: float((taps[tabled] * max_u).sum()), "run_tables": float(tabled.sum())}
        found["table_level"] = float(tabled.sum() * tail.levels)
    ragged = (tabled & ~many).sum() * (g.width % 16 > 0) + (tabled & many).sum() * (g.width % 8 > 0)
    ends = "line" if finish == "line" else "look"
    return found | {
        f"{ends}_row": float(tabled.sum() * height), f"{ends}_one": float((tabled & ~many).sum() * words),
        f"{ends}_more": float((tabled & many).sum() * words),
        f"{ends}_chunk": float(chunks[tabled & many].sum() * words),
        f"{ends}_ragged": float(ragged * words),
        "look_sum": float((chunks * ~tabled).sum() * words),
    }  # fmt: skip


def _copies(g: runs.RunsGeometry, bands: list[int]) -> Terms:
    found = {"run_row": 0.0, "run_rest": 0.0}
    for column, _, _, extra, _ in g.copies():
        rows = g.in_channels * sum(r + extra for r in bands)
        plain = "run_copied" if column * g.dilation[1] % 4 == 0 else "run_shifted"
        kind = "run_halved" if g.lane == 2 else "run_stepped" if g.stride[1] > 1 else plain
        found["run_row"] += rows
        found["run_rest"] += rows * (g.pitch // 4 % 4 if g.pitch > 8 else 0)
        found[kind] = found.get(kind, 0.0) + rows * g.pitch / 4 * g.lane
    return found


def runs_cost(
    w: Array,
    g: runs.RunsGeometry,
    height: int,
    max_u: int,
    finish: Finish,
    tail: Tail,
    features: frozenset[str],
    in_bytes: bool = True,
) -> Cost:
    """The cost of the weights `w` in bands as `g` says, for an output of `height` rows."""
    terms = run_terms(w, g, height, max_u, finish, tail, unaligned="unaligned" in features, in_bytes=in_bytes)
    lines = 12 * len(w) if finish == "line" else 0
    return Cost(spent(terms, features), 2.0 * np.count_nonzero(w) + 4 * len(w) + lines)

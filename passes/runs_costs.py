"""What a convolution by runs costs: instructions, estimated from the places of its weights, and bytes of flash.

The terms follow the loops of `cardc_conv_runs.c` and what it includes; rates has what each takes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..ops.base import Array
from .channel_ends import Ends
from .conv_terms import Terms, finish_terms, worth_table
from .encodings import lines, runs
from .kernel_costs import Cost, spent
from .tails import Tail

_CHUNK = 16  # pixels that are finished together where there is neither table nor line
_MOST_TABLE = 4096  # bytes of a finish table, as plan-memory grants


def run_terms(
    w: Array, g: runs.RunsGeometry, height: int, max_u: int, ends: Ends, tail: Tail, *, unaligned: bool
) -> Terms:
    """How often the kernel does what rates are known for, with weights `w` [O, I / group, kh, kw] in bands as `g` says,
    for an output of `height` rows."""
    weights = w.reshape(len(w), -1)
    taps, minus = np.count_nonzero(weights, axis=1), (weights < 0).sum(axis=1)
    bands = [min(g.rows, height - y) for y in range(0, height, g.rows)]
    tiles = sum(-(-r * g.pitch * g.lane // runs.TILE) for r in bands)
    chunks = np.maximum(1, -(-taps // (255 // max_u))) if g.lane == 1 else np.ones(len(taps), np.int64)
    chunks = np.where(ends.kinds == lines.BYTES, 1, chunks)  # plus taps stop at 255
    # More chunks than are kept side by side, or than a table can be asked about, are added up to 16 bits.
    gathered = (g.lane == 1) & ((chunks > runs.MAX_CHUNKS) | ((chunks > 2) & (ends.kinds == lines.NONE)))
    words = tiles * runs.TILE // 4
    found = {
        "run_tap": float(taps.sum() * tiles), "run_tile": float(chunks.sum() * tiles),
        "run_minus": float((minus > 0).sum() * tiles),
        "run": float(chunks.sum() * len(bands)), "run_channel": float(len(w) * len(bands)),
        "run_listed": float(taps.sum() * len(bands)), "run_band": float(len(bands)),
        "run_gather": float((gathered * -(-chunks // runs.MAX_CHUNKS)).sum() * words),
        "run_gathered": float((gathered * chunks).sum() * words),
    } | _copies(g, bands, unaligned=unaligned)  # fmt: skip
    kept = np.where(gathered | (g.lane == 2), 0, chunks)
    by_line, by_table = ends.kinds != lines.NONE, np.zeros(len(taps), np.bool_)
    if not by_line.all():
        tabled, some = _tables(taps * max_u, ~by_line, tail, ends, height * g.width, unaligned=unaligned)
        by_table, found = some, found | tabled
    found |= _by_line(kept, ends.kinds, height, g.width) | _by_table(kept[by_table], height, g.width)
    each = kept[~by_line & ~by_table]
    pixels = float(height * g.width)
    for k, name in enumerate(("each_half", "each_byte", "each_sum")):
        found[f"run_{name}"] = float((each == k).sum() * pixels)
    return found | finish_terms(tail, len(each) * pixels, float(len(each) * height * -(-g.width // _CHUNK)))


def _tables(
    reach: Array, wanted: Array, tail: Tail, ends: Ends, pixels: int, *, unaligned: bool
) -> tuple[Terms, Array]:
    """The tables of the channels that are `wanted` to have one, and which of them do."""
    if ends.shared:
        return {}, wanted
    need = reach + 5
    need = need[need <= min((2 if tail.kind == "scaled" else 16) * pixels, _MOST_TABLE)]
    room = -(-int(need.max(initial=0)) // 4) * 4 if ends.in_bytes else 0  # scratch.table_bytes
    fits = np.array([r + 5 <= room and worth_table(tail, pixels, int(r), unaligned=unaligned) for r in reach], np.bool_)
    fits &= wanted
    entry = "run_entry" if tail.kind == "thresholds" else "run_entry_scaled"
    found = {entry: float(reach[fits].sum()), "run_tables": float(fits.sum())}
    return found | {"table_level": float(fits.sum() * tail.levels)}, fits


def _by_line(kept: Array, kinds: Array, height: int, width: int) -> Terms:
    """Rows of outputs by line; `kept` chunks of sums in bytes side by side, 0: in 16 bits."""
    in_bytes, halves = kinds == lines.BYTES, kinds == lines.HALVES
    words, part = -(-width // 4), width % 4
    pairs, wide = halves & (kept == 2), halves & (kept == 0)
    several = halves & ~pairs & ~wide
    single = words if width % 16 else 0  # words that are not four at a time
    single = single - (width - 1) // 16 * 4 if width > 16 and single else single
    return {
        "line_row": float((in_bytes | halves).sum() * height), "line_word": float(in_bytes.sum() * height * words),
        "line_single": float(in_bytes.sum() * height * single), "line_pair": float(pairs.sum() * height * words),
        "line_half": float(wide.sum() * height * words), "line_eight": float(several.sum() * height * -(-width // 8)),
        "line_chunk": float((several * (kept - 1)).sum() * height * -(-width // 8)),
        "line_part": float(((in_bytes | pairs | wide).sum() * part + several.sum() * (width % 8)) * height),
    }  # fmt: skip


def _by_table(kept: Array, height: int, width: int) -> Terms:
    """Rows of outputs by table."""
    one, two, wide = ((kept == k).sum() * height for k in (1, 2, 0))
    return {
        "look_row": float(one + two + wide), "look_16": float(one * (width // 16)),
        "look_4": float(one * (width % 16 // 4)), "look_1": float(one * (width % 4)),
        "look_sum_8": float(two * (width // 8)), "look_sum_1": float(two * (width % 8)),
        "look_half_4": float(wide * (width // 4)), "look_half_1": float(wide * (width % 4)),
    }  # fmt: skip


def _copies(g: runs.RunsGeometry, bands: Iterable[int], *, unaligned: bool) -> Terms:
    """Rows that are copied, their blocks of four words and their other words."""
    found: Terms = {}
    words, across, bands = g.pitch // 4, g.stride[1], list(bands)
    for column, _, _, extra, *_ in g.copies():
        rows = float(g.in_channels * sum(r + extra for r in bands))
        if g.lane == 2 or across > 1:
            quick = unaligned and across == (1 if g.lane == 2 else 2)
            kind = f"{'run_halved' if g.lane == 2 else 'run_stepped'}{'' if quick else '_any'}"
            added = {f"{kind}_row": rows, kind: rows * words}
        else:
            kind = "run_copied" if column * g.dilation[1] % 4 == 0 else "run_shifted"
            short = words == 4 or (words == 2 and (unaligned or kind == "run_copied"))
            blocks, rest = words // 4, words % 4
            if kind == "run_shifted" and not unaligned and rest:  # words, not blocks of them
                blocks, rest = 0, words
            added = {f"{kind}_row": 0.0 if short else rows, f"{kind}_short": rows if short else 0.0}
            added |= {f"{kind}_4": rows * blocks, f"{kind}_1": rows * rest}
        for name, n in added.items():
            found[name] = found.get(name, 0.0) + n
    return found


def runs_cost(
    w: Array, g: runs.RunsGeometry, height: int, max_u: int, ends: Ends, tail: Tail, features: frozenset[str]
) -> Cost:
    """The cost of the weights `w` in bands as `g` says, for an output of `height` rows."""
    terms = run_terms(w, g, height, max_u, ends, tail, unaligned="unaligned" in features)
    by_line = 12 * len(w) if ends.kinds.any() else 0
    return Cost(spent(terms, features), 2.0 * np.count_nonzero(w) + 4 * len(w) + by_line)

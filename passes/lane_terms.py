"""How often convolutions by lanes do what rates are known for (runtime: `cardc_conv_lanes.c`, `cardc_lanes.h`)."""

from __future__ import annotations

import numpy as np

from ..ops.base import Array
from .conv_terms import ConvShape, Terms, finish_terms

_TILE = 16  # pixels of a row that are looked up without a loop
_FEW_TAPS = 7  # fewer taps of a sum in bytes than these are added in 16 bits


def lanes(s: ConvShape) -> Terms:
    """Four pixels a word, in tiles (cardc_pick_shape)."""
    top = max(1, s.levels - 1)
    in_bytes = 255 // top
    wide = in_bytes < _FEW_TAPS
    reach, chunks = s.taps * top, np.maximum(1, -(-s.taps // max(1, in_bytes)))
    tabled = np.array([s.tabled(int(r)) for r in reach], np.bool_)
    quick = tabled & (s.taps <= 2 * in_bytes)
    wordy = np.where(quick, False, wide)  # one row of 16 pixels, words widened before they are added
    tiles, words, bands, rows = _tiled(s, wide=False)
    tiles_w, words_w, _, rows_w = _tiled(s, wide=True)
    plain = ~wordy
    classes = _classes(s.w) if not s.unaligned else np.ones(len(s.w))
    sums = chunks * classes
    single, pair, many = quick & (chunks == 1), quick & (chunks > 1), tabled & ~quick
    open_rows = float((~tabled & plain).sum() * rows + (~tabled & wordy).sum() * rows_w)
    ends = finish_terms(s.tail, float((~tabled).sum() * s.pixels), open_rows)
    found = {f"lane_{name}": n for name, n in ends.items()}
    found["end_turn"] = float((~tabled).sum() * s.pixels) * s.sum_turns(lifted=True)
    steps = float(s.taps[plain].sum())
    found |= {
        "lane_tap": steps * tiles, "lane_word": steps * words,
        "lane_chunk": float(sums[plain & tabled].sum() * bands + sums[plain & ~tabled].sum() * tiles),
        "lane_band": float((tabled & plain).sum() * bands + (~tabled & plain).sum() * tiles),
        "lane_shift": 0.0 if s.unaligned or s.w.shape[3] == 1 else float(sums[plain].sum() * words),
        "lane_wide": float(s.taps[wordy].sum() * words_w), "lane_wide_row": float(wordy.sum() * tiles_w),
        "lane_put": float(single.sum() * s.pixels), "lane_put_2": float(pair.sum() * s.pixels),
        "lane_ragged": float(quick.sum() * (s.width % _TILE) * s.height),
        "lane_put_many": float(many.sum() * s.pixels),
        "lane_widen": float((chunks[plain & ~quick]).sum() * words),
        "lane_drain": float((~tabled & plain).sum() * words + (~tabled & wordy).sum() * words_w),
        "lane_channel": float(len(s.w)),
        "lane_tabled": float(tabled.sum()), "table_level": float(tabled.sum() * s.tail.levels),
        ("lane_entry" if s.tail.kind == "thresholds" else "lane_entry_scaled"): float(reach[tabled].sum()),
    }  # fmt: skip
    return found


def _classes(w: Array) -> Array:
    """Of each output channel, how many classes of taps there are: those as many bytes off an aligned word."""
    columns = np.any(w != 0, axis=(1, 2))
    found = sum(np.any(columns[:, k::4], axis=1).astype(np.int64) for k in range(4))
    return np.asarray(found)


def _tiled(s: ConvShape, *, wide: bool) -> tuple[int, int, int, int]:
    """Of one channel: tiles, their words, bands of up to four tiles, rows in all of them."""
    tiles = words = bands = rows = x = 0
    while x < s.width:
        left = s.width - x
        if wide:
            across, down = 16, 1
        elif not s.unaligned:
            across, down = 16 if left > 8 else 8 if left > 4 else 4, 1
        elif s.height == 1:
            across, down = 16, 1
        elif left <= 4 and s.height >= 8:
            across, down = 4, 8
        elif left <= 8 and s.height >= 4:
            across, down = 8, 4
        else:
            across, down = 16, 2
        here = -(-s.height // down)
        tiles, bands = tiles + here, bands + -(-here // 4)
        words, rows = words + here * across * down // 4, rows + here * down
        x += across
    return tiles, words, bands, rows

"""How reuse factors were chosen: the steps of the search, each with what the design then took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One step: the layer that changed (empty in the first), its strategy and reuse factor, and the design's totals.

    `totals` holds estimated lut, ff, dsp, bram18, ii and latency_cycles; `fits` says whether that fits the board.
    """

    layer: str
    strategy: str
    reuse_factor: int
    totals: Mapping[str, float]
    fits: bool

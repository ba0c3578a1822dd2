"""Instructions that each term of stacked_costs takes.

Non-negative least squares of relative errors over 212 random layers a core, run on emulated cores (zig -O2; -Os on
RV32EC). Nothing stands for 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Core = Literal["few", "many", "adds", "none"]
"""Of few registers; of many, where three neighbouring weights share their pixels; of those one that multiplies and adds
at once; one that does not multiply."""

RATES: Mapping[Core, Mapping[str, float]] = {
    "few": {  # Cortex-M0+
        "blank": 4.77, "call": 55.7, "channel": 51.3, "copy": 197, "copy_find": 1.12, "copy_lane": 4.18,
        "copy_row": 26, "lane": 38.4, "layer": 401, "looked": 6.13, "looked_run": 30.3, "other_run": 39.1,
        "place": 6.56, "plain": 26.4, "product": 3, "rescaled": 11.6, "scaled": 14.4, "scaled_run": 50.5,
        "step": 13.9, "tap": 2.81, "term": 3.81, "tile": 25.9, "weight": 7.88,
    },
    "many": {  # RV32IMC
        "blank": 5.53, "call": 57.6, "channel": 59.1, "chunk": 13.7, "copy": 117, "copy_find": 4.84,
        "copy_lane": 3.88, "copy_row": 20.8, "lane": 28.4, "layer": 428, "looked": 7.76, "looked_run": 18.2,
        "other_run": 48.6, "plain": 20.1, "product": 3.13, "product_3": 6.89, "rescaled": 5.48, "scaled": 17,
        "scaled_run": 26.3, "step": 5.85, "tap": 4.23, "tap_3": 8.97, "term": 4.82, "tile": 13.2, "weight":
        6.47, "weight_3": 12.4,
    },
    "adds": {  # Cortex-M4
        "blank": 4.11, "call": 49.2, "channel": 75.3, "copy": 141, "copy_find": 9.54, "copy_lane": 2.42,
        "copy_row": 27, "lane": 35, "layer": 355, "looked": 6.08, "looked_run": 22.9, "other_run": 1.26,
        "place": 4.11, "plain": 18.7, "product": 2.32, "product_3": 5.39, "rescaled": 8.51, "scaled": 15.7,
        "scaled_run": 27.7, "step": 9.71, "tap": 2.78, "tap_3": 3.9, "tile": 15.4, "weight": 5.94, "weight_3":
        8.82,
    },
    "none": {  # RV32EC, for size
        "blank": 7.22, "call": 70.5, "channel": 169, "copy": 166, "copy_lane": 3.99, "copy_row": 17.1, "lane":
        91.6, "layer": 868, "looked": 7.2, "other_run": 14.4, "plain": 50.5, "plane": 6.84, "product": 2.79,
        "rescaled": 25.7, "scaled": 37.8, "scaled_run": 40, "scan": 11.8, "step": 15.5, "tap": 2.83, "term":
        8.01, "tile": 13.1, "turn": 7.74, "twice": 0.99, "weight": 21,
    },
}  # fmt: skip
"""By the kind of core."""
